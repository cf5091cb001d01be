//! What must hold in every run, whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::SteeringCommand;
use crate::transport::SourcePool;
use plimsoll_metrics::{ArrivalCounts, StopReason};
use plimsoll_plan::{ConnectionUse, Load, OpenLoad, Shard};
use plimsoll_schedule::Schedule;
use plimsoll_units::{Nanos, RunTime, Seed};

use super::case::{Case, CaseKind, QUIET};
use super::ledger::Receipt;
use super::plans::LONGEST_ITERATION;
use super::play::{CaseTally, GREEN, Played, SimulatedRun};

/// All that a case went against, empty where it is as it must be.
pub(super) fn violations(case: &Case, outcome: &SimulatedRun) -> Vec<String> {
    let mut found = outcome.violations.clone();
    for shard in &outcome.shards {
        found.extend(conservation(case, shard));
        found.extend(seconds(shard));
        found.extend(drain(case, shard));
        found.extend(rest(case, shard));
        found.extend(panics(case, shard, outcome));
    }
    found.extend(schedule(case, outcome));
    let owners = owners(case).unwrap_or_else(|why| {
        found.push(why);
        BTreeMap::new()
    });
    found.extend(limits(case, outcome));
    found.extend(outcome.ledger.mixed_up.clone());
    for ((step, iteration), seen) in &outcome.ledger.requests {
        let what = format!("{step} of iteration {iteration}");
        let again = retries(outcome, seen);
        found.extend(again.map(|why| format!("{what}: {why}")));
        let places = seen.iter().filter_map(|seen| place(case, outcome, &owners, *iteration, seen));
        found.extend(places.map(|why| format!("{what}: {why}")));
    }
    if case.kind == CaseKind::Fair {
        found.extend(fair(outcome));
    }
    found
}

/// Every arrival became something, and only one thing.
fn conservation(case: &Case, shard: &Played) -> Option<String> {
    let CaseTally { arrivals: sum, lags } = shard.tally;
    let ended = sum.completed + sum.failed;
    let is_conserved = sum.intended == ended + sum.dropped + sum.unfinished;
    // What was due and is not waited for any more never starts.
    if !is_conserved || sum.started < ended || sum.started > ended + sum.unfinished {
        return Some(format!("arrivals are not conserved: {sum:?}"));
    }
    if lags != sum.started {
        return Some(format!("{lags} lags of {} iterations", sum.started));
    }
    let mut told = ArrivalCounts::default();
    shard.intervals.iter().for_each(|interval| told.add(interval.arrivals));
    (case.is_counted_in_full() && told != sum).then(|| format!("{told:?} is told of {sum:?}"))
}

/// The intervals cover the run without a gap.
fn seconds(shard: &Played) -> Option<String> {
    let mut reached = RunTime::ZERO;
    for interval in &shard.intervals {
        if interval.start != reached || interval.end < reached {
            return Some(format!("{} to {} follows {reached}", interval.start, interval.end));
        }
        reached = interval.end;
    }
    // A worker that breaks down says when after its last interval.
    (reached != shard.end.at && shard.failure.is_none())
        .then(|| format!("{reached} is the last second of a run to {}", shard.end.at))
}

/// A run ends in time: with its last request, or when it is told to.
fn drain(case: &Case, shard: &Played) -> Option<String> {
    let natural = case.load.duration() + case.graceful_stop + case.timeout + Nanos::from_secs(1);
    let mut bound = natural;
    let mut stops = 0;
    for (at, command) in &case.commands {
        match command {
            SteeringCommand::Stop if stops == 0 => bound = bound.min(*at + Nanos::from_secs(5)),
            SteeringCommand::Stop | SteeringCommand::Abort => bound = bound.min(*at),
            _ => {}
        }
        stops += u32::from(matches!(command, SteeringCommand::Stop | SteeringCommand::Abort));
    }
    let latest = RunTime::ZERO + bound + case.slack();
    (shard.end.at > latest).then(|| format!("ended at {}, to be over by {latest}", shard.end.at))
}

