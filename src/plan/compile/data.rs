//! Data files → rows. Problems in them are reported with their line.

use minijinja::Value;
use minijinja::value::Serde;
use serde_json::{Map, Value as Json};

use crate::plan::{Dataset, Pick};
use crate::scenario::schema::{self, DataFile, DataFormat};
use crate::scenario::{ProblemKind, Problems, SourceFiles, SourceId, Span};

/// The most problems reported of one file: what is wrong in one row is mostly wrong in all.
const PROBLEM_LIMIT: usize = 5;

type DataRows = (Vec<String>, Vec<Box<[Value]>>);

/// The rows of a data file; none where it cannot be read, which has been reported.
pub(super) fn read(file: &DataFile, sources: &SourceFiles, problems: &mut Problems) -> Dataset {
    let before = problems.len();
    let (columns, rows) = match file.source.and_then(|id| Some((id, sources.get(id)?))) {
        None => (vec![], vec![]),
        Some((id, source)) => {
            let mut reader = DataReader { source: id, problems, reported: 0 };
            let (columns, rows) = match file.format {
                DataFormat::Csv => reader.csv(&source.text),
                DataFormat::JsonLines => reader.json_lines(&source.text),
            };
            if rows.is_empty() && problems.len() == before {
                let name = file.file.value.clone();
                problems.report(file.file.span, ProblemKind::DataEmpty { file: name });
            }
            (columns, rows)
        }
    };
    Dataset { name: file.name.value.clone(), columns, rows, pick: pick(file.pick) }
}

fn pick(pick: schema::PickSpec) -> Pick {
    match pick {
        schema::PickSpec::Sequential => Pick::Sequential,
        schema::PickSpec::Shuffle => Pick::Shuffle,
        schema::PickSpec::Uniform => Pick::Uniform,
        schema::PickSpec::Zipf(exponent) => Pick::Zipf(exponent),
        schema::PickSpec::Unique => Pick::Unique,
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

    /// Cells of a CSV file are texts: `007` and `1e5` stay what they are. Expressions can turn them into
    /// numbers (`{{ routes.seats | int }}`).
    fn csv(&mut self, text: &str) -> DataRows {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
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

    fn check_columns(&mut self, columns: &[String]) {
        for (index, column) in columns.iter().enumerate() {
            let length = column.chars().count();
            let fits = column.chars().all(|c| c.is_alphanumeric() || c == '_')
                && !column.starts_with(|c: char| c.is_numeric());
            if column.is_empty() || !fits {
                self.report(1, length, ProblemKind::BadName { found: column.clone() });
            } else if columns[..index].contains(column) {
                let kind = ProblemKind::DuplicateField { field: column.clone(), line: 1 };
                self.report(1, length, kind);
            }
        }
    }

    /// Values of a JSON line keep their types. The first line says which there are.
    fn json_lines(&mut self, text: &str) -> DataRows {
        let mut columns: Vec<String> = vec![];
        let mut rows: Vec<Box<[Value]>> = vec![];
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let (number, length) = (index as u64 + 1, line.chars().count());
            let object = match serde_json::from_str::<Json>(line) {
                Ok(Json::Object(object)) => object,
                Ok(_) => {
                    let message = "expected an object like {\"from\": \"GRU\"}".to_owned();
                    self.report(number, length, ProblemKind::DataSyntax { message });
                    continue;
                }
                Err(error) => {
                    let message = error.to_string();
                    // The place is that of the line's own text.
                    let message = message.split(" at line ").next().unwrap_or_default().to_owned();
                    self.report(number, length, ProblemKind::DataSyntax { message });
                    continue;
                }
            };
            if columns.is_empty() {
                columns = object.keys().cloned().collect();
                self.check_columns(&columns);
            }
            rows.extend(self.json_row(&columns, &object, (number, length)));
        }
        (columns, rows)
    }

    fn json_row(
        &mut self,
        columns: &[String],
        object: &Map<String, Json>,
        (line, length): (u64, usize),
    ) -> Option<Box<[Value]>> {
        let missing = columns.iter().find(|column| !object.contains_key(*column));
        let extra = object.keys().find(|key| !columns.contains(key));
        let message = match (missing, extra) {
            (None, None) => {
                let cells = columns.iter().map(|column| Value::from(Serde(&object[column])));
                return Some(cells.collect());
            }
            (Some(name), _) => format!("`{name}` is missing, but the first row has it"),
            (None, Some(name)) => format!("the first row has no `{name}`"),
        };
        self.report(line, length, ProblemKind::DataSyntax { message });
        None
    }
}
