//! Rows on the stack's own metrics.

use super::*;

#[test]
fn observed_metrics_judge_the_worst_replica() {
    let observed = |metric: &str, limit| {
        objective(Measure::Observed("api".into(), metric.into()), None, Some(limit))
    };
    let percent = Quantity::Share(Ratio::new(0.7));
    let rows =
        vec![observed("cpu", percent), observed("memory", percent), observed("disk", percent)];
    let mut log = run(STEADY, rows, 20);
    for (second, interval) in log.intervals.iter_mut().enumerate() {
        for (replica, cpu) in [("api-1", 0.4), ("api-2", 0.9)] {
            let value = cpu + 0.01 * (second % 3) as f64;
            interval.readings.push(Reading {
                tier: "api".into(),
                metric: "cpu".into(),
                replica: replica.into(),
                value: (second % 5 != 0).then(|| Quantity::Share(Ratio::new(value))),
            });
        }
        interval.readings.push(Reading {
            tier: "api".into(),
            metric: "memory".into(),
            replica: String::new(),
            value: Some(Quantity::Count(3.0)),
        });
    }
    let judged = judge(&log, Strictness::Normal).objectives;
    assert_eq!(judged[0].status, ObjectiveStatus::Fail);
    assert!(judged[0].note.contains("uneven: replica api-2"), "{}", judged[0].note);
    assert!(judged[1].note.contains("a count, the table asks for a share"));
    assert_eq!(judged[2].status, ObjectiveStatus::NotMeasured);
}

#[test]
fn memory_is_judged_in_what_the_table_asks_for() {
    let bytes = Quantity::Size(plimsoll_units::Bytes::new(500_000_000));
    let share = Quantity::Share(Ratio::new(0.8));
    let row = |metric: &str, limit| {
        objective(Measure::Observed("api".into(), metric.into()), None, Some(limit))
    };
    let mut log = run(STEADY, vec![row("memory", bytes), row("memory_share", share)], 20);
    let used = Quantity::Size(plimsoll_units::Bytes::new(300_000_000));
    for interval in &mut log.intervals {
        for (metric, value) in [("memory", Quantity::Share(Ratio::new(0.6))), ("memory_used", used)]
        {
            interval.readings.push(Reading {
                tier: "api".into(),
                metric: metric.into(),
                replica: String::new(),
                value: Some(value),
            });
        }
    }
    let judged = judge(&log, Strictness::Normal).objectives;
    assert_eq!(judged[0].estimate, Some(used));
    assert!(judged[1].estimate.is_some_and(|share| (share.base() - 0.6).abs() < 1e-9));
}
