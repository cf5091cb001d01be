//! CPU per request, plimsoll and its peers in turns.

use super::nginx::Nginx;
use super::tool::{Cost, find, measured, plimsoll, requests_in};

const ROUNDS: usize = 5;
const SECONDS: u32 = 5;
const CONNECTIONS: u32 = 64;

/// A named way to put load on nginx once.
type Way<'a> = (&'a str, Box<dyn Fn() -> Option<Cost> + 'a>);

fn scenario(target: &str, more: &str, flow: &str) -> String {
    format!(
        "name: bench\ntarget: {target}\nhttp: {{ compression: false{more} }}\nworkloads:\n  main: {{ vus: \
         {CONNECTIONS}, duration: {SECONDS}s }}\nscenarios:\n  main:\n    weight: 1\n    flow:\n{flow}"
    )
}

const ONE_STEP: &str = "      - get: { name: get, url: / }\n";

const JOURNEY: &str = "      \
      - post: { name: login, url: /login, json: { user: a, password: b }, capture: { token: $.token } }
      - get: { name: search, url: \"/search?from=GRU&to=JFK\", bearer: \"{{ token }}\" }
      - post: { name: book, url: /book, json: { flight: 7 }, bearer: \"{{ token }}\" }
";

pub(crate) fn plain(nginx: &Nginx) {
    let url = format!("http://127.0.0.1:{}", nginx.port);
    let text = scenario(&url, "", ONE_STEP);
    print(
        "HTTP/1.1, one step, 64 connections (bar ≤ 1.0 × wrk, aim ≤ 0.95)",
        &[wrk(&url), ours(&text), oha(&url), goose(&url, "")],
    );
}

pub(crate) fn tls(nginx: &Nginx) {
    let url = format!("https://127.0.0.1:{}", nginx.tls_port);
    let text = scenario(&url, ", version: 1.1, tls: { insecure: true }", ONE_STEP);
    print("HTTP/1.1 over TLS (bar ≤ 0.95 × wrk)", &[wrk(&url), ours(&text)]);
}

pub(crate) fn http2(nginx: &Nginx) {
    let url = format!("https://127.0.0.1:{}", nginx.tls_port);
    let text = scenario(&url, ", version: 2, tls: { insecure: true }", ONE_STEP);
    let line = format!("h2load -c {CONNECTIONS} -m 1 -t 1 -D {SECONDS} {url}/");
    let h2load: Way<'_> = ("h2load", Box::new(move || peer("h2load", &line)));
    print("HTTP/2 over TLS, one stream a connection (bar ≤ 0.80 × h2load)", &[h2load, ours(&text)]);
}

pub(crate) fn journey(nginx: &Nginx) {
    let url = format!("http://127.0.0.1:{}", nginx.port);
    let text = scenario(&url, "", JOURNEY);
    // Without goose: measured at 20 µs against wrk's 7.0 in one step, so 0.42 × goose is 1.20 × wrk's one
    // step, and 0.36 × goose is 1.03 × wrk's.
    print(
        "three-step journey with capture, per request, against wrk's one step (bar ≤ 1.20, aim ≤ 1.03; \
         ≤ 0.42 × goose)",
        &[wrk(&url), ours(&text), goose(&url, "JOURNEY=1")],
    );
}

/// Ratios of one way's costs to another's, round by round, smallest first.
fn ratios(of: &[f64], to: &[f64]) -> Vec<f64> {
    let mut ratios: Vec<f64> = of.iter().zip(to).map(|(a, b)| a / b).collect();
    ratios.sort_by(f64::total_cmp);
    ratios
}

fn ours(text: &str) -> Way<'_> {
    ("plimsoll", Box::new(move || Some(plimsoll(text, "").cost())))
}

fn wrk<'a>(url: &str) -> Way<'a> {
    let line = format!("wrk -t1 -c{CONNECTIONS} -d{SECONDS}s {url}/");
    ("wrk", Box::new(move || peer("wrk", &line)))
}

fn oha<'a>(url: &str) -> Way<'a> {
    let line = format!("oha --no-tui -c {CONNECTIONS} -z {SECONDS}s {url}/");
    ("oha", Box::new(move || peer("oha", &line)))
}

fn goose<'a>(url: &str, environment: &str) -> Way<'a> {
    // All users at once, as all others begin.
    let line = format!(
        "env {environment} goose-peer --host {url} --users {CONNECTIONS} --increase-rate 64 --run-time {SECONDS} \
         --no-telnet --no-websocket --no-reset-metrics --no-status-codes -q"
    );
    ("goose", Box::new(move || peer("goose-peer", &line)))
}

fn peer(program: &str, line: &str) -> Option<Cost> {
    let path = find(program)?;
    let (text, cpu_s) = measured(&line.replacen(program, &path.display().to_string(), 1));
    Some(Cost { requests: requests_in(&text)?, cpu_s })
}

/// Runs all ways in turns, and prints each beside the first.
fn print(title: &str, ways: &[Way<'_>]) {
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (index, (_, way)) in ways.iter().enumerate() {
            if let Some(cost) = way() {
                costs[index].push(cost.per_request_us());
            }
        }
    }
    println!(
        "\n{title}\n  {ROUNDS} rounds in turns, {SECONDS} s each; CPU per request, and its ratio to {}",
        ways[0].0
    );
    for ((name, _), own) in ways.iter().zip(&costs) {
        if own.is_empty() {
            println!(
                "  {name:<10} skipped: not installed (`cargo bench --bench peers -- install`)"
            );
            continue;
        }
        let ratios = ratios(own, &costs[0]);
        let mut sorted = own.clone();
        sorted.sort_by(f64::total_cmp);
        let last = ratios.len() - 1;
        println!(
            "  {name:<10} {:>6.2} µs   ratio {:.2} (from {:.2} to {:.2})",
            sorted[last / 2],
            ratios[last / 2],
            ratios[0],
            ratios[last]
        );
    }
    let of = |wanted: &str| ways.iter().position(|(name, _)| *name == wanted).map(|at| &costs[at]);
    if let (Some(ours), Some(goose)) = (of("plimsoll"), of("goose"))
        && !goose.is_empty()
    {
        let ratios = ratios(ours, goose);
        let last = ratios.len() - 1;
        println!(
            "  plimsoll beside goose: ratio {:.2} (from {:.2} to {:.2})",
            ratios[last / 2],
            ratios[0],
            ratios[last]
        );
    }
}
