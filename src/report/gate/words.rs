//! The words that every format of a gate shares.

use super::super::{format, wording};
use super::answer::{BaselineComparison, GateReport, GatedRun};
use super::objectives::objectives;
use plimsoll_metrics::Answers;
use plimsoll_slo::gate::{
    ComparedMetric, ExcludedMetric, GateComparison, GateMetric, GateOutcome, GateRow,
    MetricExclusion, RunSummary,
};
use plimsoll_slo::regression::{DIFFERENCE_MIN, EffectScale, P_MAX, RUNS_MIN, RegressionVerdict};
use plimsoll_slo::{ObjectiveStatus, Strictness, ValidityStatus, ValidityTest};
use plimsoll_units::{Nanos, Ratio};

/// What stands where there is nothing.
pub(crate) const NONE: &str = "–";

/// The outcome as a word; meaning never hangs on colour alone.
pub(crate) const fn outcome(outcome: GateOutcome) -> &'static str {
    match outcome {
        GateOutcome::Pass => "PASS",
        GateOutcome::AtRisk => "AT RISK",
        GateOutcome::NeedMoreRuns => "NEED MORE RUNS",
        GateOutcome::Inconclusive => "INCONCLUSIVE",
        GateOutcome::NotValid => "NOT VALID",
        GateOutcome::Regressed => "REGRESSED",
        GateOutcome::Failed => "FAIL",
    }
}

/// The outcome as a symbol.
pub(crate) const fn symbol(outcome: GateOutcome) -> &'static str {
    match outcome {
        GateOutcome::Pass => "✔",
        GateOutcome::AtRisk => "▲",
        GateOutcome::NeedMoreRuns | GateOutcome::Inconclusive => "?",
        GateOutcome::NotValid => "⊘",
        GateOutcome::Regressed | GateOutcome::Failed => "✖",
    }
}

/// `p95 of step search`, `mean of all requests`, `p95 (of: all) of step pay`.
pub(crate) fn subject(ComparedMetric { step, metric, of }: ComparedMetric<'_>) -> String {
    let metric = measured_name(metric, of);
    if step == RunSummary::WHOLE {
        format!("{metric} of {step}")
    } else {
        format!("{metric} of step {}", format::line(step, 60))
    }
}

/// A metric with whose times it is, where that is not successes'.
pub fn measured_name(metric: GateMetric, of: Answers) -> String {
    let name = metric_name(metric);
    match of {
        Answers::All if metric != GateMetric::ErrorRate => format!("{name} (of: all)"),
        Answers::All | Answers::Successes => name.to_owned(),
    }
}

/// A metric as tables name it.
pub const fn metric_name(metric: GateMetric) -> &'static str {
    match metric {
        GateMetric::ErrorRate => "error rate",
        GateMetric::P50 | GateMetric::P95 | GateMetric::P99 | GateMetric::Mean => metric.name(),
    }
}

/// A value of a metric: `45.1 ms`, `0.020 %`.
pub fn value(metric: GateMetric, value: f64) -> String {
    match metric {
        GateMetric::ErrorRate => format::share(Ratio::new(value)),
        GateMetric::P50 | GateMetric::P95 | GateMetric::P99 | GateMetric::Mean => {
            format::time(Nanos::from_secs_f64(value))
        }
    }
}

/// An effect as a change: `+12.3 %`, `−0.40 pp`.
pub(crate) fn change(effect: f64, scale: EffectScale) -> String {
    let (points, unit) = match scale {
        EffectScale::Ratio => ((effect - 1.0) * 100.0, "%"),
        EffectScale::Difference => (effect * 100.0, "pp"),
    };
    // Tenths of a per cent are more than run-to-run noise lets anyone know.
    let digits = if scale == EffectScale::Difference { 2 } else { 1 };
    let size = format!("{:.digits$}", points.abs());
    let sign = match points {
        // What rounds to nothing has no direction.
        _ if size.bytes().all(|byte| matches!(byte, b'0' | b'.')) => return format!("±0 {unit}"),
        ..0.0 => "−",
        _ => "+",
    };
    format!("{sign}{size} {unit}")
}

