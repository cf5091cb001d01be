//! Every mistake in a file has an answer that is written down: `tests/invalid/NAME.yaml` and `NAME.stderr`.
//!
//! Where answers change on purpose, `UPDATE_GOLDENS=1 cargo test --test suite golden` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::plan::{Overrides, compile};
use plimsoll::scenario::{Colour, Problem, load, render};

/// Kinds that no scenario file of a usual size can bring about.
const ELSEWHERE: [&str; 2] = [
    // A file of a million values is not kept; tested beside the reader and the plan.
    "too_many",
    // Of `simulation.yaml`, whose rules live in the simulator and are tested there.
    "other",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid")
}

/// The cases, by name.
fn cases() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A first line `# with: --rate 5 req/s` stands for the command line.
fn overrides(text: &str) -> Overrides {
    let Some(rate) = text.lines().next().and_then(|line| line.strip_prefix("# with: --rate "))
    else {
        return Overrides::default();
    };
    Overrides { rate: Some(rate.parse().expect("a rate")), ..Overrides::default() }
}

fn answer(name: &str) -> (Vec<Problem>, String) {
    let path = PathBuf::from(format!("tests/invalid/{name}.yaml"));
    let read = |path: &Path| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    let loaded = load(&path, &[], &read, &|_| None);
    let text = loaded.sources.iter().next().map_or("", |source| &source.text);
    let today = jiff::civil::date(2026, 1, 31);
    let problems = compile(&loaded, &overrides(text), today).expect_err(name);
    let rendered = render(&problems, &loaded.sources, Colour::None);
    (problems, rendered)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the environment says whether to write the answers")]
fn every_mistake_is_answered_as_written_down() {
    let update = std::env::var("UPDATE_GOLDENS").is_ok();
    let mut wrong = vec![];
    for name in cases() {
        let (_, rendered) = answer(&name);
        let path = folder().join(format!("{name}.stderr"));
        if update {
            fs::write(&path, &rendered).expect("writable");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if rendered != expected {
            wrong.push(format!("--- {name}\n{rendered}"));
        }
    }
    assert!(wrong.is_empty(), "not as written down:\n{}", wrong.join("\n"));
}

/// Goal: no mistake without an answer that somebody has read.
/// Method: the variants are taken from the source, so that a new one cannot be forgotten here.
#[test]
fn every_kind_of_problem_has_a_case_of_its_name() {
    let source = include_str!("../../src/scenario/problem.rs");
    let body = source.split("pub enum ProblemKind {").nth(1).expect("the enum");
    let body = body.split("\n}\n").next().expect("its end");
    let kinds: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| snake(line.split([' ', ',', '(']).next().expect("a name")))
        .filter(|kind| !ELSEWHERE.contains(&kind.as_str()))
        .collect();
    assert!(kinds.len() > 50, "the source is not read as expected: {kinds:?}");
    let missing: Vec<&String> = kinds
        .iter()
        .filter(|kind| {
            !cases().contains(kind)
                || !answer(kind).0.iter().any(|problem| problem.kind.name() == **kind)
        })
        .collect();
    assert!(missing.is_empty(), "no case, or one of another kind: {missing:?}");
}

fn snake(variant: &str) -> String {
    let mut name = String::new();
    for c in variant.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[test]
fn twelve_mistakes_are_told_at_once() {
    let (problems, rendered) = answer("twelve_mistakes");
    assert!(problems.len() >= 12, "{rendered}");
}
