//! `plimsoll runs`: the history of runs.

mod filter;
mod prune;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::cli;
use crate::cli::RunsCommand;
use crate::report::format;
use crate::report::history::HistoryRow;
use crate::report::{history as history_report, terminal};
use crate::slo::gate::{Baseline, ConditionMismatch, MetricTrend, RunSummary, alike};
use crate::slo::{Strictness, Verdict, is_partial};

use super::exit::{Exit, Failure};
use super::files::write_file;
use super::history;
use super::history::{PROMOTED, StoredRun};
use super::output::{say, style, width, write_out};

use filter::filtered;

/// Does what the command line asks.
pub(super) fn runs(args: &cli::RunsArgs) -> Result<Exit, Failure> {
    let Some(command) = &args.command else { return list(&args.list, &args.list.filter) };
    let outer = &args.list;
    let takes_filter = !matches!(command, RunsCommand::Promote(_) | RunsCommand::Demote(_));
    if outer.last.is_some() || outer.json || !(takes_filter || outer.filter.is_open()) {
        let message = "error: an option stands before the subcommand that it belongs to\nhint: `plimsoll runs list \
                       --last 5`; `--in`, `--name` and the other filters may stand before `list`, `trend` and `prune`";
        return Err(Failure::new(Exit::Usage, message));
    }
    let outer = &outer.filter;
    match command {
        RunsCommand::List(args) => list(args, &args.filter.within(outer)),
        RunsCommand::Trend(args) => trend(args, &args.filter.within(outer)),
        RunsCommand::Promote(args) => promote(args),
        RunsCommand::Demote(args) => demote(args),
        RunsCommand::Prune(args) => prune::prune(args, &args.filter.within(outer)),
    }
}

fn list(args: &cli::ListArgs, filter: &cli::RunFilterArgs) -> Result<Exit, Failure> {
    let mut rows = rows(filter)?;
    if rows.is_empty() {
        nothing_found(filter)?;
    }
    let last = args.last.unwrap_or(rows.len());
    rows.drain(..rows.len().saturating_sub(last));
    let text = if args.json {
        history_report::lines(&rows)
    } else {
        terminal::list(&rows, style(), width())
    };
    write_out(&text)?;
    Ok(Exit::Pass)
}

fn trend(args: &cli::TrendArgs, filter: &cli::RunFilterArgs) -> Result<Exit, Failure> {
    let (complete, incomplete): (Vec<_>, Vec<_>) =
        filtered(filter)?.into_iter().partition(|(run, _)| is_complete(run));
    if !incomplete.is_empty() {
        // A run that still goes on, or was cut short, has other numbers for no reason of the stack's.
        let runs = format::counted(incomplete.len() as u64, "run");
        say(&format!("warning: left out: {runs} that did not end as planned"));
    }
    let mut left: Vec<HistoryRow> = complete.into_iter().map(row).collect();
    check_steps(&args.step, &left)?;
    let mut pages = vec![];
    while let Some(first) = left.first() {
        let of = first.summary.conditions.clone();
        let (group, others): (Vec<HistoryRow>, Vec<HistoryRow>) =
            left.into_iter().partition(|row| {
                let conditions = &row.summary.conditions;
                conditions.name == of.name && conditions.workload == of.workload
            });
        left = others;
        let summaries: Vec<RunSummary> = group.iter().map(|row| row.summary.clone()).collect();
        let trends: Vec<MetricTrend> = step_names(&summaries)
            .iter()
            .filter(|name| args.step.is_empty() || args.step.contains(name))
            .map(|name| MetricTrend::of(&summaries, name, args.metric))
            .collect();
        if trends.is_empty() {
            continue;
        }
        warn_of_changes(&summaries);
        write_out(&terminal::trends(&trends, &group, style(), width()))?;
        pages.push((trends, group));
    }
    if pages.is_empty() {
        write_out("no runs\n")?;
        nothing_found(filter)?;
    }
    if let Some(path) = &args.html {
        write_page(path, &pages)?;
    }
    Ok(Exit::Pass)
}

fn write_page(path: &Path, pages: &[(Vec<MetricTrend>, Vec<HistoryRow>)]) -> Result<(), Failure> {
    let [(trends, group)] = pages else {
        let message = format!(
            "error: a page shows one system and workload, but there are {}\nhint: choose with `--name` and \
             `--workload`",
            pages.len()
        );
        return Err(Failure::new(Exit::Usage, message));
    };
    let page = history_report::html(trends, group)
        .map_err(|error| Failure::while_doing("cannot render the trends", &error))?;
    write_file(path, page.as_bytes())?;
    say(&format!("trends: {}", path.display()));
    Ok(())
}

