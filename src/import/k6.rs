//! The options of a k6 test, as `k6 inspect` prints them → workloads and an SLO table.
//!
//! The script itself is code and stays where it is: what users do is still to be written.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::draft::{BodyDraft, JourneyDraft, RequestDraft, ScenarioDraft, StagesDraft, StepDraft};
use super::names::snake;
use super::note::ImportNotes;
use super::secrets::is_secret;
use super::yaml::{YamlEntry, YamlValue};
use super::{ImportOptions, Imported, problem};
use plimsoll_plan::{Overrides, compile};
use plimsoll_scenario::{Problem, SourceId, Span, load};
use plimsoll_units::Nanos;

/// Where requests go: options do not tell it.
const TARGET: &str = "http://127.0.0.1:8080";

/// Imports options: their text, which is `source` in problems.
///
/// # Errors
/// Where it is no output of `k6 inspect`, or tells neither a scenario nor a threshold.
pub fn k6(text: &str, source: SourceId, options: &ImportOptions) -> Result<Imported, Vec<Problem>> {
    let hint = Some("`k6 inspect script.js > options.json` prints it");
    let root: Value = serde_json::from_str(text).map_err(|error| {
        let span = Span {
            source,
            line: error.line() as u32,
            column: (error.column() as u32).max(1),
            length: 1,
        };
        vec![problem(span, format!("not JSON: {error}"), hint)]
    })?;
    let mut notes = ImportNotes::default();
    let mut workloads = vec![];
    match root.get("scenarios").and_then(Value::as_object) {
        Some(scenarios) => {
            for (name, scenario) in scenarios {
                workloads.extend(workload(name, scenario, &mut notes));
            }
        }
        // The short form, of one scenario.
        None => workloads.extend(workload("load", &short_form(&root), &mut notes)),
    }
    let mut objectives = objectives(&root, &mut notes);
    let options_of_http = HTTP_OPTIONS.iter().filter(|key| is_set(root.get(**key)));
    for key in options_of_http {
        notes.drop("an option that is to be said in `http`, or not at all", (*key).to_owned());
    }
    keep_what_fits(&mut workloads, |load| draft_of("x", vec![load], vec![]), &mut notes);
    keep_what_fits(&mut objectives, |row| draft_of("x", vec![smoke()], vec![row]), &mut notes);
    at_once(&root, &mut workloads, &mut notes);
    if workloads.is_empty() && objectives.is_empty() {
        let message = format!("no options of k6: neither scenarios nor thresholds\n{notes}");
        return Err(vec![problem(Span::file(source), message.trim_end(), hint)]);
    }
    if workloads.is_empty() {
        workloads.push(smoke());
    }
    notes.change("a script is code: write in `scenarios` what users do", options.file.clone());
    let head = format!(
        "Imported from {} by `plimsoll import k6`: workloads and objectives.",
        options.file
    );
    let draft =
        ScenarioDraft { head: vec![head], ..draft_of(&options.name, workloads, objectives) };
    Ok(Imported { files: vec![("scenario.yaml".to_owned(), draft.written())], notes })
}

/// Options of how requests are sent, of which `k6 inspect` prints those that are not set as `null`.
const HTTP_OPTIONS: [&str; 12] = [
    "rps",
    "noConnectionReuse",
    "noVUConnectionReuse",
    "insecureSkipTLSVerify",
    "userAgent",
    "hosts",
    "tlsAuth",
    "tlsVersion",
    "localIPs",
    "maxRedirects",
    "noCookiesReset",
    "minIterationDuration",
];

