//! `data:` files whose rows feed templates.

use std::path::Path;

use crate::declared::scenario::{self as declared, DATA_SET, PICK};
use crate::encoding::Encoding;
use crate::{Fields, Node, NodeValue, ProblemKind, Problems, SourceId, Span, Spanned, text, word};

/// A data set.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// The name by which templates ask for it.
    pub name: Spanned<String>,
    /// The path, relative to the scenario's folder.
    pub file: Spanned<String>,
    /// How the file is read; none where its ending does not say, and then it is not read.
    pub format: Option<DataFormat>,
    /// How its characters are written.
    pub encoding: Encoding,
    /// What separates the values of a row of CSV.
    pub delimiter: u8,
    /// How a row is picked.
    pub pick: PickSpec,
    /// Where `pick` stands, or the name.
    pub pick_span: Span,
    /// What comes when rows that are given once are used up.
    pub when_used_up: UsedUp,
    /// The file's text, once it is loaded.
    pub source: Option<SourceId>,
}

/// How a data file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFormat {
    /// Comma-separated values, the first line names the columns.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// How a row is picked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PickSpec {
    /// One after the other.
    Sequential,
    /// One after the other, in an order drawn once.
    Shuffle,
    /// Any, equally likely.
    Uniform,
    /// Any, the row of rank `k` with weight `1 / k^exponent`.
    Zipf(f64),
    /// One a user, never twice.
    Unique,
    /// One an arrival, never again.
    Once,
}

/// What an arrival that finds no row left does to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedUp {
    /// It ends there.
    Stop,
    /// It fails.
    Fail,
}

const USED_UP: [(&str, UsedUp); 2] = [("stop", UsedUp::Stop), ("fail", UsedUp::Fail)];

const PICKS: [(&str, PickSpec); 5] = [
    ("sequential", PickSpec::Sequential),
    ("shuffle", PickSpec::Shuffle),
    ("uniform", PickSpec::Uniform),
    ("unique", PickSpec::Unique),
    ("once", PickSpec::Once),
];

const ENCODINGS: [(&str, Encoding); 3] =
    [("utf-8", Encoding::Utf8), ("latin-1", Encoding::Latin1), ("utf-16", Encoding::Utf16)];

const DELIMITERS: [(&str, u8); 4] = [(",", b','), (";", b';'), ("|", b'|'), ("tab", b'\t')];

pub(super) fn read(
    name: Spanned<String>,
    node: &Node,
    problems: &mut Problems,
) -> Option<DataFile> {
    if name.value.contains(['-', '.']) {
        problems.report(name.span, ProblemKind::BadName { found: name.value.clone() });
    }
    let mut fields = Fields::of(node, &DATA_SET, problems)?;
    let file: Option<Spanned<String>> = fields.read("file", problems);
    let encoding = fields.word("encoding", &ENCODINGS, problems).unwrap_or_default();
    let delimiter = fields.word("delimiter", &DELIMITERS, problems).unwrap_or(b',');
    let pick_node = fields.node("pick", problems);
    let pick = pick_node.and_then(|node| pick(node, problems));
    let used_up_span = fields.node("when_used_up", problems).map(|node| node.span);
    let when_used_up = fields.word("when_used_up", &USED_UP, problems);
    // To fail is what holds where nothing is said.
    if let (Some(span), Some(UsedUp::Stop), false) =
        (used_up_span, when_used_up, pick == Some(PickSpec::Once))
    {
        problems.report(span, ProblemKind::NeverUsedUp);
    }
    fields.finish(problems);
    let nowhere = Spanned::new(String::new(), name.span);
    Some(DataFile {
        format: file.as_ref().and_then(|file| format(file, problems)),
        encoding,
        delimiter,
        file: file.unwrap_or(nowhere),
        pick: pick.unwrap_or(PickSpec::Sequential),
        when_used_up: when_used_up.unwrap_or(UsedUp::Fail),
        pick_span: pick_node.map_or(name.span, |node| node.span),
        source: None,
        name,
    })
}

fn format(file: &Spanned<String>, problems: &mut Problems) -> Option<DataFormat> {
    let extension = Path::new(&file.value).extension().and_then(|text| text.to_str());
    match extension {
        Some("csv") => Some(DataFormat::Csv),
        Some("jsonl" | "ndjson") => Some(DataFormat::JsonLines),
        _ => {
            let kind = ProblemKind::UnknownWord {
                found: file.value.clone(),
                what: "a data file by its ending",
                known: vec![".csv", ".jsonl", ".ndjson"],
            };
            problems.report(file.span, kind);
            None
        }
    }
}

fn pick(node: &Node, problems: &mut Problems) -> Option<PickSpec> {
    if let NodeValue::Mapping(_) = &node.value {
        let mut fields = Fields::of(node, &PICK, problems)?;
        let exponent = fields.read("zipf", problems);
        fields.finish(problems);
        return exponent.map(PickSpec::Zipf);
    }
    if text(node, "a pick", problems)? == "zipf" {
        let kind = ProblemKind::MissingField { field: "zipf", place: "a pick" };
        problems.report(node.span, kind);
        return None;
    }
    word(node, &declared::PICKS, &PICKS, problems)
}