/// The estimated change of a row.
pub fn effect(row: &GateRow) -> String {
    let regression = &row.regression;
    regression.effect.map_or_else(|| NONE.into(), |effect| change(effect, regression.scale))
}

/// The 95 % interval of a row's change.
pub fn interval(row: &GateRow) -> String {
    range(row.regression.interval, row.regression.scale)
}

/// An interval of a change: `−1.2 % … +3.4 %`.
pub(crate) fn range(interval: Option<(f64, f64)>, scale: EffectScale) -> String {
    let Some((low, high)) = interval else { return NONE.into() };
    let [low, high] = [low, high].map(|end| change(end, scale));
    if low == high { low } else { format!("{low} … {high}") }
}

/// `0.004`, never rounded to nothing.
pub(crate) fn p(p: f64) -> String {
    match p {
        ..0.000_1 => "< 0.0001".into(),
        0.995.. => "1".into(),
        _ => format::significant(p, 2),
    }
}

/// `p = 0.004`, `p < 0.0001`.
pub(crate) fn p_is(value: f64) -> String {
    let text = p(value);
    if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") }
}

/// The rise that a row's runs would have shown 19 times in 20: `≥ 9.1 %`.
pub(crate) fn shown(row: &GateRow) -> String {
    let scale = row.regression.scale;
    row.regression.smallest_effect.map_or_else(
        || NONE.into(),
        |smallest| {
            let effect = if scale == EffectScale::Ratio { 1.0 + smallest } else { smallest };
            format!("≥ {}", change(effect, scale).trim_start_matches('+'))
        },
    )
}

/// A row's answer: `regressed`, `not regressed`, `needs 4 more runs`; `undecided` where it only informs.
pub fn verdict(row: &GateRow) -> String {
    match row.regression.verdict {
        RegressionVerdict::Regressed => "✖ regressed".into(),
        RegressionVerdict::NotRegressed => "✔ not regressed".into(),
        RegressionVerdict::NeedMoreRuns { more } if row.decides => {
            format!("? needs {}", more_runs(more))
        }
        RegressionVerdict::NeedMoreRuns { .. } => "? undecided".into(),
    }
}

/// `4 more runs`. The estimate ends at 100, beyond which longer runs are the better way.
fn more_runs(count: u32) -> String {
    if count < 100 { runs(count, "more ") } else { "100 or more runs".into() }
}

fn runs(count: u32, kind: &str) -> String {
    format::counted(count.into(), &format!("{kind}run"))
}

/// What is known of a row, in one line: by how much, and with which certainty.
pub(crate) fn explain(row: &GateRow) -> String {
    let (before, after) = (value(row.metric, row.baseline), value(row.metric, row.candidate));
    let moved = format!("{before} → {after}");
    match row.regression.verdict {
        RegressionVerdict::Regressed => format!(
            "{} got worse by {}: {moved} (95 % interval {}; {}, {} if nothing had changed)",
            subject(row.compared()),
            effect(row).trim_start_matches('+'),
            interval(row),
            p_is(row.regression.p.max(row.regression.p_adjusted)),
            chance(row.regression.p.max(row.regression.p_adjusted)),
        ),
        RegressionVerdict::NotRegressed => format!(
            "{} did not get worse: {moved} ({}, 95 % interval {}; could have shown {})",
            subject(row.compared()),
            effect(row),
            interval(row),
            shown(row),
        ),
        RegressionVerdict::NeedMoreRuns { .. } => format!(
            "{} is undecided: {moved} ({}, 95 % interval {}); {}",
            subject(row.compared()),
            effect(row),
            interval(row),
            row.regression.smallest_effect.map_or_else(
                || "these runs are too few to show anything".into(),
                |_| format!("these runs could have shown {}", shown(row)),
            )
        ),
    }
}

/// `at most 1 chance in 250`.
fn chance(p: f64) -> String {
    let one_in = (1.0 / p.max(1e-6)).floor();
    format!("at most 1 chance in {}", format::significant(one_in, 2))
}

