//! `plimsoll prove`: what is reported on this machine, held against what is true by arithmetic.
//!
//! Each case plays a stack whose response times are known, puts load on it over real sockets, and compares. The machine is
//! the user's own: what it takes from the generator shows as lag, and what it can offer is measured at the end.

mod cases;
mod proof;
mod table;

use std::path::Path;

use serde_json::Value;

use crate::cli;
use crate::report::{ReportExtras, json};
use crate::slo::ValidityStatus;
use crate::units::{Nanos, Rate, RateUnit, WorkRate};

use super::asked::{FleetRole, RunRequest};
use super::embedded;
use super::exit::{Exit, Failure};
use super::files::create_folder;
use super::output::{say, write_out};
use super::run::play;
use super::simulated_stack::DemoStack;
use cases::{CASES, OFFER, ProofCase, RATES};
use proof::{ProvedCase, ProvedRate, ProvedRow};

/// Plays all cases and prints what they came to.
pub(super) fn prove(args: &cli::ProveArgs) -> Result<Exit, Failure> {
    create_folder(&args.out)?;
    let mut proved = vec![];
    for case in &CASES {
        say(&format!("{} …", case.name));
        proved.push(measured(case, &args.out)?);
    }
    say("the highest rate that this machine offers validly …");
    let rate = highest_rate(&args.out)?;
    let holds = proved.iter().all(|case| case.rows.iter().all(ProvedRow::holds));
    let text = match args.format {
        cli::ResultFormat::Text => table::text(&proved, &rate),
        cli::ResultFormat::Json => table::json(&proved, &rate, holds),
    };
    write_out(&text)?;
    // A figure that is off says that this machine cannot tell, as a measurement that is not valid does.
    Ok(if holds { Exit::Pass } else { Exit::Judged(97) })
}

fn measured(case: &'static ProofCase, out: &Path) -> Result<ProvedCase, Failure> {
    let (result, _) = result_of(case.folder, &cli::LoadArgs::default(), out)?;
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64);
    let rows = case.truths.iter().map(|truth| ProvedRow { truth, reported: number(truth.pointer) });
    Ok(ProvedCase { case, rows: rows.collect(), lag_p99_ms: number("/schedule_lag_ms/p99") })
}

/// Raises the rate until the generator does not keep up, or the highest is reached.
fn highest_rate(out: &Path) -> Result<ProvedRate, Failure> {
    let mut found = ProvedRate { highest: None, lag_p99_ms: None, is_bounded: false };
    for rate in RATES {
        let load = cli::LoadArgs {
            rate: Some(WorkRate { rate: Rate::per_second(rate), unit: RateUnit::Requests }),
            duration: Some(Nanos::from_secs(3)),
            ..cli::LoadArgs::default()
        };
        let (result, status) = result_of(OFFER, &load, out)?;
        if status == ValidityStatus::NotValid {
            found.is_bounded = true;
            break;
        }
        found.highest = Some(rate);
        found.lag_p99_ms = result.pointer("/schedule_lag_ms/p99").and_then(Value::as_f64);
    }
    Ok(found)
}

/// Plays a folder that the program brings along, and what `result.json` says of it.
fn result_of(
    folder: &str,
    load: &cli::LoadArgs,
    out: &Path,
) -> Result<(Value, ValidityStatus), Failure> {
    let stack = DemoStack::start(folder, &cli::StackChangeArgs::default())?;
    let asked = RunRequest {
        target: Some(stack.url.clone()),
        green: cli::SplitArgs::default(),
        settings: &[],
        shard: None,
        of_url: None,
        tags: &[],
        preflight: true,
        may_load: &[],
        simulated: true,
        browsers: false,
        role: FleetRole::Alone,
    };
    let output = cli::OutputArgs {
        out: out.to_owned(),
        strict: false,
        quiet: true,
        format: cli::ResultFormat::Text,
    };
    let played =
        play(&embedded::folder(folder), &asked, load, (&output, &cli::ExportArgs::default()))?;
    if played.exit == Exit::Interrupted {
        return Err(Failure::new(Exit::Interrupted, "interrupted: nothing is proved"));
    }
    let report = &played.concluded.report;
    let value = json::value(report, &ReportExtras::default());
    Ok((value, report.judgement.validity.status))
}
