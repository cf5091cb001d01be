//! The simulator on real sockets: few tests with wide tolerances; its truth is proved in virtual time.

mod client;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use client::{Answer, ClientRequest};
use http::{Method, StatusCode};
use plimsoll::scenario::SourceId;
use plimsoll::simulator::{
    AccessLog, ServeOptions, Served, Simulation, runtime, serve, tls_config,
};
use plimsoll::units::Seed;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

const AIS: &str = include_str!("../../scenarios/ais/simulation.yaml");
const TRAVELSENSE: &str = include_str!("../../scenarios/travelsense/simulation.yaml");
const TRIPLE: &str = include_str!("../../scenarios/triple/simulation.yaml");
const ALAWAEL: &str = include_str!("../../scenarios/alawael/simulation.yaml");

/// A simulator on a thread of its own. It stops when this is dropped.
struct Playing {
    address: SocketAddr,
    stop: DropGuard,
    thread: JoinHandle<io::Result<Served>>,
}

impl Playing {
    fn start(yaml: &str) -> Self {
        Self::with(simulation(yaml), ServeOptions::default())
    }

    fn with(simulation: Simulation, options: ServeOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let token = stop.clone();
        let thread = std::thread::spawn(move || {
            runtime()?.block_on(serve(simulation, listener, Seed::new(1), options, token))
        });
        Self { address, stop: stop.drop_guard(), thread }
    }

    fn get(&self, path: &str) -> ClientRequest {
        ClientRequest::new(self.address, Method::GET, path)
    }

    fn post(&self, path: &str) -> ClientRequest {
        ClientRequest::new(self.address, Method::POST, path)
    }

    async fn login(&self) -> Answer {
        let body = json!({ "email": "ana@example.com", "password": "secret" });
        self.post("/api/auth/login").json(&body).send().await.expect("an answer")
    }

    /// The value of a metric, as written.
    async fn metric(&self, line: &str) -> String {
        let text = self.get("/__sim/metrics").send().await.expect("an answer");
        let text = text.text().await.expect("a text");
        let found = text.lines().find_map(|known| known.strip_prefix(line));
        found.expect(line).trim().to_owned()
    }

    fn end(self) -> Served {
        drop(self.stop);
        self.thread.join().expect("no panic").expect("no error")
    }
}

fn simulation(yaml: &str) -> Simulation {
    Simulation::parse(yaml, SourceId(0)).expect("a valid simulation")
}

async fn value(response: Answer) -> Value {
    response.json().await.expect("JSON")
}

#[expect(clippy::disallowed_methods, reason = "real sockets are tested in real time")]
fn the_time() -> Instant {
    Instant::now()
}

/// Runs a test's requests on a runtime of its own.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(test)
}

#[test]
fn booking_needs_a_login_and_pays_in_the_time_of_the_payment_service() {
    let ais = Playing::start(AIS);
    run(async {
        let order = json!({ "flightId": "GRU-LIS-1", "passengers": 2 });
        let refused = ais.post("/api/bookings").json(&order).send().await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        let login = value(ais.login().await).await;
        let token = login["token"].as_str().expect("a token");
        let booking = ais.post("/api/bookings").bearer_auth(token).json(&order);
        let booking = value(booking.send().await.expect("an answer")).await;
        assert_eq!((&booking["status"], &booking["passengers"]), (&json!("pending"), &json!(2)));
        let path = format!("/api/bookings/{}", booking["id"].as_str().expect("an id"));
        let asked = the_time();
        let paid = ais.post(&format!("{path}/payment")).bearer_auth(token).send().await;
        assert_eq!(value(paid.expect("an answer")).await["status"], "paid");
        assert!(asked.elapsed() >= Duration::from_millis(200), "Stripe takes 200 to 400 ms");
        let found = value(ais.get(&path).bearer_auth(token).send().await.expect("an answer")).await;
        assert_eq!((&found["status"], &found["user"]), (&json!("paid"), &json!("ana@example.com")));
        let unknown = ais.get("/api/bookings/none").bearer_auth(token).send().await;
        assert_eq!(unknown.expect("an answer").status(), StatusCode::NOT_FOUND);
    });
    assert_eq!(ais.end().requests, 6);
}

const SIMPLE: &str = "
name: simple
tiers: { api: { kind: api, cores: 2 } }
routes:
  - get: /work
    visits: [ { api: 5ms } ]
    answer: { json: { ok: true } }
  - get: /now
";

