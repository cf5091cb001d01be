//! Rules about the source that no compiler enforces.

#[path = "tidy/knots.rs"]
mod knots;
#[path = "tidy/names.rs"]
mod names;
#[path = "tidy/parameters.rs"]
mod parameters;
#[path = "tidy/source.rs"]
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// The layers of ARCHITECTURE.md, lowest first. A module may import from layers below its own, and from
/// its own layer what stands before it.
const LAYERS: &[&[&str]] = &[
    &["units"],
    &["metrics", "scenario"],
    &["plan", "schedule", "user", "slo", "capacity", "import"],
    &["transport", "observe", "simulator", "browser"],
    &["engine", "fleet"],
    &["report", "tui"],
    &["cli", "app"],
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let entries = fs::read_dir(folder).expect("the source folder can be read");
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                let text = as_one_crate(&module_of(&path), &text);
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&source(), &mut found);
    assert!(found.len() > 50, "the walk found only {} files", found.len());
    found
}

fn layer(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(height, modules)| {
        Some((height, modules.iter().position(|known| *known == module)?))
    })
}

/// A text of a room's package as it would read if all rooms were modules of one crate: an import says which
/// room it comes from, its own included.
fn as_one_crate(room: &str, text: &str) -> String {
    let mut text = text.to_owned();
    if source().join(room).join("Cargo.toml").exists() {
        text = text.replace("crate::", &format!("crate::{room}::"));
    }
    for other in LAYERS.iter().copied().flatten() {
        text = text.replace(&format!("plimsoll_{other}::"), &format!("crate::{other}::"));
    }
    text.replace("plimsoll_load::", "crate::")
}

/// The room of a file: `src/plan/load.rs` → `plan`, `src/load/engine/run.rs` → `engine`.
fn module_of(path: &Path) -> String {
    let inside = below_source(path);
    inside.split('/').next().expect("a component").trim_end_matches(".rs").to_owned()
}

/// The part of a file before its inline tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

/// Whether a file holds nothing but tests: `tests.rs` and what is below it, and fixtures.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        matches!(name.as_ref(), "tests.rs" | "tests") && path.starts_with(source())
    })
}

/// The source folder.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn imports_point_down_the_layers() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        let from = layer(&module).unwrap_or_else(|| panic!("`{module}` stands in no layer"));
        for (number, line) in without_tests(&text).lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("//") {
                continue;
            }
            for part in line.split("crate::").skip(1) {
                let name: String =
                    part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name != module && layer(&name).is_some_and(|to| to > from) {
                    wrong.push(format!("{}:{}: {line}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up:\n{}", wrong.join("\n"));
}

/// A version that is held for all packages and taken by none holds nothing.
#[test]
fn every_version_of_the_workspace_is_taken_by_a_package() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let manifest = read(root.join("Cargo.toml"));
    let (_, rest) = manifest.split_once("[workspace.dependencies]\n").expect("held versions");
    let (held, packages) = rest.split_once("\n[").expect("a next section");
    let rooms = fs::read_dir(source()).expect("the source folder can be read");
    let rooms = rooms.map(|entry| entry.expect("an entry").path().join("Cargo.toml"));
    let taken: String = std::iter::once(packages.to_owned()).chain(rooms.map(read)).collect();
    let name = |line: &str| line.split_once(" = ").map(|(name, _)| name.to_owned());
    let unused: Vec<String> = held
        .lines()
        .filter_map(name)
        .filter(|name| {
            let takes = |line: &str| {
                line.strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.starts_with(".workspace") || rest.starts_with(" = "))
            };
            !taken.lines().any(takes)
        })
        .collect();
    assert!(unused.is_empty(), "no package asks for these: {unused:?}");
}

#[test]
fn every_file_opens_with_its_purpose() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "files without a first line of `//!`:\n{}", silent.join("\n"));
}

#[test]
fn files_stay_below_500_lines_before_their_tests() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (path, without_tests(&text).lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(path, lines)| format!("{}: {lines}", path.display()))
        .collect();
    assert!(long.is_empty(), "where is the second room?\n{}", long.join("\n"));
}

