//! The compiler on whole files.

use std::io;
use std::path::Path;

use jiff::civil::date;
use minijinja::Value;

use super::*;
use crate::{
    Body, CaptureSlot, CaptureSource, Check, Instruction, Load, RenderError, RequestPlan,
    ScopeValues, Template, TemplateScope, UploadPiece, Variables,
};
use plimsoll_metrics::{Measure, StepInfo};
use plimsoll_scenario::{Colour, load, render};
use plimsoll_units::{Rate, Seed};

/// A user with one row and no captured values but `token` and `id`.
struct Somebody<'p>(&'p Plan);

impl Variables for Somebody<'_> {
    fn slot(&self, slot: CaptureSlot) -> Option<&Value> {
        static VALUES: std::sync::LazyLock<[Value; 2]> =
            std::sync::LazyLock::new(|| [Value::from(7), Value::from("t\"k&")]);
        VALUES.get(usize::from(slot.0))
    }
    fn deal(&mut self, _: u16) -> Result<(), RenderError> {
        Ok(())
    }
    fn cell(&self, dataset: u16, column: u16) -> Option<&Value> {
        self.0.data.get(usize::from(dataset))?.rows.first()?.get(usize::from(column))
    }
    fn scope(&self) -> TemplateScope {
        let rows = self.0.data.iter().map(|set| set.rows[0].to_vec()).collect();
        let slots = vec![self.slot(CaptureSlot(0)).cloned(), self.slot(CaptureSlot(1)).cloned()];
        let names = std::sync::Arc::new(self.0.templates.names().clone());
        let chance = Seed::new(1).stream(plimsoll_units::RandomStream::Iteration, 0);
        TemplateScope::new(
            names,
            ScopeValues { slots, rows, vu: 1, iteration: 1, now: plimsoll_units::RunTime::ZERO },
            chance,
        )
    }
    fn set_chance(&mut self, _: rand_pcg::Pcg64Mcg) {}
}

fn read_repository(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path))
}

fn compiled(path: &str, overrides: &Overrides) -> Plan {
    let loaded = load(Path::new(path), &[], &read_repository, &|_| None);
    compile(&loaded, overrides, date(2026, 1, 31))
        .unwrap_or_else(|p| panic!("{}", render(&p, &loaded.sources, Colour::None)))
}

/// A plan of a file with the given steps, data set `routes` and captures `id` and `token`.
fn plan_of_steps(steps: &str) -> Plan {
    plan_of(steps, &Overrides::default())
}

fn plan_of(steps: &str, overrides: &Overrides) -> Plan {
    let text = format!(
        "name: x\ntarget: http://127.0.0.1:81/base\ndata: {{ routes: {{ file: r.csv }} }}\n\
         http: {{ headers: {{ x-all: \"1\", accept: text/html }} }}\n\
         workloads:\n  a: {{ stages: [{{ ramp_to: 10 req/s, duration: 10s }}, \
         {{ rate: 10 req/s, duration: 30s }}] }}\n\
         scenarios:\n  s:\n    flow:\n\
         \x20     - get: {{ name: first, url: /, capture: {{ id: $.a.id, token: {{ header: X-T }} }} }}\n{steps}"
    );
    let read = move |path: &Path| {
        let is_data = path.extension().is_some_and(|end| end == "csv");
        Ok(if is_data { b"from,to\nS P,LIS\n".to_vec() } else { text.clone().into_bytes() })
    };
    let loaded = load(Path::new("a.yaml"), &[], &read, &|_| None);
    compile(&loaded, overrides, date(2026, 1, 31))
        .unwrap_or_else(|p| panic!("{}", render(&p, &loaded.sources, Colour::None)))
}

fn rendered(plan: &Plan, template: &Template) -> String {
    let mut out = vec![];
    template.render(&mut Somebody(plan), &mut out).expect("renders");
    String::from_utf8(out).expect("utf-8")
}