fn is_set(option: Option<&Value>) -> bool {
    match option {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// k6 plays all scenarios of a test at once: so does one workload more, where all are rates and begin together.
fn at_once(root: &Value, workloads: &mut Vec<YamlEntry>, notes: &mut ImportNotes) {
    let scenarios = root.get("scenarios").and_then(Value::as_object).into_iter().flatten();
    let later = scenarios.filter(|(_, scenario)| starts_later(scenario)).count();
    let is_open = |entry: &YamlEntry| matches!(&entry.value, YamlValue::Map(fields) if fields.iter().any(|f| f.key == "stages"));
    if workloads.len() < 2 || workloads.iter().any(|entry| entry.key == "all") {
        return;
    }
    if later > 0 || !workloads.iter().all(is_open) {
        let names: Vec<&str> = workloads.iter().map(|entry| entry.key.as_str()).collect();
        notes.change(
            "scenarios that k6 plays in one test: a run plays one of them",
            names.join(", "),
        );
        return;
    }
    let names = workloads.iter().map(|entry| YamlValue::plain(entry.key.clone())).collect();
    workloads.push(YamlEntry::new("all", YamlValue::only("parallel", YamlValue::List(names))));
}

/// One request of each user, for somebody to write more, under such loads and objectives.
fn draft_of(name: &str, workloads: Vec<YamlEntry>, objectives: Vec<YamlEntry>) -> ScenarioDraft {
    let mut step = RequestDraft::new("get", "home");
    step.body = BodyDraft::None;
    step.comment = Some("Options do not tell what users do: write it here.".to_owned());
    ScenarioDraft {
        name: name.to_owned(),
        target: TARGET.to_owned(),
        workloads,
        journeys: vec![JourneyDraft {
            name: name.to_owned(),
            weight: None,
            steps: vec![StepDraft::Request(Box::new(step))],
            comment: None,
        }],
        objectives,
        ..ScenarioDraft::default()
    }
}

fn smoke() -> YamlEntry {
    super::draft::stages("smoke", &[("1 iter/s".to_owned(), Nanos::from_secs(30))])
}

/// Leaves out what no scenario takes, such as more users than there may be, and names that come twice once they are
/// written as ours.
fn keep_what_fits(
    entries: &mut Vec<YamlEntry>,
    draft: impl Fn(YamlEntry) -> ScenarioDraft,
    notes: &mut ImportNotes,
) {
    let mut names: BTreeSet<String> = BTreeSet::new();
    entries.retain(|entry| {
        let is_new = names.insert(entry.key.clone());
        let fits = is_new && passes(&draft(entry.clone()).written());
        if !fits {
            let reason = if is_new {
                "its numbers are not those of a workload or an objective"
            } else {
                "another one has the same name"
            };
            notes.drop(reason, entry.key.clone());
        }
        fits
    });
}

/// Whether a scenario passes `check`.
fn passes(text: &str) -> bool {
    let read = |_: &Path| Ok(text.as_bytes().to_vec());
    let loaded = load(Path::new("scenario.yaml"), &[], &read, &|_| None);
    compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31)).is_ok()
}

/// `vus`, `duration`, `iterations` and `stages` beside each other, as a scenario.
fn short_form(root: &Value) -> Value {
    let mut scenario = root.clone();
    let kind = match (root.get("stages"), root.get("iterations")) {
        (Some(Value::Array(stages)), _) if !stages.is_empty() => "ramping-vus",
        (_, Some(Value::Number(_))) => "shared-iterations",
        _ => "constant-vus",
    };
    if let Some(fields) = scenario.as_object_mut() {
        fields.insert("executor".to_owned(), Value::from(kind));
    }
    scenario
}

