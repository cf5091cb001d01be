//! Holding what a page shows to what a command printed, figures aside.

use std::sync::LazyLock;

use regex::Regex;

/// What differs from run to run and from machine to machine, and what stands for it.
static CHANGES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        // The first line of a verdict says what this machine made of it.
        (r"^ *\S+ +(PASS|AT RISK|INCONCLUSIVE|FAIL|NOT VALID) .*$", "VERDICT"),
        (r"\b(NOT VALID|VALID|SUSPECT)\b.*$", "VALIDITY"),
        (r"(✔|▲|✖|–|!|\?|~) (pass|at risk|fail|inconclusive|not measured)", "STATUS"),
        (r"\d{4}-\d{2}-\d{2}T[\d:-]+Z?", "#"),
        (r"\d[\d,._:]*", "#"),
        (r" \(# judged\)", ""),
        (r"# ?(ns|µs|us|ms|min|s|m|h|%|B|kB|KiB|MiB|GiB)\b", "#"),
        (r"# ?%", "#"),
        (r"(# ?)+", "# "),
        (r"\s+", " "),
    ]
    .into_iter()
    .map(|(pattern, by)| (Regex::new(pattern).expect("a pattern"), by))
    .collect()
});

/// A line without what differs from run to run.
pub(crate) fn normalised(line: &str) -> String {
    let mut line = line.to_owned();
    for (pattern, by) in CHANGES.iter() {
        line = pattern.replace_all(&line, *by).into_owned();
    }
    line.trim().to_owned()
}

/// The first line that is shown but was not printed behind those before it. Lines that are not shown may stand between.
pub(crate) fn missing(expected: &[String], printed: &str) -> Option<String> {
    let mut printed = printed.lines().map(normalised);
    expected
        .iter()
        .filter(|line| !line.trim().is_empty() && line.trim() != "…")
        .find(|line| {
            let wanted = normalised(line);
            !printed.any(|found| found == wanted)
        })
        .cloned()
}

#[test]
fn what_is_shown_is_held_to_what_was_printed() {
    let shown = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let printed = " ✔ PASS   Every target is met at 99.1 req/s.\n\nsteps\nhome   1,900   2.2 ms   ✔ pass\nend\n";
    assert_eq!(
        missing(&shown(" ✔ PASS  Another.\nhome  12  3.10 s  ▲ at risk\n…\nend"), printed),
        None
    );
    assert_eq!(
        missing(&shown("house  12  3.10 s  ✔ pass"), printed).as_deref(),
        Some("house  12  3.10 s  ✔ pass")
    );
    assert!(missing(&shown("end\nsteps"), printed).is_some(), "out of order");
}
