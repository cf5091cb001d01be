//! The document as text, shared by both formats.

use serde::Serialize;

use super::super::capacity::{CapacityView, ceiling};
use super::super::model::Report;
use super::super::rows::SloRow;
use super::super::{facts, format, rows, wording};
use super::input::{NOT_TESTED, SignOff, highest_tested, n_plus_1, run_name, slo_max};
use super::risks;
use plimsoll_slo::Verdict;
use plimsoll_units::Rate;

/// The document as text, shared by both formats.
#[derive(Debug, Serialize)]
pub(super) struct SignOffDocument {
    pub(super) system: String,
    pub(super) key: &'static str,
    pub(super) symbol: &'static str,
    pub(super) word: &'static str,
    pub(super) sentence: String,
    pub(super) runs: Vec<RunSection>,
    pub(super) conditions: Vec<ConditionRow>,
    pub(super) stack: Vec<(String, String)>,
    pub(super) headroom: Vec<(&'static str, String)>,
    pub(super) capacity: Option<CapacityView>,
    pub(super) recommendation: String,
    pub(super) risks: Vec<String>,
    pub(super) untested: Vec<String>,
    pub(super) signers: Vec<String>,
}

/// One run.
#[derive(Debug, Serialize)]
pub(super) struct RunSection {
    pub(super) name: String,
    pub(super) started: String,
    pub(super) duration: String,
    pub(super) key: &'static str,
    pub(super) symbol: &'static str,
    pub(super) word: &'static str,
    pub(super) sentence: String,
    pub(super) validity: &'static str,
    pub(super) model: String,
    pub(super) judged_part: String,
    pub(super) rate: String,
    pub(super) requests: String,
    pub(super) error_rate: String,
    pub(super) limit_head: &'static str,
    pub(super) slo: Vec<SloRow>,
}

/// One condition over all runs: equal ones are said once.
#[derive(Debug, Serialize)]
pub(super) struct ConditionRow {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) same: bool,
}

impl SignOffDocument {
    pub(super) fn of(input: &SignOff) -> Self {
        let capacity = input.capacity.as_ref().map(CapacityView::of);
        let verdict = worst(&input.runs);
        let recommendation = capacity.as_ref().map(|capacity| capacity.recommendation.clone());
        let (key, symbol, word) = badge(input, verdict);
        Self {
            system: format::line(&input.system, 100),
            key,
            symbol,
            word,
            sentence: sentence(input, verdict),
            runs: input.runs.iter().map(section).collect(),
            conditions: conditions(&input.runs),
            stack: input
                .stack
                .iter()
                .map(|(key, value)| (format::line(key, 60), format::line(value, 160)))
                .collect(),
            headroom: headroom(input, capacity.as_ref()),
            capacity,
            recommendation: recommendation.unwrap_or_else(|| NOT_TESTED.to_owned()),
            risks: risks::risks(input),
            untested: risks::untested(input),
            signers: input.signers.iter().map(|signer| format::line(signer, 60)).collect(),
        }
    }
}

/// The worst verdict of all runs; without runs nothing was shown.
fn worst(runs: &[Report]) -> Verdict {
    runs.iter().map(|run| run.judgement.verdict).max().unwrap_or(Verdict::NotValid)
}

/// What stands at the top. Runs that pass far below the forecast peak are no reason to sign.
fn badge(input: &SignOff, verdict: Verdict) -> (&'static str, &'static str, &'static str) {
    let shown = if verdict == Verdict::Pass && unproven_peak(input).is_some() {
        Verdict::AtRisk
    } else {
        verdict
    };
    let word =
        if shown == verdict { wording::verdict(verdict) } else { "PASS, BUT NOT AT THE PEAK" };
    (wording::verdict_key(shown), wording::verdict_symbol(shown), word)
}

fn sentence(input: &SignOff, verdict: Verdict) -> String {
    let count = input.runs.len();
    let Some(decisive) = input.runs.iter().find(|run| run.judgement.verdict == verdict) else {
        return "No run was given: nothing was tested.".into();
    };
    let of = wording::sentence(decisive);
    let runs = match (count, verdict) {
        (1, _) => of,
        (2, Verdict::Pass) => format!("Both runs pass. {}: {of}", run_name(decisive)),
        (_, Verdict::Pass) => format!("All {count} runs pass. {}: {of}", run_name(decisive)),
        _ => format!("The worst of {count} runs decides. {}: {of}", run_name(decisive)),
    };
    match unproven_peak(input) {
        Some(unproven) => format!("{runs} {unproven}"),
        None => runs,
    }
}

