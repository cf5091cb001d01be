//! Facts in pairs (what, how much): load, generator and conditions, shared by every format.

use super::model::{Report, RunCompletion};
use super::{format, wording};
use plimsoll_metrics::{BrowserUse, LifecycleNote, StepId};
use plimsoll_units::Rate;

/// Less than this share of the requests asked for is worth a word.
const SENT_MIN: f64 = 0.99;

/// Longest value.
const FACT_LIMIT: usize = 160;

/// The load that was offered and carried.
pub(super) fn load(report: &Report) -> Vec<(&'static str, String)> {
    let (shown, whole) = (&report.shown, &report.whole);
    let mut facts =
        vec![("model", wording::model(report)), ("judged part", wording::judged_part(report))];
    if let Some(intended) = report.intended_rate(shown) {
        facts.push(("intended rate", format!("{} req/s", format::rate(intended))));
    }
    facts.push(("achieved rate", achieved(report)));
    facts.extend(successes(report).map(|rate| ("successes", rate)));
    facts.push(("requests", requests(report)));
    facts.push(("iterations", iterations(report)));
    facts.push(("received", format::size(whole.run.counts.bytes_received)));
    facts.push(("sent", format::size(whole.run.counts.bytes_sent)));
    facts.push((
        "peak users",
        format!("{} of {}", format::count(whole.vus), format::count(report.header.max_vus.into())),
    ));
    facts.push(("peak in flight", format!("{} requests", format::count(whole.in_flight))));
    facts.push(("peak connections", format::count(whole.connections)));
    facts.extend(reached(report).map(|text| ("reached", text)));
    facts.extend(reconnects(report).map(|text| ("reconnects", text)));
    facts.extend(retries(report).map(|text| ("retries", text)));
    facts.extend(lifecycle(report));
    facts
}

/// Successes per second of the shown part; nothing where none failed.
pub(super) fn successes(report: &Report) -> Option<String> {
    let counts = &report.shown.run.counts;
    let failed = counts.failed_requests();
    let succeeded = counts.requests.saturating_sub(failed);
    (failed > 0).then(|| format!("{} req/s", format::rate(report.shown.rate_of(succeeded))))
}

/// The rate that was sent, and how much of it behind the end of the load.
pub(super) fn achieved(report: &Report) -> String {
    let rate = format!("{} req/s", format::rate(report.shown.rate()));
    match report.shown.sent {
        Some(sent) if sent.after_end > 0 => format!(
            "{rate} ({} of {} requests after the load's end, by iterations that began before it)",
            format::count(sent.after_end),
            format::count(sent.count)
        ),
        _ => rate,
    }
}

