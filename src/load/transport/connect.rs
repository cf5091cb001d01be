//! New connections: name, TCP, TLS, protocol, each phase timed and bounded.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

use plimsoll_metrics::{ErrorClass, Phase, Phases, ReachedPeer};
use plimsoll_plan::{HttpVersion, ProxyPlan};
use plimsoll_units::{Nanos, RunTime};

use super::address::{Origin, check_permit};
use super::connection::Connection;
use super::http1::Http1;
use super::http2::Http2;
use super::io::{ConnectionGuard, Io};
use super::tcp::Tcp;
use super::tunnel::open_tunnel;
use super::{Timer, Timers, TransportError, WorkerTransport};

/// Where a connection leads, and until when it has to be there.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) origin: &'a Origin,
    /// The address that it comes from; where there is none, the system chooses.
    pub(super) source: Option<IpAddr>,
    pub(super) timer: &'a Timer,
    pub(super) deadline: RunTime,
}

/// A byte stream to an origin.
pub(super) struct ReachedOrigin {
    pub(super) io: Io,
    pub(super) guard: ConnectionGuard,
    /// Whether HTTP/2 was agreed on.
    is_http2: bool,
}

/// Opens a connection, noting its phases.
pub(super) async fn connect(
    shared: &WorkerTransport,
    route: Route<'_>,
    phases: &mut Phases,
) -> Result<Connection, TransportError> {
    let origin = route.origin;
    let asked = shared.http().version == HttpVersion::Http2;
    let forwards = shared.request_target(origin).forwarder.is_some();
    let tunnel = shared.proxy_of(origin).filter(|_| !forwards);
    let reached = reach(shared, route, (tunnel, &shared.tls.config), phases).await?;
    let ReachedOrigin { io, guard, is_http2: agreed } = reached;
    if asked && origin.tls && !agreed {
        return Err(not_agreed("the server agreed to no protocol by ALPN, which is HTTP/1.1"));
    }
    if let Some(address) = io.peer() {
        let protocol = match (agreed || asked, shared.proxy_of(origin).is_some()) {
            (true, false) => "HTTP/2",
            (false, false) => "HTTP/1.1",
            (true, true) => "HTTP/2 through the proxy",
            (false, true) => "HTTP/1.1 through the proxy",
        };
        shared.count_opened(ReachedPeer { address, protocol });
    }
    if agreed || asked {
        Ok(Connection::Http2(Http2::start(io, guard, shared.clock(), shared.max_head())))
    } else {
        Ok(Connection::Http1(Http1::new(io, guard)))
    }
}

/// Opens a byte stream, noting its phases: to the origin, or to the proxy that serves it, with or without a tunnel.
pub(super) async fn reach(
    shared: &WorkerTransport,
    route: Route<'_>,
    (tunnel, tls): (Option<&ProxyPlan>, &Arc<ClientConfig>),
    phases: &mut Phases,
) -> Result<ReachedOrigin, TransportError> {
    let Route { origin, source, timer, deadline } = route;
    let clock = shared.clock();
    let began = clock.now();
    let late = |class, what, limit| timeout(class, what, (limit, deadline));
    let limit = deadline.min(began + shared.http().connect_timeout);
    timer.arm(limit);
    let near = shared.next_hop(origin);
    let addresses = if let Some(addresses) = shared.resolver.known(near, began) {
        addresses
    } else {
        let looked_up = timer.bound(shared.resolver.look_up(near, clock)).await;
        phases.set(Phase::Dns, clock.now().since(began));
        looked_up.unwrap_or_else(|| Err(late(ErrorClass::Dns, "the DNS lookup", limit)))
    }?;
    check_permit(&shared.permit, near, &addresses)?;
    if near != origin {
        check_behind_proxy(shared, origin, timer).await?;
    }
    shared.connection_limit.make_room(shared.open_connections())?;
    let guard = ConnectionGuard::new(&shared.open);
    let dialled = clock.now();
    let addresses = shared.resolver.in_order(&addresses);
    let dialling = async {
        let mut stream = dial(&shared.timers, &addresses, source).await?;
        if let Some(proxy) = tunnel {
            open_tunnel(&mut stream, proxy, origin, shared.parser()).await?;
        }
        Ok(stream)
    };
    let stream = timer.bound(dialling).await;
    let connected = clock.now();
    phases.set(Phase::Connect, connected.since(dialled));
    let stream =
        stream.unwrap_or_else(|| Err(late(ErrorClass::ConnectTimeout, "connecting", limit)))?;
    if !origin.tls {
        return Ok(ReachedOrigin { io: Io::Plain(stream), guard, is_http2: false });
    }
    let limit = deadline.min(connected + shared.http().connect_timeout);
    timer.arm(limit);
    let shaken = timer.bound(handshake((shared, tls), origin, stream)).await;
    phases.set(Phase::Tls, clock.now().since(connected));
    let (io, is_http2) =
        shaken.unwrap_or_else(|| Err(late(ErrorClass::TlsTimeout, "the TLS handshake", limit)))?;
    Ok(ReachedOrigin { io, guard, is_http2 })
}

/// Refuses hosts behind a proxy as those that are reached directly. A name that only the proxy knows may be anywhere:
/// it needs a permit.
async fn check_behind_proxy(
    shared: &WorkerTransport,
    origin: &Origin,
    timer: &Timer,
) -> Result<(), TransportError> {
    if shared.permit.names(&origin.host) {
        return Ok(());
    }
    let looked_up = timer.bound(shared.resolver.look_up(origin, shared.clock())).await;
    if let Some(Ok(addresses)) = looked_up {
        return check_permit(&shared.permit, origin, &addresses);
    }
    let message = format!(
        "only the proxy knows where `{}` is: it may be outside loopback and private ranges, and is not in `allow_hosts`",
        origin.host
    );
    Err(TransportError::new(ErrorClass::Redirect, message))
}

