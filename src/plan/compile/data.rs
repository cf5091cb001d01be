//! Data files → rows. Problems in them are reported with their line.

use std::collections::HashSet;

use minijinja::Value;
use serde_json::{Map, Value as Json};

use crate::value::value_of;
use crate::{Dataset, DealtRows, Pick};
use plimsoll_scenario::schema::{self, DataFile, DataFormat, Scenario};
use plimsoll_scenario::{ProblemKind, Problems, SourceFiles, SourceId, Span, read_json};

/// The most problems reported of one file: what is wrong in one row is mostly wrong in all.
const PROBLEM_LIMIT: usize = 5;

type DataRows = (Vec<String>, Vec<Box<[Value]>>);

/// All data sets of a scenario, by position.
pub(super) fn read_all(
    scenario: &Scenario,
    sources: &SourceFiles,
    problems: &mut Problems,
) -> Vec<Dataset> {
    scenario.data.iter().map(|file| read(file, sources, problems)).collect()
}

/// The rows of a data file; none where it cannot be read, which has been reported.
fn read(file: &DataFile, sources: &SourceFiles, problems: &mut Problems) -> Dataset {
    let before = problems.len();
    let (columns, rows) = match file.source.and_then(|id| Some((id, sources.get(id)?))) {
        None => (vec![], vec![]),
        Some((id, source)) => {
            let mut reader = DataReader { source: id, problems, reported: 0 };
            let (columns, rows) = match file.format {
                Some(DataFormat::Csv) => reader.csv(&source.text, file.delimiter),
                Some(DataFormat::JsonLines) => reader.json_lines(&source.text),
                None => (vec![], vec![]),
            };
            if rows.is_empty() && problems.len() == before {
                let name = file.file.value.clone();
                problems.report(file.file.span, ProblemKind::DataEmpty { file: name });
            }
            (columns, rows)
        }
    };
    let (name, pick) = (file.name.value.clone(), pick(file));
    Dataset { name, columns, rows, pick, dealt: DealtRows::default(), wanted: None }
}

fn pick(file: &DataFile) -> Pick {
    match file.pick {
        schema::PickSpec::Sequential => Pick::Sequential,
        schema::PickSpec::Shuffle => Pick::Shuffle,
        schema::PickSpec::Uniform => Pick::Uniform,
        schema::PickSpec::Zipf(exponent) => Pick::Zipf(exponent),
        schema::PickSpec::Unique => Pick::Unique,
        schema::PickSpec::Once => Pick::Once(file.when_used_up),
    }
}

struct DataReader<'p> {
    source: SourceId,
    problems: &'p mut Problems,
    reported: usize,
}

impl DataReader<'_> {
    fn report(&mut self, line: u64, length: usize, kind: ProblemKind) {
        self.reported += 1;
        if self.reported <= PROBLEM_LIMIT {
            let span = Span {
                source: self.source,
                line: line as u32,
                column: 1,
                length: length.max(1) as u32,
            };
            self.problems.report(span, kind);
        }
    }

    /// Cells of a CSV file are texts, blanks included: `007` and `1e5` stay what they are.
    fn csv(&mut self, text: &str, delimiter: u8) -> DataRows {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::Headers)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let columns: Vec<String> = match reader.headers() {
            Ok(headers) => headers.iter().map(str::to_owned).collect(),
            Err(error) => {
                self.report(1, 1, ProblemKind::DataSyntax { message: error.to_string() });
                return (vec![], vec![]);
            }
        };
        self.check_columns(&columns);
        let mut rows = vec![];
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = error.position().map_or(1, csv::Position::line);
                    self.report(line, 1, ProblemKind::DataSyntax { message: error.to_string() });
                    continue;
                }
            };
            if record.len() != columns.len() {
                let line = record.position().map_or(1, csv::Position::line);
                let length = record.as_slice().chars().count() + record.len().saturating_sub(1);
                let kind = ProblemKind::DataRow { expected: columns.len(), found: record.len() };
                self.report(line, length, kind);
                continue;
            }
            rows.push(record.iter().map(Value::from).collect());
        }
        (columns, rows)
    }

    /// A column without a name cannot be asked for, and of two of one name only the first.
    fn check_columns(&mut self, columns: &[String]) {
        for (index, column) in columns.iter().enumerate() {
            let length = column.chars().count();
            if column.is_empty() {
                self.report(1, length, ProblemKind::BadName { found: column.clone() });
            } else if columns[..index].contains(column) {
                let kind = ProblemKind::DuplicateField { field: column.clone(), line: 1 };
                self.report(1, length, kind);
            }
        }
    }

    /// Values of a JSON line keep their types. Columns are all fields that any line has.
    fn json_lines(&mut self, text: &str) -> DataRows {
        let objects: Vec<Map<String, Json>> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .filter_map(|(index, line)| self.json_line(line, index as u64 + 1))
            .collect();
        let mut columns: Vec<String> = vec![];
        let mut known = HashSet::new();
        for key in objects.iter().flat_map(Map::keys) {
            if known.insert(key) {
                columns.push(key.clone());
            }
        }
        self.check_columns(&columns);
        let cell = |object: &Map<String, Json>, column| {
            object.get(column).map_or(Value::UNDEFINED, value_of)
        };
        let rows = objects
            .iter()
            .map(|object| columns.iter().map(|column| cell(object, column)).collect())
            .collect();
        (columns, rows)
    }

    fn json_line(&mut self, line: &str, number: u64) -> Option<Map<String, Json>> {
        let message = match read_json(line.as_bytes()) {
            Ok(Json::Object(object)) => return Some(object),
            Ok(_) => "expected an object like {\"from\": \"GRU\"}".to_owned(),
            // The place is that of the line's own text.
            Err(error) => {
                error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
            }
        };
        self.report(number, line.chars().count(), ProblemKind::DataSyntax { message });
        None
    }
}
