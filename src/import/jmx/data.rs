//! CSV data sets → data files with a line of names.

use super::tree::XmlElement;
use crate::names::{is_reserved, snake};
use crate::variables::capture_name;

/// Reads a file that a plan names, such as a CSV data set, by its path relative to the plan's folder.
pub type ReadPlanFile<'r> = dyn FnMut(&str) -> Option<String> + 'r;

/// A data set as it is written.
#[derive(Debug)]
pub(super) struct PlanDataSet {
    /// Columns: what the plan calls them, and what they are called here.
    pub(super) columns: Vec<(String, String)>,
    /// The file, with its line of names.
    pub(super) text: String,
}

/// Candidates for a data set's name from its file's.
pub(super) fn name_of(path: &str) -> String {
    let file = file_of(path);
    let stem = snake(file.rsplit_once('.').map_or(file, |(stem, _)| stem));
    if stem.is_empty() || is_reserved(&stem) { "rows".to_owned() } else { stem }
}

/// The name of a file without its folder: plans hold paths of other machines.
pub(super) fn file_of(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// A data set from its settings and the text of its file; none where nothing names its columns.
pub(super) fn data_set(set: &XmlElement, text: &str) -> Option<PlanDataSet> {
    let sign = match set.property("delimiter") {
        "\\t" => b'\t',
        text => text.bytes().next().unwrap_or(b','),
    };
    let mut rows = rows(text, sign);
    let told: Vec<String> = set
        .property("variableNames")
        .split([char::from(sign), ','])
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let header = told.is_empty() || set.flag("ignoreFirstLine");
    let first = if header && !rows.is_empty() { rows.remove(0) } else { vec![] };
    let names = if told.is_empty() { first } else { told };
    if names.is_empty() {
        return None;
    }
    let mut written: Vec<String> = names.iter().map(|name| capture_name(name)).collect();
    for at in 0..written.len() {
        if written[at].is_empty() || written[..at].contains(&written[at]) {
            let numbered = format!("{}_column_{}", written[at], at + 1);
            numbered.trim_start_matches('_').clone_into(&mut written[at]);
        }
    }
    if rows.is_empty() {
        rows.push(vec!["change-me".to_owned(); written.len()]);
    }
    let mut out = csv::Writer::from_writer(vec![]);
    let cells = |row: Vec<String>| {
        let mut row = row;
        row.resize(written.len(), String::new());
        row
    };
    out.write_record(&written).ok()?;
    for row in rows {
        out.write_record(cells(row)).ok()?;
    }
    let text = String::from_utf8_lossy(&out.into_inner().ok()?).into_owned();
    Some(PlanDataSet { columns: names.into_iter().zip(written).collect(), text })
}

fn rows(text: &str, sign: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(sign)
        .from_reader(text.as_bytes());
    let rows = reader.records().filter_map(Result::ok);
    rows.map(|row| row.iter().map(str::to_owned).collect()).collect()
}
