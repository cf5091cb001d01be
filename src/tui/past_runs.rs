//! The runs that were made, and which of them are chosen to be compared.

use std::path::PathBuf;

use plimsoll_report::Report;
use plimsoll_slo::Verdict;

/// A run that was made, as its `result.json` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// The system.
    pub name: String,
    /// The workload.
    pub workload: String,
    /// When, RFC 3339 UTC.
    pub started_utc: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Requests a second.
    pub rate: f64,
    /// Where the load went.
    pub target: String,
    /// Response times in milliseconds; none where too few requests succeeded for the quantile.
    pub p50_ms: Option<f64>,
    /// The same.
    pub p95_ms: Option<f64>,
    /// The same.
    pub p99_ms: Option<f64>,
    /// Failed requests among all, 0 to 1.
    pub error_rate: f64,
    /// Whether it lies where a run of its system is written: a sample does not.
    pub is_own: bool,
    /// Where its files are.
    pub folder: PathBuf,
}

/// All past runs, newest first.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) runs: Vec<PastRun>,
    pub(super) at: usize,
    /// What is set against each other: indices of runs, in the order of choosing.
    pub(super) before: Vec<usize>,
    pub(super) after: Vec<usize>,
}

/// A side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComparisonSide {
    Before,
    After,
}

impl History {
    pub(super) fn on_runs(&mut self, runs: Vec<PastRun>) {
        self.runs = runs;
        self.at = self.at.min(self.runs.len().saturating_sub(1));
        self.before.clear();
        self.after.clear();
    }

    pub(super) fn step(&mut self, by: isize) {
        self.mark(self.at.saturating_add_signed(by));
    }

    pub(super) fn mark(&mut self, at: usize) {
        self.at = at.min(self.runs.len().saturating_sub(1));
    }

    /// Chooses the run, or no longer. Of two runs the older one is what was.
    pub(super) fn choose(&mut self) {
        if self.at >= self.runs.len() || self.take_out() {
            return;
        }
        if self.after.is_empty() {
            self.after.push(self.at);
        } else {
            self.before = vec![self.at];
        }
        if let ([before], [after]) = (&mut self.before[..], &mut self.after[..])
            && *before < *after
        {
            // Newest first: the smaller index is the later run.
            std::mem::swap(before, after);
        }
    }

    /// Adds the run to a side, or takes it out of it.
    pub(super) fn put(&mut self, side: ComparisonSide) {
        if self.at >= self.runs.len() {
            return;
        }
        let was = self.side_of(self.at);
        self.take_out();
        if was != Some(side) {
            match side {
                ComparisonSide::Before => self.before.push(self.at),
                ComparisonSide::After => self.after.push(self.at),
            }
        }
    }

    fn take_out(&mut self) -> bool {
        let was = self.side_of(self.at).is_some();
        let at = self.at;
        self.before.retain(|index| *index != at);
        self.after.retain(|index| *index != at);
        was
    }

    pub(super) fn side_of(&self, index: usize) -> Option<ComparisonSide> {
        if self.before.contains(&index) {
            Some(ComparisonSide::Before)
        } else {
            self.after.contains(&index).then_some(ComparisonSide::After)
        }
    }

    /// The folders of both sides, if both have runs.
    pub(super) fn sides(&self) -> Option<ComparedRuns> {
        let folders = |indices: &[usize]| -> Vec<PathBuf> {
            indices.iter().filter_map(|index| Some(self.runs.get(*index)?.folder.clone())).collect()
        };
        let sides = ComparedRuns { before: folders(&self.before), after: folders(&self.after) };
        (!sides.before.is_empty() && !sides.after.is_empty()).then_some(sides)
    }

    /// The folder of the run that is marked.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.runs.get(self.at).map(|run| run.folder.clone())
    }

    /// The last valid run of the same system, workload and target that began before this one.
    pub(super) fn before(&self, report: &Report) -> Option<&PastRun> {
        let header = &report.header;
        self.runs.iter().find(|run| {
            run.name == header.name
                && run.workload == header.workload
                && run.target == header.target
                && run.verdict != Verdict::NotValid
                && run.started_utc < header.started_utc
        })
    }

    /// A system's own runs, newest first.
    pub(super) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a PastRun> {
        self.runs.iter().filter(move |run| run.is_own && run.name == name)
    }
}

/// Which runs to set against each other, by their folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComparedRuns {
    /// What was.
    pub before: Vec<PathBuf>,
    /// What is.
    pub after: Vec<PathBuf>,
}
