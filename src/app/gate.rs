//! `plimsoll gate`: the SLO verdict of a candidate's runs, and the comparison with a baseline.

use std::path::PathBuf;

use crate::cli;
use crate::metrics::Distribution;
use crate::report::Report;
use crate::report::gate::{
    self as gate_report, BaselineComparison, ComparedTimes, GateReport, GatedRun,
};
use crate::report::terminal;
use crate::slo::gate::{ComparisonRule, ConditionMismatch, GateRules, RunSummary, alike, compare};
use crate::slo::{Strictness, judge};
use crate::units::Ratio;

use super::conclusion::strictness;
use super::exit::{Exit, Failure};
use super::files;
use super::history::{self, StoredRun, is_baseline};
use super::output::{say, style, width, write_out};

/// Judges and compares as the command line asks.
pub(super) fn gate(args: &cli::GateArgs) -> Result<Exit, Failure> {
    let runs = history::named(&args.runs)?;
    let strictness = strictness(args.strict);
    let compared = if args.baseline.is_empty() {
        BaselineComparison::NotAsked
    } else {
        let baseline = history::summaries(&args.baseline)?;
        let candidate: Vec<RunSummary> = runs.iter().map(|run| RunSummary::of(&run.log)).collect();
        compare_sides(&baseline, &candidate, &args.rules)?
    };
    let header = &runs[0].log.header;
    let report = GateReport {
        system: header.name.clone(),
        workload: header.workload.clone(),
        strictness,
        runs: runs
            .iter()
            .map(|run: &StoredRun| GatedRun {
                label: run.label(),
                started_utc: run.log.header.started_utc.clone(),
                judgement: judge(&run.log, strictness),
            })
            .collect(),
        compared,
    };
    print(&report, args.format, args.rules.all)?;
    if let Some(folder) = &args.out {
        let times = compared_times(&args.baseline, &args.runs)?;
        let files = [
            ("gate.html", page(&report, times.as_ref())?.into_bytes()),
            ("gate.md", gate_report::markdown(&report).into_bytes()),
            ("gate.json", gate_report::json(&report).into_bytes()),
            ("gate-junit.xml", junit(&report)?.into_bytes()),
        ];
        files::create_folder(folder)?;
        files::write_reports(folder, &files)?;
        say(&format!("gate: {}", folder.join("gate.html").display()));
    }
    Ok(Exit::Judged(report.exit_code()))
}

/// Compares two sides. Runs that are not valid or missing make the answer "not valid"; other unlike
/// conditions are the user's mistake unless waived.
pub(super) fn compare_sides(
    baseline: &[RunSummary],
    candidate: &[RunSummary],
    asked: &cli::GateRulesArgs,
) -> Result<BaselineComparison, Failure> {
    check_steps(baseline, &asked.step)?;
    let unlike = alike(baseline, candidate);
    let (unfit, differing): (Vec<ConditionMismatch>, Vec<ConditionMismatch>) =
        unlike.into_iter().partition(ConditionMismatch::is_unfit);
    if !differing.is_empty() && !asked.unlike {
        return Err(refused(&differing));
    }
    if !unfit.is_empty() {
        return Ok(BaselineComparison::NotMade(unfit));
    }
    let rules = GateRules {
        // Asked above, and either alike or waived.
        likeness: ComparisonRule::Waived,
        metrics: asked.metric.clone(),
        steps: asked.step.clone(),
        effect_min: asked.effect.map(Ratio::get),
    };
    match compare(baseline, candidate, &rules) {
        Ok(comparison) => Ok(BaselineComparison::Made { comparison, waived: differing }),
        Err(unlike) => Err(refused(&unlike)),
    }
}

/// A step that no run has would be compared with nothing, silently.
fn check_steps(baseline: &[RunSummary], asked: &[String]) -> Result<(), Failure> {
    let Some(first) = baseline.first() else { return Ok(()) };
    let known: Vec<&str> = first.steps.iter().map(|step| step.name.as_str()).collect();
    match asked.iter().find(|step| !known.contains(&step.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(Failure::new(
            Exit::Usage,
            format!("error: no step `{unknown}` in the baseline; there are {}", known.join(", ")),
        )),
    }
}

fn refused(unlike: &[ConditionMismatch]) -> Failure {
    let lines: Vec<String> = unlike.iter().map(|one| format!("error: {one}")).collect();
    Failure::new(
        Exit::Usage,
        format!(
            "{}\nhint: the runs were made under unlike conditions, so a difference would say nothing about \
             the candidate; make them alike, or compare them all the same with `--unlike`",
            lines.join("\n")
        ),
    )
}

/// Prints the answer as data.
pub(super) fn print(
    report: &GateReport,
    format: cli::GateFormat,
    all: bool,
) -> Result<(), Failure> {
    let text = match format {
        cli::GateFormat::Text => terminal::gate(report, style(), width(), all),
        cli::GateFormat::Markdown => gate_report::markdown(report),
        cli::GateFormat::Github => gate_report::github(report),
        cli::GateFormat::Junit => junit(report)?,
        cli::GateFormat::Json => gate_report::json(report),
    };
    write_out(&text)?;
    Ok(())
}

fn junit(report: &GateReport) -> Result<String, Failure> {
    gate_report::junit(report)
        .map_err(|error| Failure::while_doing("cannot render JUnit XML", &error))
}

/// The page of a comparison.
pub(super) fn page(report: &GateReport, times: Option<&ComparedTimes>) -> Result<String, Failure> {
    gate_report::html(report, times)
        .map_err(|error| Failure::while_doing("cannot render the comparison", &error))
}

/// The response times of both sides, where both are named by their runs: a baseline file holds no distribution.
pub(super) fn compared_times(
    baseline: &[PathBuf],
    candidate: &[PathBuf],
) -> Result<Option<ComparedTimes>, Failure> {
    let sides = [baseline, candidate];
    if sides.iter().any(|paths| paths.is_empty() || paths.iter().any(|it| is_baseline(it))) {
        return Ok(None);
    }
    let [baseline, candidate] = sides.map(|paths| -> Result<Distribution, Failure> {
        let mut all = Distribution::new();
        for run in history::named(paths)? {
            let report = Report::new(&run.log, &judge(&run.log, Strictness::Normal));
            all.merge(&report.shown.run.success_time());
        }
        Ok(all)
    });
    Ok(Some(ComparedTimes { baseline: baseline?, candidate: candidate? }))
}
