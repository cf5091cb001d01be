//! What iterations ask for: requests, time and rows, by scenario and over a mix of them.

use std::collections::BTreeSet;

/// What an iteration of a mix asks for on average.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MixDemand {
    /// Requests.
    pub(super) requests: f64,
    /// Time that passes even if every answer comes at once, in seconds.
    pub(super) seconds: f64,
    /// Whether there is a loop of which nobody says how many rounds it makes.
    pub(super) is_untold: bool,
}

/// What an iteration of one scenario asks for.
#[derive(Debug, Clone)]
pub(super) struct JourneyDemand {
    pub(super) name: String,
    /// Its weight in the file.
    pub(super) weight: f64,
    pub(super) demand: MixDemand,
    /// The data sets of which it asks for a row.
    pub(super) datasets: BTreeSet<u16>,
}

impl MixDemand {
    /// What an iteration of a mix with these weights asks for on average; without any weight, nothing.
    pub(super) fn of(journeys: &[JourneyDemand], weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Self::default();
        }
        let played = || journeys.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let mean = |of: fn(&Self) -> f64| {
            played().map(|(one, weight)| of(&one.demand) * weight).sum::<f64>() / total
        };
        Self {
            requests: mean(|demand| demand.requests),
            seconds: mean(|demand| demand.seconds),
            is_untold: played().any(|(one, _)| one.demand.is_untold),
        }
    }
}

/// The share of a mix's iterations that ask for a row of each of `count` data sets.
pub(super) fn shares_of_data(
    journeys: &[JourneyDemand],
    weights: &[f64],
    count: usize,
) -> Vec<f64> {
    let total = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut shares = vec![0.0; count];
    for (journey, weight) in journeys.iter().zip(weights) {
        for dataset in &journey.datasets {
            shares[usize::from(*dataset)] += weight / total;
        }
    }
    shares
}
