//! README and `docs/`, typed word by word: the commands of each page, in order, in a folder like a fresh clone.
//!
//! Blocks of `sh` and `console` are typed; what a block of `console` shows must be what comes out, figures aside. A
//! block that cannot be typed here says why in a comment before it: `<!-- not typed: it takes four minutes -->`.

mod page;
mod shell;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};

use page::{Page, Typed};
use shell::Session;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Types a page and holds what it shows to what came out.
#[expect(clippy::panic, reason = "a test tells in full what is wrong")]
fn type_page(path: &str) {
    let page = Page::read(&root().join(path));
    let blocks: Vec<_> = page.typed().collect();
    assert!(!blocks.is_empty(), "{path}: nothing to type; it does not belong here");
    let outcome = Session::new(root()).play(&blocks);
    if let Some((at, output)) = outcome.failed {
        panic!("{path}:{}: it ended with {}\n{output}", blocks[at].line, outcome.code);
    }
    for (block, output) in blocks.iter().zip(&outcome.outputs) {
        if let Some(missing) = shown::missing(&block.expected, output) {
            panic!("{path}:{}: shown, but not printed: {missing}\n{output}", block.line);
        }
    }
}

#[test]
fn readme_is_what_happens() {
    type_page("README.md");
}

#[test]
fn page_on_imports_is_what_happens() {
    type_page("docs/import.md");
}

#[test]
fn page_on_machine_readers_is_what_happens() {
    type_page("docs/machines.md");
}

#[cfg(feature = "fleet")]
#[test]
fn page_on_fleets_is_what_happens() {
    type_page("docs/fleet.md");
}

/// Goal: no page with commands is forgotten, and none is excused without a reason.
#[test]
fn every_page_is_typed_or_says_why_not() {
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .expect("the folder of pages")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.push(root().join("README.md"));
    let mut forgotten = vec![];
    for path in pages {
        let page = Page::read(&path);
        let here = include_str!("main.rs");
        let name = path.strip_prefix(root()).expect("below").display().to_string();
        if page.typed().next().is_some() && !here.contains(&format!("type_page(\"{name}\")")) {
            forgotten.push(name);
        }
        for block in &page.blocks {
            if let Typed::Not(reason) = &block.typed {
                assert!(reason.split(' ').count() >= 3, "{}:{}: why?", path.display(), block.line);
            }
        }
    }
    assert!(forgotten.is_empty(), "no test types {forgotten:?}");
}