/// What was to be measured is not there, and something else is not measured in its stead (RFC 9113 §3.3).
fn not_agreed(reached: &str) -> TransportError {
    let message = format!(
        "{reached}, while `version: 2` asks for HTTP/2; `version: auto` takes what there is"
    );
    TransportError::new(ErrorClass::Protocol, message)
}

/// Names the one of the two limits that was over first.
fn timeout(class: ErrorClass, what: &str, (limit, deadline): (RunTime, RunTime)) -> TransportError {
    let which = if limit < deadline { "connect_timeout" } else { "timeout" };
    TransportError::new(class, format!("{what} took longer than `{which}`"))
}

/// How long an attempt may take before the next address is tried beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Nanos = Nanos::from_millis(250);

/// Connects to the first address that answers: each is tried once the one before has failed, or has kept silent for
/// [`ATTEMPT_DELAY`].
async fn dial(
    timers: &Rc<Timers>,
    addresses: &[SocketAddr],
    source: Option<IpAddr>,
) -> Result<Tcp, TransportError> {
    let fits =
        |address: &&SocketAddr| source.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
    let mut last = TransportError::new(ErrorClass::Dns, "the name has no usable address");
    let mut left = addresses.iter().copied().filter(|address| fits(&address));
    let Some(first) = left.next() else { return Err(last) };
    let mut attempts = vec![Box::pin(Tcp::connect(first, source))];
    let Some(mut next) = left.next() else { return attempts.remove(0).await };
    let timer = timers.timer();
    let mut is_last = false;
    timer.arm(timers.clock().now() + ATTEMPT_DELAY);
    poll_fn(|context| {
        loop {
            let mut failed = false;
            let mut connected = None;
            attempts.retain_mut(|attempt| match attempt.as_mut().poll(context) {
                Poll::Ready(Ok(stream)) => {
                    connected = Some(stream);
                    false
                }
                Poll::Ready(Err(error)) => {
                    (last, failed) = (error.clone(), true);
                    false
                }
                Poll::Pending => true,
            });
            if let Some(stream) = connected {
                return Poll::Ready(Ok(stream));
            }
            if is_last {
                return if attempts.is_empty() {
                    Poll::Ready(Err(last.clone()))
                } else {
                    Poll::Pending
                };
            }
            if !failed && timer.poll_expired(context).is_pending() {
                return Poll::Pending;
            }
            attempts.push(Box::pin(Tcp::connect(next, source)));
            timer.arm(timers.clock().now() + ATTEMPT_DELAY);
            match left.next() {
                Some(address) => next = address,
                None => is_last = true,
            }
        }
    })
    .await
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
        if is_alpn_alert(&error) && shared.plan.http.version == HttpVersion::Http2 {
            return not_agreed(
                "the server refuses HTTP/2 by ALPN: it speaks HTTP/1.1 or something else",
            );
        }
        let class = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ErrorClass::Reset,
            _ => ErrorClass::Tls,
        };
        TransportError::new(class, format!("the TLS handshake failed: {error}"))
    })?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Io::Tls(Box::new(stream)), is_http2))
}

/// Whether the server refused every protocol that was offered (RFC 7301 §3.2).
fn is_alpn_alert(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        inner,
        Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol))
    )
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::super::keep_time;
    use super::*;

    fn any() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// A listener that answers no more: its backlog is full.
    fn silent() -> (Socket, Vec<Socket>) {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let listener = socket();
        listener.bind(&any().into()).expect("a port");
        listener.listen(0).expect("listens");
        let address = listener.local_addr().expect("an address");
        let fill = |_| {
            let client = socket();
            client.set_nonblocking(true).expect("does not block");
            let _ = client.connect(&address);
            client
        };
        let clients = (0..3).map(fill).collect();
        (listener, clients)
    }

    async fn reached(addresses: &[SocketAddr]) -> Result<(SocketAddr, Nanos), TransportError> {
        let timers = keep_time(Nanos::ZERO).expect("a timer");
        let began = timers.clock().now();
        let stream = dial(&timers, addresses, None).await?;
        let took = timers.clock().now().since(began);
        let Tcp::System(stream) = stream else { unreachable!("no world is simulated") };
        Ok((stream.peer_addr().expect("connected"), took))
    }

    /// Goal: of several addresses one that answers is enough, wherever it stands.
    #[tokio::test]
    async fn address_that_answers_is_found_behind_others() {
        let live = std::net::TcpListener::bind(any()).expect("listens");
        let live_address = live.local_addr().expect("an address");
        let closed = std::net::TcpListener::bind(any()).and_then(|gone| gone.local_addr());
        let closed = closed.expect("an address that refuses from now on");
        let (silent, _clients) = silent();
        let silent = silent.local_addr().expect("an address").as_socket().expect("IPv4");
        let tasks = tokio::task::LocalSet::new();
        tasks
            .run_until(async {
                let (peer, took) = reached(&[closed, live_address]).await.expect("reached");
                assert_eq!(peer, live_address);
                assert!(took < ATTEMPT_DELAY, "a failure is not waited out: {took}");
                let (peer, took) = reached(&[silent, closed, live_address]).await.expect("reached");
                assert_eq!(peer, live_address);
                assert!(took >= ATTEMPT_DELAY, "the first has its time: {took}");
                let error = reached(&[closed, closed]).await.expect_err("nobody is there");
                assert_eq!(error.class, ErrorClass::Refused);
                let error = reached(&[]).await.expect_err("nowhere to go");
                assert_eq!(error.class, ErrorClass::Dns);
            })
            .await;
    }
}
