//! Availability: what was served and what the health probes saw; incidents with their signs, how soon they
//! were seen, how soon all was well again, and what they cost.
//!
//! Everything is told second by second, so times to detect and to recover are right to a second. It speaks of
//! the whole run, ramps included: an outage is one whenever it comes.

use std::collections::BTreeMap;

use super::service::UptimeCounts;
use plimsoll_metrics::{EventKind, Interval, Reading, RunLog, SourceEvent};
use plimsoll_units::{Nanos, Ratio, RunTime};

/// A second is bad where at least this share of its requests got no service.
const BAD_SHARE: f64 = 0.01;
/// So many good seconds in a row end an incident.
const GOOD_SECONDS: usize = 3;
/// A mark so long before the first sign is taken for its cause.
const CAUSE_WITHIN: Nanos = Nanos::from_secs(30);
/// Requests that wait at the end of a second without completions, from which it is an outage and no slow start.
const WAITING_MIN: u64 = 5;
/// Mean completions in a second from which a second without any is an outage rather than chance.
const EXPECTED_MIN: f64 = 5.0;

/// What one health endpoint answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeShare {
    /// Its path.
    pub path: String,
    /// How often it was asked.
    pub probes: u64,
    /// How often it was up.
    pub up: u64,
}

/// Seconds without proper service, or a replica that was gone.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// `service`, or the replica whose own metrics fell silent: `api 2`.
    pub what: String,
    /// The first sign.
    pub begin: RunTime,
    /// When all was well again; `None` if the run ended before.
    pub end: Option<RunTime>,
    /// Requests that got no service, and arrivals that were dropped, meanwhile.
    pub lost: u64,
    /// The mark shortly before the first sign: when, and its text.
    pub mark: Option<(RunTime, String)>,
}

impl Incident {
    /// Whether it speaks of the service as a whole.
    pub fn is_of_service(&self) -> bool {
        self.what == SERVICE
    }

    /// From the mark to the first sign, where a mark tells when it began.
    pub fn time_to_detect(&self) -> Option<Nanos> {
        self.mark.as_ref().map(|(at, _)| self.begin.since(*at))
    }

    /// From the mark, or else the first sign, until all was well again.
    pub fn time_to_recover(&self) -> Option<Nanos> {
        let from = self.mark.as_ref().map_or(self.begin, |(at, _)| *at);
        self.end.map(|end| end.since(from.min(self.begin)))
    }
}

const SERVICE: &str = "service";

/// Availability of a whole run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Availability {
    /// Requests that ended.
    pub requests: u64,
    /// Those that got no service.
    pub unserved: u64,
    /// What the health endpoints answered, by path.
    pub probes: Vec<ProbeShare>,
    /// In the order of their first signs.
    pub incidents: Vec<Incident>,
    /// Whether anything was marked: a run with marks and without incidents has survived them.
    pub has_marks: bool,
}

impl Availability {
    /// The share of requests served; `None` where no request ended.
    pub fn served(&self) -> Option<Ratio> {
        (self.requests > 0).then(|| Ratio::of(self.requests - self.unserved, self.requests))
    }

    /// The incidents of the service as a whole.
    pub fn outages(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| incident.is_of_service())
    }
}

/// What a run's log says about availability.
pub fn availability(log: &RunLog) -> Availability {
    let counts: Vec<UptimeCounts> = log.intervals.iter().map(UptimeCounts::of).collect();
    let marks = marks(log);
    let mut incidents = outages(&log.intervals, &counts);
    incidents.extend(absences(log));
    incidents.sort_by_key(|incident| incident.begin);
    let mut earlier = None;
    for incident in &mut incidents {
        let before = marks.iter().rfind(|(at, _)| {
            *at <= incident.begin + SECOND && incident.begin.since(*at) <= CAUSE_WITHIN
        });
        // A mark explains what comes at once, not a later incident of the same kind.
        let used = earlier.replace((incident.what.clone(), before));
        let is_fresh = used.is_none_or(|(what, mark)| what != incident.what || mark != before);
        let mark = before.filter(|_| is_fresh);
        incident.mark = mark.map(|(at, text)| (*at.min(&incident.begin), text.clone()));
    }
    Availability {
        requests: counts.iter().map(|count| count.requests).sum(),
        unserved: counts.iter().map(|count| count.unserved).sum(),
        probes: probes(&log.intervals),
        incidents,
        has_marks: !marks.is_empty(),
    }
}