fn workload(name: &str, scenario: &Value, notes: &mut ImportNotes) -> Option<YamlEntry> {
    let hint = snake(name);
    let name = if hint.is_empty() { "load" } else { hint.as_str() };
    if starts_later(scenario) {
        notes.change(
            "a scenario that starts later: a workload of its own, from the start",
            name.to_owned(),
        );
    }
    if let Some(called) = scenario.get("exec").and_then(Value::as_str) {
        notes.change(
            "what a scenario calls: write it as a scenario, and name it in `scenarios` of the workload",
            format!("{name}: {called}"),
        );
    }
    let executor = scenario.get("executor").and_then(Value::as_str).unwrap_or_default();
    let mut fields = match executor {
        "constant-arrival-rate" | "ramping-arrival-rate" => open_load(executor, scenario)?,
        "per-vu-iterations" | "shared-iterations" => {
            if executor == "per-vu-iterations" {
                let change = "as many iterations for each user: as many for all, who share them";
                notes.change(change, name.to_owned());
            }
            counted_load(executor, scenario)
        }
        "ramping-vus" => vec![YamlEntry::new("vus", users(scenario)?)],
        "constant-vus" => constant_load(scenario)?,
        "externally-controlled" if constant_load(scenario).is_some() => {
            let change = "users that are steered from outside: as many as there are at first";
            notes.change(change, name.to_owned());
            constant_load(scenario)?
        }
        other => {
            notes.drop(
                format!("a scenario whose executor no workload stands for: `{other:.40}`"),
                name.to_owned(),
            );
            return None;
        }
    };
    if let Some(stop) = scenario.get("gracefulStop").and_then(duration) {
        fields.push(YamlEntry::new("graceful_stop", shown(stop)));
    }
    Some(YamlEntry::new(name, YamlValue::Map(fields)))
}

fn starts_later(scenario: &Value) -> bool {
    scenario.get("startTime").and_then(duration).is_some_and(|start| start > Nanos::ZERO)
}

fn number(scenario: &Value, key: &str) -> Option<f64> {
    scenario.get(key).and_then(Value::as_f64)
}

/// A load whose iterations begin at a rate.
fn open_load(executor: &str, scenario: &Value) -> Option<Vec<YamlEntry>> {
    let unit = scenario.get("timeUnit").and_then(duration).filter(|unit| *unit > Nanos::ZERO);
    let unit = unit.unwrap_or(Nanos::from_secs(1));
    let rate = |per_unit: f64| rate_text(per_unit, unit);
    let mut stages = StagesDraft::new("rate", &rate);
    if executor == "constant-arrival-rate" {
        let rate = number(scenario, "rate")?;
        stages.push(rate, rate, duration(scenario.get("duration")?)?);
    } else {
        ramps(scenario, number(scenario, "startRate").unwrap_or(0.0), &mut stages)?;
    }
    let mut fields = vec![YamlEntry::new("stages", stages.finish())];
    let most = number(scenario, "maxVUs");
    fields.extend(most.map(|most| YamlEntry::new("max_vus", YamlValue::plain(most.to_string()))));
    Some(fields)
}

/// A number of iterations that all users play together.
fn counted_load(executor: &str, scenario: &Value) -> Vec<YamlEntry> {
    let vus = number(scenario, "vus").unwrap_or(1.0);
    let iterations = number(scenario, "iterations").unwrap_or(1.0);
    let all = if executor == "per-vu-iterations" { vus * iterations } else { iterations };
    let longest = scenario.get("maxDuration").or_else(|| scenario.get("duration"));
    let longest = longest.and_then(duration).unwrap_or(Nanos::from_secs(600));
    vec![
        YamlEntry::new("vus", YamlValue::plain(vus.to_string())),
        YamlEntry::new("iterations", YamlValue::plain(all.to_string())),
        YamlEntry::new("duration", shown(longest)),
    ]
}

fn constant_load(scenario: &Value) -> Option<Vec<YamlEntry>> {
    let time = scenario.get("duration").and_then(duration).filter(|time| *time > Nanos::ZERO)?;
    let vus = number(scenario, "vus").unwrap_or(1.0);
    Some(vec![
        YamlEntry::new("vus", YamlValue::plain(vus.to_string())),
        YamlEntry::new("duration", shown(time)),
    ])
}

/// The stages of a number of users.
fn users(scenario: &Value) -> Option<YamlValue> {
    let start = number(scenario, "startVUs").or_else(|| number(scenario, "vus")).unwrap_or(1.0);
    let mut stages = StagesDraft::new("vus", &|vus| vus.to_string());
    ramps(scenario, start, &mut stages)?;
    Some(stages.finish())
}

