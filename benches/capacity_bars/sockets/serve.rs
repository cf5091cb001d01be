//! A server of known truth as a process: HTTP/1.1 on loopback, one thread for sockets and one that rings when an answer
//! is due.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Read as _;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use plimsoll::units::Seed;
use rustix::time::{ClockId, clock_gettime};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::kinds::SocketServer;
use super::law::{KnownState, RequestFate};

/// An answer that is due then, and who waits for it.
type Due = (Instant, oneshot::Sender<()>);

/// What all connections share; the runtime has one thread.
struct KnownService {
    began: Instant,
    state: RefCell<KnownState>,
    due: Sender<Due>,
    /// CPU of a request in seconds, where it is burnt in earnest, and what the process may have used by now.
    burnt: Option<f64>,
    used: Cell<f64>,
    slots: usize,
}

/// Serves `server` until standard input ends; says its address first. `burns` is whether CPU is used in earnest.
pub(super) fn serve(server: &SocketServer, burns: bool) -> Result<(), Box<dyn Error>> {
    let (due, waiting) = channel();
    if !burns {
        std::thread::spawn(move || ring(&waiting));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serving = Rc::new(KnownService {
        began: Instant::now(),
        state: RefCell::new(KnownState::new(server.law, Seed::new(11))),
        due,
        burnt: server.law.cpu_ms.filter(|_| burns).map(|ms| ms / 1e3),
        used: Cell::new(cpu_s()),
        slots: server.law.slots * server.law.replicas,
    });
    let (stop, stopped) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = stop.send(());
    });
    LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        tokio::select! {
            failed = accept(&listener, &serving) => failed,
            _ = stopped => Ok(()),
        }
    })
}

async fn accept(listener: &TcpListener, serving: &Rc<KnownService>) -> Result<(), Box<dyn Error>> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let serving = Rc::clone(serving);
        tokio::task::spawn_local(async move {
            let answering = service_fn(|request| answer(Rc::clone(&serving), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await;
        });
    }
}

async fn answer(
    serving: Rc<KnownService>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let reply = |status: u16, text: String| {
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
        Ok(response)
    };
    if request.uri().path() == "/metrics" {
        return reply(200, serving.page());
    }
    if let Some(each) = serving.burnt {
        serving.burn(each);
        return reply(200, "ok\n".to_owned());
    }
    let now = Instant::now().duration_since(serving.began);
    let fate = serving.state.borrow_mut().arrive(now.as_nanos() as u64);
    match fate {
        RequestFate::Refused(status) => reply(status, "no\n".to_owned()),
        RequestFate::Answered(end) => {
            let (rung, wait) = oneshot::channel();
            let at = serving.began + Duration::from_nanos(end);
            let is_sent = serving.due.send((at, rung)).is_ok();
            let is_rung = is_sent && wait.await.is_ok();
            reply(if is_rung { 200 } else { 500 }, "ok\n".to_owned())
        }
    }
}

impl KnownService {
    /// Works until this request, with all that reading it took, has used `each` seconds of CPU.
    fn burn(&self, each: f64) {
        let until = self.used.get() + each;
        while cpu_s() < until {
            std::hint::spin_loop();
        }
        self.used.set(until.max(cpu_s()));
    }

    /// The metrics in Prometheus' text format.
    fn page(&self) -> String {
        let now = Instant::now().duration_since(self.began).as_nanos() as u64;
        let gauges = self.state.borrow_mut().gauges(now);
        let mut page = String::new();
        let cpu = if self.burnt.is_some() { cpu_s() } else { gauges.cpu_s };
        let _ = writeln!(page, "# TYPE process_cpu_seconds_total counter");
        let _ = writeln!(page, "process_cpu_seconds_total {cpu:.6}");
        if self.burnt.is_none() {
            let _ = writeln!(page, "# TYPE in_flight gauge\nin_flight {}", gauges.in_flight);
            let used = gauges.busy.min(self.slots) as f64 / self.slots as f64;
            let _ = writeln!(page, "# TYPE pool_used gauge\npool_used {used:.6}");
        }
        page
    }
}

/// CPU that this process has used, in seconds.
fn cpu_s() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Rings for each answer when it is due; a timer of the runtime has steps of a millisecond.
fn ring(waiting: &Receiver<Due>) {
    let mut all: BTreeMap<(Instant, u64), oneshot::Sender<()>> = BTreeMap::new();
    let mut index = 0;
    loop {
        let now = Instant::now();
        while let Some(first) = all.first_entry().filter(|first| first.key().0 <= now) {
            let _ = first.remove().send(());
        }
        let left = all.first_key_value().map_or(Duration::from_secs(1), |((at, _), _)| *at - now);
        match waiting.recv_timeout(left) {
            Ok((at, rung)) => {
                index += 1;
                all.insert((at, index), rung);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
