//! Controllers: what they do with the steps inside of them.

use minijinja::Environment;

use super::sampler::SamplerWriter;
use super::tree::XmlElement;
use crate::draft::StepDraft;
use crate::names::snake;
use crate::variables::{PlanVariables, capture_name};
use crate::yaml::{YamlEntry, YamlValue};

/// The most rounds of a loop; one with more is meant to have no end.
const TIMES_MAX: i64 = 100_000;

/// The steps of a controller from those inside of it.
pub(super) fn controlled(
    controller: &XmlElement,
    inner: Vec<StepDraft>,
    writer: &mut SamplerWriter<'_>,
) -> Vec<StepDraft> {
    if inner.is_empty() {
        return inner;
    }
    let once = match controller.name.as_str() {
        "LoopController" => return repeated(controller, inner, writer),
        "IfController" => return conditional(controller, inner, writer),
        "WhileController" => return polled(controller, inner, writer),
        "ThroughputController" if controller.number("ThroughputController.style") == Some(1.0) => {
            let share = (percent(controller) * 10.0).round();
            return vec![only_when(format!("rand(1, 1000) <= {share}"), inner)];
        }
        "RandomController" | "InterleaveControl" => {
            let reason = "one after the other, or any: one is drawn each time";
            writer.notes.change(reason, controller.shown());
            return vec![StepDraft::Choose(inner)];
        }
        "OnceOnlyController" => {
            "once for each user: it is done in every iteration, whose values are its own"
        }
        "ThroughputController"
        | "RuntimeController"
        | "SwitchController"
        | "ForeachController"
        | "CriticalSectionController"
        | "RandomOrderController" => {
            "a controller that no step stands for: its content is played once, in order"
        }
        _ => return inner,
    };
    writer.notes.change(once, controller.shown());
    inner
}

fn nested(key: &'static str, fields: Vec<YamlEntry>, flow: Vec<StepDraft>) -> StepDraft {
    StepDraft::Nested { key, fields, flow }
}

fn only_when(condition: String, flow: Vec<StepDraft>) -> StepDraft {
    nested("if", vec![YamlEntry::new("when", YamlValue::text(condition))], flow)
}

fn repeated(
    controller: &XmlElement,
    inner: Vec<StepDraft>,
    writer: &mut SamplerWriter<'_>,
) -> Vec<StepDraft> {
    let times = writer.variables.expanded(controller.property("LoopController.loops"));
    if let Ok(times @ 1..=TIMES_MAX) = times.parse::<i64>() {
        let times = YamlEntry::new("times", YamlValue::plain(times.to_string()));
        vec![nested("repeat", vec![times], inner)]
    } else {
        let reason = "a loop without an end: its content is played once";
        writer.notes.change(reason, controller.shown());
        inner
    }
}

fn conditional(
    controller: &XmlElement,
    inner: Vec<StepDraft>,
    writer: &mut SamplerWriter<'_>,
) -> Vec<StepDraft> {
    if let Some(condition) =
        condition(controller.property("IfController.condition"), &writer.variables)
    {
        vec![only_when(condition, inner)]
    } else {
        let reason = "a condition that is not understood, with what depends on it";
        writer.notes.drop(reason, controller.shown());
        vec![]
    }
}

fn polled(
    controller: &XmlElement,
    inner: Vec<StepDraft>,
    writer: &mut SamplerWriter<'_>,
) -> Vec<StepDraft> {
    let text = controller.property("WhileController.condition");
    let Some(condition) = condition(text, &writer.variables) else {
        let reason = "a loop whose condition is not understood: its content is played once";
        writer.notes.change(reason, controller.shown());
        return inner;
    };
    let reason = "a loop with a condition: a round a second, for a minute at most";
    writer.notes.change(reason, controller.shown());
    let name = format!("{}_loop", snake(controller.attribute("testname")));
    let name = writer.names.give(&std::ptr::from_ref(controller).addr(), &[name]);
    let fields = vec![
        YamlEntry::new("name", YamlValue::text(name)),
        YamlEntry::new("every", YamlValue::plain("1s")),
        YamlEntry::new("timeout", YamlValue::plain("1m")),
        YamlEntry::new("until", YamlValue::text(format!("not ({condition})"))),
    ];
    vec![nested("poll", fields, inner)]
}

/// The share of iterations that a throughput controller lets through, in percent.
fn percent(controller: &XmlElement) -> f64 {
    let float = controller.children.iter().find(|child| child.name == "FloatProperty");
    let value = float.and_then(|float| float.children.iter().find(|child| child.name == "value"));
    value
        .and_then(|value| value.bare_text().parse().ok())
        .or_else(|| controller.number("ThroughputController.percentThroughput"))
        .unwrap_or(100.0)
}

/// A condition as an expression of templates, where it compares variables and texts.
fn condition(text: &str, variables: &PlanVariables) -> Option<String> {
    let mut text = text.trim();
    for name in ["${__jexl3(", "${__jexl2(", "${__groovy(", "${__javaScript("] {
        if let Some(inner) = text.strip_prefix(name).and_then(|rest| rest.strip_suffix(")}")) {
            text = inner.trim_end_matches(',');
        }
    }
    let mut out = text.replace("&&", " and ").replace("||", " or ");
    let names = variables.captured.iter().map(|name| (name, capture_name(name)));
    let columns = variables.columns.iter().map(|(name, column)| (name, column.clone()));
    let mut known = vec![];
    for (name, expression) in names.chain(columns) {
        for written in [
            format!("\"${{{name}}}\""),
            format!("'${{{name}}}'"),
            format!("${{{name}}}"),
            format!("vars.get(\"{name}\")"),
            format!("vars.get('{name}')"),
        ] {
            out = out.replace(&written, &expression);
        }
        known.extend(expression.split('.').next().map(str::to_owned));
    }
    let plain = |c: char| c.is_alphanumeric() || " _.\"'=!<>()-".contains(c);
    if out.is_empty() || !out.chars().all(plain) {
        return None;
    }
    let environment = Environment::new();
    let expression = environment.compile_expression(&out).ok()?;
    let told = expression.undeclared_variables(false).iter().all(|name| known.contains(name));
    told.then(|| out.clone())
}
