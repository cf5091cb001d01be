//! An OpenAPI description → a smoke scenario for each operation, with data made from its schemas.
//!
//! The description is read as a tree that knows its places, so that YAML, JSON and all versions of the format
//! are one thing here, and whatever is wrong is reported with its line. (`openapiv3` and `oas3` read one version
//! each, without places.)

mod document;
mod files;
mod generate;
mod json;
mod matching;
mod operation;
mod schema;
mod style;
mod value;
mod writer;

use std::collections::HashMap;

use self::document::OpenApiDocument;
pub use self::files::ReadReference;
use self::operation::{Operation, Security};
use super::draft::{BodyDraft, JourneyDraft, RequestDraft, ScenarioDraft, StepDraft, stages};
use super::names::{UniqueNames, candidates, snake};
use super::note::ImportNotes;
use super::secrets::FoundSecrets;
use super::{ImportOptions, Imported, problem};
use plimsoll_scenario::yaml::VALUE_LIMIT;
use plimsoll_scenario::{Problem, SourceId, Span};
use plimsoll_units::Nanos;
use writer::OperationWriter;

/// How many values a scenario may have, in about: its file is read with a limit of its own.
const VALUES_MAX: usize = VALUE_LIMIT / 10 * 8;

/// Imports a description that is one file: its text, which is `source` in problems.
///
/// # Errors
/// Where it is no OpenAPI description, or none of its operations can be asked for.
pub fn openapi(
    text: &str,
    source: SourceId,
    options: &ImportOptions,
) -> Result<Imported, Vec<Problem>> {
    openapi_files(text, source, options, &mut |_| None)
}

/// Imports a description whose references may lead to other files, which `read` reads.
///
/// # Errors
/// Where one of the files is not well-formed, it is no OpenAPI description, or none of its operations can be asked for.
pub fn openapi_files(
    text: &str,
    source: SourceId,
    options: &ImportOptions,
    read: &mut ReadReference<'_>,
) -> Result<Imported, Vec<Problem>> {
    let files = files::load((&options.file, text), source, read)?;
    let document = OpenApiDocument::new(&files)?;
    let mut notes = ImportNotes::default();
    let target = document.target(&mut notes);
    let operations = Operation::all(&document, &mut notes);
    let mut importer = OpenApiImporter {
        document: &document,
        security: Security::new(&document, FoundSecrets::new(&options.name)),
        notes,
        names: UniqueNames::default(),
        lists: HashMap::new(),
        target: &target,
        prefix: options.name.to_ascii_uppercase(),
    };
    let journeys = importer.journeys(&operations);
    if journeys.is_empty() {
        let message = format!("none of its operations can be requested\n{}", importer.notes);
        return Err(vec![problem(Span::file(source), message.trim_end(), None)]);
    }
    // A few of each.
    let span = Nanos::from_secs((3 * journeys.len() as u64).max(30));
    let draft = ScenarioDraft {
        head: vec![
            format!(
                "Imported from {} by `plimsoll import openapi`: every operation once in a while.",
                options.file
            ),
            String::new(),
            format!(
                "  plimsoll check {} --once      each of them once, every exchange printed",
                options.folder
            ),
        ],
        name: options.name.clone(),
        target: target.clone(),
        workloads: vec![stages("smoke", &[("1 iter/s".to_owned(), span)])],
        journeys,
        ..ScenarioDraft::default()
    };
    let files = vec![("scenario.yaml".to_owned(), draft.written())];
    Ok(Imported { files, notes: importer.notes })
}

struct OpenApiImporter<'a, 'n> {
    document: &'a OpenApiDocument<'n>,
    security: Security<'n>,
    notes: ImportNotes,
    names: UniqueNames<(String, String)>,
    /// Where the GET of a path stands among the operations.
    lists: HashMap<&'n str, usize>,
    target: &'a str,
    /// What variables begin with.
    prefix: String,
}

impl<'n> OpenApiImporter<'_, 'n> {
    fn journeys(&mut self, operations: &[Operation<'n>]) -> Vec<JourneyDraft> {
        let names: Vec<String> = operations.iter().map(|operation| self.name(operation)).collect();
        self.lists = Operation::lists(operations);
        let mut journeys = vec![];
        let mut values = 0;
        for (operation, name) in operations.iter().zip(&names) {
            match self.steps(operation, name, (operations, &names)) {
                Ok(steps) => {
                    let more: usize = steps.iter().map(size).sum();
                    if values + more > VALUES_MAX {
                        let reason =
                            format!("beyond about {VALUES_MAX} values, which a scenario may have");
                        self.notes.drop(reason, operation.shown());
                        continue;
                    }
                    values += more;
                    let comment = operation.summary();
                    journeys.push(JourneyDraft {
                        name: name.clone(),
                        weight: None,
                        steps,
                        comment,
                    });
                }
                Err(reason) => self.notes.drop(reason, operation.shown()),
            }
        }
        journeys
    }

    /// The operation, and before it the list that its id comes from, where there is one.
    fn steps(
        &mut self,
        operation: &Operation<'n>,
        name: &str,
        (all, names): (&[Operation<'n>], &[String]),
    ) -> Result<Vec<StepDraft>, String> {
        let mut writer = OperationWriter {
            document: self.document,
            security: &mut self.security,
            notes: &mut self.notes,
            captured: vec![],
            target: self.target,
            prefix: &self.prefix,
        };
        let mut steps = vec![];
        if let Some((at, capture, parameter)) =
            operation.list_before((all, &self.lists), self.document)
        {
            let mut list = writer.step(&all[at], &names[at])?;
            writer.captured.push((parameter, capture.name.clone()));
            list.captures.push(capture);
            steps.push(StepDraft::Request(Box::new(list)));
        }
        steps.push(StepDraft::Request(Box::new(writer.step(operation, name)?)));
        Ok(steps)
    }

    fn name(&mut self, operation: &Operation<'_>) -> String {
        let segments: Vec<&str> = operation.path.trim_start_matches('/').split('/').collect();
        let mut found = candidates(operation.verb(), &segments);
        found.splice(0..0, operation.id().map(snake).filter(|id| !id.is_empty()));
        self.names.give(&(operation.verb().to_owned(), operation.path.to_owned()), &found)
    }
}

/// How many values a step has in a file, about.
fn size(step: &StepDraft) -> usize {
    let of = |request: &RequestDraft| {
        let body = match &request.body {
            BodyDraft::Json(json) => json.count(),
            BodyDraft::Form(pairs) => 2 * pairs.len(),
            BodyDraft::Multipart(parts) => 6 * parts.len(),
            BodyDraft::None | BodyDraft::Text(_) => 1,
        };
        30 + 2 * request.headers.len() + body
    };
    match step {
        StepDraft::Request(request) => of(request),
        StepDraft::Parallel(requests) => requests.iter().map(of).sum(),
        StepDraft::Think(_) | StepDraft::Law(_) => 2,
        StepDraft::Nested { flow, .. } | StepDraft::Choose(flow) => {
            4 + flow.iter().map(size).sum::<usize>()
        }
    }
}
