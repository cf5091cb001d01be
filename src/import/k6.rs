//! The options of a k6 test, as `k6 inspect` prints them → workloads and an SLO table.
//!
//! The script itself is code and stays where it is: what users do is still to be written.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::draft::{BodyDraft, JourneyDraft, RequestDraft, ScenarioDraft, StepDraft};
use super::names::snake;
use super::note::ImportNotes;
use super::secrets::is_secret;
use super::yaml::{YamlEntry, YamlValue};
use super::{ImportOptions, Imported, problem};
use crate::plan::{Overrides, compile};
use crate::scenario::{Problem, SourceId, Span, load};
use crate::units::Nanos;

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
    keep_what_fits(&mut workloads, |load| draft_of("x", vec![load], vec![]), &mut notes);
    keep_what_fits(&mut objectives, |row| draft_of("x", vec![smoke()], vec![row]), &mut notes);
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
    let number = |key: &str| scenario.get(key).and_then(Value::as_f64);
    let executor = scenario.get("executor").and_then(Value::as_str).unwrap_or_default();
    if scenario.get("startTime").and_then(duration).is_some_and(|start| start > Nanos::ZERO) {
        notes.change(
            "a scenario that starts later: a workload of its own, from the start",
            name.to_owned(),
        );
    }
    let unit = scenario.get("timeUnit").and_then(duration).filter(|unit| *unit > Nanos::ZERO);
    let unit = unit.map_or(1.0, Nanos::as_secs_f64);
    let rate = |per_unit: f64| YamlValue::plain(format!("{} iter/s", round(per_unit / unit)));
    let mut fields = vec![];
    match executor {
        "constant-arrival-rate" => {
            let stage = vec![
                YamlEntry::new("rate", rate(number("rate")?)),
                YamlEntry::new("duration", shown(duration(scenario.get("duration")?)?)),
            ];
            fields.push(YamlEntry::new("stages", YamlValue::List(vec![YamlValue::Map(stage)])));
        }
        "ramping-arrival-rate" => {
            let stages = ramps(scenario, rate)?;
            fields.push(YamlEntry::new("stages", YamlValue::List(stages)));
        }
        "constant-vus" => {
            let time = scenario.get("duration").and_then(duration)?;
            fields.push(YamlEntry::new(
                "vus",
                YamlValue::plain(number("vus").unwrap_or(1.0).to_string()),
            ));
            fields.push(YamlEntry::new("duration", shown(time)));
        }
        "ramping-vus" => {
            let stages = scenario.get("stages")?.as_array()?;
            let most =
                stages.iter().filter_map(|stage| stage.get("target")?.as_f64()).fold(1.0, f64::max);
            let time: u64 = stages
                .iter()
                .filter_map(|stage| duration(stage.get("duration")?))
                .map(|time: Nanos| time.get())
                .sum();
            notes.change("ramps of users: the most of them, over the whole time", name.to_owned());
            fields.push(YamlEntry::new("vus", YamlValue::plain(most.to_string())));
            fields.push(YamlEntry::new("duration", shown(Nanos::new(time.max(1_000_000_000)))));
        }
        "per-vu-iterations" | "shared-iterations" => {
            let time =
                scenario.get("maxDuration").and_then(duration).unwrap_or(Nanos::from_secs(600));
            notes.change("a number of iterations: its longest time instead", name.to_owned());
            fields.push(YamlEntry::new(
                "vus",
                YamlValue::plain(number("vus").unwrap_or(1.0).to_string()),
            ));
            fields.push(YamlEntry::new("duration", shown(time)));
        }
        other => {
            notes.drop(
                format!("a scenario whose executor no workload stands for: `{other:.40}`"),
                name.to_owned(),
            );
            return None;
        }
    }
    if let (Some(users), true) = (number("maxVUs"), executor.ends_with("arrival-rate")) {
        fields.push(YamlEntry::new("max_vus", YamlValue::plain(users.to_string())));
    }
    Some(YamlEntry::new(name, YamlValue::Map(fields)))
}

/// The stages of a rate that ramps; one without length is a jump.
fn ramps(scenario: &Value, rate: impl Fn(f64) -> YamlValue) -> Option<Vec<YamlValue>> {
    let mut stages = vec![];
    let mut before = scenario.get("startRate").and_then(Value::as_f64).unwrap_or(0.0);
    for stage in scenario.get("stages")?.as_array()? {
        let target = stage.get("target").and_then(Value::as_f64)?;
        let time = duration(stage.get("duration")?)?;
        if time == Nanos::ZERO {
            before = target;
            continue;
        }
        let key = if (target - before).abs() < f64::EPSILON { "rate" } else { "ramp_to" };
        stages.push(YamlValue::Map(vec![
            YamlEntry::new(key, rate(target)),
            YamlEntry::new("duration", shown(time)),
        ]));
        before = target;
    }
    Some(stages)
}

/// Three digits behind the point.
fn round(rate: f64) -> f64 {
    (rate * 1e3).round() / 1e3
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
    let plain: String = threshold.chars().filter(|c| !c.is_whitespace()).collect();
    let at = plain.find(['<', '>'])?;
    let (what, rest) = plain.split_at(at);
    let less = rest.starts_with('<');
    let value: f64 = rest.trim_start_matches(['<', '>', '=']).parse().ok()?;
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
    let time = || Nanos::from_millis(value.max(0.0) as u64).to_string();
    let share = |share: f64| format!("{}%", (share * 1e5).round() / 1e3);
    match metric {
        "http_req_duration" if less => bound(of_time?, "max", time()),
        "iteration_duration" if less => bound(format!("iteration.{}", of_time?), "max", time()),
        "http_req_failed" if less && what == "rate" => {
            bound("error_rate".to_owned(), "max", share(value))
        }
        // A check that fails makes its response an error here.
        "checks" if !less && what == "rate" => {
            bound("error_rate".to_owned(), "max", share(1.0 - value))
        }
        "http_reqs" if !less && what == "rate" => {
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
            file: "x.json".into(),
            hosts: vec![],
            replay: None,
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
            "peak: { stages: [{ ramp_to: 10 iter/s, duration: 1m }, { rate: 10 iter/s, duration: 5m }], max_vus: 100 }",
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
        ] {
            assert!(notes.contains(note), "{note}\n{notes}");
        }
    }
}
