//! `browsers:` → plans of users with a real browser.

use super::request::delay;
use super::template::TemplateCompiler;
use crate::plan::{BrowserPlan, Escape, PageStep};
use crate::scenario::schema::{BrowserSpec, PageStepSpec, Scenario};
use crate::scenario::{Problems, Spanned};

pub(super) fn compile(
    scenario: &Scenario,
    templates: TemplateCompiler<'_>,
    think: f64,
    problems: &mut Problems,
) -> Vec<BrowserPlan> {
    // Nothing is captured from pages.
    let nothing = std::collections::BTreeSet::new();
    let templates = templates.after(Some(&nothing));
    let plan = |spec: &BrowserSpec| BrowserPlan {
        name: spec.name.value.clone(),
        vus: spec.vus,
        is_warm: spec.is_warm,
        baseline: spec.baseline,
        network: spec.network,
        cpu_slowdown: spec.cpu_slowdown.max(1.0),
        timeout: spec.timeout,
        flow: spec.flow.iter().map(|step| page_step(step, &templates, think, problems)).collect(),
    };
    scenario.browsers.iter().map(plan).collect()
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
    let mut found = vec![];
    for step in scenario.browsers.iter().flat_map(|browser| &browser.flow) {
        match step {
            PageStepSpec::Open { name, .. } => found.push(name),
            PageStepSpec::Click { name, .. } => found.extend(name),
            PageStepSpec::Type { .. } | PageStepSpec::Think(_) => {}
        }
    }
    found
}
