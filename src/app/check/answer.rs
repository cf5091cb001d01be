//! What `check --format json` prints, schema `plimsoll.check/1`.

use std::path::Path;

use serde_json::{Value, json};

use crate::app::exit::Failure;
use crate::app::mask;
use crate::plan::Plan;

/// The schema written here.
const SCHEMA: &str = "plimsoll.check/1";

/// The answer to all paths, indented, with a final line feed.
pub(super) fn document(paths: &[Value]) -> String {
    let well = paths.iter().all(|path| path["ok"] == json!(true));
    format!("{:#}\n", json!({ "schema": SCHEMA, "ok": well, "paths": paths }))
}

/// A path that is all right; a simulation alone has no plan.
pub(super) fn good(path: &Path, plan: Option<&Plan>, notes: &[String]) -> Value {
    json!({
        "path": path.display().to_string(),
        "ok": true,
        "scenarios": plan.map(|plan| plan.scenarios.len()),
        "steps": plan.map(|plan| plan.steps.len()),
        "objectives": plan.map(Plan::judged_objectives),
        "notes": notes,
        "problems": [],
    })
}

/// A path with problems. What is wrong with no place in a file has the code `other`.
pub(super) fn bad(path: &Path, failure: &Failure) -> Value {
    let problems = if failure.problems.is_empty() {
        let message = mask::hidden(failure.message.trim_start_matches("error: "));
        json!([{ "code": "other", "message": message }])
    } else {
        json!(failure.problems)
    };
    json!({
        "path": path.display().to_string(),
        "ok": false,
        "scenarios": null,
        "steps": null,
        "objectives": null,
        "notes": [],
        "problems": problems,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::exit::Exit;
    use crate::app::problems;
    use crate::report::schemas::OutputSchema;
    use crate::scenario::{Problem, ProblemKind, SourceFiles, SourceId, Span};
    use plimsoll_fixture::assert_described;

    #[test]
    fn every_answer_fits_the_schema_that_is_printed() {
        let mut sources = SourceFiles::default();
        let source = sources.add("a.yaml", "x: 1\n");
        let places = [
            Span { source, line: 1, column: 1, length: 1 },
            Span::file(source),
            Span { source: SourceId::COMMAND_LINE, ..Span::default() },
        ];
        let problems = places.map(|span| Problem { span, kind: ProblemKind::EmptyFile });
        let failure = problems::failure(&problems, &sources);
        let plain = Failure::new(Exit::Usage, "error: cannot read `b.yaml`");
        let path = Path::new("a");
        let paths = vec![good(path, None, &[]), bad(path, &failure), bad(path, &plain)];
        let document: Value = serde_json::from_str(&document(&paths)).expect("JSON");
        assert_described(OutputSchema::Check.text(), &document);
        assert_eq!(document["ok"], json!(false));
        assert_eq!(document["paths"][1]["problems"][0]["code"], "empty_file");
        assert_eq!(document["paths"][2]["problems"][0]["message"], "cannot read `b.yaml`");
    }
}
