//! Connections against the server of the `h2` crate, over a socket: what is asked and answered comes through whole,
//! whatever the windows, the frames and the number of streams.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use proptest::prelude::*;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::super::TransportError;
use super::super::address::Origin;
use super::super::body::RequestBody;
use super::super::exchange::ExchangeContext;
use super::super::io::{ConnectionGuard, Io};
use super::super::parser::ResponseParser;
use super::super::prepared::RequestParts;
use super::super::tcp::Tcp;
use super::super::{Timers, keep_time};
use super::{Http2, StreamRequest};
use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{BodySource, Filler};
use plimsoll_units::{Nanos, RunTime};
use plimsoll_user::ResponseHeaders as _;

/// One request and its answer.
#[derive(Debug, Clone)]
struct Exchange {
    /// Bytes of text in the request, and of a file behind them.
    sends: (usize, u64),
    /// The parts of the answer's body.
    receives: Vec<usize>,
    has_trailers: bool,
    is_refused_once: bool,
}

/// What the server allows.
#[derive(Debug, Clone, Copy)]
struct Limits {
    window: u32,
    frame: u32,
    streams: u32,
}

/// The bytes of each request's body, by its path.
type ReceivedBytes = Rc<RefCell<BTreeMap<String, u64>>>;

/// Answers `exchanges` by their paths, `/0` and on.
async fn serve(io: TcpStream, exchanges: Rc<[Exchange]>, limits: Limits, received: ReceivedBytes) {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(limits.window)
        .initial_connection_window_size(limits.window.max(65_535))
        .max_frame_size(limits.frame)
        .max_concurrent_streams(limits.streams);
    let mut connection = builder.handshake::<_, Bytes>(io).await.expect("a preface");
    let seen: ReceivedBytes = ReceivedBytes::default();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (exchanges, received, seen) = (exchanges.clone(), received.clone(), seen.clone());
        tokio::task::spawn_local(async move {
            let path = request.uri().path().to_owned();
            *seen.borrow_mut().entry(path.clone()).or_default() += 1;
            let exchange = &exchanges[path[1..].parse::<usize>().expect("a number")];
            let tries = seen.borrow()[&path];
            // The peer may have gone: that is its part of the test.
            let _ = answer(request, respond, (exchange, tries), &received).await;
        });
    }
}

async fn answer(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    (exchange, tries): (&Exchange, u64),
    received: &ReceivedBytes,
) -> Result<(), h2::Error> {
    if exchange.is_refused_once && tries == 1 {
        respond.send_reset(h2::Reason::REFUSED_STREAM);
        return Ok(());
    }
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        *received.borrow_mut().entry(path.clone()).or_default() += part.len() as u64;
    }
    let mut response = Response::builder().status(200).header("x-path", path.as_str());
    if !exchange.has_trailers {
        let length: usize = exchange.receives.iter().sum();
        response = response.header("content-length", length);
    }
    let response = response.body(()).expect("a response");
    let mut stream = respond.send_response(response, false)?;
    for &size in &exchange.receives {
        stream.send_data(Bytes::from(vec![b'r'; size]), false)?;
    }
    if exchange.has_trailers {
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-sum"),
            http::HeaderValue::from_static("1"),
        )]);
        return stream.send_trailers(trailers);
    }
    stream.send_data(Bytes::new(), true)
}

/// What came of a request: status, path as the server saw it, size of the body.
type PeerAnswer = Result<(u16, String, u64), TransportError>;

/// Sends request `number`; again where it was refused.
async fn ask(http2: Http2, timers: Rc<Timers>, number: usize, exchange: Exchange) -> PeerAnswer {
    let origin = Origin { tls: false, host: "h".to_owned(), port: 80, authority: "h".to_owned() };
    let (text, file) = exchange.sends;
    let filler = Filler { at: text, source: BodySource::Noise(file) };
    let fillers = if file > 0 { vec![filler] } else { vec![] };
    let body = RequestBody::new(Bytes::from(vec![b't'; text]), &fillers);
    let method = if body.is_empty() { Method::GET } else { Method::POST };
    let parts =
        RequestParts { method, path: format!("/{number}"), headers: HeaderMap::new(), body };
    let timer = timers.timer();
    let scratch = RefCell::new(vec![0; 64 * 1024].into_boxed_slice());
    let sent = Cell::new(0);
    loop {
        let mut parser = ResponseParser::new();
        parser.start(false, false, u64::MAX);
        timer.arm(timers.clock().now() + Nanos::from_secs(60));
        let outgoing =
            StreamRequest { origin: &origin, parts: &parts, cookies: "", began: RunTime::ZERO };
        let context = ExchangeContext {
            parser: &mut parser,
            clock: timers.clock(),
            timer: &timer,
            scratch: &scratch,
            events: None,
            sent: &sent,
        };
        match http2.exchange(outgoing, context).await {
            Ok(response) => {
                let path = parser.headers().first("x-path").unwrap_or_default();
                return Ok((response.status, path, response.body_size));
            }
            // Also where the server had not yet said how many it takes.
            Err(error) if error.unseen => {}
            Err(error) => return Err(error),
        }
    }
}

