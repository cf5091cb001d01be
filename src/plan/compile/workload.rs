//! Workloads → loads, by their shape, and which scenarios they play.

use super::demand::MixDemand;
use super::load::LoadCompiler;
use crate::Load;
use plimsoll_scenario::Problems;
use plimsoll_scenario::schema::{Workload, WorkloadShape};

/// A load, and what it plays.
pub(super) struct PlayedLoad {
    pub(super) load: Load,
    /// The weight of each scenario of the file; zero of those that it does not play.
    pub(super) weights: Vec<f64>,
    /// What an iteration of its mix asks for on average.
    pub(super) demand: MixDemand,
    /// The share of its iterations that ask for each data set.
    pub(super) shares: Vec<f64>,
}

/// The load of a workload.
pub(super) fn compile(
    workload: &Workload,
    loads: &LoadCompiler<'_>,
    problems: &mut Problems,
) -> Option<PlayedLoad> {
    let mut weights = loads.weights(workload, problems);
    let mut own = loads.playing(&weights);
    let load = match &workload.shape {
        WorkloadShape::Open(open) => own.open(open, problems).map(Load::Open),
        WorkloadShape::Closed(closed) => own.closed(workload, closed, problems).map(Load::Closed),
        WorkloadShape::Recorded(recorded) => {
            own.recorded(workload, recorded, problems).map(Load::Open)
        }
        WorkloadShape::Parallel(names) => {
            let (load, mean) = loads.parallel(workload, names, problems)?;
            own = loads.playing(&mean);
            weights = mean;
            own.check_visitors(&load.stages, problems);
            Some(Load::Open(load))
        }
    };
    own.check_given_once(load.as_ref(), problems);
    Some(PlayedLoad { load: load?, weights, demand: own.demand, shares: own.shares })
}