const SECOND: Nanos = Nanos::from_secs(1);

fn marks(log: &RunLog) -> Vec<(RunTime, String)> {
    let mark = |event: &plimsoll_metrics::Event| match &event.kind {
        EventKind::Mark(text) => Some((event.at, text.clone())),
        _ => None,
    };
    log.events.iter().filter_map(mark).collect()
}

fn probes(intervals: &[Interval]) -> Vec<ProbeShare> {
    let mut paths: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (path, is_up) in intervals.iter().flat_map(answers) {
        let slot = paths.entry(path).or_default();
        slot.0 += 1;
        slot.1 += u64::from(is_up);
    }
    let share = |(path, (probes, up)): (&str, (u64, u64))| {
        let path = path.to_owned();
        ProbeShare { path, probes, up }
    };
    paths.into_iter().map(share).collect()
}

/// The endpoints that were asked in this second, and whether each was up.
pub(super) fn answers(interval: &Interval) -> impl Iterator<Item = (&str, bool)> {
    let asked = interval.readings.iter().filter(|reading| reading.tier == Reading::HEALTH);
    asked.filter_map(|reading| Some((reading.replica, reading.value?.base() > 0.5)))
}

/// Spells of bad seconds; good ones in between that are fewer than three belong to the spell.
fn outages(intervals: &[Interval], counts: &[UptimeCounts]) -> Vec<Incident> {
    let requests: u64 = counts.iter().map(|count| count.requests).sum();
    let expected = requests as f64 / counts.len().max(1) as f64;
    let mut incidents: Vec<Incident> = Vec::new();
    let mut open: Option<Incident> = None;
    let (mut good, mut is_back) = (0, false);
    for (interval, count) in intervals.iter().zip(counts) {
        if is_bad(interval, count, expected) {
            (good, is_back) = (0, false);
            let incident = open.get_or_insert_with(|| Incident {
                what: SERVICE.to_owned(),
                begin: interval.start,
                end: None,
                lost: 0,
                mark: None,
            });
            incident.lost += count.unserved + interval.arrivals.dropped;
            incident.end = Some(interval.end);
        } else if let Some(mut incident) = open.take() {
            incident.lost += count.unserved + interval.arrivals.dropped;
            good += 1;
            // A second in which nobody asked proves nothing.
            is_back |= count.requests > 0 || answers(interval).next().is_some();
            if good >= GOOD_SECONDS && is_back {
                incidents.push(incident);
                good = 0;
            } else {
                open = Some(incident);
            }
        }
    }
    if let Some(mut last) = open {
        // Nothing was well before the end of the run.
        if !is_back {
            last.end = None;
        }
        incidents.push(last);
    }
    incidents
}

fn is_bad(interval: &Interval, count: &UptimeCounts, expected: f64) -> bool {
    let unserved = count.unserved > 0 && count.unserved as f64 >= BAD_SHARE * count.requests as f64;
    let stalled = count.requests == 0
        && interval.in_flight >= WAITING_MIN
        && expected >= EXPECTED_MIN
        && interval.length() >= SECOND;
    unserved || stalled || answers(interval).any(|(_, is_up)| !is_up)
}

/// Replicas whose own metrics fell silent: from the event that says so until the same source answers again.
/// A source that failed from the start tells nothing of its replica.
fn absences(log: &RunLog) -> Vec<Incident> {
    let mut absent: Vec<(&SourceEvent, Incident)> = Vec::new();
    for event in log.events.iter().filter(|event| event.at.since(RunTime::ZERO) >= SECOND) {
        let EventKind::SourceError(source) = &event.kind else { continue };
        let Some(replica) = source.replica_of_tier() else { continue };
        let open = absent.iter_mut().rfind(|(_, one)| one.what == replica && one.end.is_none());
        match (open, source.reason.is_none()) {
            (Some((known, incident)), true) if known.is_same_source(source) => {
                incident.end = Some(event.at);
            }
            (None, false) => absent.push((source, gone(replica, event.at))),
            _ => {}
        }
    }
    absent.into_iter().map(|(_, incident)| incident).collect()
}

