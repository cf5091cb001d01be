//! Closed workloads: how many users there are at each moment, and how much they play together.

use super::load::LoadCompiler;
use crate::{ClosedLoad, DealtRows, SharedIterations, VuStage};
use plimsoll_scenario::Problems;
use plimsoll_scenario::schema::{ClosedShape, VuStageSpec, VusSpec, Workload};
use plimsoll_units::Nanos;

/// How long so many iterations may take where nothing is said.
const ITERATIONS_TIME: Nanos = Nanos::from_secs(3_600);

impl LoadCompiler<'_> {
    /// The load of a closed workload.
    pub(super) fn closed(
        &self,
        workload: &Workload,
        shape: &ClosedShape,
        problems: &mut Problems,
    ) -> Option<ClosedLoad> {
        self.refuse_rate(workload, "closed", problems)?;
        let mut stages = match &shape.vus {
            VusSpec::Constant(vus) => {
                let duration = shape.duration.unwrap_or(ITERATIONS_TIME);
                vec![VuStage { from: *vus, to: *vus, duration, judged: true }]
            }
            VusSpec::Stages(specs) => vu_stages(specs),
        };
        if let Some(vus) = self.overrides.max_vus {
            scale_to(&mut stages, vus);
        }
        if let Some(duration) = self.overrides.duration {
            stretch_to(&mut stages, duration);
        }
        let vus = peak(&stages);
        self.check_rows(vus, problems);
        let shared = |of| SharedIterations { of, taken: DealtRows::default() };
        Some(ClosedLoad {
            vus,
            pace: shape.pace.unwrap_or(Nanos::ZERO),
            duration: stages.iter().map(|stage| stage.duration).sum(),
            iterations: shape.iterations.map(shared),
            stages,
        })
    }
}

fn vu_stages(specs: &[VuStageSpec]) -> Vec<VuStage> {
    let mut last = 0;
    let stage = |spec: &VuStageSpec| {
        let from = if spec.ramps { last } else { spec.vus };
        last = spec.vus;
        let judged = spec.judge.unwrap_or(!spec.ramps);
        VuStage { from, to: spec.vus, duration: spec.duration, judged }
    };
    specs.iter().map(stage).collect()
}

/// The most users at once.
fn peak(stages: &[VuStage]) -> u32 {
    stages.iter().map(|stage| stage.from.max(stage.to)).max().unwrap_or(0)
}

/// Another peak; the shape stays, as that of rates does.
fn scale_to(stages: &mut [VuStage], wanted: u32) {
    let factor = f64::from(wanted) / f64::from(peak(stages).max(1));
    let scaled = |vus: u32| (f64::from(vus) * factor).round() as u32;
    for stage in stages {
        (stage.from, stage.to) = (scaled(stage.from), scaled(stage.to));
    }
}

/// Another duration; the shape stays.
fn stretch_to(stages: &mut [VuStage], wanted: Nanos) {
    let whole: Nanos = stages.iter().map(|stage| stage.duration).sum();
    for stage in stages {
        let share = stage.duration.as_secs_f64() / whole.as_secs_f64();
        stage.duration = Nanos::from_secs_f64(wanted.as_secs_f64() * share);
    }
}
