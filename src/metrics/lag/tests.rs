//! Bounds of response times, held against what a punctual generator would have seen.

use rand::RngExt as _;
use rand_distr::{Distribution as _, Exp};

use super::*;
use crate::StepId;
use plimsoll_units::{RandomStream, Seed};

fn at(us: u64) -> RunTime {
    RunTime::ZERO + Nanos::from_micros(us)
}

fn sample(intended: RunTime, sent: RunTime, done: RunTime) -> Sample {
    Sample::of_time(StepId(0), (intended, sent), done, Outcome::Ok)
}

/// What happens at one moment, in the order in which the engine tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// The generator comes to itself after so long.
    Wakes(Nanos),
    /// It reads the response of a request.
    Ends(usize),
    /// It sends a request.
    Starts(usize),
}

/// A generator that is held up now and then, in front of a stack that serves in order of arrival.
struct Bench {
    rate: f64,
    servers: usize,
    service_s: f64,
    /// Share of the time that is stolen, in pieces of so many milliseconds.
    stolen: (f64, u64),
}

/// What one request was intended to be, was, and would have been.
#[derive(Debug, Clone, Copy)]
struct Seen {
    intended: RunTime,
    sent: RunTime,
    read: RunTime,
    /// Its response time, had the generator been punctual.
    truth: Nanos,
}

impl Bench {
    fn stalls(&self, seconds: f64, rng: &mut impl rand::Rng) -> Vec<(RunTime, Nanos)> {
        let length = Nanos::from_millis(self.stolen.1);
        let mean = length.as_secs_f64() * (1.0 - self.stolen.0) / self.stolen.0;
        let gap = Exp::new(1.0 / mean).expect("positive");
        let mut stalls = Vec::new();
        let mut now = gap.sample(rng);
        while now < seconds {
            stalls.push((RunTime::ZERO + Nanos::from_secs_f64(now), length));
            now += length.as_secs_f64() + gap.sample(rng);
        }
        stalls
    }

    /// Departures of arrivals at `starts`, each with its own work.
    fn serve(&self, starts: &[RunTime], work: &[Nanos]) -> Vec<RunTime> {
        let mut free = vec![RunTime::ZERO; self.servers];
        let served = starts.iter().zip(work).map(|(&start, &work)| {
            let server = free.iter_mut().min().expect("a server");
            *server = start.max(*server) + work;
            *server
        });
        served.collect()
    }

    /// Plays `seconds` and returns what was seen, with the stalls.
    fn play(&self, seconds: f64, seed: u64) -> (Vec<Seen>, Vec<(RunTime, Nanos)>) {
        let mut rng = Seed::new(seed).stream(RandomStream::Simulator, 0);
        let stalls = self.stalls(seconds, &mut rng);
        let awake = |time: RunTime| {
            let before = stalls.partition_point(|&(from, _)| from <= time);
            let last = before.checked_sub(1).map(|at| stalls[at].0 + stalls[at].1);
            last.map_or(time, |end| end.max(time))
        };
        let (gap, service) = (Exp::new(self.rate), Exp::new(1.0 / self.service_s));
        let (gap, service) = (gap.expect("positive"), service.expect("positive"));
        let (mut intended, mut now) = (Vec::new(), gap.sample(&mut rng));
        while now < seconds {
            intended.push(RunTime::ZERO + Nanos::from_secs_f64(now));
            now += gap.sample(&mut rng);
        }
        let work: Vec<Nanos> = intended
            .iter()
            .map(|_| Nanos::from_secs_f64(service.sample(&mut rng) + rng.random::<f64>() * 1e-4))
            .collect();
        let sent: Vec<RunTime> = intended.iter().map(|&start| awake(start)).collect();
        let (truth, real) = (self.serve(&intended, &work), self.serve(&sent, &work));
        let seen = (0..intended.len()).map(|i| Seen {
            intended: intended[i],
            sent: sent[i],
            read: awake(real[i]),
            truth: truth[i].since(intended[i]),
        });
        (seen.collect(), stalls)
    }
}

/// Response times with their lower bounds and the truth, as the episodes tell them.
fn bounds(seen: &[Seen], stalls: &[(RunTime, Nanos)]) -> Vec<[Nanos; 3]> {
    let mut events: Vec<(RunTime, Happens)> = Vec::new();
    events.extend(stalls.iter().map(|&(from, length)| (from + length, Happens::Wakes(length))));
    for (index, one) in seen.iter().enumerate() {
        events.push((one.sent, Happens::Starts(index)));
        events.push((one.read, Happens::Ends(index)));
    }
    events.sort_unstable();
    let (mut episodes, mut in_flight) = (LagEpisodes::new(), 0);
    let mut found = vec![[Nanos::ZERO; 3]; seen.len()];
    for (now, what) in events {
        match what {
            Happens::Wakes(length) => episodes.held_up(now, length),
            Happens::Starts(index) => {
                episodes.started(seen[index].intended, now, in_flight);
                in_flight += 1;
            }
            Happens::Ends(index) => {
                let Seen { intended, sent, read, truth } = seen[index];
                in_flight -= 1;
                let request = sample(intended, sent, read);
                let lag = episodes.within(&request);
                episodes.ended(&request, in_flight);
                let upper = request.response_time();
                found[index] = [upper.saturating_sub(lag), truth, upper];
            }
        }
    }
    found
}