fn header(plan: &Plan, request: &RequestPlan, name: &str) -> Vec<String> {
    let found = request.headers.iter().filter(|(known, _)| known == name);
    found.map(|(_, value)| rendered(plan, value)).collect()
}

fn body(plan: &Plan, request: &RequestPlan) -> String {
    match &request.body {
        Body::Text(template) => rendered(plan, template),
        Body::None => String::new(),
        Body::Upload(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                UploadPiece::Text(text) | UploadPiece::Part(text, _) => rendered(plan, text),
                UploadPiece::File(source) => format!("({} bytes)", source.size()),
            })
            .collect(),
    }
}

#[test]
fn ais_becomes_a_plan() {
    let plan = compiled("scenarios/ais", &Overrides::default());
    assert_eq!(plan.workload, "smoke");
    assert_eq!(plan.scenarios.len(), 3);
    assert_eq!(plan.data.iter().map(|set| set.rows.len()).collect::<Vec<_>>(), [80, 2000]);
    // search: 1 + 2; login: 2; booking: 1 + 3 + 4.
    let expected = (70.0 * 3.0 + 15.0 * 2.0 + 15.0 * 8.0) / 100.0;
    assert!((plan.requests_per_iteration() - expected).abs() < 1e-9);
    let peak = plan.load.peak().get() * expected;
    assert!((peak - 20.0).abs() < 1e-9, "{peak}");
}

/// A search plays a plan at many rates; what is kept until the process ends must not grow with their number.
#[test]
fn plan_under_another_load_is_not_compiled_again() {
    let plan = compiled("scenarios/ais", &Overrides::default());
    let Load::Open(open) = &plan.load else { panic!("an open load") };
    let mut twice = open.clone();
    for stage in &mut twice.stages {
        (stage.from, stage.to) = (stage.from.times(2.0), stage.to.times(2.0));
    }
    let rerated = plan.rerated(Load::Open(twice), Seed::new(9));
    assert!(rerated.templates.shares_environment(&plan.templates));
    let again = compiled("scenarios/ais", &Overrides::default());
    assert!(!again.templates.shares_environment(&plan.templates), "the test could not fail");
    assert_eq!(rerated.seed, Seed::new(9));
    assert_eq!(rerated.load.peak(), plan.load.peak().times(2.0));
    assert_eq!(rerated.fingerprint, plan.fingerprint);
}

#[test]
fn every_system_becomes_a_plan_with_every_workload() {
    for system in ["ais", "alawael", "running", "travelsense", "triple"] {
        for workload in ["smoke", "demo", "load"] {
            let overrides =
                Overrides { workload: Some(workload.to_owned()), ..Overrides::default() };
            let plan = compiled(&format!("scenarios/{system}"), &overrides);
            assert!(plan.requests_per_iteration() > 1.0, "{system}/{workload}");
            assert!(plan.objectives.len() >= 4, "{system}");
        }
    }
}

#[test]
fn json_keeps_types_and_escapes_texts() {
    let plan = plan_of_steps(
        "      - post:\n          name: b\n          url: /b\n          json:\n            \
         id: \"{{ id }}\"\n            text: \"a \\\"{{ token }}\\\"\"\n            \
         n: 5\n            quoted: \"5\"\n            list: [true, null, {}]\n",
    );
    let request = &plan.requests[1];
    let json = r#"{"id":7,"text":"a \"t\"k&\"","n":5,"quoted":"5","list":[true,null,{}]}"#;
    // The captured quote is escaped as well.
    let json = json.replace("t\"k&", "t\\\"k&");
    assert_eq!(body(&plan, request), json);
    assert_eq!(header(&plan, request, "content-type"), ["application/json"]);
}

