//! Sockets: accepts connections, speaks HTTP/1.1 and HTTP/2, and stops in good order.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::access_log::AccessLog;
use super::handler::handle;
use super::play::Serving;
use super::simulation::Simulation;
use plimsoll_units::{Nanos, Seed};

/// How long requests under way may take after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// How often tokio looks for timers and sockets between tasks. Its own 61 would let a timer wait for half a
/// millisecond of other work.
const EVENT_INTERVAL: u32 = 7;

/// What a serving may have besides a simulation.
#[derive(Debug, Default)]
pub struct ServeOptions {
    /// Serves HTTPS; plain HTTP on the same port is answered 301 to HTTPS.
    pub tls: Option<Arc<ServerConfig>>,
    /// Gets a line for each request.
    pub access_log: Option<AccessLog>,
    /// Now, in seconds since 1970: dates in answers and tokens count from it.
    pub epoch: u64,
}

/// What a serving has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Requests that arrived, those for metrics not counted.
    pub requests: u64,
    /// How late answers were against the model: the median.
    pub lateness_p50: Nanos,
    /// The 99th percentile.
    pub lateness_p99: Nanos,
    /// The maximum.
    pub lateness_max: Nanos,
}

/// A runtime that suits [`serve`].
///
/// # Errors
/// If the system gives no event queue.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().event_interval(EVENT_INTERVAL).build()
}

/// Plays `simulation` on `listener` until `stop`; everything random follows from `seed`.
///
/// Runs on the calling thread alone, best in a [`runtime`] of its own.
///
/// # Errors
/// If the listener or the timer fails.
pub async fn serve(
    simulation: Simulation,
    listener: std::net::TcpListener,
    seed: Seed,
    options: ServeOptions,
    stop: CancellationToken,
) -> io::Result<Served> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let start = (options.epoch, options.access_log);
    let play = Rc::new(Serving::new(simulation, seed, start, stop.clone())?);
    let tls = options.tls.map(TlsAcceptor::from);
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            tokio::select! {
                ended = play.keep_time() => ended?,
                ended = accept(&play, &listener, tls.as_ref()) => ended?,
                () = stop.cancelled() => {}
            }
            drop(listener);
            play.tasks.close();
            // Time must go on for those who wait; whoever needs longer than the grace is cut off.
            tokio::select! {
                ended = play.keep_time() => ended,
                () = play.tasks.wait() => Ok(()),
                () = tokio::time::sleep(GRACE) => Ok(()),
            }
        })
        .await?;
    let mut desk = play.desk.borrow_mut();
    if let Some(log) = &mut desk.log {
        log.flush()?;
    }
    let requests = desk.arrivals;
    let late = |q| play.observe(|_, lateness| Nanos::new(lateness.value_at_quantile(q)));
    Ok(Served {
        requests,
        lateness_p50: late(0.5),
        lateness_p99: late(0.99),
        lateness_max: late(1.0),
    })
}

async fn accept(
    play: &Rc<Serving>,
    listener: &TcpListener,
    tls: Option<&TlsAcceptor>,
) -> io::Result<()> {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let connection = converse(play.clone(), stream, peer.ip(), tls.cloned());
                play.tasks.spawn_local(connection);
            }
            // The client has gone again, or descriptors are short for a moment: others may do better.
            Err(error) if is_transient(&error) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_transient(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
        || matches!(code, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// One connection, from its handshake to its end. What goes wrong on it is the client's to see.
async fn converse(play: Rc<Serving>, stream: TcpStream, peer: IpAddr, tls: Option<TlsAcceptor>) {
    play.desk.borrow_mut().connections += 1;
    let _ = stream.set_nodelay(true);
    match tls {
        None => talk(&play, TokioIo::new(stream), peer).await,
        Some(tls) => {
            let mut first = [0];
            if matches!(stream.peek(&mut first).await, Ok(1)) && first[0] != TLS_HANDSHAKE {
                redirect(&play, TokioIo::new(stream)).await;
            } else if let Ok(stream) = tls.accept(stream).await {
                talk(&play, TokioIo::new(stream), peer).await;
            }
        }
    }
    play.desk.borrow_mut().connections -= 1;
}

async fn talk<S>(play: &Rc<Serving>, stream: S, peer: IpAddr)
where
    S: Read + Write + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let play = play.clone();
        async move { Ok::<_, Infallible>(handle(play, peer, request).await) }
    });
    let builder = auto::Builder::new(LocalExecutor(play.clone()));
    let mut connection = pin!(builder.serve_connection_with_upgrades(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = play.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // A client that hangs up in the middle is no failure of the simulator.
    drop(ended);
}

/// Plain HTTP where HTTPS is spoken: 301.
async fn redirect<S>(play: &Rc<Serving>, stream: S)
where
    S: Read + Write + Unpin + Send + 'static,
{
    let service =
        service_fn(|request| async move { Ok::<_, Infallible>(super::answer::to_https(&request)) });
    let builder = auto::Builder::new(LocalExecutor(play.clone()));
    let mut connection = pin!(builder.serve_connection(stream, service));
    tokio::select! {
        _ = connection.as_mut() => {}
        () = play.stop.cancelled() => {}
    }
}

/// Runs the tasks of HTTP/2 on this thread.
#[derive(Clone)]
struct LocalExecutor(Rc<Serving>);

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, task: F) {
        self.0.tasks.spawn_local(task);
    }
}
