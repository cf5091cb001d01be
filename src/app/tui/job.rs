//! A run that was asked for on the screen, and what it needs to start.

use std::path::Path;

use tokio::runtime::Runtime;

use crate::cli;
use crate::import::UrlScenario;
use crate::plan::Shard;
use crate::tui::{Launch, LaunchOrigin};

use super::super::asked::{FleetRole, RunRequest};
use super::super::embedded;
use super::super::exit::Failure;
use super::super::export::RunExports;
use super::super::prepare::{PreparedRun, prepare};
use super::super::simulated_stack::{DemoStack, visitors};
use super::super::url::scenario_of_url;

/// A run that was asked for, complete enough to be made again.
pub(super) struct RequestedRun {
    origin: LaunchOrigin,
    target: Option<String>,
    green: cli::SplitArgs,
    settings: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    shard: Option<Shard>,
    preflight: bool,
    browsers: bool,
    may_load: Vec<String>,
    pub(super) load: cli::LoadArgs,
    export: cli::ExportArgs,
    fleet: cli::FleetArgs,
    of_url: Option<UrlScenario>,
}

/// A run that can start, with the stack it needs.
pub(super) struct ReadyRun {
    pub(super) prepared: PreparedRun,
    pub(super) exports: RunExports,
    /// Ends when the run has.
    pub(super) stack: Option<DemoStack>,
}

impl RequestedRun {
    pub(super) fn of(args: &cli::RunArgs) -> Result<Self, Failure> {
        Ok(Self {
            origin: LaunchOrigin::Folder(args.path.clone()),
            target: args.target.clone(),
            green: args.green.clone(),
            settings: args.set.clone(),
            tags: args.tag.clone(),
            shard: args.shard,
            preflight: !args.no_preflight,
            browsers: !args.no_browsers,
            may_load: args.i_may_load.clone(),
            load: args.load.clone(),
            export: args.export.clone(),
            fleet: args.fleet.clone(),
            of_url: scenario_of_url(args)?,
        })
    }

    pub(super) fn launched(launch: Launch) -> Self {
        let browsers = matches!(launch.origin, LaunchOrigin::Folder(_));
        Self {
            origin: launch.origin,
            target: launch.target,
            green: cli::SplitArgs::default(),
            settings: launch.settings,
            tags: launch.tags,
            shard: None,
            preflight: true,
            // A demo's need Chromium, and are asked for by `plimsoll demo --browsers`.
            browsers,
            may_load: Vec::new(),
            load: cli::LoadArgs {
                workload: launch.workload,
                rate: launch.rate,
                duration: launch.duration,
                think: launch.think,
                seed: launch.seed,
                ..cli::LoadArgs::default()
            },
            export: cli::ExportArgs::default(),
            fleet: cli::FleetArgs::default(),
            of_url: None,
        }
    }

    pub(super) fn ready(&self, runtime: &Runtime, out: &Path) -> Result<ReadyRun, Failure> {
        let (mut settings, mut tags) = (self.settings.clone(), self.tags.clone());
        let (path, stack) = match &self.origin {
            LaunchOrigin::Folder(path) => (path.clone(), None),
            LaunchOrigin::Demo(system) if self.target.is_none() => {
                settings.extend(visitors());
                tags.push(("stack".to_owned(), "simulated".to_owned()));
                let as_written = crate::cli::StackChangeArgs::default();
                (embedded::folder(system), Some(DemoStack::start(system, &as_written)?))
            }
            LaunchOrigin::Demo(system) => (embedded::folder(system), None),
        };
        let own = stack.as_ref().map(|stack| stack.url.clone());
        let asked = RunRequest {
            browsers: self.browsers,
            simulated: own.is_some(),
            target: self.target.clone().or(own),
            green: self.green.clone(),
            settings: &settings,
            shard: self.shard,
            of_url: self.of_url.as_ref(),
            tags: &tags,
            preflight: self.preflight,
            may_load: &self.may_load,
            role: FleetRole::of(&self.fleet),
        };
        let prepared = prepare(runtime, &path, &asked, &self.load, out)?;
        let exports = RunExports::open(&self.export, &prepared.header, prepared.folder.path())?;
        Ok(ReadyRun { prepared, exports, stack })
    }
}
