//! What `deploy kubernetes` prints.

use std::process::{Command, Output};

use plimsoll::scenario::yaml::parse;
use plimsoll::scenario::{Problems, SourceFiles, json_of_node};
use serde_json::Value;

pub(crate) fn deploy(more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["deploy", "kubernetes"])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // Nothing of this machine's environment gets into a manifest.
        .env("AIS_URL", "http://of-this-machine")
        .output()
        .expect("the program runs")
}

/// All documents that it prints.
pub(crate) fn documents(more: &[&str]) -> Vec<Value> {
    let output = deploy(more);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text.split("\n---\n").map(document).collect()
}

fn document(text: &str) -> Value {
    let (mut sources, mut problems) = (SourceFiles::default(), Problems::default());
    let id = sources.add("manifest.yaml", text);
    let node = parse(text, id, &mut problems);
    assert!(problems.into_sorted().is_empty(), "{text}");
    json_of_node(&node.expect("a document"))
}