/// What was left out, and why.
pub(crate) fn left_out(left: &ExcludedMetric) -> String {
    let subject = subject(left.compared());
    match left.reason {
        MetricExclusion::TooFewRequests => format!(
            "{subject}: some run has only {} of the {} requests that it takes",
            format::count(left.requests_min),
            format::count(left.metric.requests_needed())
        ),
        MetricExclusion::NotKept => format!(
            "{subject}: some run's summary is of a version that kept no times of all requests; make it anew from \
             the run (`plimsoll runs promote`)"
        ),
        MetricExclusion::NotCounted => format!(
            "{subject}: the baseline counts none in some run, the candidate does; make it anew from its runs (`plimsoll \
             runs promote`), or by new ones if they did not get there"
        ),
    }
}

/// Says of a row whose times of successes may hold those of failures in how many runs; nothing of others.
pub(crate) fn pooled(row: &GateRow) -> Option<String> {
    let (before, after) = row.pooled;
    let sides = [(before, "of the baseline"), (after, "of the candidate")];
    let sides = sides.into_iter().filter(|(count, _)| *count > 0);
    let sides: Vec<String> =
        sides.map(|(count, side)| format!("{} {side}", runs(count as u32, ""))).collect();
    (!sides.is_empty()).then(|| {
        format!(
            "in {} these times may hold those of failures, which an older version did not tell apart",
            sides.join(" and ")
        )
    })
}

/// The same of all rows, a line for those that are alike.
pub(crate) fn all_pooled(comparison: &GateComparison) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>)> = vec![];
    for row in &comparison.rows {
        let Some(said) = pooled(row) else { continue };
        let name = subject(row.compared());
        match lines.iter_mut().find(|(line, _)| *line == said) {
            Some((_, names)) => names.push(name),
            None => lines.push((said, vec![name])),
        }
    }
    lines.into_iter().map(|(said, names)| format!("{}: {said}", names.join(", "))).collect()
}

/// By which rule a comparison was made.
pub(crate) fn rule(comparison: &GateComparison) -> String {
    let least = percent(comparison.effect_min);
    let passes = if comparison.effect_named {
        format!("Not regressed: the interval's upper end is below {least} %.")
    } else {
        "A metric passes that did not get worse for certain; a rise of what it could show would have been found \
         19 times in 20."
            .into()
    };
    format!(
        "{} in the baseline, {} of the candidate; the unit is the run. Regressed: p ≤ {P_MAX} (exact one-sided \
         Mann–Whitney; false alarms of all rows together at most as many, by Westfall and Young's permutations), \
         and times more than {least} % higher, error rates more than {} percentage points (Hodges–Lehmann). \
         {passes} Quantiles are kept to 0.1 %.",
        runs(comparison.runs.0 as u32, ""),
        runs(comparison.runs.1 as u32, ""),
        DIFFERENCE_MIN * 100.0,
    )
}

fn percent(share: f64) -> String {
    format::significant(share * 100.0, 2).trim_end_matches(".0").to_owned()
}

/// The rows of the SLO table that are not compared; nothing where there are none.
pub(crate) fn judged_only(comparison: &GateComparison) -> Option<String> {
    let names = &comparison.judged_only;
    (!names.is_empty())
        .then(|| format!("{} (each run is judged by it, not compared)", names.join(", ")))
}

/// The answer in one sentence.
pub(crate) fn sentence(report: &GateReport) -> String {
    match report.outcome() {
        GateOutcome::Failed => objective_sentence(report, ObjectiveStatus::Fail),
        GateOutcome::Regressed => regressed(report),
        GateOutcome::NotValid => not_valid(report),
        GateOutcome::Inconclusive => objective_sentence(report, ObjectiveStatus::Inconclusive),
        GateOutcome::NeedMoreRuns => need_more(report),
        GateOutcome::AtRisk => objective_sentence(report, ObjectiveStatus::AtRisk),
        GateOutcome::Pass => passed(report),
    }
}

