//! The stack's own metrics, read on the same clock as the load.
//!
//! Capacity cannot be planned from response times alone. Whatever the source, it becomes named series
//! ([`MetricSeries`]); formulas ([`Formula`]) make a tier's metrics of two scrapes of them. Missing data is
//! "no data" and never zero; a source that fails has its own error and spares the others.
//!
//! Architecture invariant: nothing here can slow the load down. Every source has its time limit, every
//! answer its size limit, and an [`Observer`] belongs on a thread of its own.

mod cgroup;
mod choice;
mod cloudwatch;
mod command;
mod described;
mod error;
mod exposition;
mod fetch;
mod gaps;
mod health;
mod json_document;
mod json_metrics;
mod mapping;
mod observer;
mod page;
mod postgres;
pub mod presets;
mod programs;
mod prometheus;
mod promql;
mod quantile;
mod redis;
mod series;
mod snapshot;
mod source;
mod watch;

pub use cgroup::Cgroup;
pub use command::MetricCommand;
pub use described::{described, health, simulated};
pub use error::ObserveError;
pub use exposition::{ExpositionError, ExpositionProblem, parse as parse_exposition};
pub use fetch::{Trust, post};
pub use health::HealthProbe;
pub use json_document::JsonDocument;
pub use json_metrics::JsonMetrics;
pub use mapping::{Formula, Mapping, ReadingSubject, SourceUnit};
pub use observer::{Observation, Observer, SourceFailure};
pub use programs::missing_programs;
pub use prometheus::Query;
pub use promql::{ExporterKind, ExporterTarget};
pub use series::{Labels, MetricSeries, Scrape, ScrapeWindow, Selector};
pub use snapshot::Snapshot;
pub use source::{MetricSource, SourceSpec};
pub use watch::{StackWatch, WatchPlan};
