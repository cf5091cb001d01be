//! A workload at recorded times: rows of a data set → arrivals, each with its time and its scenario.

use std::sync::Arc;

use super::load::LoadCompiler;
use crate::{ArrivalLaw, Dataset, OpenLoad, Pick, Recording, Stage};
use plimsoll_metrics::ScenarioId;
use plimsoll_scenario::schema::{DataFile, DataFormat, RecordedShape, Workload};
use plimsoll_scenario::{ProblemKind, Problems, Span, Spanned};
use plimsoll_units::{Nanos, RunTime};

/// The most problems reported of one data set: what is wrong in one row is mostly wrong in all.
const PROBLEM_LIMIT: usize = 5;
/// The longest recording, in seconds: a year.
const LONGEST: f64 = 366.0 * 86_400.0;

impl LoadCompiler<'_> {
    /// The load of a recorded workload.
    pub(super) fn recorded(
        &self,
        workload: &Workload,
        shape: &RecordedShape,
        problems: &mut Problems,
    ) -> Option<OpenLoad> {
        self.refuse_rate(workload, "recorded", problems)?;
        let position = self.data.iter().position(|set| set.name == shape.dataset.value);
        let Some((file, set)) = position.and_then(|at| Some((self.files.get(at)?, &self.data[at])))
        else {
            let known = self.data.iter().map(|set| set.name.clone()).collect();
            let name = shape.dataset.value.clone();
            let kind = ProblemKind::UnknownName { what: "data set", name, known };
            problems.report(shape.dataset.span, kind);
            return None;
        };
        if set.rows.is_empty() {
            // Told already.
            return None;
        }
        if set.pick != Pick::Sequential {
            // Row n belongs to arrival n.
            let kind = ProblemKind::UnknownWord {
                found: "this pick".to_owned(),
                what: "how a recording is read",
                known: vec!["sequential"],
            };
            problems.report(file.pick_span, kind);
            return None;
        }
        let mut rows = RecordingReader { loads: self, file, set, problems, reported: 0 };
        let (seconds, scenarios) = rows.read(&shape.dataset)?;
        let dataset = position.unwrap_or_default() as u16;
        Some(self.open_at(shape, RecordedRows { seconds, scenarios, dataset }, problems))
    }

    fn open_at(
        &self,
        shape: &RecordedShape,
        RecordedRows { seconds, scenarios, dataset }: RecordedRows,
        problems: &mut Problems,
    ) -> OpenLoad {
        let recorded = seconds.last().copied().unwrap_or(0.0);
        let speed = match self.overrides.duration {
            Some(wanted) if recorded > 0.0 => recorded / wanted.as_secs_f64(),
            _ => shape.speed,
        };
        let time = |second: &f64| RunTime::ZERO + Nanos::from_secs_f64(second / speed);
        let times: Box<[RunTime]> = seconds.iter().map(time).collect();
        let stages = Stage::of_recording(&times);
        let asked = self.overrides.max_vus.map(|vus| Spanned::new(vus, Span::COMMAND_LINE));
        let asked = asked.or_else(|| shape.max_vus.clone());
        if let Some(asked) = &asked {
            self.check_rows(asked.value, problems);
        }
        OpenLoad {
            max_vus: asked.map_or_else(|| self.enough_users(&stages), |asked| asked.value),
            arrivals: ArrivalLaw::Recorded(Arc::new(Recording { times, scenarios, dataset })),
            stages,
            mix: None,
        }
    }
}

/// The rows of a recording.
struct RecordedRows {
    /// When each arrives, in seconds from the start.
    seconds: Vec<f64>,
    scenarios: Box<[ScenarioId]>,
    /// The data set that they stand in.
    dataset: u16,
}

/// Reads the rows of a recording.
struct RecordingReader<'a, 'p> {
    loads: &'a LoadCompiler<'a>,
    file: &'a DataFile,
    set: &'a Dataset,
    problems: &'p mut Problems,
    reported: usize,
}

impl RecordingReader<'_, '_> {
    /// Seconds from the start, and scenarios.
    fn read(&mut self, place: &Spanned<String>) -> Option<(Vec<f64>, Box<[ScenarioId]>)> {
        let at = self.column("at", place);
        let scenario = self.column("scenario", place);
        let (at, scenario) = (at?, scenario?);
        let names: Vec<&str> =
            self.loads.scenario.scenarios.iter().map(|known| known.name.value.as_str()).collect();
        let (mut seconds, mut scenarios) = (vec![], vec![]);
        let mut last = 0.0;
        for (row, cells) in self.set.rows.iter().enumerate() {
            let text = cells[at].to_string();
            match text.trim().parse::<f64>() {
                Ok(second) if (0.0..=LONGEST).contains(&second) && second >= last => {
                    last = second;
                    seconds.push(second);
                }
                Ok(second) if second < last => {
                    self.report(row, format!("`at` goes back from {last} to {second}"));
                }
                _ => self.report(row, format!("`at` is no number of seconds: `{text}`")),
            }
            let name = cells[scenario].to_string();
            match names.iter().position(|known| *known == name) {
                Some(position) => scenarios.push(ScenarioId(position as u16)),
                None => self.report(row, format!("there is no scenario `{name}`")),
            }
        }
        (self.reported == 0).then(|| (seconds, scenarios.into()))
    }

    fn column(&mut self, name: &str, place: &Spanned<String>) -> Option<usize> {
        let found = self.set.columns.iter().position(|column| column == name);
        if found.is_none() {
            let (dataset, column) = (self.set.name.clone(), name.to_owned());
            let kind =
                ProblemKind::UnknownColumn { dataset, column, known: self.set.columns.clone() };
            self.problems.report(place.span, kind);
        }
        found
    }

    fn report(&mut self, row: usize, message: String) {
        self.reported += 1;
        let Some(source) = self.file.source.filter(|_| self.reported <= PROBLEM_LIMIT) else {
            return;
        };
        // The first line of CSV names the columns.
        let first = if self.file.format == Some(DataFormat::Csv) { 2 } else { 1 };
        let span = Span { source, line: (row + first) as u32, column: 1, length: 1 };
        self.problems.report(span, ProblemKind::DataSyntax { message });
    }
}
