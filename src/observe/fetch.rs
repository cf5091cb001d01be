//! One request off the load path: a connection of its own, plain or TLS, bounded in size; no redirects, no proxy.
//!
//! The caller bounds its time. Errors never hold the address, which may hold a password.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::error::ObserveError;

/// What TLS trusts; without it, sources over TLS cannot be read.
pub type Trust = Option<Arc<ClientConfig>>;

/// A byte stream, plain or encrypted.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> ByteStream for T {}

/// Status and body of what `url` answers to a GET with `headers`; a body longer than `limit` bytes is an error.
pub(super) async fn get(
    url: &Url,
    headers: &[(String, String)],
    trust: &Trust,
    limit: usize,
) -> Result<(u16, Vec<u8>), ObserveError> {
    let request = request(url, "plimsoll-observer");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let request = request.body(Full::default());
    exchange(url, trust, request.map_err(|_| UNUSABLE)?, limit).await
}

/// The status that `url` answers to a document of the media type `media`.
///
/// # Errors
/// Where no answer came, or one of more than 64 KiB.
pub async fn post(url: &Url, media: &'static str, document: Vec<u8>) -> Result<u16, ObserveError> {
    const ANSWER_LIMIT: usize = 64 << 10;
    let agent = concat!("plimsoll/", env!("CARGO_PKG_VERSION"));
    let request = request(url, agent).method(Method::POST).header(CONTENT_TYPE, media);
    let request = request.body(Full::from(document)).map_err(|_| UNUSABLE)?;
    exchange(url, &None, request, ANSWER_LIMIT).await.map(|(status, _)| status)
}

/// Of an address that no request line can hold.
const UNUSABLE: ObserveError = ObserveError::Address("it cannot be asked for over HTTP");

async fn exchange(
    url: &Url,
    trust: &Trust,
    request: Request<Full<Bytes>>,
    limit: usize,
) -> Result<(u16, Vec<u8>), ObserveError> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = connect((host, port), url.scheme() == "https", trust).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let status = response.status().as_u16();
    Ok((status, body(response, limit).await?))
}

/// Opens a connection, with TLS where `encrypted`.
pub(super) async fn connect(
    (host, port): (&str, u16),
    encrypted: bool,
    trust: &Trust,
) -> Result<Box<dyn ByteStream>, ObserveError> {
    let failed = |error: &std::io::Error| {
        // The system's words for what happened; names and certificates have no kind of their own.
        let kind = error.kind();
        let words =
            if kind == std::io::ErrorKind::Other { error.to_string() } else { kind.to_string() };
        ObserveError::Connection(words)
    };
    let bare = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((bare, port)).await.map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    if !encrypted {
        return Ok(Box::new(stream));
    }
    let trust =
        trust.clone().ok_or(ObserveError::Address("nothing says which authority TLS trusts"))?;
    let name = ServerName::try_from(bare.to_owned())
        .map_err(|_| ObserveError::Address("its host cannot be in a certificate"))?;
    let stream = TlsConnector::from(trust).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| ObserveError::Connection(error.to_string()))?))
}

/// A GET of `url`, with the credentials that stand in it.
fn request(url: &Url, agent: &'static str) -> Builder {
    let mut authority = url.host_str().unwrap_or_default().to_owned();
    if let Some(port) = url.port() {
        authority = format!("{authority}:{port}");
    }
    let path = url
        .query()
        .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut request = Request::get(path).header(HOST, authority).header(USER_AGENT, agent);
    if let Some(password) = url.password() {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pair = format!("{}:{}", decoded(url.username()), decoded(password));
        request = request.header(AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(pair)));
    }
    request
}

async fn body(
    mut response: Response<hyper::body::Incoming>,
    limit: usize,
) -> Result<Vec<u8>, ObserveError> {
    let mut body = Vec::new();
    while let Some(frame) = response.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Ok(data) = frame.into_data() {
            body.extend_from_slice(&data);
        }
        if body.len() > limit {
            return Err(ObserveError::TooLarge { limit });
        }
    }
    Ok(body)
}

fn broken(error: &hyper::Error) -> ObserveError {
    ObserveError::Connection(if error.is_incomplete_message() {
        "it broke off".to_owned()
    } else {
        error.to_string()
    })
}