#[test]
fn metrics_agree_exactly_with_what_was_asked_for() {
    let simple = Playing::start(SIMPLE);
    run(async {
        let asked = the_time();
        for _ in 0..20 {
            let response = simple.get("/work").send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::OK);
        }
        assert!(asked.elapsed() >= Duration::from_millis(100), "20 × 5 ms, one after the other");
        let label = "{tier=\"api\",kind=\"api\",replica=\"1\"}";
        let busy = simple.metric(&format!("sim_cpu_seconds_total{label}")).await;
        assert_eq!(busy, "0.1", "20 × 5 ms");
        let asked = "sim_http_requests_total{route=\"GET /work\",status=\"200\"}";
        assert_eq!(simple.metric(asked).await, "20");
    });
}

#[test]
fn observers_read_utilisation_connections_and_hits_from_the_metrics() {
    use plimsoll::observe::{ReadingSubject, Scrape, ScrapeWindow, parse_exposition, presets};
    use plimsoll::units::{Quantity, Ratio, RunTime};
    let ais = Playing::start(AIS);
    let pages = run(async {
        let page = async || {
            let page = ais.get("/__sim/metrics").send().await.expect("an answer");
            page.text().await.expect("a text")
        };
        let before = page().await;
        for number in 0..20 {
            let path = format!("/api/airports?q={}", number % 4);
            ais.get(&path).send().await.expect("an answer");
        }
        [before, page().await]
    });
    let [before, now] = [(0, &pages[0]), (10, &pages[1])].map(|(seconds, page)| {
        let series = parse_exposition(page).expect("a page in Prometheus' format");
        Scrape { at: RunTime::new(seconds * 1_000_000_000), series }
    });
    let value = |tier: &str, metric: &str| {
        let subject =
            ReadingSubject { tier: tier.to_owned(), replica: String::new(), replica_label: None };
        let window = ScrapeWindow { before: Some(&before), now: &now };
        let readings = subject.readings(&presets::simulator(tier), window);
        readings.into_iter().find(|reading| reading.metric == metric).and_then(|one| one.value)
    };
    // 20 × 60 µs on two cores, as if in 10 s.
    let edge = value("edge", "cpu").expect("cpu of the edge").base();
    assert!((edge - 20.0 * 60e-6 / 10.0 / 2.0).abs() < 1e-9, "{edge}");
    assert_eq!(value("cache", "hit_ratio"), Some(Quantity::Share(Ratio::new(0.8))));
    assert_eq!(value("db", "connections"), Some(Quantity::Count(15.0)), "3 × 5 idle ones");
    assert!(value("db", "query_p95").is_some_and(|span| span.base() > 0.001));
    assert!(value("api", "memory").is_some_and(|share| (0.05..0.2).contains(&share.base())));
}

/// A buffer that the test can read while the simulator writes.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn access_log_tells_every_request_in_order() {
    let lines = Shared::default();
    let access_log = Some(AccessLog::new(lines.clone()));
    let options = ServeOptions { access_log, ..ServeOptions::default() };
    let simple = Playing::with(simulation(SIMPLE), options);
    run(async {
        for number in 0..5 {
            let request = simple.get(&format!("/now?n={number}")).header("user-agent", "tester");
            request.header("traceparent", "00-ab-cd-01").send().await.expect("an answer");
        }
        simple.get("/nothing").send().await.expect("an answer");
    });
    assert_eq!(simple.end().requests, 6);
    let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("UTF-8");
    let entries: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let uris: Vec<&str> = entries.iter().filter_map(|entry| entry["uri"].as_str()).collect();
    assert_eq!(uris[..5], ["/now?n=0", "/now?n=1", "/now?n=2", "/now?n=3", "/now?n=4"]);
    assert_eq!((&entries[4]["arrival"], &entries[5]["status"]), (&json!(5), &json!(404)));
    assert_eq!(entries[0]["user_agent"], "tester");
    assert_eq!(entries[0]["correlation"], "00-ab-cd-01");
}

#[test]
fn requests_in_a_freeze_wait_until_it_ends() {
    let begun = the_time();
    let frozen = Playing::start(&format!("{SIMPLE}\nfaults: [ {{ at: 0s, freeze: 1s }} ]\n"));
    run(async {
        frozen.get("/now").send().await.expect("an answer");
        // The simulator began after `begun`, and nothing is answered in its first second.
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_secs(1), "{waited:?}");
        let asked = the_time();
        let thawed = frozen.get("/now").send().await.expect("an answer");
        assert_eq!(thawed.status(), StatusCode::OK);
        assert!(asked.elapsed() < Duration::from_millis(200), "thawed");
    });
}

