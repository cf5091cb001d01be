//! Workloads → loads, by their shape.

use super::load::LoadCompiler;
use crate::plan::Load;
use crate::scenario::Problems;
use crate::scenario::schema::{Workload, WorkloadShape};

/// The load of a workload.
pub(super) fn compile(
    workload: &Workload,
    loads: &LoadCompiler<'_>,
    problems: &mut Problems,
) -> Option<Load> {
    let load = match &workload.shape {
        WorkloadShape::Open(open) => loads.open(open, problems).map(Load::Open),
        WorkloadShape::Closed(closed) => loads.closed(workload, closed, problems).map(Load::Closed),
        WorkloadShape::Recorded(recorded) => {
            loads.recorded(workload, recorded, problems).map(Load::Open)
        }
    };
    loads.check_given_once(load.as_ref(), problems);
    load
}
