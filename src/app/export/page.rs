//! The page that Prometheus scrapes.

use std::net::TcpListener;
use std::sync::Arc;

use hyper::{Method, StatusCode};
use tokio::sync::watch;

use crate::report::live::{LiveTotals, prometheus};

use super::server::{response, serve};

/// Serves the newest sums until it is dropped.
pub(super) async fn serve_metrics(listener: TcpListener, newest: watch::Receiver<Arc<LiveTotals>>) {
    let answer = move |request: &hyper::Request<_>| match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let page = prometheus::render(&newest.borrow());
            response(StatusCode::OK, prometheus::CONTENT_TYPE, page)
        }
        _ => response(StatusCode::NOT_FOUND, "text/plain", "the metrics are at /metrics\n"),
    };
    serve(listener, answer).await;
}