#[test]
fn burst_beyond_the_limit_is_refused_by_the_edge() {
    let ais = Playing::start(AIS);
    run(async {
        let begun = the_time();
        let asked = std::iter::repeat_with(|| ais.get("/api/airlines").send()).take(100);
        let answers = asked.collect::<JoinSet<_>>().join_all().await;
        let mut passed = 0;
        for answer in answers.into_iter().map(|answer| answer.expect("an answer")) {
            match answer.status() {
                StatusCode::OK => passed += 1,
                StatusCode::SERVICE_UNAVAILABLE => assert_eq!(answer.headers()["server"], "nginx"),
                other => panic!("{other}"),
            }
        }
        // However long a busy machine takes for the hundred.
        let most = 22.0 + 10.0 * begun.elapsed().as_secs_f64();
        assert!(passed >= 21 && f64::from(passed) <= most, "21 at once, then 10/s: {passed}");
    });
}

#[test]
fn answer_found_in_the_cache_spares_the_database() {
    let ais = Playing::start(AIS);
    run(async {
        for _ in 0..5 {
            ais.get("/api/flights/search?from=GRU&to=LIS&date=2026-02-01")
                .send()
                .await
                .expect("ok");
        }
        ais.get("/api/flights/search?from=GRU&to=LIS&date=2026-02-02").send().await.expect("ok");
        let redis = "{tier=\"cache\",kind=\"cache\"}";
        assert_eq!(ais.metric(&format!("sim_cache_hits_total{redis}")).await, "4");
        assert_eq!(ais.metric(&format!("sim_cache_misses_total{redis}")).await, "2");
        let db = "sim_visits_total{tier=\"db\",kind=\"db\",replica=\"1\"}";
        assert_eq!(ais.metric(db).await, "2");
    });
}

#[test]
fn suggestions_stream_and_exports_are_made_in_the_background() {
    let system = Playing::start(TRAVELSENSE);
    run(async {
        let login = value(system.login().await).await;
        let token = login["token"].as_str().expect("a token");
        let trip = system.post("/api/trips").bearer_auth(token).json(&json!({ "days": 3 }));
        let trip = value(trip.send().await.expect("an answer")).await;
        let trip = format!("/api/trips/{}", trip["id"].as_str().expect("an id"));
        let asked = the_time();
        let stream = system.post(&format!("{trip}/suggest")).bearer_auth(token).send().await;
        let stream = stream.expect("an answer");
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        let first = asked.elapsed();
        let events = stream.text().await.expect("a stream");
        assert_eq!(events.matches("data: ").count(), 41, "40 tokens and the end");
        assert!(events.contains("\"done\":true"));
        assert!(asked.elapsed() > first + Duration::from_millis(400), "39 pauses of about 30 ms");

        let job = system.post(&format!("{trip}/export")).bearer_auth(token).send().await;
        let job = job.expect("an answer");
        assert_eq!(job.status(), StatusCode::ACCEPTED);
        let path = job.headers()["location"].to_str().expect("a path").to_owned();
        let deadline = the_time() + Duration::from_secs(30);
        let done = loop {
            let job = system.get(&path).bearer_auth(token).send().await.expect("an answer");
            let job = value(job).await;
            if job["status"] == "done" || the_time() > deadline {
                break job;
            }
        };
        let file = system.get(done["url"].as_str().expect("a url")).bearer_auth(token).send().await;
        assert_eq!(file.expect("an answer").bytes().await.expect("bytes").len(), 180_000);
    });
}

#[test]
fn playback_token_opens_segments_until_it_expires() {
    let mut simulation = simulation(TRIPLE);
    assert!(simulation.set_token_ttl("segment", plimsoll::units::Nanos::from_millis(500)));
    let system = Playing::with(simulation, ServeOptions::default());
    run(async {
        let login = system.login().await;
        let cookie = login.headers()["set-cookie"].to_str().expect("a cookie").to_owned();
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        let token = system.post("/api/playback/token").header("cookie", cookie).send().await;
        let token = value(token.expect("an answer")).await;
        assert_eq!(token["watermark"], "ana@example.com");
        let token = token["token"].as_str().expect("a token");
        let manifest = system.get(&format!("/api/player/manifest?token={token}")).send().await;
        let manifest = manifest.expect("an answer").text().await.expect("a playlist");
        let issued = the_time();
        let segments: Vec<&str> = manifest.lines().filter(|line| line.starts_with('/')).collect();
        assert_eq!(segments.len(), 75);
        let status = async |path: &str| system.get(path).send().await.expect("an answer").status();
        assert_eq!(status(segments[0]).await, StatusCode::OK);
        assert_eq!(status("/cdn/lesson/segment0.ts?token=x").await, StatusCode::FORBIDDEN);
        assert_eq!(status("/api/player/manifest").await, StatusCode::FORBIDDEN);
        while status(segments[1]).await == StatusCode::OK {
            assert!(issued.elapsed() < Duration::from_secs(5), "the token never expires");
        }
        assert!(issued.elapsed() >= Duration::from_millis(450));
    });
}