/// Plays the first exchange and then all others at once on one connection; returns what came of each, and what the server
/// received.
///
/// The first is alone because of the server: `h2` 0.4 gives a stream no more room where a part of its body came before our
/// acknowledgement of a smaller window, too small a part to be worth a `WINDOW_UPDATE` until then. Bodies that share the
/// connection's first window would stand still there.
fn play(exchanges: &[Exchange], limits: Limits) -> (Vec<PeerAnswer>, BTreeMap<String, u64>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let received = ReceivedBytes::default();
    let outcomes = LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let address = listener.local_addr().expect("an address");
        let stream = Tcp::connect(address, None).await.expect("connects");
        let (accepted, _) = listener.accept().await.expect("a connection");
        let planned: Rc<[Exchange]> = exchanges.into();
        tokio::task::spawn_local(serve(accepted, planned, limits, received.clone()));
        let timers = keep_time(Nanos::ZERO).expect("a timer");
        let guard = ConnectionGuard::new(&Rc::default());
        let http2 = Http2::start(Io::Plain(stream), guard, timers.clock(), 65_536);
        let mut asked = exchanges
            .iter()
            .enumerate()
            .map(|(number, exchange)| ask(http2.clone(), timers.clone(), number, exchange.clone()));
        let mut outcomes = vec![asked.next().expect("an exchange").await];
        outcomes.extend(futures_util::future::join_all(asked).await);
        outcomes
    });
    let received = received.borrow().clone();
    (outcomes, received)
}

fn assert_whole(exchanges: &[Exchange], limits: Limits) {
    let (outcomes, received) = play(exchanges, limits);
    for (number, (exchange, outcome)) in exchanges.iter().zip(outcomes).enumerate() {
        let (path, size) = (format!("/{number}"), exchange.receives.iter().sum::<usize>() as u64);
        assert_eq!(outcome, Ok((200, path.clone(), size)), "{exchange:?} {limits:?}");
        let sent = exchange.sends.0 as u64 + exchange.sends.1;
        assert_eq!(received.get(&path).copied().unwrap_or(0), sent, "{exchange:?} {limits:?}");
    }
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let sends = (prop_oneof![Just(0), 1_usize..100_000], prop_oneof![Just(0), 1_u64..300_000]);
    let receives = prop::collection::vec(prop_oneof![0_usize..100, 0_usize..200_000], 0..5);
    (sends, receives, any::<bool>(), any::<bool>()).prop_map(
        |(sends, receives, has_trailers, is_refused_once)| Exchange {
            sends,
            receives,
            has_trailers,
            is_refused_once,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn requests_and_responses_come_through_whole(
        exchanges in prop::collection::vec(exchange(), 1..9),
        window in 1_000_u32..200_000,
        frame in 16_384_u32..60_000,
        streams in 1_u32..10,
    ) {
        assert_whole(&exchanges, Limits { window, frame, streams });
    }
}

/// Goal: uploads far above every buffer go through, side by side, and what is small does not wait for them.
#[test]
fn large_uploads_go_through_beside_small_requests() {
    let upload = Exchange {
        sends: (100, 12 << 20),
        receives: vec![2],
        has_trailers: false,
        is_refused_once: false,
    };
    let small = Exchange { sends: (0, 0), receives: vec![5_000_000], ..upload.clone() };
    let exchanges = [upload.clone(), upload, small];
    assert_whole(&exchanges, Limits { window: 65_535, frame: 16_384, streams: 100 });
}

/// Goal: a server that goes away in the middle is told from one that has not looked at the request.
#[test]
fn connection_that_is_lost_fails_all_that_is_on_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let address = listener.local_addr().expect("an address");
        let stream = Tcp::connect(address, None).await.expect("connects");
        let (accepted, _) = listener.accept().await.expect("a connection");
        tokio::task::spawn_local(async move {
            let mut connection = h2::server::handshake(accepted).await.expect("a preface");
            let first = connection.accept().await;
            drop((first, connection));
        });
        let timers = keep_time(Nanos::ZERO).expect("a timer");
        let guard = ConnectionGuard::new(&Rc::default());
        let http2 = Http2::start(Io::Plain(stream), guard, timers.clock(), 65_536);
        let exchange = Exchange {
            sends: (10, 1 << 20),
            receives: vec![],
            has_trailers: false,
            is_refused_once: false,
        };
        ask(http2, timers, 0, exchange).await
    });
    assert_eq!(outcome.expect_err("lost").class, ErrorClass::Reset);
}
