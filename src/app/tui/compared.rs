//! Two sides of the history, read from their logs and compared as `plimsoll compare` does it.

use std::path::PathBuf;

use crate::slo::gate::{ComparisonRule, GateRules, alike, compare as compare_runs};
use crate::tui::{ComparedRuns, Diff, PastRun};

use super::super::exit::{Exit, Failure};
use super::super::history;
use super::places::past_run;

/// Reads and compares. Unlike runs are compared as well: the screen says in which way they are unlike.
pub(super) fn compare(sides: &ComparedRuns) -> Result<Diff, Failure> {
    let (before, after) = (history::summaries(&sides.before)?, history::summaries(&sides.after)?);
    let unlike = alike(&before, &after);
    let rules = GateRules { likeness: ComparisonRule::Waived, ..GateRules::default() };
    // Waived likeness refuses nothing; were it to, the screen would say why.
    let comparison = compare_runs(&before, &after, &rules).map_err(|reasons| {
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Error, format!("error: {}", reasons.join("; ")))
    })?;
    Ok(Diff {
        before: past_runs(&sides.before)?,
        after: past_runs(&sides.after)?,
        comparison,
        unlike: unlike.iter().map(ToString::to_string).collect(),
    })
}

fn past_runs(folders: &[PathBuf]) -> Result<Vec<PastRun>, Failure> {
    folders
        .iter()
        .map(|folder| {
            past_run(folder.clone()).ok_or_else(|| {
                let folder = folder.display();
                let text = format!(
                    "error: `{folder}/result.json` cannot be read\nhint: `plimsoll report {folder}` rebuilds it"
                );
                Failure::new(Exit::Usage, text)
            })
        })
        .collect()
}