/// What keeps the runs from speaking for the forecast peak; none where one of them, or a confirmed search,
/// carried it.
fn unproven_peak(input: &SignOff) -> Option<String> {
    let peak = input.forecast_peak?;
    let confirmed = input.capacity.as_ref().is_some_and(|it| it.confirmed);
    let searched = slo_max(input).filter(|_| confirmed).map(Rate::per_second);
    let shown = [highest_tested(&input.runs), searched].into_iter().flatten();
    if shown.into_iter().any(|rate| rate >= peak) {
        return None;
    }
    Some(format!(
        "Nothing shows that the forecast peak of {} req/s is carried.",
        format::rate(peak)
    ))
}

fn section(run: &Report) -> RunSection {
    let verdict = run.judgement.verdict;
    let shown = &run.shown;
    RunSection {
        name: run_name(run),
        started: format::line(&run.header.started_utc, 40),
        duration: format::duration(run.duration),
        key: wording::verdict_key(verdict),
        symbol: wording::verdict_symbol(verdict),
        word: wording::verdict(verdict),
        sentence: wording::sentence(run),
        validity: wording::validity(run.judgement.validity.status),
        model: wording::model(run),
        judged_part: wording::judged_part(run),
        rate: format!("{} req/s", format::rate(shown.rate())),
        requests: format::count(run.whole.run.counts.requests),
        error_rate: match shown.run.counts.requests {
            0 => "n/a".to_owned(),
            _ => format::share(shown.run.counts.error_rate()),
        },
        limit_head: rows::limit_head(run),
        slo: rows::slo(run),
    }
}

/// The fingerprint of the conditions: each fact once if all runs share it, else once a run.
fn conditions(runs: &[Report]) -> Vec<ConditionRow> {
    let of_runs: Vec<Vec<(String, String)>> = runs.iter().map(facts::conditions).collect();
    let mut names: Vec<&String> = vec![];
    for (name, _) in of_runs.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value_in = |facts: &Vec<(String, String)>, wanted: &String| {
        facts.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    let row = |name: &String| {
        let values: Vec<String> = of_runs
            .iter()
            .map(|facts| value_in(facts, name).unwrap_or_else(|| rows::NONE.to_owned()))
            .collect();
        let same = values.windows(2).all(|pair| pair[0] == pair[1]);
        let value =
            if same { values.first().cloned().unwrap_or_default() } else { values.join(" / ") };
        ConditionRow { name: name.clone(), value, same }
    };
    names.into_iter().map(row).collect()
}

fn headroom(input: &SignOff, capacity: Option<&CapacityView>) -> Vec<(&'static str, String)> {
    let per_second = |rate: Rate| format!("{} req/s", format::rate(rate));
    let not_tested = || NOT_TESTED.to_owned();
    let found = |wanted: &str| {
        let facts =
            capacity.filter(|_| slo_max(input).is_some() || wanted != "SLO-max")?.facts.iter();
        facts.clone().find(|(name, _)| *name == wanted).map(|(_, text)| text.clone())
    };
    let room = match (slo_max(input), input.forecast_peak.map(Rate::get)) {
        (Some(slo_max), Some(peak)) if peak > 0.0 => {
            let room = (slo_max / peak - 1.0) * 100.0;
            let room = format!("{room:+.0}").replace('-', "−");
            format!("{room} % between the forecast peak and SLO-max")
        }
        _ => not_tested(),
    };
    let peak = input.forecast_peak.map_or_else(|| "not stated".to_owned(), per_second);
    let tested = highest_tested(&input.runs).map_or_else(not_tested, per_second);
    let mut facts = vec![
        ("forecast peak", peak),
        ("highest rate that met its objectives", tested),
        ("SLO-max", found("SLO-max").unwrap_or_else(not_tested)),
        ("headroom", room),
        ("one replica lost (N+1)", n_plus_1(input)),
        ("bottleneck", bottleneck(input)),
    ];
    let further = capacity.into_iter().flat_map(|capacity| capacity.facts.iter().cloned());
    facts.extend(further.filter(|(name, _)| {
        let further = [
            "confirmed",
            "the search",
            "next bottleneck",
            "alert at",
            "no model",
            "model error",
            "cache",
            "not in the model",
            "checks without a limit",
            "risk",
        ];
        further.contains(name)
    }));
    facts
}

fn bottleneck(input: &SignOff) -> String {
    let named = input.capacity.as_ref().and_then(|capacity| capacity.bottleneck.as_ref());
    named.map_or_else(|| NOT_TESTED.to_owned(), ceiling)
}
