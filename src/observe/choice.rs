//! Which source counts where several give the same metric of a tier.
//!
//! A replica may be read from its control group and from Prometheus at once. Mixing the two second by second
//! would compare unlike numbers and count replicas twice, so one group of sources is settled on early.

use std::collections::HashMap;

use plimsoll_metrics::Reading;

/// Rates need two readings; from the third on, a source that still has nothing will not be waited for.
const SETTLED_AFTER: u32 = 2;

/// The readings of one source.
pub(super) struct SourceSnapshot {
    /// Its group; lower ones are preferred.
    pub(super) group: usize,
    /// Whether it could not be read.
    pub(super) failed: bool,
    /// Its readings.
    pub(super) readings: Vec<Reading>,
}

/// Tier and metric.
type MetricKey = (String, String);

/// The choices made so far.
#[derive(Debug, Default)]
pub(super) struct SourceChoice {
    readings: u32,
    settled: HashMap<MetricKey, usize>,
}

impl SourceChoice {
    /// Settles at once on a group for a metric of a tier.
    pub(super) fn settle(&mut self, tier: &str, metric: &str, group: usize) {
        self.settled.insert((tier.to_owned(), metric.to_owned()), group);
    }

    /// Keeps of each metric of a tier the readings of one group. A metric that a source could give, but has
    /// never given without failing, is left out: not every Redis has a replication lag.
    pub(super) fn pick(&mut self, snapshots: Vec<SourceSnapshot>) -> Vec<Reading> {
        self.readings += 1;
        let groups = self.groups(&snapshots);
        let is_picked = |group: usize, reading: &Reading| groups.get(&key(reading)) == Some(&group);
        let picked = snapshots.into_iter().flat_map(|snapshot| {
            let of_group = snapshot.readings.into_iter();
            of_group.filter(move |reading| is_picked(snapshot.group, reading))
        });
        picked.collect()
    }

    /// Whether this group's readings of the metric count.
    pub(super) fn is_settled_on(&self, group: usize, reading: &Reading) -> bool {
        self.settled.get(&key(reading)).is_none_or(|settled| *settled == group)
    }

    /// The group that counts for each metric now.
    fn groups(&mut self, snapshots: &[SourceSnapshot]) -> HashMap<MetricKey, usize> {
        let mut groups = self.settled.clone();
        let mut best: HashMap<MetricKey, (bool, usize)> = HashMap::new();
        for snapshot in snapshots {
            for reading in &snapshot.readings {
                let has_data = reading.value.is_some();
                if !has_data && !snapshot.failed {
                    continue;
                }
                // Data goes before "no data", then the lower group.
                let rank = (!has_data, snapshot.group);
                let slot = best.entry(key(reading)).or_insert(rank);
                *slot = rank.min(*slot);
            }
        }
        for (key, (no_data, group)) in best {
            groups.entry(key.clone()).or_insert(group);
            if !no_data && self.readings > SETTLED_AFTER {
                self.settled.entry(key).or_insert(group);
            }
        }
        groups
    }
}

fn key(reading: &Reading) -> MetricKey {
    (reading.tier.clone(), reading.metric.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::Quantity;

    fn reading(metric: &str, replica: &str, value: Option<f64>) -> Reading {
        let (tier, metric, replica) = ("api".into(), metric.into(), replica.into());
        Reading { tier, metric, replica, value: value.map(Quantity::Count) }
    }

    fn snapshot(group: usize, readings: &[Reading]) -> SourceSnapshot {
        SourceSnapshot { group, failed: false, readings: readings.to_vec() }
    }

    fn replicas(readings: &[Reading]) -> Vec<&str> {
        readings.iter().map(|one| one.replica.as_str()).collect()
    }

    #[test]
    fn preferred_group_counts_once_it_has_data() {
        let mut choice = SourceChoice::default();
        let whole = reading("cpu", "", Some(0.5));
        let first = choice.pick(vec![
            snapshot(0, &[reading("cpu", "1", None), reading("cpu", "2", None)]),
            snapshot(1, std::slice::from_ref(&whole)),
        ]);
        assert_eq!(replicas(&first), [""]);
        let both = [reading("cpu", "1", Some(0.4)), reading("cpu", "2", Some(0.6))];
        let second = choice.pick(vec![snapshot(0, &both), snapshot(1, &[whole])]);
        assert_eq!(replicas(&second), ["1", "2"]);
    }

    #[test]
    fn settled_group_that_fails_reads_no_data_and_is_not_replaced() {
        let mut choice = SourceChoice::default();
        let (one, other) = (reading("cpu", "1", Some(0.4)), reading("cpu", "", Some(0.5)));
        for _ in 0..3 {
            choice.pick(vec![
                snapshot(0, std::slice::from_ref(&one)),
                snapshot(1, std::slice::from_ref(&other)),
            ]);
        }
        let failed =
            SourceSnapshot { group: 0, failed: true, readings: vec![reading("cpu", "1", None)] };
        let picked = choice.pick(vec![failed, snapshot(1, &[other])]);
        assert_eq!(picked, [reading("cpu", "1", None)]);
    }

    #[test]
    fn metric_that_is_settled_on_at_once_waits_for_its_source() {
        let mut choice = SourceChoice::default();
        choice.settle("api", "cpu", 0);
        let (own, other) = (reading("cpu", "", Some(0.4)), reading("cpu", "", Some(0.5)));
        for _ in 0..5 {
            let nothing_yet = snapshot(0, &[]);
            let picked = choice.pick(vec![nothing_yet, snapshot(1, std::slice::from_ref(&other))]);
            assert_eq!(picked, []);
        }
        let both = vec![snapshot(0, std::slice::from_ref(&own)), snapshot(1, &[other])];
        assert_eq!(choice.pick(both), [own]);
    }

    #[test]
    fn metric_that_a_source_never_gives_is_left_out_unless_it_failed() {
        let mut choice = SourceChoice::default();
        let lag = reading("replication_lag", "", None);
        assert_eq!(choice.pick(vec![snapshot(0, std::slice::from_ref(&lag))]), []);
        let failed = SourceSnapshot { group: 0, failed: true, readings: vec![lag.clone()] };
        assert_eq!(choice.pick(vec![failed]), [lag]);
    }
}
