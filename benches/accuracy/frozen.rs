//! A server that stands still for a second in every ten, and knows when it answered what.
//!
//! Arithmetic has it answer all that has queued at once; a real one needs a moment for each. So it writes
//! down when each answer went out, and with constant arrivals the truth follows from its own clock.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::Instant;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// It stands still from here, counted from the first request, in every [`PERIOD`].
const FREEZE: Duration = Duration::from_secs(5);
const THAW: Duration = Duration::from_secs(6);
const PERIOD: Duration = Duration::from_secs(10);

/// When a request came and when its answer went out, from the first request.
type Times = (Duration, Duration);

/// A running server.
pub(crate) struct Frozen {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Vec<Times>>,
}

/// What its connections share.
#[derive(Default)]
struct Desk {
    first: Cell<Option<Instant>>,
    /// Who waits for the thaw, in order.
    queue: RefCell<Vec<(Duration, Rc<OwnedWriteHalf>)>>,
    times: RefCell<Vec<Times>>,
}

impl Frozen {
    pub(crate) fn start() -> Self {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            LocalSet::new().block_on(&runtime.expect("a runtime"), async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("somebody waits");
                serve(listener, stopped).await
            })
        });
        Self { address: told.recv().expect("it listens"), stop, thread }
    }

    /// Ends it. Returns how long each request took by its clock, if request `i` was meant to come `i / rate`
    /// seconds after the first.
    pub(crate) fn response_times(self, rate: f64) -> Vec<f64> {
        let _ = self.stop.send(());
        let mut times = self.thread.join().expect("it ends");
        times.sort_unstable();
        let meant = |at: usize| at as f64 / rate;
        let came = times.iter().enumerate().map(|(at, (came, _))| came.as_secs_f64() - meant(at));
        // The one that was least late tells when the first was meant to come.
        let start = came.fold(f64::INFINITY, f64::min);
        let took = times.iter().enumerate();
        took.map(|(at, (_, left))| left.as_secs_f64() - meant(at) - start).collect()
    }
}

async fn serve(listener: TcpListener, stopped: oneshot::Receiver<()>) -> Vec<Times> {
    let desk = Rc::new(Desk::default());
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.set_nodelay(true);
            let (read, write) = stream.into_split();
            tokio::task::spawn_local(talk(desk.clone(), read, Rc::new(write)));
        }
    };
    tokio::select! {
        () = accept => {}
        _ = stopped => {}
    }
    desk.times.take()
}

async fn talk(desk: Rc<Desk>, mut read: OwnedReadHalf, write: Rc<OwnedWriteHalf>) {
    let mut room = [0; 1024];
    while read.read(&mut room).await.is_ok_and(|read| read > 0) {
        let now = Instant::now();
        let first = desk.first.get().unwrap_or(now);
        desk.first.set(Some(first));
        let came = now - first;
        let within = Duration::from_nanos((came.as_nanos() % PERIOD.as_nanos()) as u64);
        if !(FREEZE..THAW).contains(&within) {
            desk.answer(came, &write);
            continue;
        }
        desk.queue.borrow_mut().push((came, write.clone()));
        if desk.queue.borrow().len() == 1 {
            tokio::task::spawn_local(thaw(desk.clone(), now + THAW.saturating_sub(within)));
        }
    }
}

/// Answers all who wait, first come first served.
async fn thaw(desk: Rc<Desk>, at: Instant) {
    tokio::time::sleep_until(at).await;
    for (came, write) in desk.queue.take() {
        desk.answer(came, &write);
    }
}

impl Desk {
    fn answer(&self, came: Duration, write: &OwnedWriteHalf) {
        // Forty bytes fit into an empty socket's buffer.
        let written = write.try_write(ANSWER).expect("the client takes the answer");
        assert_eq!(written, ANSWER.len());
        let left = self.first.get().map_or(came, |first| first.elapsed());
        self.times.borrow_mut().push((came, left));
    }
}
