//! `plimsoll gate`: the SLO verdict of a candidate's runs, and the comparison with a baseline.

use crate::cli;
use crate::report::gate::{self as gate_report, BaselineComparison, GateReport, GatedRun};
use crate::report::terminal;
use crate::slo::gate::{ComparisonRule, ConditionMismatch, GateRules, RunSummary, alike, compare};
use crate::slo::judge;
use crate::units::Ratio;

use super::conclusion::strictness;
use super::exit::{Exit, Failure};
use super::files;
use super::history::{self, StoredRun};
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
    print(&report, args.format)?;
    if let Some(folder) = &args.out {
        let files = [
            ("gate.md", gate_report::markdown(&report).into_bytes()),
            ("gate.json", gate_report::json(&report).into_bytes()),
            ("gate-junit.xml", junit(&report)?.into_bytes()),
        ];
        files::create_folder(folder)?;
        files::write_reports(folder, &files)?;
        say(&format!("gate: {}", folder.join("gate.md").display()));
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
pub(super) fn print(report: &GateReport, format: cli::GateFormat) -> Result<(), Failure> {
    let text = match format {
        cli::GateFormat::Text => terminal::gate(report, style(), width()),
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