fn gone(what: String, begin: RunTime) -> Incident {
    Incident { what, begin, end: None, lost: 0, mark: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{header, record};
    use plimsoll_metrics::{ErrorClass, Event, StepId, StepInterval};
    use plimsoll_units::Quantity;

    fn at(second: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_secs(second)
    }

    /// 100 requests a second, of which so many are refused.
    fn log(refused: &[u64]) -> RunLog {
        let mut log = record(header(100.0, refused.len() as u64, vec![]), &[]);
        log.intervals = (0..)
            .zip(refused)
            .map(|(second, &refused)| {
                let mut step = StepInterval { requests: 100, ..StepInterval::default() };
                step.errors.insert(ErrorClass::Refused, refused);
                let (start, end) = (at(second), at(second + 1));
                let steps = [(StepId(0), step)].into();
                Interval { start, end, steps, ..Interval::default() }
            })
            .collect();
        log
    }

    fn event(second: u64, kind: EventKind) -> Event {
        Event { at: at(second), kind }
    }

    #[test]
    fn outage_is_dated_from_its_mark_to_the_last_bad_second() {
        let mut log = log(&[0, 0, 0, 40, 0, 60, 0, 0, 0, 0]);
        log.events = vec![event(2, EventKind::Mark("replica 2 killed".into()))];
        let found = availability(&log);
        let [incident] = found.incidents.as_slice() else { panic!("{found:?}") };
        assert_eq!((incident.begin, incident.end, incident.lost), (at(3), Some(at(6)), 100));
        assert_eq!(incident.time_to_detect(), Some(Nanos::from_secs(1)));
        assert_eq!(incident.time_to_recover(), Some(Nanos::from_secs(4)));
        assert_eq!(found.served(), Some(Ratio::of(900, 1_000)));
    }

    #[test]
    fn outage_that_lasts_to_the_end_has_not_recovered() {
        let found = availability(&log(&[0, 0, 0, 0, 100, 100]));
        assert_eq!(found.incidents[0].end, None);
        assert_eq!(found.incidents[0].time_to_recover(), None);
    }

    /// Goal: the rest of the last second, in which nobody asked, is no recovery; nor are seconds without requests in between.
    #[test]
    fn seconds_in_which_nobody_asked_prove_no_recovery() {
        let mut log = log(&[0, 100, 100, 0, 0, 0, 0, 100, 0]);
        for second in [3, 4, 5, 6, 8] {
            log.intervals[second].steps.clear();
        }
        let found = availability(&log);
        let [incident] = found.incidents.as_slice() else { panic!("{found:?}") };
        assert_eq!((incident.begin, incident.end, incident.lost), (at(1), None, 300));
    }

    #[test]
    fn one_failure_in_a_thousand_is_no_outage() {
        let mut log = log(&[0; 10]);
        for interval in &mut log.intervals {
            for step in interval.steps.values_mut() {
                step.requests = 1_000;
                step.errors.insert(ErrorClass::Refused, 1);
            }
        }
        assert_eq!(availability(&log).incidents, []);
    }

    #[test]
    fn probe_that_is_down_makes_an_outage_without_any_request_lost() {
        let mut log = log(&[0; 8]);
        for (second, interval) in log.intervals.iter_mut().enumerate() {
            interval.readings.push(Reading {
                tier: Reading::HEALTH.into(),
                metric: "up".into(),
                replica: "/health".into(),
                value: Some(Quantity::Share(Ratio::new(if second == 3 { 0.0 } else { 1.0 }))),
            });
        }
        let found = availability(&log);
        assert_eq!(found.probes, [ProbeShare { path: "/health".into(), probes: 8, up: 7 }]);
        assert_eq!((found.incidents[0].begin, found.incidents[0].lost), (at(3), 0));
    }

    #[test]
    fn replica_that_falls_silent_is_gone_until_it_answers_again() {
        let mut log = log(&[0; 10]);
        let source = |tier: &str, replica: &str, source: &str, reason: Option<&str>| {
            EventKind::SourceError(SourceEvent {
                tier: tier.into(),
                replica: replica.into(),
                source: source.into(),
                reason: reason.map(str::to_owned),
            })
        };
        log.events = vec![
            event(0, source("api", "1", "a control group", Some("entity not found"))),
            event(3, source("api", "2", "a metrics page", Some("connection refused"))),
            event(3, source("db", "", "PostgreSQL", Some("no answer within 1s"))),
            event(7, source("api", "2", "a metrics page", None)),
        ];
        let found = availability(&log);
        let [incident] = found.incidents.as_slice() else { panic!("{found:?}") };
        assert_eq!((incident.what.as_str(), incident.end), ("api 2", Some(at(7))));
        assert!(!incident.is_of_service());
    }
}
