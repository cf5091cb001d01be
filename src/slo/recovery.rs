//! `recover`: the longest time until the service was well again after something happened to it.

use super::availability::{Incident, availability};
use super::measured::Measured;
use plimsoll_metrics::RunLog;
use plimsoll_units::{Nanos, Quantity};

/// The longest time to recover of the run's outages, to the second.
///
/// Where something was marked or a replica was gone and the service never failed, it is zero. Where nothing
/// happened at all, nothing was proved.
pub(super) fn measure(log: &RunLog) -> Measured {
    let found = availability(log);
    let outages: Vec<&Incident> = found.outages().collect();
    if let Some(lasting) = outages.iter().find(|incident| incident.end.is_none()) {
        let so_far = log.duration().saturating_sub(Nanos::new(lasting.begin.get()));
        let mut measured = Measured::value(Quantity::Time(so_far), None, outages.len() as u64);
        measured.unproven = true;
        measured.note = format!(
            "not recovered when the run ended, {} after the first sign",
            Nanos::from_secs(so_far.as_secs_f64().round() as u64)
        );
        return measured;
    }
    let longest = outages.iter().filter_map(|incident| incident.time_to_recover()).max();
    if let Some(longest) = longest {
        let lost: u64 = outages.iter().map(|incident| incident.lost).sum();
        let note = format!("{lost} requests lost meanwhile");
        return Measured::value(Quantity::Time(longest), None, outages.len() as u64)
            .with_note(note);
    }
    let gone = found.incidents.first().map(|incident| incident.what.clone());
    if gone.is_none() && !found.has_marks {
        return Measured::nothing(
            0,
            "n/a: nothing happened that there was to recover from".to_owned(),
        );
    }
    let note = match gone {
        Some(replica) => format!("the service never failed, also while {replica} was gone"),
        None => "the service never failed, whatever was marked".to_owned(),
    };
    Measured::value(Quantity::Time(Nanos::ZERO), None, 1).with_note(note)
}