/// Behind the load, all users and connections have come to rest.
fn rest(case: &Case, shard: &Played) -> Option<String> {
    let Load::Open(load) = &case.load else { return None };
    let is_quiet = load.stages.last().is_some_and(|stage| stage.duration == QUIET);
    if !is_quiet || !case.commands.is_empty() || shard.failure.is_some() {
        return None;
    }
    let by = RunTime::ZERO + case.load.duration() - QUIET + LONGEST_ITERATION + case.slack();
    let busy =
        shard.intervals.iter().find(|i| i.end > by && (i.vus_busy > 0 || i.in_flight > 0))?;
    Some(format!(
        "{} users are busy and {} requests in flight at {}, when all should be at rest",
        busy.vus_busy, busy.in_flight, busy.end
    ))
}

/// The work of a user panics, and the run says so; else no run breaks off.
fn panics(case: &Case, shard: &Played, outcome: &SimulatedRun) -> Option<String> {
    let planted = case.server.panic_at.is_some_and(|at| at <= outcome.ledger.received);
    match &shard.failure {
        Some(error) if !planted || !error.to_string().contains("planted") => {
            Some(format!("broke off: {error}"))
        }
        Some(_) if shard.end.reason != StopReason::Aborted => {
            Some(format!("a run that broke off ends as {:?}", shard.end.reason))
        }
        _ => None,
    }
}

/// As many arrivals as the schedule has, however many workers and shards share them, and after all changes.
fn schedule(case: &Case, outcome: &SimulatedRun) -> Option<String> {
    let Load::Open(load) = &case.load else { return None };
    let is_broken = outcome.shards.iter().any(|shard| shard.failure.is_some());
    let intended: u64 = outcome.shards.iter().map(|shard| shard.tally.arrivals.intended).sum();
    let stops = |command: &SteeringCommand| {
        matches!(command, SteeringCommand::Stop | SteeringCommand::Abort)
    };
    let stopped = case.commands.iter().find(|(_, command)| stops(command));
    let steered = case
        .commands
        .iter()
        .filter(|(_, command)| !stops(command) && !matches!(command, SteeringCommand::Mark(_)));
    let (least, most) = match (stopped, steered.count() as u64) {
        _ if is_broken => return None,
        (None, 0) => (due(case, load, RunTime::NEVER), due(case, load, RunTime::NEVER)),
        (Some((at, _)), 0) => {
            let at = RunTime::ZERO + *at;
            (due(case, load, at - case.slack()), due(case, load, at + case.slack()))
        }
        // A worker that hears of a change too late has played on.
        (None, _) if case.stalls.is_empty() => {
            let mut schedule = Schedule::new(load, Seed::new(case.seed), Shard::WHOLE);
            for (at, stages) in &outcome.shards.first()?.changes {
                schedule.reshape(*at, stages);
            }
            let count = schedule.count() as u64;
            (count, count)
        }
        _ => return None,
    };
    (!(least..=most).contains(&intended))
        .then(|| format!("{intended} arrivals, where the schedule has {least} to {most}"))
}

fn due(case: &Case, load: &OpenLoad, until: RunTime) -> u64 {
    let all = Schedule::new(load, Seed::new(case.seed), Shard::WHOLE);
    all.take_while(|arrival| arrival.intended <= until).count() as u64
}

/// Never more connections than the machine has, or users.
fn limits(case: &Case, outcome: &SimulatedRun) -> Option<String> {
    if case.connections == u64::MAX {
        return None;
    }
    let each = (case.connections / u64::from(case.workers)).max(1);
    let most = each * u64::from(case.workers * case.shards);
    let open = outcome.world.most_open();
    (open > most).then(|| format!("{open} connections at once, of {most} that there are"))
}

