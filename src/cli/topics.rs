//! What `plimsoll help TOPIC` explains besides commands.

use super::EXIT_CODES;

/// A topic.
#[derive(Debug, Clone, Copy)]
pub struct HelpTopic {
    /// What is typed: `exit-codes`.
    pub name: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// The explanation, in parts that stand below each other.
    pub parts: &'static [&'static str],
}

/// All topics.
pub const TOPICS: [HelpTopic; 3] = [
    HelpTopic {
        name: "exit-codes",
        about: "what a script learns from the exit code",
        parts: &[EXIT_CODES, IN_SCRIPTS],
    },
    HelpTopic { name: "scenario", about: "how a scenario is written", parts: &[SCENARIO] },
    HelpTopic { name: "slo", about: "what the SLO table may say", parts: &[SLO] },
];

const IN_SCRIPTS: &str = "\
97 says that this run cannot tell: run it longer, or on a
quieter machine; `plimsoll run --retry-invalid 3` plays a run that is not valid again.

  plimsoll gate reports/new --baseline baseline.json
  case $? in
    0)     echo merge ;;
    98|99) echo \"slower than before, or too slow\" ;;
    97)    echo \"cannot tell: run again\" ;;
    *)     echo \"the job itself is broken\" ;;
  esac";

const SCENARIO: &str = "\
A folder holds one system: scenario.yaml, and beside it what belongs to it: data files, stack.yaml
(what it runs on), simulation.yaml (what `plimsoll simulate` plays). The smallest scenario:

  name: shop
  target: ${SHOP_URL:-http://127.0.0.1:8080}
  workloads:
    load:
      stages:
        - { rate: 100 req/s, duration: 2m }
  scenarios:
    browse:
      flow:
        - get: { name: home, url: /, check: { status: 200 } }
        - think: 1s..3s
        - get: { name: search, url: /search, query: { q: tea }, capture: { id: \"$.items[0].id\" } }
        - get: { name: item, url: \"/items/{{ id }}\" }
  slo:
    p95: { target: 200ms, max: 500ms }
    error_rate: { target: 0.1%, max: 1% }

A rate counts requests (`req/s`) or iterations (`iter/s`); arrivals come when they are due, whatever the
stack does. `vus: 50` instead of stages makes a closed model.

  plimsoll check FOLDER           everything that is wrong, with its place
  plimsoll check FOLDER --once    one iteration of each scenario, every exchange printed
  plimsoll import har shop.har    the first scenario from a recording, a log or a description
  plimsoll schema scenario        JSON Schema, for editors

Every key: docs/reference/scenario.md.";

const SLO: &str = "\
`slo:` is a table of rows. Each has a `target` (what is wanted) and a `max`, or `min`, that must hold:

  slo:
    p95:         { target: 200ms, max: 500ms }     # also p50, p90, p99, p99.9, mean
    error_rate:  { target: 0.1%, max: 1% }
    uptime:      { target: 99.9%, min: 99.5% }
    throughput:  { target: 100 req/s, min: 95 req/s }
    db.cpu:      { target: 70%, max: 90% }         # tier.metric, where stack.yaml says how it is read
    steps:       { pay: { p95: { target: 600ms, max: 1s } } }

Rows on times hold those of successes; `of: all` takes every request. Each row gets an estimate and a
95 % interval:

  pass           the target is met
  at risk        between target and max: exit code 0 with a warning, 99 with --strict
  fail           the max is exceeded for certain: 99
  inconclusive   the interval straddles the max: 97, and how much longer to run
  not measured   this run cannot prove it (uptime 99.9 % in 20 s), or nothing measures it

Without a table a default one is judged: at most 1 % of errors. How to read a verdict: docs/verdict.md.";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::{Overrides, compile};
    use crate::scenario::{Colour, load, render};

    /// The lines that stand indented by two, from the one that begins so on.
    fn example(text: &str, begins: &str) -> String {
        let lines = text.lines().skip_while(|line| line.trim_start() != begins);
        let lines = lines.take_while(|line| line.starts_with("  "));
        lines.map(|line| &line[2..]).collect::<Vec<_>>().join("\n") + "\n"
    }

    #[test]
    fn what_the_topics_show_passes_check() {
        let scenario = example(SCENARIO, "name: shop");
        let (before, _) = scenario.split_once("slo:\n").expect("a table");
        for text in [scenario.clone(), format!("{before}{}", example(SLO, "slo:"))] {
            let text = text
                .replace("    db.cpu:      { target: 70%, max: 90% }", "    # db.cpu")
                .replace("{ pay:", "{ search:");
            let read = |_: &Path| Ok(text.clone().into_bytes());
            let loaded = load(Path::new("shop.yaml"), &[], &read, &|_| None);
            let today = jiff::civil::date(2026, 1, 31);
            if let Err(problems) = compile(&loaded, &Overrides::default(), today) {
                panic!("{}", render(&problems, &loaded.sources, Colour::None));
            }
            assert!(text.contains("p95:"), "{text}");
        }
    }
}
