//! Schedule lag with a terminal that takes nothing for ten seconds, beside one that takes everything.
//!
//! Rounds alternate, so that a busy machine disturbs both kinds alike. The figures are of the same ten
//! seconds of each run; while they last, keys are pressed that make the screen draw all of itself.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use plimsoll::metrics::{Distribution, RunLog};
use plimsoll::transport::Clock;
use plimsoll::units::{Nanos, RunTime};

use super::pty::Pty;

const ROUNDS: usize = 6;
const RATE: u32 = 1_000;
/// From when to when the terminal is stalled, in seconds of the run.
const STALL: (u64, u64) = (4, 14);
const DURATION: u64 = 16;

/// One round: the lag within the ten seconds, and how long the screen could not write.
struct Round {
    p50: Nanos,
    p99: Nanos,
    blocked: u32,
}

/// Plays all rounds and prints them.
pub(crate) fn run() -> io::Result<()> {
    let url = server()?;
    let folder = tempfile::tempdir()?;
    println!(
        "schedule lag at {RATE} req/s between {} s and {} s of a run, {ROUNDS} rounds in turns",
        STALL.0, STALL.1
    );
    let mut ratios = Vec::new();
    for number in 1..=ROUNDS {
        // Each kind goes first as often as the other: a machine that gets busier favours neither.
        let stalled_first = number % 2 == 0;
        let first = play(folder.path(), &url, stalled_first)?;
        let second = play(folder.path(), &url, !stalled_first)?;
        let (free, stalled) = if stalled_first { (second, first) } else { (first, second) };
        let ratio = stalled.p99.as_secs_f64() / free.p99.as_secs_f64();
        let us = |time: Nanos| time.as_secs_f64() * 1e6;
        println!(
            "{number}  free p50 {:>4.0} µs p99 {:>5.0} µs   stalled p50 {:>4.0} µs p99 {:>5.0} µs   \
             ratio of p99 {ratio:.2}   blocked {} s of 10",
            us(free.p50),
            us(free.p99),
            us(stalled.p50),
            us(stalled.p99),
            stalled.blocked
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "ratio of p99, stalled to free: median {:.2}, {:.2} to {:.2}",
        f64::midpoint(ratios[ROUNDS / 2 - 1], ratios[ROUNDS / 2]),
        ratios[0],
        ratios[ROUNDS - 1]
    );
    Ok(())
}

fn play(folder: &Path, url: &str, stalls: bool) -> io::Result<Round> {
    let scenario = format!(
        "name: stall\ntarget: {url}\nworkloads: {{ steady: {{ stages: [{{ rate: {RATE} req/s, duration: \
         {DURATION}s }}] }} }}\nscenarios: {{ only: {{ weight: 1, flow: [{{ get: {{ name: page, url: / }} }}] }} \
         }}\nslo: {{ p95: {{ target: 20ms, max: 50ms }} }}\n"
    );
    fs::write(folder.join("scenario.yaml"), scenario)?;
    let reports = tempfile::tempdir_in(folder)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("run").arg(folder).arg("--tui").arg("--out").arg(reports.path());
    command.env("TERM", "xterm-256color");
    let mut pty = Pty::start(&mut command, 200, 50)?;
    pty.read_to("RUNNING")?;
    drain(&mut pty, STALL.0)?;
    let blocked = if stalls {
        stand_still(&mut pty)?
    } else {
        for _ in STALL.0..STALL.1 {
            press(&mut pty)?;
            drain(&mut pty, 1)?;
        }
        0
    };
    pty.read_to("measurement")?;
    pty.press("q")?;
    pty.read_to_end()?;
    let run = fs::read_dir(reports.path().join("stall"))?.flatten().next();
    let run = run.ok_or_else(|| io::Error::other("no run was written"))?.path();
    let log =
        RunLog::read(&fs::read_to_string(run.join("run.jsonl"))?).map_err(io::Error::other)?;
    let lag = lag(&log);
    Ok(Round { p50: lag.quantile(0.50), p99: lag.quantile(0.99), blocked })
}

/// Keys that make all panels change: zoom in, another panel, zoom out.
fn press(pty: &mut Pty) -> io::Result<()> {
    pty.press("z\tz\t")
}

/// Reads what is printed for so many seconds.
fn drain(pty: &mut Pty, seconds: u64) -> io::Result<()> {
    let clock = Clock::starting_in(Nanos::ZERO);
    while clock.now() < RunTime::ZERO + Nanos::from_secs(seconds) {
        pty.read_for(Duration::from_millis(50))?;
    }
    Ok(())
}

/// Reads nothing for ten seconds. Returns in how many of them the screen stood in a write: otherwise it
/// looks for keys twenty times a second, and each look is a switch of context.
fn stand_still(pty: &mut Pty) -> io::Result<u32> {
    let mut blocked = 0;
    let mut before = switches(pty.program.id())?;
    for _ in STALL.0..STALL.1 {
        press(pty)?;
        thread::park_timeout(Duration::from_secs(1));
        let now = switches(pty.program.id())?;
        blocked += u32::from(now - before < 5);
        before = now;
    }
    Ok(blocked)
}

/// How often the thread of the screen has waited for something.
fn switches(process: u32) -> io::Result<u64> {
    for thread in fs::read_dir(format!("/proc/{process}/task"))?.flatten() {
        if fs::read_to_string(thread.path().join("comm"))?.trim() != "screen" {
            continue;
        }
        let status = fs::read_to_string(thread.path().join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        return line.and_then(|count| count.trim().parse().ok()).ok_or_else(missing);
    }
    Err(missing())
}

fn missing() -> io::Error {
    io::Error::other("the program has no thread for its screen")
}

/// The schedule lag within the ten seconds.
fn lag(log: &RunLog) -> Distribution {
    let (from, to) = STALL;
    let within = |at: RunTime| at > RunTime::ZERO + Nanos::from_secs(from);
    let mut lag = Distribution::new();
    for interval in log.intervals.iter().filter(|interval| within(interval.start)) {
        if interval.end <= RunTime::ZERO + Nanos::from_secs(to) {
            lag.merge_sparse(&interval.schedule_lag);
        }
    }
    lag
}

/// Answers every request with an empty page, a thread a connection, for as long as the process lives.
fn server() -> io::Result<String> {
    fn serve(mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut bytes = [0; 4096];
        // The requests are alike and small, and none is sent before the one before is answered.
        while stream.read(&mut bytes)? > 0 {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        }
        Ok(())
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    Ok(url)
}