fn regressed(report: &GateReport) -> String {
    let rows = report.regressed();
    let Some(first) = rows.first() else { return "Something got worse.".into() };
    let others = match rows.len() - 1 {
        0 => String::new(),
        1 => "; 1 other metric got worse too".into(),
        others => format!("; {others} other metrics got worse too"),
    };
    format!("{}{others}.", explain(first))
}

fn not_valid(report: &GateReport) -> String {
    let count = report.not_valid().count();
    let reason = report.not_valid().find_map(|run| wording::headline(&run.judgement));
    match (reason, &report.compared) {
        (Some(reason), _) => {
            format!("{count} of {} measurements are not valid. {reason}", report.runs.len())
        }
        (None, BaselineComparison::NotMade(reasons)) if !reasons.is_empty() => {
            let first = format::message(&reasons[0].to_string());
            format!("The comparison could not be made: {first}.")
        }
        (None, _) => "A measurement cannot support a verdict.".into(),
    }
}

fn need_more(report: &GateReport) -> String {
    let Some(comparison) = report.comparison() else { return "More runs are needed.".into() };
    let few = comparison.runs.0.min(comparison.runs.1);
    if few < RUNS_MIN {
        return format!(
            "{} a side can never tell: make {RUNS_MIN} of each (`--repeat {RUNS_MIN}`).",
            runs(few as u32, "")
        );
    }
    let lacking = |left: &&ExcludedMetric| left.decides && left.reason.lies_with_the_baseline();
    if let Some(left) = comparison.left_out.iter().find(lacking) {
        return format!("The baseline lacks what decides: {}.", left_out(left));
    }
    let unclear = report.unclear();
    match (unclear.first(), comparison.left_out.iter().find(|left| left.decides)) {
        (Some(first), _) => {
            let others = match unclear.len() - 1 {
                0 => String::new(),
                others => format!(", as are {others} more of {}", comparison.deciding().count()),
            };
            format!("{}{others}. {}.", explain(first), remedy(comparison, few))
        }
        (None, Some(left)) => {
            format!("No metric that decides could be compared: {}. Run longer.", left_out(left))
        }
        (None, None) => "No metric could be compared; choose others.".into(),
    }
}

/// More runs than this a side are a worse way than longer ones.
const RUNS_ASKED_MOST: usize = 30;

/// The one thing to do where runs cannot tell.
fn remedy(comparison: &GateComparison, few: usize) -> String {
    let needed = few + comparison.more_runs as usize;
    match comparison.longer_runs() {
        Some(length) if needed > RUNS_ASKED_MOST => {
            format!("Repeat both sides with longer runs (`--duration {length}`)")
        }
        _ => format!("Repeat both sides with {needed} runs (`--repeat {needed}`)"),
    }
}

fn objective_sentence(report: &GateReport, status: ObjectiveStatus) -> String {
    let all = objectives(report);
    let of_status: Vec<_> = all.iter().filter(|one| one.worst.status == status).collect();
    let Some(first) = of_status.first() else { return unexplained(report) };
    let row = super::super::rows::slo_row(first.worst);
    let bound = if status == ObjectiveStatus::AtRisk { &row.target } else { &row.limit };
    let what = match status {
        ObjectiveStatus::AtRisk => "misses its target",
        ObjectiveStatus::Inconclusive => "may or may not keep its bound",
        _ => "is beyond its bound",
    };
    let others = match of_status.len() - 1 {
        0 => String::new(),
        1 => "; 1 other objective likewise".into(),
        others => format!("; {others} other objectives likewise"),
    };
    format!(
        "{} {what} {bound}: {}, in {} of {}{others}.",
        wording::objective_name(first.worst),
        row.estimate,
        first.alike,
        runs(first.judged as u32, "")
    )
}

/// Where no objective says why no run passes.
fn unexplained(report: &GateReport) -> String {
    let partial = report.partial().count();
    if partial > 0 {
        let are = if partial == 1 { "is" } else { "are" };
        return format!(
            "{partial} of {} {are} only a part of a run, and a part never passes: make it again.",
            runs(report.runs.len() as u32, "")
        );
    }
    headline_of_runs(report)
}

