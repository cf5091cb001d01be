//! Limiters whose rate and burst are known, in virtual time.

use rand::RngExt as _;

use super::super::super::simulated::{Queue, SimulatedRequest, header, record};
use super::super::super::{Judgement, Strictness, Verdict, judge};
use super::*;
use plimsoll_metrics::{Outcome, Reading, RunLog};
use plimsoll_units::{RandomStream, Ratio, Seed};

/// nginx's `limit_req` with `nodelay`, in milliseconds (`ngx_http_limit_req_lookup`): the excess of an address
/// drains at the rate, a request adds one, and what would exceed the burst is refused and adds nothing.
struct Limiter {
    rate: f64,
    burst: f64,
    addresses: Vec<(f64, f64)>,
}

impl Limiter {
    fn new(rate: f64, burst: f64, addresses: usize) -> Self {
        Self { rate, burst, addresses: vec![(f64::NEG_INFINITY, 0.0); addresses] }
    }

    fn lets_through(&mut self, address: usize, now: f64) -> bool {
        let (last, excess) = self.addresses[address];
        let excess = if last.is_finite() { excess - self.rate * (now - last) + 1.0 } else { 0.0 };
        if excess > self.burst {
            return false;
        }
        self.addresses[address] = (now, excess.max(0.0));
        true
    }
}

/// A run of 30 s against a limiter in front of a stack that could carry more.
fn run(rate: f64, limiter: Limiter, seed: u64) -> RunLog {
    let mut limiter = limiter;
    let queue = Queue { rate, service_rate: 200.0, servers: 8, seconds: 30 };
    let mut requests = queue.play(seed);
    let mut chance = Seed::new(seed).stream(RandomStream::Bootstrap, 1);
    let addresses = limiter.addresses.len();
    for request in &mut requests {
        let address = chance.random_range(0..addresses);
        if !limiter.lets_through(address, request.intended_s) {
            request.outcome = Outcome::Failed(ErrorClass::Throttled);
            request.done_s = request.intended_s + 0.000_5;
        }
    }
    logged(rate, addresses, &requests)
}

fn logged(rate: f64, addresses: usize, requests: &[SimulatedRequest]) -> RunLog {
    let mut header = header(rate, 30, vec![]);
    if addresses > 1 {
        header
            .conditions
            .push((super::super::super::SOURCE_ADDRESSES.to_owned(), addresses.to_string()));
    }
    record(header, requests)
}

fn told(log: &RunLog) -> (Judgement, String) {
    let judgement = judge(log, Strictness::Normal);
    let finding = judgement
        .validity
        .findings
        .iter()
        .find(|finding| finding.test == ValidityTest::RateLimited);
    let message = finding.expect("a finding").message.clone();
    (judgement, message)
}

/// Goal: prove that rate and burst of a limiter are named right, whatever the load that met it.
#[test]
fn limiter_is_named_with_its_rate_and_burst() {
    for (rate, burst, seed) in [(10.0, 20.0, 1), (10.0, 20.0, 2), (25.0, 5.0, 3), (2.0, 40.0, 4)] {
        for offered in [60.0, 100.0, 400.0] {
            let (judgement, message) = told(&run(offered, Limiter::new(rate, burst, 1), seed));
            let wanted = format!("RATE-LIMITED: {rate:.1} req/s per address, burst ");
            assert!(message.starts_with(&wanted), "{offered}/s: {message}");
            let found = judgement.validity.rate_limit.and_then(|limit| limit.burst);
            let off = found.expect("a burst").abs_diff(burst as u64);
            // One request is all that chance may hide, where arrivals are not far beyond the rate.
            assert!(off <= u64::from(offered < 5.0 * rate), "{offered}/s: {message}");
            assert_eq!(judgement.verdict, Verdict::NotValid);
            assert!(judgement.validity.rate_limited);
        }
    }
}

#[test]
fn limiter_of_each_address_is_named_from_several() {
    let (_, message) = told(&run(400.0, Limiter::new(10.0, 20.0, 8), 5));
    let limit = judge(&run(400.0, Limiter::new(10.0, 20.0, 8), 5), Strictness::Normal);
    let limit = limit.validity.rate_limit.expect("a limit");
    assert_eq!(limit.addresses, 8);
    assert!((limit.rate.get() / 80.0 - 1.0).abs() < 0.01, "{message}");
    assert!(limit.burst.is_some_and(|burst| burst.abs_diff(20) <= 1), "{message}");
    assert!(message.contains("req/s from 8 addresses)"), "{message}");
}

#[test]
fn load_from_many_addresses_meets_no_limit() {
    let (judgement, message) = told(&run(100.0, Limiter::new(10.0, 20.0, 64), 6));
    assert_eq!((judgement.verdict, message.as_str()), (Verdict::Pass, "0 answers were throttled"));
    assert_eq!(judgement.validity.rate_limit, None);
}

#[test]
fn quota_is_told_from_a_rate() {
    let mut requests = Queue { rate: 50.0, service_rate: 200.0, servers: 8, seconds: 30 }.play(7);
    for request in requests.iter_mut().skip(100) {
        request.outcome = Outcome::Failed(ErrorClass::Throttled);
    }
    let (judgement, message) = told(&logged(50.0, 1, &requests));
    let wanted = "RATE-LIMITED: 100 requests per address, and then none to the end of the run; ";
    assert!(message.starts_with(wanted), "{message}");
    assert_eq!(judgement.verdict, Verdict::NotValid);
}

/// Requests that a limiter holds back at 10 a second without a word, before a tier with so much CPU in use.
fn held_back(cpu: f64) -> (Judgement, String) {
    let mut next = 0.0_f64;
    let mut requests = Queue { rate: 15.0, service_rate: 200.0, servers: 8, seconds: 30 }.play(8);
    for request in &mut requests {
        next = next.max(request.intended_s) + 0.1;
        request.done_s = next;
    }
    let mut log = logged(15.0, 1, &requests);
    for interval in &mut log.intervals {
        interval.readings.push(Reading {
            tier: "api".into(),
            metric: "cpu".into(),
            replica: String::new(),
            value: Some(Quantity::Share(Ratio::new(cpu))),
        });
    }
    told(&log)
}

#[test]
fn rate_pinned_while_the_stack_idles_is_a_limit() {
    let (judgement, message) = held_back(0.08);
    let wanted = "RATE-LIMITED: 10.0 req/s per address, whatever was asked, while no tier used more than 8 %";
    assert!(message.starts_with(wanted), "{message}");
    assert!(judgement.validity.rate_limited);
    let (judgement, message) = held_back(0.95);
    assert!(!judgement.validity.rate_limited, "a busy stack is the limit itself: {message}");
}

/// A queue of several servers at its limit, with service times that vary, is not metered.
#[test]
fn overloaded_stack_is_not_told_rate_limited() {
    let queue = Queue { rate: 60.0, service_rate: 10.0, servers: 4, seconds: 30 };
    let mut log = logged(60.0, 1, &queue.play(9));
    for interval in &mut log.intervals {
        interval.readings.push(Reading {
            tier: "api".into(),
            metric: "cpu".into(),
            replica: String::new(),
            value: Some(Quantity::Share(Ratio::new(0.2))),
        });
    }
    let (judgement, message) = told(&log);
    assert!(judgement.validity.overloaded);
    assert!(!judgement.validity.rate_limited, "{message}");
}