#[test]
fn modules_are_named_after_themselves() {
    let unnamed: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| path.file_name().is_some_and(|name| name == "mod.rs"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(unnamed.is_empty(), "use `plan.rs`, not `plan/mod.rs`:\n{}", unnamed.join("\n"));
}

/// Layers 0 to 2 are pure: what they know of the world, they are told.
#[test]
fn pure_layers_touch_neither_clock_nor_files_nor_network() {
    const EFFECTS: [&str; 7] = [
        "std::fs",
        "std::net::Tcp",
        "std::env",
        "tokio::",
        "Instant::now",
        "SystemTime::now",
        "std::thread",
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        if is_test(&path) || layer(&module).is_none_or(|(height, _)| height > 2) {
            continue;
        }
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if EFFECTS.iter().any(|effect| code.contains(effect)) {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "effects in pure layers:\n{}", wrong.join("\n"));
}

/// What runs for every request belongs to one thread and shares nothing, so nothing in it can wait. A lock
/// may be taken around a run (`engine/control.rs`) and by an expression that draws chance, never per request.
#[test]
fn hot_path_takes_no_lock() {
    const LOCKS: [&str; 5] = ["Mutex", "RwLock", "Condvar", "Atomic", "OnceLock"];
    let hot = |path: &Path| {
        let inside = below_source(path);
        let folders = ["transport", "user", "schedule", "metrics"];
        let engine = [
            "closed",
            "dispatch",
            "iteration",
            "job",
            "load",
            "orders",
            "pacing",
            "slots",
            "tasks",
            "worker",
        ];
        // A simulated world is no hot path, and a waker has to be `Sync`.
        let is_simulated = inside.starts_with("transport/simulated");
        !is_simulated && folders.iter().any(|module| inside.starts_with(module))
            || engine.iter().any(|name| inside == format!("engine/{name}.rs"))
    };
    let files: Vec<_> = sources().into_iter().filter(|(path, _)| hot(path)).collect();
    assert!(files.len() > 30, "the hot path has only {} files", files.len());
    let mut wrong = Vec::new();
    for (path, text) in files {
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if LOCKS.iter().any(|lock| code.contains(lock)) {
                wrong.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "locks on the hot path:\n{}", wrong.join("\n"));
}

#[test]
fn files_of_a_room_import_each_other_in_no_circle() {
    let files: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (below_source(&path), text))
        .collect();
    let found: Vec<_> = knots::knots(&files).into_iter().map(|knot| knot.to_string()).collect();
    assert!(found.is_empty(), "move what both need into a file below them:\n{}", found.join("\n"));
}

#[test]
fn functions_take_at_most_five_things_counted_inside_tuples() {
    const MOST: usize = 5;
    let mut wide = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test(path)) {
        let file = below_source(&path);
        for taken in parameters::taken(&text).into_iter().filter(|taken| taken.things > MOST) {
            let things = taken.things;
            wide.push(format!("{file}:{}: `{}` takes {things}", taken.line, taken.function));
        }
    }
    assert!(wide.is_empty(), "name the struct:\n{}", wide.join("\n"));
}

/// The files of the crate that are no tests, by their paths below `src`.
fn files() -> Vec<(String, String)> {
    let files = sources().into_iter().filter(|(path, _)| !is_test(path));
    files.map(|(path, text)| (below_source(&path), text)).collect()
}

#[test]
fn names_of_types_stand_for_one_type_each() {
    let doubled = names::doubled(&files());
    assert!(doubled.is_empty(), "say which one it is:\n{}", doubled.join("\n"));
}

#[test]
fn names_are_words_of_the_field() {
    let banned: Vec<_> = files()
        .iter()
        .flat_map(|(file, text)| {
            names::banned(text).into_iter().map(move |found| format!("{file}:{found}"))
        })
        .collect();
    assert!(banned.is_empty(), "docs/glossary.md has the words:\n{}", banned.join("\n"));
}

#[test]
fn types_that_the_glossary_names_exist() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/glossary.md"));
    let named = names::in_glossary(&text.expect("docs/glossary.md can be read"));
    assert!(named.len() > 50, "the glossary names only {} types", named.len());
    let files = files();
    let known: Vec<_> = files.iter().flat_map(|(_, text)| names::definitions(text)).collect();
    let unknown: Vec<_> =
        named.into_iter().filter(|name| known.iter().all(|one| one.name != *name)).collect();
    assert!(unknown.is_empty(), "types of docs/glossary.md that are no more: {unknown:?}");
}

/// Where a file stands in its room: `src/plan/load.rs` → `plan/load.rs`. Two rooms share the package `load`.
fn below_source(path: &Path) -> String {
    let inside = path.strip_prefix(source()).expect("below src").to_string_lossy();
    inside.strip_prefix("load/").unwrap_or(&inside).to_owned()
}