#[test]
fn urls_queries_and_forms_are_encoded_once() {
    let plan = plan_of_steps(
        "      - post: { name: b, url: \"/b/{{ token }}?x=1\", query: { \"a b\": \"ü {{ routes.from }}\" }, \
         form: { p: \"{{ token }}=\" } }\n      - get: { name: c, url: \"{{ token }}/d\" }\n",
    );
    let request = &plan.requests[1];
    let url = "/base/b/t%22k%26?x=1&a%20b=%C3%BC%20S%20P";
    assert_eq!(rendered(&plan, &request.url), url);
    assert_eq!(body(&plan, request), "p=t%22k%26%3D");
    // A captured link is the URL itself.
    assert_eq!(rendered(&plan, &plan.requests[2].url), "t\"k&/d");
}

#[test]
fn headers_of_the_step_win_over_the_defaults() {
    let plan = plan_of_steps(
        "      - get: { name: b, url: /, headers: { Accept: \"*/*\" }, bearer: \"{{ token }}\" }\n      \
         - get: { name: c, url: /, basic: { user: me, password: \"p{{ id }}\" } }\n      \
         - get: { name: d, url: /, basic: { user: me, password: pw } }\n",
    );
    let requests = &plan.requests;
    assert_eq!(header(&plan, &requests[0], "accept"), ["text/html"]);
    assert_eq!(header(&plan, &requests[1], "accept"), ["*/*"]);
    assert_eq!(header(&plan, &requests[1], "x-all"), ["1"]);
    // The transport asks for what it can unpack, and for streams for nothing.
    assert!(header(&plan, &requests[1], "accept-encoding").is_empty());
    assert_eq!(header(&plan, &requests[1], "authorization"), ["Bearer t\"k&"]);
    assert_eq!(header(&plan, &requests[2], "authorization"), ["Basic bWU6cDc="]);
    assert_eq!(header(&plan, &requests[3], "authorization"), ["Basic bWU6cHc="]);
    assert!(requests[3].headers.iter().all(|(_, value)| value.as_constant().is_some()));
}

#[test]
fn captures_know_the_cheapest_way_to_their_value() {
    let plan = plan_of_steps("");
    let sources: Vec<_> = plan.requests[0].captures.iter().map(|c| (&c.source, c.secret)).collect();
    assert!(matches!(&sources[0], (CaptureSource::JsonKeys(keys), false) if keys == &["a", "id"]));
    assert!(matches!(&sources[1], (CaptureSource::Header(name), true) if name == "x-t"));
}

#[test]
fn branches_and_loops_jump_to_their_ends() {
    let plan = plan_of_steps(
        "      - if: { when: \"id > 3\", flow: [{ get: { name: a, url: / } }], else: [{ think: 1s }] }\n      \
         - choose:\n          - { weight: 3, flow: [{ get: { name: a, url: / } }] }\n          - { weight: 1, flow: [] }\n      \
         - repeat: { times: 0..4, flow: [{ get: { name: a, url: / } }] }\n",
    );
    let ops = &plan.scenarios[0].program.0;
    assert!(matches!(ops[1], Instruction::If { end: 4, .. }));
    assert!(matches!(ops[3], Instruction::Jump(5)));
    assert!(matches!(&ops[5], Instruction::Choose(to) if to == &[(3.0, 6), (1.0, 8)]));
    assert!(matches!((&ops[7], &ops[8]), (Instruction::Jump(9), Instruction::Jump(9))));
    assert!(matches!(ops[9], Instruction::Repeat { counter: 0, times: (0, 4), end: 12 }));
    assert!(matches!(ops[11], Instruction::Again { counter: 0, back: 10 }));
    // 1 + if 1 + choose ¾ + repeat 2.
    assert!((plan.scenarios[0].requests_per_iteration - 4.75).abs() < 1e-9);
}

