//! Which runs of the history a command is about.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cli;
use crate::slo::{Strictness, Verdict, judge};

use super::super::exit::Failure;
use super::super::history;
use super::super::history::StoredRun;

/// The runs that pass the filter, oldest first, with their verdicts.
pub(super) fn filtered(filter: &cli::RunFilterArgs) -> Result<Vec<(StoredRun, Verdict)>, Failure> {
    let matches =
        |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|it| it == found);
    let found = history::all(&filter.folder)?.into_iter().filter(|run| {
        let header = &run.log.header;
        matches(&filter.name, &header.name)
            && matches(&filter.workload, &header.workload)
            && is_within(&header.started_utc, filter.since, filter.before)
    });
    Ok(found
        .map(|run| {
            let verdict = judge(&run.log, Strictness::Normal).verdict;
            (run, verdict)
        })
        .filter(|(run, verdict)| {
            let is_asked = |asked: &String| !run.is_going_on && asked == verdict_key(*verdict);
            filter.verdict.is_empty() || filter.verdict.iter().any(is_asked)
        })
        .collect())
}

/// The verdict as `--verdict` names it.
const fn verdict_key(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::AtRisk => "at_risk",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Fail => "fail",
        Verdict::NotValid => "not_valid",
    }
}

/// Whether a run began on a day of the range. A time that cannot be read is in no range.
pub(super) fn is_within(started_utc: &str, since: Option<Date>, before: Option<Date>) -> bool {
    if since.is_none() && before.is_none() {
        return true;
    }
    let Ok(started) = started_utc.parse::<Timestamp>() else { return false };
    let day = started.to_zoned(TimeZone::UTC).date();
    since.is_none_or(|since| day >= since) && before.is_none_or(|before| day < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_range_holds_its_first_day_and_not_its_last() {
        let day = |text: &str| Some(text.parse::<Date>().expect("a date"));
        let started = "2026-05-04T23:59:59Z";
        assert!(is_within(started, day("2026-05-04"), day("2026-05-05")));
        assert!(!is_within(started, None, day("2026-05-04")));
        assert!(!is_within(started, day("2026-05-05"), None));
        assert!(is_within("no time at all", None, None));
        assert!(!is_within("no time at all", day("2026-05-05"), None));
    }
}
