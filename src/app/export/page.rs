//! The page that Prometheus scrapes.
//!
//! Whoever comes is answered: connections that ask for nothing make room for the next one, so that no number of them
//! keeps a reader from the page.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::report::live::{LiveTotals, prometheus};

use super::super::exit::{Exit, Failure};

/// Readers at once; for one more, the oldest has to go.
const READERS: usize = 32;

/// How long one reader may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens before the load begins, so that a port in use is told in time. Also returns the address that was
/// taken.
pub(super) fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Error, format!("error: cannot listen at {address}: {error}"))
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let taken = listener.local_addr().map_err(failed)?;
    Ok((listener, taken))
}

/// Serves the newest sums until it is dropped.
pub(super) async fn serve(listener: TcpListener, newest: watch::Receiver<Arc<LiveTotals>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut readers = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        while readers.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                by_age.retain(|reader| !reader.is_finished());
                if by_age.len() >= READERS
                    && let Some(oldest) = by_age.pop_front()
                {
                    oldest.abort();
                }
                let newest = newest.clone();
                by_age.push_back(readers.spawn(async move {
                    // A reader that is slow or breaks off is its own concern.
                    let _ = tokio::time::timeout(PATIENCE, answer(stream, newest)).await;
                }));
            }
            // Out of descriptors, say: the next scrape may find some.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(stream: TcpStream, newest: watch::Receiver<Arc<LiveTotals>>) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let live = newest.borrow().clone();
        async move { Ok::<_, Infallible>(respond(&request, &live)) }
    });
    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await
}

fn respond<B>(request: &Request<B>, live: &LiveTotals) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            (StatusCode::OK, prometheus::CONTENT_TYPE, prometheus::render(live))
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "the metrics are at /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