#[test]
fn overrides_keep_the_shape_of_the_workload() {
    let overrides = Overrides {
        rate: Some("40 req/s".parse().expect("a rate")),
        duration: Some(Nanos::from_secs(80)),
        target: Some("https://shop.example".into()),
        ..Overrides::default()
    };
    let plan = plan_of("", &overrides);
    let Load::Open(open) = &plan.load else { panic!("open") };
    let stages: Vec<_> =
        open.stages.iter().map(|s| (s.from, s.to, s.duration.as_secs_f64(), s.judged)).collect();
    let forty = Rate::per_second(40.0);
    assert_eq!(stages, [(Rate::ZERO, forty, 20.0, false), (forty, forty, 60.0, true)]);
    assert_eq!(plan.target.url(), "https://shop.example");
}

/// Goal: prove that a demo, whose arrivals are new users each, has rows enough, whatever other workloads would need.
#[test]
fn demo_of_every_system_has_a_row_for_each_visitor() {
    let settings = [("http.connections".to_owned(), "per_iteration".to_owned())];
    for system in ["ais", "alawael", "running", "travelsense", "triple"] {
        let path = format!("scenarios/{system}");
        let loaded = load(Path::new(&path), &settings, &read_repository, &|_| None);
        let played = |workload: &str| {
            let workload = Some(workload.to_owned());
            compile(&loaded, &Overrides { workload, ..Overrides::default() }, date(2026, 1, 31))
        };
        let problems = played("demo").err().unwrap_or_default();
        assert!(problems.is_empty(), "{}", render(&problems, &loaded.sources, Colour::None));
    }
    let loaded = load(Path::new("scenarios/ais"), &settings, &read_repository, &|_| None);
    let overrides = Overrides { workload: Some("load".to_owned()), ..Overrides::default() };
    let problems = compile(&loaded, &overrides, date(2026, 1, 31)).expect_err("too few rows");
    let text = render(&problems, &loaded.sources, Colour::None);
    assert!(text.contains("`users` has 2000 rows for up to"), "{text}");
}

#[test]
fn settings_change_the_file_before_it_is_read() {
    let settings = [
        ("http.timeout".to_owned(), "3s".to_owned()),
        ("workloads.smoke.stages".to_owned(), "[{ rate: 5 iter/s, duration: 1s }]".to_owned()),
    ];
    let loaded = load(Path::new("scenarios/ais"), &settings, &read_repository, &|_| None);
    let plan = compile(&loaded, &Overrides::default(), date(2026, 1, 31)).expect("valid");
    assert_eq!(plan.requests[0].timeout, Nanos::from_secs(3));
    assert_eq!(plan.load.peak(), Rate::per_second(5.0));
    let wrong = [("http.timeot".to_owned(), "3s".to_owned())];
    let loaded = load(Path::new("scenarios/ais"), &wrong, &read_repository, &|_| None);
    let text = render(&loaded.problems, &loaded.sources, Colour::None);
    assert!(text.contains("--> --set:1:1") && text.contains("did you mean `timeout`"), "{text}");
}

#[test]
fn values_of_the_environment_are_secrets_of_the_plan() {
    let read = |_: &Path| {
        Ok(b"name: x\ntarget: ${URL}\nhttp: { headers: { x-key: \"${KEY}\" } }\n\
            workloads: { a: { vus: 5, duration: 1s } }\n\
            scenarios: { s: { flow: [{ get: { name: a, url: / } }] } }\n"
            .to_vec())
    };
    let lookup = |name: &str| match name {
        "URL" => Some("http://127.0.0.1:82".to_owned()),
        "KEY" => Some("s3cr3t-k3y".to_owned()),
        _ => None,
    };
    let loaded = load(Path::new("a.yaml"), &[], &read, &lookup);
    let plan = compile(&loaded, &Overrides::default(), date(2026, 1, 31)).expect("valid");
    assert_eq!(plan.secrets, ["s3cr3t-k3y"]);
}

