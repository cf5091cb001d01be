//! The hot path makes no allocation: every allocation of the process is counted while a run lasts.
//!
//! The target lives in the same process and allocates nothing itself. It reads the counter each time
//! another [`WINDOW`] of requests has come. Closing a second allocates, and a histogram grows when a new
//! maximum comes, so some windows are not clean; one allocation in every request would spoil them all.

#![expect(clippy::print_stdout, reason = "a measurement shows its figures")]

mod target;
mod tls;

use std::alloc::System;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use plimsoll::engine::{Run, RunOptions};
use plimsoll::metrics::StopReason;
use plimsoll::plan::{Overrides, Plan, compile};
use plimsoll::scenario::load;
use plimsoll::transport::{HostPermit, TlsSetup};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use target::{Ledger, Target};
use tls::TlsTarget;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Requests between two looks at the counter.
const WINDOW: usize = 500;
/// Windows that are looked at: 20,000 requests.
const WINDOWS: usize = 40;
/// Windows before them, in which connections open and buffers grow.
const WARM_UP: usize = 10;

/// The counter speaks for the whole process: one run at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// All allocations so far.
fn allocations() -> usize {
    let stats = COUNTED.stats();
    stats.allocations + stats.reallocations
}

fn plan(target: &str, http: &str, flow: &str) -> Plan {
    let text = format!(
        "name: x\ntarget: {target}\nhttp: {{ {http} }}\nworkloads: {{ a: {{ vus: 8, duration: 2m }} }}\n\
         scenarios: {{ s: {{ flow: [ {flow} ] }} }}\n"
    );
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(text.clone().into_bytes()), &|_| None);
    compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31)).expect("valid")
}

/// Allocations in each window of a run of `flow`, fewest first, and how many seconds were closed.
fn counted(http: &str, flow: &str) -> (Vec<usize>, usize) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let target = Target::start();
    let plan = plan(&format!("http://{}", target.address), http, flow);
    played(plan, &target.ledger, flow)
}

/// Allocations in each window while `plan` is played against a server that keeps `ledger`.
fn played(plan: Plan, ledger: &Ledger, what: &str) -> (Vec<usize>, usize) {
    let plan = Arc::new(plan);
    let tls = TlsSetup::new(&plan.http.tls, plan.http.version).expect("plain settings");
    let options =
        RunOptions { workers: 1, tls, permit: HostPermit::default(), connections: u64::MAX };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (requests, seconds) = runtime.expect("a runtime").block_on(async {
        let mut run = Run::start(&plan, &options).expect("the run starts");
        let control = run.control();
        let (mut requests, mut seconds) = (0, 0);
        while let Some(events) = run.next().await.expect("the run goes on") {
            for event in events {
                if let plimsoll::engine::RunEvent::Interval(interval) = event {
                    requests += interval.requests();
                    seconds += 1;
                }
            }
            if ledger.is_full() {
                control.stop(StopReason::Interrupted);
            }
        }
        (requests, seconds)
    });
    assert!(ledger.is_full(), "only {requests} requests in the whole run");
    let mut windows = ledger.windows();
    windows.sort_unstable();
    println!("{what}: {windows:?} in {seconds} s");
    (windows, seconds)
}

/// A closed second and a grown histogram excuse a window each; a request excuses none.
fn assert_clean((windows, seconds): &(Vec<usize>, usize)) {
    let clean = windows.iter().filter(|count| **count == 0).count();
    let excused = seconds + 4;
    assert!(clean + excused >= WINDOWS && clean >= 10, "{clean} of {WINDOWS} windows: {windows:?}");
}

#[test]
fn constant_step_allocates_nothing() {
    assert_clean(&counted("", "{ get: { name: get, url: / } }"));
}

#[test]
fn constant_step_with_a_body_and_headers_allocates_nothing() {
    let step = "{ post: { name: book, url: /book, json: { flight: 7 }, check: { status: 200, time: < 9s } } }";
    assert_clean(&counted("headers: { accept: application/json }", step));
}

/// Over HTTP/2 too: frames are written from the connection's buffer and read where they come.
#[test]
fn constant_step_over_http2_allocates_nothing() {
    assert_clean(&counted("version: 2", "{ get: { name: get, url: / } }"));
}

/// A short captured value is kept in place, and the request that carries it is rendered into lent memory.
#[test]
fn journey_with_a_short_captured_value_allocates_nothing() {
    let journey = "{ post: { name: login, url: /login, json: { user: a }, capture: { token: $.token } } }, \
                   { get: { name: search, url: '/s?q=1', bearer: '{{ token }}' } }";
    assert_clean(&counted("", journey));
}

/// Goal: prove that over TLS nothing is allocated but by rustls itself.
/// Method: the same request over one connection of the barest client of tokio-rustls, against the same server in
/// the same process; both sides' allocations count in both.
#[test]
fn constant_step_over_tls_allocates_no_more_than_rustls_does() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let bare = TlsTarget::start();
    bare.ask(b"GET / HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip, deflate, br\r\n\r\n");
    let mut baseline = bare.ledger.windows();
    baseline.sort_unstable();
    let target = TlsTarget::start();
    let url = format!("https://{}", target.address);
    let http = "version: 1.1, tls: { insecure: true }";
    let plan = plan(&url, http, "{ get: { name: get, url: / } }");
    let (windows, _) = played(plan, &target.ledger, "over TLS");
    let middle = WINDOWS / 2;
    let each = |windows: &[usize]| windows[middle] as f64 / WINDOW as f64;
    println!(
        "allocations a request, client and server together: {:.2} bare tokio-rustls, {:.2} plimsoll",
        each(&baseline),
        each(&windows)
    );
    // A single allocation in each tenth request would show.
    assert!(windows[middle] <= baseline[middle] + WINDOW / 10, "{windows:?}\n{baseline:?}");
}

/// The proof can fail: a step that renders an expression does allocate, and every window shows it.
#[test]
fn rendered_step_is_caught_allocating() {
    let (windows, _) = counted("", "{ get: { name: get, url: '/{{ uuid() }}' } }");
    assert!(windows[0] >= WINDOW, "{windows:?}");
}
