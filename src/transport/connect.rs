//! New connections: name, TCP, TLS, protocol, each phase timed and bounded.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::metrics::{ErrorClass, Phase, Phases};
use crate::plan::HttpVersion;
use crate::units::RunTime;

use super::address::{Origin, check_permit};
use super::connection::Connection;
use super::http1::Http1;
use super::http2::Http2;
use super::io::{ConnectionGuard, Io};
use super::tcp::Tcp;
use super::{Timer, TransportError, WorkerTransport};

/// Opens a connection before `deadline`, noting its phases.
pub(super) async fn connect(
    shared: &WorkerTransport,
    origin: &Origin,
    source: Option<IpAddr>,
    deadline: (&Timer, RunTime),
    phases: &mut Phases,
) -> Result<Connection, TransportError> {
    let tls = &shared.tls.config;
    let (io, guard, agreed) = reach(shared, (origin, source), deadline, tls, phases).await?;
    let plain_http2 = !origin.tls && shared.plan.http.version == HttpVersion::Http2;
    if agreed || plain_http2 {
        Ok(Connection::Http2(Http2::start(io, guard, shared.clock())))
    } else {
        Ok(Connection::Http1(Http1::new(io, guard)))
    }
}

/// Opens a byte stream before `deadline`, noting its phases. Tells whether HTTP/2 was agreed on.
pub(super) async fn reach(
    shared: &WorkerTransport,
    (origin, source): (&Origin, Option<IpAddr>),
    (timer, deadline): (&Timer, RunTime),
    tls: &Arc<ClientConfig>,
    phases: &mut Phases,
) -> Result<(Io, ConnectionGuard, bool), TransportError> {
    let clock = shared.clock();
    let began = clock.now();
    let late = |class, what, limit| timeout(class, what, (limit, deadline));
    let limit = deadline.min(began + shared.plan.http.connect_timeout);
    timer.arm(limit);
    let addresses = if let Some(addresses) = shared.resolver.known(origin, began) {
        addresses
    } else {
        let looked_up = timer.bound(shared.resolver.look_up(origin, began)).await;
        phases.set(Phase::Dns, clock.now().since(began));
        looked_up.unwrap_or_else(|| Err(late(ErrorClass::Dns, "the DNS lookup", limit)))?
    };
    check_permit(&shared.permit, origin, &addresses)?;
    shared.connection_limit.make_room(shared.open_connections())?;
    let guard = ConnectionGuard::new(&shared.open);
    let dialled = clock.now();
    let stream = timer.bound(dial(&addresses, source)).await;
    let connected = clock.now();
    phases.set(Phase::Connect, connected.since(dialled));
    let stream =
        stream.unwrap_or_else(|| Err(late(ErrorClass::ConnectTimeout, "connecting", limit)))?;
    if !origin.tls {
        return Ok((Io::Plain(stream), guard, false));
    }
    let limit = deadline.min(connected + shared.plan.http.connect_timeout);
    timer.arm(limit);
    let shaken = timer.bound(handshake((shared, tls), origin, stream)).await;
    phases.set(Phase::Tls, clock.now().since(connected));
    let (io, is_http2) =
        shaken.unwrap_or_else(|| Err(late(ErrorClass::TlsTimeout, "the TLS handshake", limit)))?;
    Ok((io, guard, is_http2))
}

/// Names the one of the two limits that was over first.
fn timeout(class: ErrorClass, what: &str, (limit, deadline): (RunTime, RunTime)) -> TransportError {
    let which = if limit < deadline { "connect_timeout" } else { "timeout" };
    TransportError::new(class, format!("{what} took longer than `{which}`"))
}

/// Connects to the first address that answers.
async fn dial(addresses: &[SocketAddr], source: Option<IpAddr>) -> Result<Tcp, TransportError> {
    let mut last = TransportError::new(ErrorClass::Dns, "the name has no usable address");
    for &address in addresses {
        if source.is_some_and(|source| source.is_ipv4() != address.is_ipv4()) {
            continue;
        }
        match Tcp::connect(address, source).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Returns the encrypted stream, and whether HTTP/2 was agreed on.
async fn handshake(
    (shared, tls): (&WorkerTransport, &Arc<ClientConfig>),
    origin: &Origin,
    stream: Tcp,
) -> Result<(Io, bool), TransportError> {
    // The name that the scenario sets is the target's; other hosts go by their own.
    let name = match shared.tls.server_name.as_str() {
        name if !name.is_empty() && shared.is_target(origin) => name.to_owned(),
        _ => origin.host.clone(),
    };
    let server = ServerName::try_from(name.clone()).map_err(|error| {
        TransportError::new(ErrorClass::Tls, format!("`{name}` is not a server name: {error}"))
    })?;
    let connector = TlsConnector::from(tls.clone());
    let stream = connector.connect(server, stream).await.map_err(|error| {
        let class = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ErrorClass::Reset,
            _ => ErrorClass::Tls,
        };
        TransportError::new(class, format!("the TLS handshake failed: {error}"))
    })?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Io::Tls(Box::new(stream)), is_http2))
}
