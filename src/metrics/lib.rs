//! What a run measures: samples, their recorders, one-second intervals and the run log.
//!
//! Percentiles are never averaged: histograms travel and are merged, then asked. Memory is bounded by
//! steps × workers, not by the length of the run, because every second the recorders hand their counts on.

mod abort;
mod browser_use;
mod capacity_line;
mod collector;
mod distribution;
mod exemplar;
mod interval;
mod lag;
mod lifecycle;
mod log_reader;
mod merge;
mod objective;
mod page;
mod readings;
mod recorder;
mod runlog;
mod sample;
mod sample_kind;
mod shards;
mod source_event;
mod sparse;
mod split;
mod tally;
mod times;

pub use abort::{AbortCondition, AbortNote};
pub use browser_use::BrowserUse;
pub use capacity_line::CapacityLine;
pub use collector::Collector;
pub use distribution::Distribution;
pub use exemplar::Exemplar;
pub use interval::{ArrivalCounts, GeneratorLoad, Interval, ScenarioInterval, StepInterval};
pub use lifecycle::{LifecycleNote, LifecyclePart, LifecycleStep};
pub use log_reader::RunLogReader;
pub use objective::{Bound, CustomMeasure, Measure, Objective, Scope};
pub use page::{PageDoubt, PageFigure, PageLoad, PagePicture, PageResource};
pub use readings::{Reading, ReadingRef, Readings};
pub use recorder::{IntervalPart, ReachedPeer, Recorder};
pub use runlog::{
    ArrivalProcess, Event, EventKind, FailureExample, LateReadings, LoadModel, RunEnd, RunHeader,
    RunLine, RunLog, RunLogError, ScenarioInfo, StageInfo, StepInfo, StopReason,
};
pub use sample::{ErrorClass, Outcome, Phase, Phases, Sample, ScenarioId, StepId};
pub use sample_kind::SampleKind;
pub use shards::{ShardAbsence, ShardSummary};
pub use source_event::SourceEvent;
pub use sparse::BucketCounts;
pub use sparse::{LogSource, SparseDistribution};
pub use split::{Side, SideInterval, SplitInfo, SplitPart, Variant};
pub use tally::{Counts, Selection, Tally};
pub use times::{Answers, LateTimes, ResponseTimes, TimeParts};
