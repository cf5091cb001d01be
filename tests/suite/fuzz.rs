//! Every parser that is not on the wire against inputs that nobody would write: none panics, and none takes long.
//!
//! Inputs are made from the corpus in `tests/fuzz/corpus/` and from files of the checkout, by number: what fails is told
//! with its number and is kept by putting it into the corpus. `PLIMSOLL_FUZZ=1000000 cargo nextest run --release
//! --test suite fuzz` tries so many a parser instead of a few thousand.

#![expect(clippy::print_stderr, reason = "the table of what was tried")]

mod imports;
mod mutate;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use plimsoll::metrics::RunLog;
use plimsoll::observe::parse_exposition;
use plimsoll::plan::{Load, Overrides, Shard, compile};
use plimsoll::report::{Report, ReportExtras, render_all};
use plimsoll::scenario::{Colour, SourceId, load, render};
use plimsoll::schedule::Schedule;
use plimsoll::simulator::Simulation;
use plimsoll::slo::gate::{Baseline, alike};
use plimsoll::slo::{Strictness, judge};
use plimsoll::transport::thread_cpu;

use mutate::Mutator;

/// So many inputs a parser in the test command.
const TRIES: u64 = 1_500;
/// The most CPU time that one may take, without optimization.
const TIME_MAX: Duration = Duration::from_secs(5);
/// A main thread's stack.
const STACK: usize = 8 << 20;

fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// How many inputs to try.
#[expect(clippy::disallowed_methods, reason = "the environment says how long to try")]
fn tries() -> u64 {
    std::env::var("PLIMSOLL_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(TRIES)
}

/// What is kept of a parser's inputs, and the files `more`.
fn corpus(name: &str, more: &[&str]) -> Vec<Vec<u8>> {
    let kept = fs::read_dir(checkout("tests/fuzz/corpus").join(name)).into_iter().flatten();
    let mut paths: Vec<PathBuf> = kept.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.extend(more.iter().map(|path| checkout(path)));
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// Has `parse` read the corpus and what is made of it.
fn holds(name: &str, (more, words): (&[&str], &[&str]), parse: fn(&str)) {
    let corpus = corpus(name, more);
    assert!(!corpus.is_empty(), "no inputs for {name}");
    let (name, words) = (name.to_owned(), words.iter().map(|&word| word.to_owned()));
    let words: Vec<String> = words.collect();
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mutator = Mutator::new(&corpus, &words);
        for (number, known) in corpus.iter().enumerate() {
            survives(parse, known, &format!("{name}, input {number} of the corpus"));
        }
        let began = thread_cpu();
        for seed in 0..tries() {
            survives(parse, &mutator.input(seed), &format!("{name}, seed {seed}"));
        }
        let took = thread_cpu().saturating_sub(began);
        eprintln!("{name}: {} inputs and {} made of them in {took}", corpus.len(), tries());
    });
    let ended = thread.expect("a thread").join();
    assert!(ended.is_ok(), "see above");
}

fn survives(parse: fn(&str), input: &[u8], what: &str) {
    let text = String::from_utf8_lossy(input);
    let before = thread_cpu();
    let survived = catch_unwind(AssertUnwindSafe(|| parse(&text))).is_ok();
    let took = Duration::from_nanos(thread_cpu().saturating_sub(before).get());
    if !survived || took > TIME_MAX {
        let kept = std::env::temp_dir().join("plimsoll-fuzz-failed");
        fs::write(&kept, input).expect("written");
        assert!(survived, "{what} panics; it is in {}", kept.display());
        assert!(took <= TIME_MAX, "{what} takes {took:?}; it is in {}", kept.display());
    }
}

const YAML: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "---\n",
    "...\n",
    "|\n ",
    ">\n ",
    "\"",
    "'",
    "#",
    "{{",
    "}}",
    "{{ vu }}",
    "|string",
    ".a",
    "(",
    "$.a",
    "[?@.a]",
    "..*",
    "${X:-1}",
    "1e9 iter/s",
    "10000000h",
];

const LOG: [&str; 16] = [
    "{\"end\":{\"at\":1,\"reason\":\"finished\"}}\n",
    "\"end\":0",
    "\"start\":99999999999999999",
    "null",
    "[]",
    "{}",
    "\"AAAA\"",
    "\"requests\":18446744073709551615",
    "\"statuses\":{\"0\":1}",
    "\"duration\":0",
    "\"from\":1e300",
    "\"steps\":{\"65535\":",
    "\"torn\"",
    "\"judged\":false",
    "\"closed\":{\"vus\":0}",
    "\n",
];