#[test]
fn slo_rows_become_objectives_with_their_measures() {
    let plan = compiled("scenarios/ais", &Overrides::default());
    let measure = |name: &str| {
        let found = plan.objectives.iter().find(|objective| objective.name == name);
        found.map(|objective| objective.measure.clone())
    };
    assert_eq!(measure("p99"), Some(Measure::ResponseTime(0.99)));
    assert_eq!(measure("uptime"), Some(Measure::Uptime));
    let observed = Measure::Observed("db".into(), "connections".into());
    assert_eq!(measure("db.connections"), Some(observed));
}

#[test]
fn error_rate_off_is_a_row_without_bounds_in_its_place() {
    let compiled = |slo: &str| {
        let text = format!(
            "name: x\ntarget: http://127.0.0.1:1\nworkloads: {{ a: {{ vus: 5, duration: 1s }} }}\n\
             scenarios: {{ s: {{ flow: [{{ get: {{ name: a, url: / }} }}] }} }}\nslo: {slo}\n"
        );
        let read = move |_: &Path| Ok(text.clone().into_bytes());
        let loaded = load(Path::new("a.yaml"), &[], &read, &|_| None);
        compile(&loaded, &Overrides::default(), date(2026, 1, 31))
    };
    let slo = "{ p50: { max: 1s }, error_rate: off, p95: { max: 1s }, steps: { a: { error_rate: off } } }";
    let plan = compiled(slo).expect("valid");
    let names: Vec<(&str, bool)> =
        plan.objectives.iter().map(|row| (row.name.as_str(), row.is_off())).collect();
    let expected = [("p50", false), ("error_rate", true), ("p95", false), ("error_rate", true)];
    assert_eq!(names, expected);
    assert_eq!(plan.judged_objectives(), 2);
    for wrong in ["{ p95: off }", "{ error_rate: none }", "{ error_rate: {} }"] {
        assert_eq!(compiled(wrong).expect_err("refused").len(), 1, "{wrong}");
    }
}

proptest::proptest! {
    /// Any bytes as a file: an answer, never a panic.
    #[test]
    fn any_file_is_answered_without_panic(bytes: Vec<u8>) {
        let read = move |_: &Path| Ok(bytes.clone());
        let loaded = load(Path::new("a.yaml"), &[], &read, &|_| None);
        let plan = compile(&loaded, &Overrides::default(), date(2026, 1, 31));
        proptest::prop_assert!(plan.is_err_and(|problems| !problems.is_empty()));
    }

    /// A good file with a piece cut out or doubled: an answer, never a panic.
    #[test]
    fn any_damage_to_a_file_is_survived(at in 0_usize..4000, length in 0_usize..40, doubled: bool) {
        let read = move |path: &Path| {
            let mut bytes = read_repository(path)?;
            if path.ends_with("scenario.yaml") {
                let start = at.min(bytes.len());
                let end = (start + length).min(bytes.len());
                let piece = bytes[start..end].to_vec();
                let insert = if doubled { [piece.clone(), piece].concat() } else { vec![] };
                bytes.splice(start..end, insert);
            }
            Ok(bytes)
        };
        let loaded = load(Path::new("scenarios/ais"), &[], &read, &|_| None);
        let plan = compile(&loaded, &Overrides::default(), date(2026, 1, 31));
        if let Err(problems) = plan {
            let text = render(&problems, &loaded.sources, Colour::None);
            proptest::prop_assert!(text.contains("nothing was sent"));
        }
    }
}

#[test]
fn bounds_of_checks_include_their_value_where_written_so() {
    let plan = plan_of_steps(
        "      - get: { name: a, url: /a, check: { time: < 2s, size: < 10 B } }\n\
         \x20     - get: { name: b, url: /b, check: { time: <= 2s, size: <= 10 B } }\n",
    );
    let bounds = |request: usize| {
        let of = |check: &Check| match check {
            Check::Time(time) => time.get(),
            Check::Size(size) => size.get(),
            other => panic!("{other:?}"),
        };
        plan.requests[request].checks.iter().map(of).collect::<Vec<u64>>()
    };
    assert_eq!(bounds(1), [2_000_000_000, 10]);
    assert_eq!(bounds(2), [2_000_000_001, 11]);
}