/// A request is sent again at most once, on a new connection, only if it may be, and only where an idle
/// connection was lost without an answer (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
fn retries(outcome: &SimulatedRun, seen: &[Receipt]) -> Option<String> {
    let [first, second, rest @ ..] = seen else { return None };
    if !rest.is_empty() {
        return Some(format!("sent {} times", seen.len()));
    }
    let was_answered = outcome.world.was_answered(first.connection, first.number);
    let rules = [
        (first.is_idempotent, "is not idempotent, and came twice"),
        (first.number > 1, "was sent again after a new connection failed"),
        (!was_answered, "was sent again after an answer had begun"),
        (second.number == 1, "was sent again on another idle connection"),
        (first.connection != second.connection, "was sent twice on one connection"),
        (first.user == second.user, "was sent by two users"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map(|(_, why)| why.to_owned())
}

/// The worker of each arrival: those of all shards and workers together are the whole, and each is one's own. Empty
/// where the load is closed or steered.
fn owners(case: &Case) -> Result<BTreeMap<u64, u64>, String> {
    let mut owners = BTreeMap::new();
    let Load::Open(load) = &case.load else { return Ok(owners) };
    if !case.commands.is_empty() {
        return Ok(owners);
    }
    let all = |shard| Schedule::new(load, Seed::new(case.seed), shard);
    let (shards, workers) = (case.shards, case.workers);
    for (shard, worker) in (0..shards).flat_map(|s| (0..workers).map(move |w| (s, w))) {
        for arrival in all(Shard { index: shard, count: shards }).part(worker, workers) {
            // As users are numbered.
            let owner = u64::from(shard + shards * worker);
            if let Some(other) = owners.insert(arrival.index, owner) {
                return Err(format!("arrival {} is worker {other}'s and {owner}'s", arrival.index));
            }
        }
    }
    let whole = all(Shard::WHOLE).map(|arrival| arrival.index).collect::<BTreeSet<_>>();
    if owners.keys().ne(&whole) {
        return Err(format!("the shards have {} arrivals of {}", owners.len(), whole.len()));
    }
    Ok(owners)
}

/// Who sent a request, from where and where to.
fn place(
    case: &Case,
    outcome: &SimulatedRun,
    owners: &BTreeMap<u64, u64>,
    iteration: u64,
    seen: &Receipt,
) -> Option<String> {
    let http = &outcome.plan.http;
    let each_visitor = http.connections == ConnectionUse::PerIteration;
    let number = if each_visitor { iteration } else { seen.user };
    let source = SourcePool::new(&http.source_ips).of_user(number);
    let is_shared = matches!(http.connections, ConnectionUse::Shared | ConnectionUse::Streams(_));
    if !is_shared && source != seen.from {
        return Some(format!("came from {:?} and not from {source:?}", seen.from));
    }
    let users = u64::from(case.load.max_vus());
    if seen.user >= users {
        return Some(format!("user {} of {users}", seen.user));
    }
    let (shards, workers) = (u64::from(case.shards), u64::from(case.workers));
    let home = seen.user % (shards * workers);
    let owner = match case.load {
        Load::Open(_) => owners.get(&iteration).copied(),
        Load::Closed(_) => Some(iteration % users % (shards * workers)),
    };
    if owner.is_some_and(|owner| owner != home) {
        return Some(format!("worker {home} played what is not its own"));
    }
    let split = outcome.plan.split.as_ref()?;
    let variant = match case.load {
        Load::Open(_) => split.variant(iteration, RunTime::ZERO),
        Load::Closed(_) => split.variant_of_user(seen.user, RunTime::ZERO),
    };
    let is_green = variant.side == plimsoll_metrics::Side::Green;
    (is_green != (seen.to.port() == GREEN)).then(|| format!("went to {}", seen.to))
}

/// Where nothing fails, all three agree: what was asked, answered and counted.
fn fair(outcome: &SimulatedRun) -> Option<String> {
    let steps = outcome.shards.iter().flat_map(|s| &s.intervals).flat_map(|i| i.steps.values());
    let (mut requests, mut exchanges, mut service) = (0, 0, 0);
    for step in steps {
        requests += step.requests;
        exchanges += step.exchanges;
        service += step.service_time.sum_ns();
    }
    let sum = |count: fn(&ArrivalCounts) -> u64| -> u64 {
        outcome.shards.iter().map(|shard| count(&shard.tally.arrivals)).sum()
    };
    let (failed, unfinished) = (sum(|a| a.failed), sum(|a| a.unfinished));
    if failed + unfinished > 0 {
        return Some(format!("{failed} iterations failed and {unfinished} are unfinished"));
    }
    let ledger = &outcome.ledger;
    if requests != ledger.received || exchanges != ledger.received {
        return Some(format!("{requests} requests, {} received", ledger.received));
    }
    // Histograms keep three digits; what is left is the generator's own time.
    let truth = u128::from(ledger.took.get());
    let most = truth + truth / 200 + u128::from(requests) * 100_000;
    let least = truth - truth / 200;
    (!(least..=most).contains(&service))
        .then(|| format!("service times sum up to {service} ns, and took {truth} ns"))
}