#[test]
fn sticky_client_keeps_its_replica() {
    let system = Playing::start(ALAWAEL);
    run(async {
        let first = system.get("/api/products?category=pens").send().await.expect("an answer");
        let cookie = first.headers()["set-cookie"].to_str().expect("a cookie").to_owned();
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        assert!(pair.starts_with("AWSALB="), "{pair}");
        let replica: u32 = pair["AWSALB=".len()..].parse::<u32>().expect("a number") + 1;
        let visits = format!("sim_visits_total{{tier=\"api\",kind=\"api\",replica=\"{replica}\"}}");
        assert_eq!(system.metric(&visits).await, "1");
        for _ in 0..10 {
            let request = system.get("/api/products/pen-1").header("cookie", &pair);
            let response = request.send().await.expect("an answer");
            assert!(!response.headers().contains_key("set-cookie"), "the cookie is right already");
        }
        assert_eq!(system.metric(&visits).await, "11");
    });
}

#[test]
fn websocket_acknowledges_and_pushes() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let system = Playing::start(ALAWAEL);
    run(async {
        let stream = tokio::net::TcpStream::connect(system.address).await.expect("connected");
        let url = format!("ws://{}/ws", system.address);
        let (mut socket, response) =
            tokio_tungstenite::client_async(url, stream).await.expect("a handshake");
        assert_eq!(response.status().as_u16(), 101);
        let subscribe = json!({ "type": "subscribe", "channel": "orders" }).to_string();
        socket.send(Message::text(subscribe)).await.expect("sent");
        let (mut acknowledged, mut pushed) = (false, false);
        while !(acknowledged && pushed) {
            let next = tokio::time::timeout(Duration::from_secs(30), socket.next());
            let message = next.await.expect("in time").expect("open").expect("a message");
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).expect("JSON");
            acknowledged |= message["type"] == "ack" && message["channel"] == "orders";
            pushed |= message["type"] == "notification";
        }
        socket.close(None).await.expect("closed");
    });
}

#[test]
fn pages_are_compressed_for_those_who_ask() {
    let system = Playing::start(TRIPLE);
    run(async {
        let plain = system.get("/").send().await.expect("an answer");
        assert!(!plain.headers().contains_key("content-encoding"));
        let plain = plain.text().await.expect("a page");
        let packed = system.get("/").header("accept-encoding", "br, gzip").send().await;
        let packed = packed.expect("an answer");
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        let packed = packed.bytes().await.expect("bytes");
        let mut unpacked = String::new();
        let mut decoder = flate2::read::GzDecoder::new(&packed[..]);
        io::Read::read_to_string(&mut decoder, &mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain);
    });
}

#[test]
fn https_speaks_http2_and_plain_http_is_sent_there() {
    let certified =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let tls = tls_config(certificate.as_bytes(), key.as_bytes()).expect("fits");
    let options = ServeOptions { tls: Some(tls), ..ServeOptions::default() };
    let system = Playing::with(simulation(SIMPLE), options);
    run(async {
        let plain = system.get("/now?x=1").send().await.expect("an answer");
        assert_eq!(plain.status(), StatusCode::MOVED_PERMANENTLY);
        let there = plain.headers()["location"].to_str().expect("a url");
        assert_eq!(there, format!("https://{}/now?x=1", system.address));
        assert_eq!(http2_status(&system, certified.cert.der().clone()).await, StatusCode::OK);
    });
}

/// The status of `GET /work` over HTTP/2 and TLS.
async fn http2_status(
    system: &Playing,
    root: tokio_rustls::rustls::pki_types::CertificateDer<'static>,
) -> StatusCode {
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(system.address).await.expect("connected");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = "localhost".try_into().expect("a name");
    let stream = connector.connect(name, stream).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let handshake = hyper::client::conn::http2::handshake(executor, io);
    let (mut sender, connection) = handshake.await.expect("HTTP/2");
    let request = http::Request::get(format!("https://{}/work", system.address))
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .expect("a request");
    tokio::select! {
        response = sender.send_request(request) => response.expect("an answer").status(),
        ended = connection => panic!("the connection ended first: {ended:?}"),
    }
}
