//! Every command in the README and in `docs/` is one that the program takes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use plimsoll::cli::Cli;
use plimsoll::plan::{Overrides, compile};
use plimsoll::scenario::{Colour, load, render};

/// README.md and everything below `docs/` that is text.
fn documents() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let ending =
                path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                walk(&path, found);
            } else if ["md", "yml", "sh"].contains(&ending.as_str()) {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    walk(&root.join("docs"), &mut found);
    found.sort();
    found
}

/// The commands in a document: lines that begin with the program's name, after what YAML, a comment or a prompt
/// puts before them. In Markdown, only those in blocks of shell.
fn commands(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("text").replace("\\\n", " ");
    let is_markdown = path.extension().is_some_and(|end| end == "md");
    let mut in_shell = !is_markdown;
    let mut found = vec![];
    for line in text.lines() {
        if is_markdown && line.starts_with("```") {
            in_shell = matches!(line.trim(), "```sh" | "```console");
            continue;
        }
        let line = line.trim_start_matches([' ', '-', '#', '$']).trim_start();
        let line = line.strip_prefix("run: ").unwrap_or(line);
        let line = line
            .strip_prefix("cargo run -- ")
            .map_or(line.to_owned(), |rest| format!("plimsoll {rest}"));
        if in_shell && line.starts_with("plimsoll ") {
            found.push(line);
        }
    }
    found
}

/// The words of a shell line up to a comment or the next command.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (vec![], String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(mark), _) if c == mark => quote = None,
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, '#' | '|' | '&' | ';' | '>' | '<') if word.is_empty() && !open => break,
            (None, ' ') if word.is_empty() && !open => {}
            (None, ' ') => {
                words.push(std::mem::take(&mut word));
                open = false;
            }
            (Some(_) | None, _) => word.push(c),
        }
    }
    if !word.is_empty() || open {
        words.push(word);
    }
    words
}

#[test]
fn every_documented_command_is_one_that_the_program_takes() {
    let mut seen = 0;
    let mut wrong = vec![];
    for path in documents() {
        for command in commands(&path) {
            seen += 1;
            if let Err(error) = Cli::try_parse_from(words(&command))
                && error.use_stderr()
            {
                wrong.push(format!("{}: {command}\n{error}", path.display()));
            }
        }
    }
    assert!(seen >= 20, "only {seen} commands were found: the documents are not read as expected");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_end_where_the_command_does() {
    assert_eq!(
        words("plimsoll run x --rate \"50 req/s\" --quiet || test $? -ge 97"),
        ["plimsoll", "run", "x", "--rate", "50 req/s", "--quiet"]
    );
    assert_eq!(words("plimsoll gate a   # why"), ["plimsoll", "gate", "a"]);
}

/// Documents whose blocks of YAML are parts of scenarios.
const PAGES: [&str; 3] = ["docs/browsers.md", "docs/flow.md", "docs/requests.md"];

/// A block as a whole scenario.
fn completed(block: &str) -> String {
    let has = |key: &str| block.lines().any(|line| line.starts_with(key));
    let rest = [
        ("name:", "name: shop"),
        ("target:", "target: http://127.0.0.1:8080"),
        ("workloads:", "workloads: { load: { stages: [{ rate: 1 iter/s, duration: 1m }] } }"),
        ("scenarios:", "scenarios: { browse: { flow: [{ get: { name: home, url: / } }] } }"),
    ];
    let missing = rest.iter().filter(|(key, _)| !has(key)).map(|(_, line)| *line);
    missing.fold(block.to_owned(), |text, line| format!("{text}{line}\n"))
}

/// What stands in the files that the blocks name.
fn named_file(path: &Path) -> &'static str {
    match path.extension().and_then(|end| end.to_str()) {
        Some("csv") => "code,email\n1,ada@example.com\n2,bob@example.com\n",
        Some("txt") => "a note",
        Some("graphql") => "query Flights($from: String!) { flights(from: $from) { id } }",
        _ => "content",
    }
}

/// Goal: what the pages show is what the program reads.
/// Method: each block, completed to a whole scenario, is compiled to a plan.
#[test]
fn every_block_of_a_page_about_scenarios_is_right() {
    let (mut seen, mut wrong) = (0, String::new());
    for page in PAGES {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page));
        let text = text.expect("a page");
        for block in text.split("```yaml\n").skip(1) {
            let block = completed(block.split("```").next().expect("its end"));
            let read = |path: &Path| {
                let is_scenario = path == Path::new("scenario.yaml");
                Ok(if is_scenario { block.as_str() } else { named_file(path) }.as_bytes().to_vec())
            };
            let loaded = load(Path::new("scenario.yaml"), &[], &read, &|_| None);
            let today = jiff::civil::date(2026, 1, 31);
            if let Err(problems) = compile(&loaded, &Overrides::default(), today) {
                wrong.push_str(&render(&problems, &loaded.sources, Colour::None));
            }
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} blocks");
    assert!(wrong.is_empty(), "{wrong}");
}