/// What there would be without the filter: a name may be misspelt.
fn nothing_found(filter: &cli::RunFilterArgs) -> Result<(), Failure> {
    let all = history::all(&filter.folder)?;
    let names: BTreeSet<String> = all
        .iter()
        .map(|run| format!("{} · {}", run.log.header.name, run.log.header.workload))
        .collect();
    if !names.is_empty() {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        say(&format!(
            "hint: none of {} passes the filter; there are {names}",
            format::counted(all.len() as u64, "run")
        ));
    }
    Ok(())
}

/// A step that no run has would have an empty trend, silently.
fn check_steps(asked: &[String], runs: &[HistoryRow]) -> Result<(), Failure> {
    let summaries: Vec<RunSummary> = runs.iter().map(|row| row.summary.clone()).collect();
    let known = step_names(&summaries);
    match asked.iter().find(|step| !known.contains(step)) {
        Some(unknown) if !runs.is_empty() => {
            let known = known.join(", ");
            let message = format!("error: no step `{unknown}` in these runs; there are {known}");
            Err(Failure::new(Exit::Usage, message))
        }
        _ => Ok(()),
    }
}

/// A change of level may come from changed conditions instead of the stack.
fn warn_of_changes(runs: &[RunSummary]) {
    let differing: Vec<ConditionMismatch> = alike(runs, runs)
        .into_iter()
        .filter(|one| matches!(one, ConditionMismatch::Condition { .. }))
        .collect();
    if let Some(first) = differing.first() {
        say(&format!("warning: the runs were made under unlike conditions: {first}"));
    }
}

/// The names of all steps, in the order in which runs first have them.
fn step_names(runs: &[RunSummary]) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for step in runs.iter().flat_map(|run| &run.steps) {
        if !names.contains(&step.name) {
            names.push(step.name.clone());
        }
    }
    names
}

fn promote(args: &cli::PromoteArgs) -> Result<Exit, Failure> {
    let runs = history::named(&args.runs)?;
    let summaries: Vec<RunSummary> = runs.iter().map(|run| RunSummary::of(&run.log)).collect();
    let unlike = alike(&summaries, &summaries);
    if !unlike.is_empty() {
        let lines: Vec<String> = unlike.iter().map(|one| format!("error: {one}")).collect();
        let is_unfit = unlike.iter().any(ConditionMismatch::is_unfit);
        return Err(Failure::new(
            if is_unfit { Exit::Judged(NOT_VALID) } else { Exit::Usage },
            format!(
                "{}\nhint: runs of one baseline must be whole, valid and alike",
                lines.join("\n")
            ),
        ));
    }
    let before = history::read_baseline(&args.to).ok().map(|before| before.runs.len());
    write_file(&args.to, Baseline::of(summaries).to_text().as_bytes())?;
    for run in &runs {
        let note = "promoted to a baseline: `plimsoll runs prune` keeps this run\n";
        write_file(&run.folder.join(PROMOTED), note.as_bytes())?;
    }
    let instead = before.map_or(String::new(), |count| format!(", instead of one of {count}"));
    say(&format!(
        "{}: a baseline of {}{instead}",
        args.to.display(),
        format::counted(runs.len() as u64, "run")
    ));
    if runs.len() < crate::slo::regression::RUNS_MIN {
        say(&format!(
            "warning: fewer than {} runs can never show a regression",
            crate::slo::regression::RUNS_MIN
        ));
    }
    Ok(Exit::Pass)
}

/// The exit code of what supports no verdict.
const NOT_VALID: u8 = Verdict::NotValid.exit_code(Strictness::Normal);

fn demote(args: &cli::DemoteArgs) -> Result<Exit, Failure> {
    for run in history::named(&args.runs)? {
        if !run.is_promoted() {
            say(&format!("{}: was not promoted", run.label()));
            continue;
        }
        let path = run.folder.join(PROMOTED);
        fs::remove_file(&path).map_err(|error| {
            Failure::while_doing(&format!("cannot remove `{}`", path.display()), &error)
        })?;
        say(&format!("{}: may be pruned again", run.label()));
    }
    Ok(Exit::Pass)
}

/// The runs that pass the filter, oldest first.
fn rows(filter: &cli::RunFilterArgs) -> Result<Vec<HistoryRow>, Failure> {
    Ok(filtered(filter)?.into_iter().map(row).collect())
}

fn row((run, verdict): (StoredRun, Verdict)) -> HistoryRow {
    HistoryRow {
        folder: run.label(),
        summary: RunSummary::of(&run.log),
        verdict: (!run.is_going_on).then_some(verdict),
        promoted: run.is_promoted(),
        objectives: run.log.header.objectives.clone(),
    }
}

/// Whether a run was played to the end of its schedule.
fn is_complete(run: &StoredRun) -> bool {
    !is_partial(&run.log)
}
