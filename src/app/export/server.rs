//! A small server for what a run exports while it goes on.
//!
//! Whoever comes is answered: connections that ask for nothing make room for the next one, so that no number of them
//! keeps a reader from the page.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};

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

/// Answers every request by `answer` until it is dropped.
pub(super) async fn serve<F>(listener: TcpListener, answer: F)
where
    F: Fn(&Request<Incoming>) -> Response<Full<Bytes>> + Clone + Send + 'static,
{
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
                let answer = answer.clone();
                by_age.push_back(readers.spawn(async move {
                    // A reader that is slow or breaks off is its own concern.
                    let _ = tokio::time::timeout(PATIENCE, converse(stream, answer)).await;
                }));
            }
            // Out of descriptors, say: the next reader may find some.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse<F>(stream: TcpStream, answer: F) -> hyper::Result<()>
where
    F: Fn(&Request<Incoming>) -> Response<Full<Bytes>>,
{
    let service = service_fn(move |request| {
        let response = answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await
}

/// A response with this content.
pub(super) fn response(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
