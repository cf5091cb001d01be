//! What can be run, what was chosen, and how it is to be run.

use std::path::PathBuf;

use plimsoll_units::{Nanos, Ratio, WorkRate};

use super::launcher::form::Form;
use super::prompt::PromptPurpose;

/// Where a scenario comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchOrigin {
    /// A folder or file on the disk.
    Folder(PathBuf),
    /// A system that the program brings along, with its simulated stack.
    Demo(String),
}

/// One workload of a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadInfo {
    /// Its name.
    pub name: String,
    /// Its stages in words, one a line.
    pub stages: Vec<String>,
}

/// Something that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchChoice {
    /// Where it comes from.
    pub origin: LaunchOrigin,
    /// How the list shows it: the folder, or `demo ais`.
    pub label: String,
    /// The system's name.
    pub name: String,
    /// Where the load goes.
    pub target: String,
    /// Scenarios, steps and objectives in a few words.
    pub about: String,
    /// The workloads, in the file's order.
    pub workloads: Vec<WorkloadInfo>,
    /// All that is wrong with its files, as `plimsoll check` prints it; empty if nothing is.
    pub problems: String,
    /// The file to edit.
    pub file: Option<PathBuf>,
}

/// A run that the user asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// The system's name.
    pub name: String,
    /// What to run.
    pub origin: LaunchOrigin,
    /// The workload's name.
    pub workload: Option<String>,
    /// Where the load goes instead.
    pub target: Option<String>,
    /// The highest rate instead.
    pub rate: Option<WorkRate>,
    /// The duration instead.
    pub duration: Option<Nanos>,
    /// The share of think times that users take.
    pub think: Option<Ratio>,
    /// The seed instead.
    pub seed: Option<u64>,
    /// Values of the file to change, as `--set` does.
    pub settings: Vec<(String, String)>,
    /// Facts about the conditions.
    pub tags: Vec<(String, String)>,
}

/// What can be run, and how the user wants it.
#[derive(Debug, Default)]
pub(super) struct Launcher {
    pub(super) places: Vec<LaunchChoice>,
    pub(super) at: usize,
    pub(super) workload: usize,
    pub(super) form: Form,
    pub(super) looked: bool,
}

impl Launcher {
    pub(super) fn on_places(&mut self, places: Vec<LaunchChoice>) {
        self.places = places;
        self.looked = true;
        self.at = self.at.min(self.places.len().saturating_sub(1));
        self.workload = self.workload.min(self.workloads().len().saturating_sub(1));
    }

    pub(super) fn place(&self) -> Option<&LaunchChoice> {
        self.places.get(self.at)
    }

    pub(super) fn workloads(&self) -> &[WorkloadInfo] {
        self.place().map_or(&[], |place| &place.workloads)
    }

    pub(super) fn step_place(&mut self, by: isize) {
        self.choose_place(self.at.saturating_add_signed(by));
    }

    /// Chooses an entry of the list. One that is chosen already keeps its workload.
    pub(super) fn choose_place(&mut self, at: usize) {
        let at = at.min(self.places.len().saturating_sub(1));
        if at != self.at {
            self.workload = 0;
        }
        self.at = at;
    }

    pub(super) fn choose_workload(&mut self, by: isize) {
        let count = self.workloads().len().max(1).cast_signed();
        let at = (self.workload.cast_signed() + by).rem_euclid(count);
        self.workload = at.cast_unsigned();
    }

    pub(super) fn file(&self) -> Option<PathBuf> {
        self.place()?.file.clone()
    }

    /// A field's value as text, to be edited.
    pub(super) fn field(&self, purpose: PromptPurpose) -> String {
        self.form.text(purpose)
    }

    /// Takes a typed value, or says what is wrong with it.
    pub(super) fn set_field(&mut self, purpose: PromptPurpose, text: &str) -> Result<(), String> {
        self.form.set(purpose, text)
    }

    /// The run as it is chosen.
    pub(super) fn launch(&self) -> Result<Launch, String> {
        let place = self.place().ok_or("nothing is chosen")?;
        if !place.problems.is_empty() {
            return Err("its files have problems: e opens the editor, R looks again".to_owned());
        }
        Ok(Launch {
            name: place.name.clone(),
            origin: place.origin.clone(),
            workload: self.workloads().get(self.workload).map(|known| known.name.clone()),
            target: (!self.form.target.is_empty()).then(|| self.form.target.clone()),
            rate: self.form.rate,
            duration: self.form.duration,
            think: self.form.think,
            seed: self.form.seed,
            settings: self.form.settings.clone(),
            tags: self.form.tags.clone(),
        })
    }
}