const PAGE: [&str; 10] =
    ["{", "}", "=\"", "\"", ",", "# HELP", "NaN", "+Inf", "\\", "a_bucket{le=\"1\"} 1\n"];

/// All that is done with a scenario before anything is sent.
fn scenario(text: &str) {
    let read = |path: &Path| {
        let is_own = path.ends_with("scenario.yaml");
        if is_own { Ok(text.as_bytes().to_vec()) } else { Ok(b"a,b\n1,2\n3,4\n".to_vec()) }
    };
    let loaded = load(Path::new("scenario.yaml"), &[], &read, &|_| None);
    match compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31)) {
        Ok(plan) => {
            if let Load::Open(open) = &plan.load {
                let mut schedule = Schedule::new(open, plan.seed, Shard::WHOLE);
                let _ = schedule.count_before(plimsoll::units::RunTime::NEVER);
                let begun = std::iter::from_fn(|| schedule.next()).take(200).count();
                assert!(begun <= 200);
                let _ = schedule.pass_over();
            }
        }
        Err(problems) => {
            let answer = render(&problems, &loaded.sources, Colour::None);
            assert!(answer.len() < 1 << 20, "an answer of {} bytes", answer.len());
        }
    }
}

/// A stack file beside a scenario that is well.
fn stack(text: &str) {
    let read = |path: &Path| {
        let own = b"name: a\ntarget: http://127.0.0.1:1\nstack: stack.yaml\nworkloads: { a: { stages: [{ rate: 1 \
            iter/s, duration: 1s }] } }\nscenarios: { s: { flow: [{ get: { name: a, url: / } }] } }\n";
        Ok(if path.ends_with("stack.yaml") { text.as_bytes().to_vec() } else { own.to_vec() })
    };
    let loaded = load(Path::new("scenario.yaml"), &[], &read, &|_| None);
    if let Err(problems) = compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31)) {
        let _ = render(&problems, &loaded.sources, Colour::None);
    }
}

/// One text where a path into JSON, a template and a condition stand.
fn expressions(text: &str) {
    let quoted = serde_json::to_string(text).expect("a text");
    scenario(&format!(
        "name: a\ntarget: http://127.0.0.1:1\nworkloads: {{ a: {{ stages: [{{ rate: 1 iter/s, duration: 1s }}] }} }}\n\
         scenarios: {{ s: {{ flow: [ {{ get: {{ name: g, url: {quoted}, capture: {{ x: {quoted} }} }} }}, {{ if: {{ \
         when: {quoted}, flow: [ {{ get: {{ name: h, url: / }} }} ] }} }} ] }} }}\n"
    ));
}

/// A log, up to its reports.
fn log(text: &str) {
    let Ok(log) = RunLog::read(text) else { return };
    let report = Report::new(&log, &judge(&log, Strictness::Strict));
    let rendered = render_all(&report, &ReportExtras::default());
    let bytes: usize = rendered.iter().flatten().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes < 64 << 20, "reports of {bytes} bytes");
}

#[test]
fn scenarios_are_answered_whatever_they_hold() {
    let more = ["scenarios/ais/scenario.yaml", "scenarios/triple/scenario.yaml"];
    holds("scenario", (&more, &YAML), scenario);
}

#[test]
fn stacks_are_answered_whatever_they_hold() {
    holds("stack", (&["scenarios/ais/stack.yaml", "scenarios/triple/stack.yaml"], &YAML), stack);
}

#[test]
fn simulations_are_answered_whatever_they_hold() {
    let more = ["scenarios/ais/simulation.yaml", "scenarios/triple/simulation.yaml"];
    holds("simulation", (&more, &YAML), |text| {
        let _ = Simulation::parse(text, SourceId(0));
    });
}

#[test]
fn paths_templates_and_conditions_are_answered_whatever_they_hold() {
    holds("expressions", (&[], &YAML), expressions);
}

#[test]
fn logs_are_read_whatever_they_hold() {
    holds("log", (&[], &LOG), log);
}

#[test]
fn baselines_are_read_whatever_they_hold() {
    holds("baseline", (&[], &LOG), |text| {
        if let Ok(baseline) = Baseline::read(text) {
            let _ = alike(&baseline.runs, &baseline.runs);
            let _ = Baseline::read(&baseline.to_text());
        }
    });
}

#[test]
fn metrics_pages_are_read_whatever_they_hold() {
    let more = ["tests/data/observe/prom_client.1.txt", "tests/data/observe/redis_info.1.txt"];
    holds("page", (&more, &PAGE), |text| {
        let _ = parse_exposition(text);
    });
}