/// `300 iter/s`, or by the unit in which the number is exact.
fn rate_text(per_unit: f64, unit: Nanos) -> String {
    let per_second = per_unit / unit.as_secs_f64();
    let is_exact = ((per_second * 1e3).round() / 1e3 - per_second).abs() < 1e-9;
    match unit.as_secs_f64() {
        60.0 if !is_exact => format!("{per_unit} iter/min"),
        3600.0 if !is_exact => format!("{per_unit} iter/h"),
        _ => format!("{} iter/s", (per_second * 1e9).round() / 1e9),
    }
}

/// Adds the stages of a scenario, from `start` on; one without length is a jump.
fn ramps(scenario: &Value, start: f64, stages: &mut StagesDraft<'_>) -> Option<()> {
    let mut at = start;
    for step in scenario.get("stages")?.as_array()? {
        let target = step.get("target").and_then(Value::as_f64)?;
        let time = duration(step.get("duration")?)?;
        if time > Nanos::ZERO {
            stages.push(at, target, time);
        }
        at = target;
    }
    Some(())
}

fn shown(time: Nanos) -> YamlValue {
    YamlValue::plain(time.to_string())
}

/// `1m30s`, or a number of milliseconds.
fn duration(value: &Value) -> Option<Nanos> {
    match value {
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| text.parse::<f64>().ok().map(|ms| Nanos::from_millis(ms as u64))),
        Value::Number(millis) => Some(Nanos::from_millis(millis.as_u64()?)),
        _ => None,
    }
}

/// Thresholds as rows of the SLO table.
fn objectives(root: &Value, notes: &mut ImportNotes) -> Vec<YamlEntry> {
    let mut rows: Vec<YamlEntry> = vec![];
    for (metric, thresholds) in
        root.get("thresholds").and_then(Value::as_object).into_iter().flatten()
    {
        let list = thresholds.as_array().cloned().unwrap_or_else(|| vec![thresholds.clone()]);
        for threshold in &list {
            let text = threshold
                .as_str()
                .or_else(|| threshold.get("threshold")?.as_str())
                .unwrap_or_default();
            let ends_run = threshold.get("abortOnFail").and_then(Value::as_bool) == Some(true);
            if ends_run {
                let told = format!("{}: {text}", without_secrets(metric));
                notes.change("a threshold that ends the test: say so in `abort`", told);
            }
            match row(metric, text) {
                Some(row) if rows.iter().all(|known| known.key != row.key) => rows.push(row),
                _ => notes.drop(
                    "a threshold that no row of the SLO table is",
                    format!("{}: {text}", without_secrets(metric)),
                ),
            }
        }
    }
    rows
}

/// `http_req_duration{token:…}`: the name of a metric without the secrets that its tags may hold.
fn without_secrets(metric: &str) -> String {
    let Some((name, tags)) = metric.split_once('{') else { return metric.to_owned() };
    let shown = |tag: &str| match tag.trim_end_matches('}').split_once(':') {
        Some((key, value)) if is_secret(key.trim(), value.trim()) => format!("{key}:…"),
        _ => tag.trim_end_matches('}').to_owned(),
    };
    let tags: Vec<String> = tags.split(',').map(shown).collect();
    format!("{name}{{{}}}", tags.join(","))
}

