//! `--simulate`: the fitted model played through a change, for what no formula covers.

use std::path::Path;

use crate::capacity::section::findings;
use crate::capacity::what_if::{StackChange, WhatIf};
use crate::plan::DEFAULT_SEED;
use crate::units::Rate;

use super::super::exit::{Exit, Failure};
use super::super::output::write_out;
use super::result::{earlier, no_search};

/// Plays `change` on the model of `run`.
pub(super) fn play(change: &str, run: &Path) -> Result<Exit, Failure> {
    let (log, _, searches) = earlier(run)?;
    let first = searches.first().ok_or_else(|| no_search(run))?;
    let usage = |why: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("error: {why}"));
    let stack = &first.note.stack;
    let change = StackChange::parse(change, stack).map_err(|error| usage(&error))?;
    let found = findings(&searches).ok_or_else(|| no_search(run))?;
    let Some(model) = found.model else {
        return Err(usage(&found.section.no_model.unwrap_or_default()));
    };
    let planned = found.section.planned_per_s.map(Rate::per_second);
    let scenarios = log.header.scenarios.iter();
    let requests_per_iteration = scenarios.map(|s| s.share.get() * s.requests_per_iteration).sum();
    let what_if =
        WhatIf { model: &model, stack, planned, requests_per_iteration, seed: DEFAULT_SEED };
    let text = what_if.play(&change).map_err(|error| usage(&error))?;
    write_out(&text)?;
    Ok(Exit::Pass)
}
