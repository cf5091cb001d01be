//! `browsers:` → plans of users with a real browser.

use super::request::delay;
use super::template::TemplateCompiler;
use crate::{BrowserPlan, Escape, PageStep};
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
        flow: spec.flow.iter().map(|step| page_step(step, &templates, think, problems)).collect(),
    };
    scenario.browsers.iter().map(plan).collect()
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
