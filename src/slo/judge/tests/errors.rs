//! Errors are always judged, whatever the table says of times.

use super::*;
use crate::Cause;

/// A minute of which `share` of the requests fails at once, under a table with these rows.
fn failing(share: f64, rows: Vec<Objective>) -> RunLog {
    let mut requests = STEADY.play(5);
    fail_some(&mut requests, share, ErrorClass::Http4xx, 5);
    record(header(STEADY.rate, STEADY.seconds, rows), &requests)
}

fn p95() -> Objective {
    bounded(Measure::ResponseTime(0.95), time(60_000))
}

fn error_rate(limit: Option<Quantity>) -> Objective {
    objective(Measure::ErrorRate, None, limit)
}

#[test]
fn errors_that_the_table_says_nothing_of_fail_the_run() {
    let judgement = judge(&failing(0.6, vec![p95()]), Strictness::Normal);
    assert_eq!(judgement.verdict, Verdict::Fail);
    let [times, errors] = judgement.objectives.as_slice() else { panic!("two rows") };
    assert_eq!((times.status, times.by_default), (ObjectiveStatus::Pass, false));
    assert_eq!((errors.status, errors.by_default), (ObjectiveStatus::Fail, true));
    assert!(errors.note.contains("`error_rate: off` leaves errors unjudged"), "{}", errors.note);
    let cause = judgement.cause.as_ref();
    assert!(matches!(cause, Some(Cause::Errors { row: 1, .. })), "{cause:?}");
    assert!(!judgement.by_default_table);

    let well = judge(&failing(0.0, vec![p95()]), Strictness::Normal);
    assert_eq!((well.verdict, well.objectives[1].status), (Verdict::Pass, ObjectiveStatus::Pass));
    assert_eq!(well.objectives[1].note, "");
}

#[test]
fn table_decides_where_it_speaks_of_errors() {
    let allowed =
        judge(&failing(0.6, vec![p95(), error_rate(Some(share(0.8)))]), Strictness::Normal);
    assert_eq!((allowed.verdict, allowed.objectives.len()), (Verdict::Pass, 2));
    let off = judge(&failing(0.6, vec![p95(), error_rate(None)]), Strictness::Normal);
    assert_eq!((off.verdict, off.objectives.len()), (Verdict::Pass, 1));
}

/// Without a failure a short run proves no 1 %, and nobody asked it to.
#[test]
fn default_row_holds_up_no_short_run() {
    let short = Queue { rate: 5.0, seconds: 12, ..STEADY };
    let judgement = judge(&run(short, vec![p95()], 2), Strictness::Strict);
    assert_eq!(judgement.objectives[1].status, ObjectiveStatus::NotMeasured);
    assert_eq!(judgement.verdict, Verdict::Pass, "{:?}", judgement.objectives);
    // A row of the table that nothing measures is still no pass.
    let absent = Objective { scope: Scope::Step("absent".into()), ..p95() };
    let judgement = judge(&run(STEADY, vec![absent], 2), Strictness::Normal);
    assert_eq!(judgement.objectives[1].status, ObjectiveStatus::Pass);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
}

#[test]
fn table_that_judges_nothing_is_no_pass() {
    let mut log = failing(0.6, vec![error_rate(None)]);
    log.header.model = LoadModel::Closed { vus: 4 };
    log.header.arrivals = ArrivalProcess::Closed;
    let judgement = judge(&log, Strictness::Normal);
    assert_eq!((judgement.verdict, judgement.objectives.len()), (Verdict::Inconclusive, 0));
}