/// `http_req_duration`, `p(95)<500` → `p95: { max: 500ms }`
fn row(metric: &str, threshold: &str) -> Option<YamlEntry> {
    // Successes are what times are judged of anyway.
    let metric = metric.strip_suffix("{expected_response:true}").unwrap_or(metric);
    let plain: String = threshold.chars().filter(|c| !c.is_whitespace()).collect();
    let at = plain.find(['<', '>', '='])?;
    let (what, rest) = plain.split_at(at);
    let value: f64 = rest.trim_start_matches(['<', '>', '=']).parse().ok()?;
    // None of them fails, or all are right: a share that is nothing is at most nothing.
    let is =
        |end: f64| rest.starts_with("==") && what == "rate" && (value - end).abs() < f64::EPSILON;
    let less = rest.starts_with('<') || is(0.0);
    let more = rest.starts_with('>') || is(1.0);
    let percentile = what.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
    let of_time = match (what, percentile) {
        ("avg", _) => Some("mean".to_owned()),
        ("med", _) => Some("p50".to_owned()),
        (_, Some(percentile)) => {
            let percentile: f64 = percentile.parse().ok()?;
            (50.0..=99.9).contains(&percentile).then(|| format!("p{percentile}"))
        }
        _ => None,
    };
    let bound = |key: String, side: &str, value: String| {
        Some(YamlEntry::new(key, YamlValue::only(side, YamlValue::plain(value))))
    };
    let time = || Nanos::from_secs_f64(value.max(0.0) / 1e3).to_string();
    let share = |share: f64| format!("{}%", (share * 1e7).round() / 1e5);
    let is_share = (0.0..=1.0).contains(&value);
    match metric {
        "http_req_duration" if less => bound(of_time?, "max", time()),
        "iteration_duration" if less => bound(format!("iteration.{}", of_time?), "max", time()),
        "http_req_failed" if less && is_share && what == "rate" => {
            bound("error_rate".to_owned(), "max", share(value))
        }
        // A check that fails makes its response an error here.
        "checks" if more && is_share && what == "rate" => {
            bound("error_rate".to_owned(), "max", share(1.0 - value))
        }
        "http_reqs" if rest.starts_with('>') && what == "rate" => {
            bound("throughput".to_owned(), "min", format!("{value} req/s"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(json: &Value) -> (String, String) {
        let options = ImportOptions {
            name: "shop".into(),
            folder: "scenarios/shop".into(),
            file: "x.json".into(),
            hosts: vec![],
            replay: None,
            browser: false,
        };
        let imported = k6(&json.to_string(), SourceId(0), &options).expect("options");
        (imported.files[0].1.clone(), imported.notes.to_string())
    }

    #[test]
    fn what_no_scenario_takes_is_left_out_with_its_name() {
        let (scenario, notes) = import(&serde_json::json!({
            "scenarios": {
                "a-b": { "executor": "constant-vus", "vus": 3, "duration": "1m0s" },
                "a_b": { "executor": "constant-vus", "vus": 4, "duration": "1m0s" },
                "many": { "executor": "constant-vus", "vus": 100_000_000, "duration": "1m0s" },
                "none": { "executor": "constant-arrival-rate", "rate": 5, "duration": "0s" },
            },
            "thresholds": { "http_req_duration": ["p(95)<500", "p(99)<0"] },
        }));
        assert!(scenario.contains("a_b: { vus: 3, duration: 1m }"), "{scenario}");
        assert!(!scenario.contains("many") && !scenario.contains("none:"), "{scenario}");
        assert!(scenario.contains("p95: { max: 500ms }"), "{scenario}");
        for note in ["another one has the same name\n  a_b", "many, none"] {
            assert!(notes.contains(note), "{note}\n{notes}");
        }
    }

    #[test]
    fn scenarios_and_thresholds_become_workloads_and_objectives() {
        let (scenario, notes) = import(&serde_json::json!({
            "scenarios": {
                "peak": { "executor": "ramping-arrival-rate", "startRate": 60, "timeUnit": "1m0s", "maxVUs": 100,
                    "stages": [{ "target": 600, "duration": "1m0s" }, { "target": 600, "duration": "5m0s" }] },
                "soak": { "executor": "constant-vus", "vus": 10, "duration": "1h0m0s", "startTime": "5m0s" },
                "odd": { "executor": "externally-controlled" },
            },
            "thresholds": {
                "http_req_duration": ["p(95)<500", { "threshold": "p(99)<1500", "abortOnFail": true }, "max<9"],
                "http_req_failed": ["rate<0.01"], "my_metric": ["count>5"],
            },
        }));
        for line in [
            "- { rate: 1 iter/s, duration: 1ms, judge: false }",
            "- { ramp_to: 10 iter/s, duration: 1m }",
            "- { rate: 10 iter/s, duration: 5m }",
            "soak: { vus: 10, duration: 1h }",
            "p95: { max: 500ms }",
            "p99: { max: 1.5s }",
            "error_rate: { max: 1% }",
        ] {
            assert!(scenario.contains(line), "{line}\n{scenario}");
        }
        for note in [
            "externally-controlled",
            "my_metric: count>5",
            "http_req_duration: max<9",
            "starts later",
            "say so in `abort`\n  http_req_duration: p(99)<1500",
            "a run plays one of them\n  peak, soak",
        ] {
            assert!(notes.contains(note), "{note}\n{notes}");
        }
    }

    #[test]
    fn users_and_iterations_are_those_of_the_executors() {
        let (scenario, notes) = import(&serde_json::json!({
            "scenarios": {
                "wave": { "executor": "ramping-vus", "startVUs": 5, "gracefulStop": "10s",
                    "stages": [{ "target": 20, "duration": "30s" }, { "target": 20, "duration": "1m" }, { "target": 0, "duration": "0s" }] },
                "own": { "executor": "per-vu-iterations", "vus": 10, "iterations": 20, "maxDuration": "1m", "exec": "checkout" },
                "shared": { "executor": "shared-iterations", "vus": 10, "iterations": 200 },
                "outside": { "executor": "externally-controlled", "vus": 3, "maxVUs": 50, "duration": "1m" },
            },
            "rps": 50,
        }));
        for line in [
            "{ vus: 5, duration: 1ms, judge: false }",
            "{ ramp_to: 20, duration: 30s }",
            "{ vus: 20, duration: 1m }",
            "graceful_stop: 10s",
            "own: { vus: 10, iterations: 200, duration: 1m }",
            "shared: { vus: 10, iterations: 200, duration: 10m }",
            "outside: { vus: 3, duration: 1m }",
        ] {
            assert!(scenario.contains(line), "{line}\n{scenario}");
        }
        for note in ["who share them\n  own", "at first\n  outside", "own: checkout", "rps"] {
            assert!(notes.contains(note), "{note}\n{notes}");
        }
    }

    #[test]
    fn rates_stay_exact_and_those_of_one_test_are_played_at_once() {
        let (scenario, _) = import(&serde_json::json!({ "scenarios": {
            "a": { "executor": "constant-arrival-rate", "rate": 10, "timeUnit": "1m", "duration": "5m" },
            "b": { "executor": "constant-arrival-rate", "rate": 7, "timeUnit": "1h", "duration": "5h" },
            "c": { "executor": "constant-arrival-rate", "rate": 1, "timeUnit": "3s", "duration": "5m" },
        }}));
        for line in [
            "rate: 10 iter/min",
            "rate: 7 iter/h",
            "rate: 0.333333333 iter/s",
            "all: { parallel: [a, b, c] }",
        ] {
            assert!(scenario.contains(line), "{line}\n{scenario}");
        }
    }

    #[test]
    fn threshold_that_no_share_or_time_is_becomes_no_row() {
        let of = |metric: &str, threshold: &str| {
            row(metric, threshold).map(|row| format!("{}: {:?}", row.key, row.value))
        };
        let told = |metric: &str, threshold: &str| of(metric, threshold).unwrap_or_default();
        assert_eq!(of("http_req_failed", "rate<7"), None);
        assert_eq!(of("checks", "rate>95"), None);
        assert_eq!(of("http_req_duration{name:login}", "p(95)<200"), None);
        assert!(
            told("http_req_duration{expected_response:true}", "p(95) < 0.5").contains("500us")
                || told("http_req_duration{expected_response:true}", "p(95) < 0.5")
                    .contains("500µs")
        );
        assert!(told("http_req_duration", "avg<=200.5").contains("200.5ms"));
        assert!(told("http_req_failed", "rate==0").contains("\"0%\""));
        assert!(told("checks", "rate==1.0").contains("\"0%\""));
        assert!(told("http_req_failed", "rate<0.00001").contains("0.001%"));
    }
}