#[test]
fn settings_take_values_from_the_environment_and_keep_them_secret() {
    let settings = [("http.headers.x-token".to_owned(), "${TOKEN}".to_owned())];
    let lookup = |name: &str| (name == "TOKEN").then(|| "s3cr3t-value".to_owned());
    let loaded = load(Path::new("scenarios/ais"), &settings, &read_repository, &lookup);
    let plan = compile(&loaded, &Overrides::default(), date(2026, 1, 31)).expect("valid");
    assert_eq!(header(&plan, &plan.requests[0], "x-token"), ["s3cr3t-value"]);
    assert!(plan.secrets.contains(&"s3cr3t-value".to_owned()), "{:?}", plan.secrets);
}

#[test]
fn keys_of_a_json_body_may_hold_expressions() {
    let plan = plan_of_steps(
        "      - post: { name: a, url: /a, json: { \"{{ token }}\": 1, \"n-{{ vu }}\": { plain: 2 } } }\n",
    );
    assert_eq!(body(&plan, &plan.requests[1]), r#"{"t\"k&":1,"n-1":{"plain":2}}"#);
}

/// Goal: prove that what is done once is told apart from what journeys do.
/// Method: steps of a setup, of a journey and of a flow that only the teardown uses stand at the same positions.
#[test]
fn steps_of_setups_and_teardowns_are_told_apart_from_those_of_journeys() {
    let plan = plan_of_steps(
        "      - request: { method: PROPFIND, name: list, url: / }\n\
         setup:\n  - get: { name: open, url: /open }\n  - request: { method: MKCOL, name: make, url: / }\n\
         teardown:\n  - use: away\n\
         flows:\n  away:\n    - request: { method: UNLOCK, name: unlock, url: / }\n    - post: { name: away, url: / }\n",
    );
    let names = |steps: &[StepInfo]| steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&plan.steps), ["first", "list"]);
    assert_eq!(names(&plan.lifecycle.steps), ["open", "make", "unlock", "away"]);
}

#[test]
fn names_of_parameters_fields_and_parts_are_templates_and_parts_may_be_repeated() {
    let plan = plan_of(
        "      - post: { name: f, url: /f, query: { 'q{{ vu }}': x }, form: { 'items[{{ vu }}]': a b } }\n\
         \x20     - post: { name: m, url: /m, multipart: { 'p{{ vu }}': [x, { text: y, filename: 'a\"{{ routes.from }}.txt' }] } }\n",
        &Overrides::default(),
    );
    assert_eq!(rendered(&plan, &plan.requests[1].url), "/base/f?q1=x");
    assert_eq!(body(&plan, &plan.requests[1]), "items%5B1%5D=a%20b");
    let parts = body(&plan, &plan.requests[2]);
    assert_eq!(parts.matches("form-data; name=\"p1\"").count(), 2, "{parts}");
    assert!(parts.contains("filename=\"a%22S P.txt\""), "{parts}");
}

#[test]
fn parts_are_separated_by_what_is_in_none_of_them() {
    let usual = "plimsoll-7f3c9a51d0e84b62";
    let of = |text: &str| {
        let step = format!("      - post: {{ name: m, url: /m, multipart: {{ a: '{text}' }} }}\n");
        let plan = plan_of(&step, &Overrides::default());
        let kind = header(&plan, &plan.requests[1], "content-type").concat();
        let boundary = kind.split("boundary=").nth(1).expect("a boundary").to_owned();
        (body(&plan, &plan.requests[1]).matches(&format!("--{boundary}")).count(), boundary)
    };
    assert_eq!(of("x"), (2, usual.to_owned()));
    assert_eq!(of(&format!("--{usual}--")), (2, format!("{usual}x")));
}
