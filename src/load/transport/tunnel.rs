//! Tunnels through a proxy (`CONNECT`, RFC 9110 §9.3.6): behind them, a connection is as good as the origin's own.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::ProxyPlan;

use super::TransportError;
use super::address::Origin;
use super::parser::ResponseParser;
use super::tcp::Tcp;

/// Asks `proxy`, at the other end of `stream`, for a tunnel to `origin`.
///
/// # Errors
/// Where it opens none.
pub(super) async fn open_tunnel(
    stream: &mut Tcp,
    proxy: &ProxyPlan,
    origin: &Origin,
    mut parser: ResponseParser,
) -> Result<(), TransportError> {
    let place = place(origin);
    let authorization = match proxy.authorization.as_str() {
        "" => String::new(),
        value => format!("proxy-authorization: {value}\r\n"),
    };
    let request = format!("CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n{authorization}\r\n");
    let failed = |error| TransportError::from_io(&error, "asking the proxy for a tunnel");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    parser.start(false, false, 0);
    // What follows the answer's head belongs to the tunnel: no more is read than the head must still have.
    let mut bytes = [0; 2];
    let mut ends_line = false;
    while parser.status() == 0 {
        let wanted = if ends_line { 1 } else { 2 };
        let read = stream.read(&mut bytes[..wanted]).await.map_err(failed)?;
        if read == 0 {
            let message = "the proxy closed the connection without an answer to `CONNECT`";
            return Err(TransportError::new(ErrorClass::Reset, message));
        }
        ends_line = matches!(bytes[read - 1], b'\r' | b'\n');
        parser.feed(&bytes[..read]).map_err(|error| {
            let message = format!("the proxy's answer to `CONNECT`: {error}");
            TransportError { message, ..error }
        })?;
    }
    match parser.status() {
        200..300 => Ok(()),
        status => Err(refused(status, proxy, &place)),
    }
}

/// Host and port, which a tunnel always names.
fn place(origin: &Origin) -> String {
    let Origin { host, port, .. } = origin;
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// What it means that the proxy answers `status`: 5xx says that it does not get there, all else that it does not want to.
fn refused(status: u16, proxy: &ProxyPlan, place: &str) -> TransportError {
    let (class, why) = match status {
        407 => (ErrorClass::Refused, " (it wants other credentials)"),
        500..600 => (ErrorClass::Unreachable, ""),
        _ => (ErrorClass::Refused, ""),
    };
    let message =
        format!("the proxy {} opens no tunnel to {place}: status {status}{why}", proxy.url());
    TransportError::new(class, message)
}