/// The addresses that connections went to, and what was spoken there; nothing where the log does not tell.
fn reached(report: &Report) -> Option<String> {
    const SHOWN: usize = 8;
    let opened = &report.whole.opened;
    let peer = |(peer, count): (&String, &u64)| match peer.split_once(' ') {
        Some((address, protocol)) => {
            format!("{address} by {} ({protocol})", format::counted(*count, "connection"))
        }
        None => format!("{} × {peer}", format::count(*count)),
    };
    let mut parts: Vec<String> = opened.iter().take(SHOWN).map(peer).collect();
    if opened.len() > SHOWN {
        parts.push(format!("{} more addresses", opened.len() - SHOWN));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Requests whose idle connection the server had closed; nothing where there were none.
fn reconnects(report: &Report) -> Option<String> {
    let count = report.whole.run.counts.reconnects;
    let words = "idle connections closed by the server";
    (count > 0).then(|| format!("{}: {words} between requests, opened again", format::count(count)))
}

/// Requests that were sent again, with the steps that had most; nothing where there were none.
fn retries(report: &Report) -> Option<String> {
    const SHOWN: usize = 3;
    let count = report.whole.run.counts.retries;
    let retried = report.whole.steps.iter().filter(|(_, totals)| totals.counts.retries > 0);
    let mut steps: Vec<(u64, StepId)> =
        retried.map(|(&id, totals)| (totals.counts.retries, id)).collect();
    steps.sort_by_key(|&(count, id)| (std::cmp::Reverse(count), id));
    let mut named: Vec<String> = steps
        .iter()
        .take(SHOWN)
        .map(|&(count, id)| format!("{} of {}", format::count(count), report.step_name(id)))
        .collect();
    if steps.len() > SHOWN {
        named.push(format!("{} more steps", steps.len() - SHOWN));
    }
    (count > 0).then(|| {
        let count = format::counted(count, "request");
        format!("{count} sent again after a failure: {}", named.join(", "))
    })
}

/// What was done once for the run, which no other figure holds.
pub(super) fn lifecycle(report: &Report) -> Vec<(&'static str, String)> {
    let told = |note: &LifecycleNote| {
        let (requests, failed) = (note.requests(), note.failed());
        let mut text = format!(
            "{} in {}, in no other figure",
            format::counted(requests, "request"),
            format::time(note.took)
        );
        if failed > 0 {
            text = format!("{text}; {} failed", format::count(failed));
        }
        if let Some(why) = &note.failure {
            text = format!("{text}; not played to its end: {}", format::line(why, FACT_LIMIT));
        }
        match note.shard {
            Some(shard) => (note.part.word(), format!("shard {shard}: {text}")),
            None => (note.part.word(), text),
        }
    };
    report.lifecycle.iter().map(told).collect()
}

fn requests(report: &Report) -> String {
    let (shown, whole) = (report.shown.run.counts.requests, report.whole.run.counts.requests);
    let mut text = format::count(whole);
    if report.judged && shown != whole {
        text = format!("{text} ({} judged)", format::count(shown));
    }
    let exchanges = report.whole.run.counts.exchanges;
    if exchanges == whole {
        text
    } else {
        format!("{text}, {} HTTP exchanges", format::count(exchanges))
    }
}

fn iterations(report: &Report) -> String {
    let all = report.whole.run.counts.arrivals;
    let always = [(all.started, "started"), (all.completed, "completed")];
    let rare = [(all.failed, "failed"), (all.dropped, "dropped"), (all.unfinished, "unfinished")];
    let rare = rare.into_iter().filter(|&(count, _)| count > 0);
    let said = always.into_iter().chain(rare);
    let said = said.map(|(count, word)| format!("{} {word}", format::count(count)));
    let said = said.collect::<Vec<_>>().join(", ");
    if is_cut_short(report) { format!("{said} (`graceful_stop` lets them end)") } else { said }
}

/// Whether requests are missing for want of time alone: iterations were cut off at the end of the load.
fn is_cut_short(report: &Report) -> bool {
    let arrivals = report.whole.run.counts.arrivals;
    let below = |asked: Rate| report.shown.rate().get() < SENT_MIN * asked.get();
    arrivals.unfinished > 0
        && report.header.graceful_stop.is_zero()
        && report.completion == RunCompletion::Finished
        && report.intended_rate(&report.shown).is_some_and(below)
}

/// The generator's own state.
pub(super) fn generator(report: &Report) -> Vec<(&'static str, String)> {
    let lag = &report.shown.schedule_lag;
    let load = report.whole.generator;
    let lags = if lag.is_empty() {
        "n/a".to_owned()
    } else {
        let [p50, p99] = [0.5, 0.99].map(|q| format::time(lag.quantile(q)));
        format!("p50 {p50}, p99 {p99}, max {}", format::time(lag.max()))
    };
    let mut facts = vec![
        ("schedule lag", lags),
        ("busiest worker", format!("{} of a core", format::share(load.worker_cpu))),
        (
            "process",
            format!(
                "{} cores, {}",
                format::significant(load.process_cpu.get(), 2),
                format::size(load.memory)
            ),
        ),
        ("workers", report.header.workers.to_string()),
    ];
    facts.extend(report.browsers.as_ref().map(|used| ("browsers", browsers(used))));
    facts
}

/// What real browsers took beside the load.
fn browsers(used: &BrowserUse) -> String {
    let cores: Vec<String> = used.cores.iter().map(u32::to_string).collect();
    let place = match &cores[..] {
        [] => "on the generator's cores".to_owned(),
        [core] => format!("on core {core}, apart from the generator"),
        _ => format!("on cores {}, apart from the generator", cores.join(", ")),
    };
    format!(
        "{} of CPU a page load, {} in {} processes at most, {place} ({} busy)",
        format::time(used.cpu_per_load()),
        format::size(used.memory.get()),
        used.processes,
        format::share(used.cores_busy)
    )
}

/// The conditions of the run, so that it can be repeated.
pub(super) fn conditions(report: &Report) -> Vec<(String, String)> {
    let header = &report.header;
    let mut facts: Vec<(String, String)> = [
        ("system", header.name.as_str()),
        ("workload", &header.workload),
        ("target", &header.target),
        ("started", &header.started_utc),
        ("scenario hash", &header.scenario_hash),
    ]
    .map(|(key, value)| (key.to_owned(), format::line(value, FACT_LIMIT)))
    .to_vec();
    if let Some(split) = &header.split {
        facts.push(("green".into(), format::line(&split.green, FACT_LIMIT)));
    }
    facts.push(("seed".into(), header.seed.to_string()));
    facts.push(("plimsoll".into(), format::line(&header.version, 40)));
    for (key, value) in &header.conditions {
        facts.push((format::line(key, 60), format::line(value, FACT_LIMIT)));
    }
    facts
}
