//! What it costs to find arrivals, and how that grows with those of others.
//!
//! The bar is 3 % of a core for one of 1,000 shards that play 20 million arrivals a second together. Run by
//! `cargo bench --bench schedule`; times are printed, never asserted.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::Instant;

use plimsoll::plan::{ArrivalLaw, OpenLoad, Shard, Stage};
use plimsoll::schedule::Schedule;
use plimsoll::units::{Nanos, Rate, RunTime, Seed};

/// Arrivals that one line takes the time of.
const ARRIVALS: f64 = 400_000.0;

fn main() {
    println!("{:<52} {:>9} {:>11} {:>10}", "", "arrivals", "ns each", "of a core");
    for (law, name) in [(ArrivalLaw::Poisson, "poisson"), (ArrivalLaw::Constant, "constant")] {
        for (rate, shards) in [
            (20.0, 1),
            (2_000.0, 1),
            (20_000.0, 1),
            (20_000.0, 4),
            (2e6, 100),
            (2e7, 1_000),
            (2e8, 10_000),
        ] {
            let shard = Shard { index: shards / 2, count: shards };
            let seconds = (ARRIVALS / (rate / f64::from(shards))).max(1.0);
            let load = held(law.clone(), rate, seconds);
            let schedule = Schedule::new(&load, Seed::new(1), shard);
            tell(&format!("{name}, {rate}/s, shard 1 of {shards}"), schedule, seconds);
        }
        let mut ramp = held(law, 0.0, 40.0);
        ramp.stages[0].to = Rate::per_second(20_000.0);
        tell(
            &format!("{name}, ramp to 20000/s"),
            Schedule::new(&ramp, Seed::new(1), Shard::WHOLE),
            40.0,
        );
    }
    let load = held(ArrivalLaw::Poisson, 2e7, 3_600.0);
    let schedule = Schedule::new(&load, Seed::new(1), Shard::WHOLE);
    let (begun, at) = (Instant::now(), RunTime::ZERO + Nanos::from_secs(1_234));
    let count = schedule.count_before(at);
    println!("{count} of 72 billion arrivals before 1,234 s counted in {:?}", begun.elapsed());
}

fn held(arrivals: ArrivalLaw, rate: f64, seconds: f64) -> OpenLoad {
    let rate = Rate::per_second(rate);
    let duration = Nanos::from_secs_f64(seconds);
    let stages = vec![Stage { from: rate, to: rate, duration, judged: true }];
    OpenLoad { arrivals, stages, max_vus: 1, mix: None }
}

/// Walks `schedule` and tells what that came to, also as a share of the `seconds` that it lasts.
fn tell(name: &str, schedule: Schedule, seconds: f64) {
    let begun = Instant::now();
    let mut count = 0_u64;
    let mut last = RunTime::ZERO;
    for arrival in schedule {
        count += 1;
        last = arrival.intended;
    }
    let taken = begun.elapsed().as_secs_f64();
    std::hint::black_box(last);
    let each = taken * 1e9 / count.max(1) as f64;
    println!("{name:<52} {count:>9} {each:>11.1} {:>8.3} %", taken / seconds * 100.0);
}