/// Goal: prove that the truth lies within the bounds, whatever is stolen of the generator's time.
/// Method: stacks that serve in order, at up to 90 % of their capacity, each played twice with the same work: by a
/// generator that is held up, and by a punctual one.
#[test]
fn truth_lies_between_the_bounds_on_a_stack_that_serves_in_order() {
    for (rate, servers, service_s) in
        [(400.0, 1, 0.002), (180.0, 1, 0.005), (1_000.0, 8, 0.006), (800.0, 200, 0.05)]
    {
        for stolen in [(0.05, 1), (0.05, 50), (0.2, 5), (0.2, 50)] {
            let (seen, stalls) = Bench { rate, servers, service_s, stolen }.play(20.0, 7);
            let found = bounds(&seen, &stalls);
            assert!(found.iter().all(|[_, truth, upper]| truth <= upper));
            let sorted = |column: usize| {
                let mut values: Vec<Nanos> = found.iter().map(|one| one[column]).collect();
                values.sort_unstable();
                values
            };
            let (lower, truth) = (sorted(0), sorted(1));
            for p in [0.5, 0.9, 0.95, 0.99, 0.999] {
                let at = (p * truth.len() as f64) as usize;
                let (lower, truth) = (lower[at], truth[at]);
                let what = format!("p{p} at {rate}/s, {servers} servers, {stolen:?}");
                assert!(lower <= truth + LAG_MIN, "{lower} > {truth}, {what}");
            }
        }
    }
}

/// A request with its times in microseconds.
fn request(intended: u64, sent: u64, done: u64) -> Sample {
    sample(at(intended), at(sent), at(done))
}

#[test]
fn punctual_generator_leaves_no_doubt() {
    let mut episodes = LagEpisodes::new();
    let one = request(10, 60, 5_000);
    episodes.started(one.intended, one.sent, 0);
    episodes.held_up(at(70), Nanos::from_micros(40));
    episodes.ended(&one, 0);
    let lag = episodes.within(&one);
    assert_eq!(lag, Nanos::from_micros(50));
    assert!(!counts(lag, one.response_time()));
}

#[test]
fn doubt_ends_once_what_was_late_is_worked_off() {
    let mut episodes = LagEpisodes::new();
    // 30 ms late; the request behind it is punctual but in the queue behind it.
    let (late, behind) = (request(0, 30_000, 40_000), request(31_000, 31_000, 50_000));
    episodes.started(late.intended, late.sent, 0);
    episodes.started(behind.intended, behind.sent, 1);
    episodes.ended(&late, 1);
    episodes.ended(&behind, 0);
    assert_eq!(episodes.within(&behind), Nanos::from_millis(30));
    assert_eq!(episodes.within(&request(60_000, 60_000, 70_000)), Nanos::ZERO);
}

#[test]
fn doubt_ends_in_time_under_a_load_that_rose_meanwhile() {
    let mut episodes = LagEpisodes::new();
    episodes.started(at(0), at(10_000), 0);
    episodes.ended(&request(0, 10_000, 20_000), 5);
    episodes.ended(&request(30_000, 30_000, 209_000), 5);
    let next = request(209_000, 209_000, 209_500);
    assert_eq!(episodes.within(&next), Nanos::from_millis(10));
    episodes.ended(&request(30_000, 30_000, 210_000), 5);
    assert_eq!(episodes.within(&request(210_001, 210_001, 220_000)), Nanos::ZERO);
}

#[test]
fn response_that_lay_unread_is_in_doubt_by_that_too() {
    let mut episodes = LagEpisodes::new();
    episodes.held_up(at(50_000), Nanos::from_millis(40));
    // Read at once, later, and sent while the generator was held up (by another worker's clock, say).
    for (one, lag_ms) in [
        (request(0, 0, 50_000), 40),
        (request(0, 0, 60_000), 50),
        (request(0, 0, 95_000), 0),
        (request(30_000, 30_000, 50_000), 20),
        (request(0, 8_000, 50_000), 48),
    ] {
        assert_eq!(episodes.within(&one), Nanos::from_millis(lag_ms), "{one:?}");
    }
}

#[test]
fn long_time_remembers_episodes_that_are_over() {
    let mut episodes = LagEpisodes::new();
    for ms in [10, 30, 20] {
        let start = ms * 100_000;
        episodes.started(at(start), at(start + ms * 1_000), 0);
        episodes.ended(&request(start, start + ms * 1_000, start + 50_000), 0);
    }
    let whole = request(0, 0, 5_000_000);
    assert_eq!(episodes.within(&whole), Nanos::from_millis(30));
    assert_eq!(episodes.within_all(&whole), Nanos::from_millis(60));
    for extra in 0..2 * KEPT as u64 {
        let start = 10_000_000 + extra * 100_000;
        episodes.started(at(start), at(start + 1_000), 0);
        episodes.ended(&request(start, start + 1_000, start + 2_000), 0);
    }
    assert_eq!(episodes.past.len(), KEPT);
    assert_eq!(episodes.within(&whole), Nanos::from_millis(30), "doubts too much");
}