/// What is told of a run that is only a part of one.
pub(crate) fn partial(run: &GatedRun) -> String {
    let findings = &run.judgement.validity.findings;
    let told = |test| findings.iter().find(|finding| finding.test == test);
    let of_end = told(ValidityTest::Complete).filter(|it| it.status != ValidityStatus::Valid);
    let reason = of_end.or_else(|| told(ValidityTest::Shards));
    let reason = reason.map_or("only a part of a run", |finding| finding.message.as_str());
    format!("{}: {}", run.label, format::message(reason))
}

/// What speaks against measurements that are judged all the same: of runs that are doubted for the same, how many, and
/// what is told of the first.
pub(crate) fn suspect(report: &GateReport) -> Vec<String> {
    let mut found: Vec<(Vec<ValidityTest>, usize, String)> = vec![];
    let of_status = |run: &&GatedRun| run.judgement.validity.status == ValidityStatus::Suspect;
    for run in report.runs.iter().filter(of_status) {
        let validity = &run.judgement.validity;
        let doubts = validity.findings.iter().filter(|it| it.status == ValidityStatus::Suspect);
        let doubts: Vec<ValidityTest> = doubts.map(|finding| finding.test).collect();
        if let Some((_, count, _)) = found.iter_mut().find(|(known, ..)| *known == doubts) {
            *count += 1;
        } else {
            let reasons: Vec<&str> = validity.reasons().collect();
            found.push((doubts, 1, format::message(&reasons.join("; "))));
        }
    }
    let all = runs(report.runs.len() as u32, "");
    found.into_iter().map(|(_, count, told)| format!("{count} of {all}: {told}")).collect()
}

/// What a run came to that no objective tells: overloaded, ended early, offered too little.
fn headline_of_runs(report: &GateReport) -> String {
    let worst = report.runs.iter().map(|run| run.judgement.verdict).max();
    let alike: Vec<_> =
        report.runs.iter().filter(|run| Some(run.judgement.verdict) == worst).collect();
    let found = alike.iter().find_map(|run| Some((run, wording::headline(&run.judgement)?)));
    match found {
        Some((run, headline)) => format!(
            "{} of {} came out {}; {}: {headline}",
            alike.len(),
            runs(report.runs.len() as u32, ""),
            wording::verdict(run.judgement.verdict),
            format::line(&run.label, 160),
        ),
        None => "Nothing could be measured: no run has an objective that was judged.".into(),
    }
}

fn passed(report: &GateReport) -> String {
    let judged = if report.runs.is_empty() {
        String::new()
    } else if report.runs.iter().all(|run| run.judgement.by_default_table) {
        let met = format!("the default one is met in {}", runs(report.runs.len() as u32, ""));
        format!("The scenario has no `slo:`, and {met}")
    } else {
        let strict = if report.strictness == Strictness::Strict { ", strictly" } else { "" };
        format!("Every measured target is met in {}{strict}", runs(report.runs.len() as u32, ""))
    };
    let compared = report.comparison().map(|comparison| {
        let weakest = comparison
            .deciding()
            .filter(|row| row.regression.scale == EffectScale::Ratio)
            .filter(|row| row.regression.smallest_effect.is_some())
            .max_by(|a, b| shown_size(a).total_cmp(&shown_size(b)));
        let shown = weakest.filter(|_| !comparison.effect_named).map_or_else(String::new, |row| {
            format!("; {} could have shown {}", subject(row.compared()), shown(row))
        });
        let what = match comparison.deciding().count() {
            1 => "the metric that decides did not get worse".into(),
            count => format!("none of the {count} metrics that decide got worse"),
        };
        format!("{what}{shown}")
    });
    match (judged.is_empty(), compared) {
        (false, Some(compared)) => format!("{judged}, and {compared}."),
        (false, None) => format!("{judged}; nothing was compared."),
        (true, Some(compared)) => format!("{}.", capitalized(&compared)),
        (true, None) => "There was nothing to judge.".into(),
    }
}

fn shown_size(row: &GateRow) -> f64 {
    row.regression.smallest_effect.unwrap_or(0.0)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
