//! `browsers:` → plans of users with a real browser.

use super::request::{HeaderList, delay};
use super::template::TemplateCompiler;
use crate::{BrowserPlan, Escape, PageStep, Template};
use http::HeaderName;
use plimsoll_scenario::schema::{BrowserSpec, PageStepSpec, Scenario, Workload};
use plimsoll_scenario::{ProblemKind, Problems, Spanned};
use plimsoll_units::{Nanos, Rate};

/// `templates` know what the setup captures: nothing is captured from pages.
pub(super) fn compile(
    scenario: &Scenario,
    templates: TemplateCompiler<'_>,
    (workload, think): (Option<&Workload>, f64),
    problems: &mut Problems,
) -> Vec<BrowserPlan> {
    check_workloads(scenario, problems);
    let steps = |specs: &[PageStepSpec], problems: &mut Problems| {
        specs.iter().map(|step| page_step(step, &templates, think, problems)).collect()
    };
    let plan = |spec: &BrowserSpec| BrowserPlan {
        name: spec.name.value.clone(),
        vus: spec.vus,
        every: spec.rate.map(|rate| gap(rate, &spec.flow)),
        plays: plays(spec, workload),
        is_warm: spec.is_warm,
        baseline: spec.baseline,
        network: spec.network,
        cpu_slowdown: spec.cpu_slowdown.max(1.0),
        timeout: spec.timeout,
        pictures_worst: spec.pictures_worst,
        headers: headers(scenario, spec, templates, problems),
        login: steps(&spec.login, problems),
        flow: steps(&spec.flow, problems),
    };
    scenario.browsers.iter().map(plan).collect()
}

/// What a browser says of its own requests, and a scenario does not say for it.
const ITS_OWN: [&str; 10] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "origin",
    "referer",
    "upgrade-insecure-requests",
    "user-agent",
];

/// The headers of every request, but for what browsers say themselves, and their own in the place of these.
fn headers(
    scenario: &Scenario,
    spec: &BrowserSpec,
    templates: TemplateCompiler<'_>,
    problems: &mut Problems,
) -> Vec<(HeaderName, Template)> {
    let is_its_own = |name: &str| ITS_OWN.contains(&name) || name.starts_with("sec-");
    let of_all = scenario
        .http
        .headers
        .iter()
        .filter(|(name, _)| !is_its_own(&name.value.to_ascii_lowercase()));
    let mut all = HeaderList::default();
    // What is wrong with these is reported with the requests.
    all.put_all(of_all, templates, &mut Problems::default());
    all.put_all(&spec.headers, templates, problems);
    all.0
}

/// Time between starts of a flow so that its pages come to `rate`.
fn gap(rate: Rate, flow: &[PageStepSpec]) -> Nanos {
    let pages = flow.iter().filter(|step| step.page().is_some()).count();
    Nanos::from_secs_f64(pages as f64 / rate.get())
}

/// Whether they play beside a workload.
fn plays(spec: &BrowserSpec, workload: Option<&Workload>) -> bool {
    let is_played =
        |name: &Spanned<String>| workload.is_some_and(|played| played.name.value == name.value);
    spec.workloads.is_empty() || spec.workloads.iter().any(is_played)
}

fn check_workloads(scenario: &Scenario, problems: &mut Problems) {
    let known: Vec<String> =
        scenario.workloads.iter().map(|known| known.name.value.clone()).collect();
    for name in scenario.browsers.iter().flat_map(|browser| &browser.workloads) {
        if !known.contains(&name.value) {
            let kind = ProblemKind::UnknownName {
                what: "workload",
                name: name.value.clone(),
                known: known.clone(),
            };
            problems.report(name.span, kind);
        }
    }
}

fn page_step(
    step: &PageStepSpec,
    templates: &TemplateCompiler<'_>,
    think: f64,
    problems: &mut Problems,
) -> PageStep {
    match step {
        PageStepSpec::Open { name, url, wait } => PageStep::Open {
            page: name.value.clone(),
            url: templates.compile(url, Escape::Url, problems),
            wait: wait.clone(),
        },
        PageStepSpec::Click { selector, name, wait } => PageStep::Click {
            selector: selector.clone(),
            page: name.as_ref().map(|name| name.value.clone()),
            wait: wait.clone(),
        },
        PageStepSpec::Type { selector, text } => PageStep::Type {
            selector: selector.clone(),
            text: templates.compile(text, Escape::None, problems),
        },
        PageStepSpec::Think(law) => PageStep::Think(delay(*law).scaled(think)),
    }
}

/// The names of all pages.
pub(super) fn pages(scenario: &Scenario) -> Vec<&Spanned<String>> {
    let steps = scenario.browsers.iter().flat_map(|browser| &browser.flow);
    steps.filter_map(PageStepSpec::page).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{Overrides, Plan};
    use plimsoll_scenario::{Colour, load, render};

    fn compiled(more: &str, of_browser: &str) -> Result<Plan, String> {
        let text = format!(
            "name: x\ntarget: http://127.0.0.1:81\nstack: stack.yaml\n\
             workloads: {{ a: {{ stages: [{{ rate: 1 iter/s, duration: 9s }}] }} }}\n\
             scenarios: {{ s: {{ flow: [{{ get: {{ name: g, url: / }} }}] }} }}\n\
             browsers: {{ b: {{ {of_browser} flow: [{{ open: {{ name: home, url: / }} }}] }} }}\n{more}"
        );
        let read = move |path: &Path| {
            let is_stack = path.ends_with("stack.yaml");
            Ok(if is_stack { "tiers: { api: { kind: api } }\n" } else { text.as_str() }.into())
        };
        let loaded = load(Path::new("a.yaml"), &[], &read, &|_| None);
        crate::compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31))
            .map_err(|problems| render(&problems, &loaded.sources, Colour::None))
    }

    #[test]
    fn browsers_send_the_headers_of_every_request_and_their_own_and_speak_for_themselves() {
        let headers =
            "http: { headers: { X-Tenant: blue, x-side: b, accept: text/html, sec-gpc: '1' } }\n";
        let plan = compiled(headers, "headers: { x-side: a, user-agent: bot },").expect("a plan");
        let [browser] = &plan.browsers[..] else { panic!("{:?}", plan.browsers) };
        let sent: Vec<_> = browser
            .headers
            .iter()
            .map(|(name, value)| {
                let value = value.as_constant().map(String::from_utf8_lossy);
                format!("{name}: {}", value.unwrap_or_default())
            })
            .collect();
        assert_eq!(sent, ["x-tenant: blue", "x-side: a", "user-agent: bot"]);
    }

    #[test]
    fn rows_of_the_front_end_need_no_tier_where_browsers_tell_them() {
        let slo =
            |row: &str| compiled(&format!("slo: {{ frontend.{row}: {{ target: 2s }} }}\n"), "");
        let plan = slo("largest_contentful_paint").expect("a plan");
        assert!(plan.objectives.iter().any(|row| row.name.starts_with("frontend.")));
        let problems = slo("largest_paint").expect_err("no such figure");
        assert!(problems.contains("there is no tier `frontend`"), "{problems}");
    }
}
