//! Answers with values of the request in them.

mod chance;
mod functions;
mod json;
mod scope;

use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use plimsoll_scenario::nesting::{OPERATOR_LIMIT, operators};
use plimsoll_scenario::{Node, ProblemKind, Problems, text};
use plimsoll_units::{RandomStream, Seed};

pub(super) use chance::TemplateRng;
pub(super) use scope::AnswerScope;

/// A text that is constant or rendered anew for each request.
#[derive(Debug, Clone)]
pub(super) enum AnswerText {
    Constant(Bytes),
    Template(usize),
}

/// All templates of a simulation.
pub(super) struct SimulationTemplates {
    environment: Environment<'static>,
    names: Vec<String>,
    chance: TemplateRng,
}

impl fmt::Debug for SimulationTemplates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").field("count", &self.names.len()).finish_non_exhaustive()
    }
}

impl SimulationTemplates {
    pub(super) fn new() -> Self {
        let chance: TemplateRng =
            Arc::new(Mutex::new(Seed::new(0).stream(RandomStream::Simulator, 0)));
        let mut environment = Environment::new();
        // A canned answer to a request that lacks a field shows null, as many real services do.
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        functions::add_to(&mut environment, &chance);
        Self { environment, names: Vec::new(), chance }
    }

    /// Makes everything random in answers follow from `seed`.
    pub(super) fn reseed(&self, seed: Seed) {
        // Tiers have the first streams of the simulator.
        let fresh = seed.stream(RandomStream::Simulator, 1_000);
        match self.chance.lock() {
            Ok(mut chance) => *chance = fresh,
            Err(poisoned) => *poisoned.into_inner() = fresh,
        }
    }

    /// A random identifier of 16 hexadecimal digits.
    pub(super) fn fresh_id(&self) -> String {
        functions::draw(&self.chance, |chance| {
            use rand::RngExt;
            format!("{:016x}", chance.random::<u64>())
        })
    }

    /// Compiles a text in minijinja's language.
    pub(super) fn text(&mut self, node: &Node, problems: &mut Problems) -> Option<AnswerText> {
        let source = text(node, "a text", problems)?;
        if !(source.contains("{{") || source.contains("{%") || source.contains("{#")) {
            return Some(AnswerText::Constant(Bytes::copy_from_slice(source.as_bytes())));
        }
        self.compile(source.to_owned(), node, problems)
    }

    /// Compiles a tree of values to a JSON text.
    pub(super) fn json(&mut self, node: &Node, problems: &mut Problems) -> Option<AnswerText> {
        let source = json::source(node, problems)?;
        match source {
            json::JsonSource::Constant(text) => Some(AnswerText::Constant(text.into())),
            json::JsonSource::Template(source) => self.compile(source, node, problems),
        }
    }

    fn compile(
        &mut self,
        source: String,
        node: &Node,
        problems: &mut Problems,
    ) -> Option<AnswerText> {
        if is_too_deep(&source) {
            let message = format!("more than {OPERATOR_LIMIT} operators");
            problems.report(node.span, ProblemKind::TemplateSyntax { message });
            return None;
        }
        let name = self.names.len().to_string();
        if let Err(error) = self.environment.add_template_owned(name.clone(), source) {
            let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            problems.report(node.span, ProblemKind::TemplateSyntax { message });
            return None;
        }
        if let Some(unknown) = self.unknown_name(&name) {
            let known = scope::NAMES.iter().chain(&functions::NAMES);
            let known = known.map(|name| (*name).to_owned()).collect();
            let kind = ProblemKind::UnknownName { what: "variable", name: unknown, known };
            problems.report(node.span, kind);
            return None;
        }
        self.names.push(name);
        Some(AnswerText::Template(self.names.len() - 1))
    }

    fn unknown_name(&self, template: &str) -> Option<String> {
        let template = self.environment.get_template(template).ok()?;
        let known = |name: &String| scope::NAMES.contains(&name.as_str()) || functions::knows(name);
        let mut unknown: Vec<String> =
            template.undeclared_variables(false).into_iter().filter(|name| !known(name)).collect();
        unknown.sort();
        unknown.into_iter().next()
    }

    /// The text for one request.
    ///
    /// # Errors
    /// An expression that fails, in minijinja's words.
    pub(super) fn render(
        &self,
        text: &AnswerText,
        scope: &AnswerScope,
    ) -> Result<Bytes, minijinja::Error> {
        match text {
            AnswerText::Constant(bytes) => Ok(bytes.clone()),
            AnswerText::Template(index) => {
                let template = self.environment.get_template(&self.names[*index])?;
                Ok(template.render(Value::from_object(scope.clone()))?.into())
            }
        }
    }
}

/// Whether a tag's expression is a chain that minijinja would follow too deep; nested tags and brackets it bounds
/// itself.
fn is_too_deep(source: &str) -> bool {
    let tags = source.split("{{").flat_map(|part| part.split("{%")).skip(1);
    let mut inside = tags.map(|tag| tag.split("}}").next().unwrap_or(tag));
    let chains = source.matches("elif").count();
    chains > OPERATOR_LIMIT
        || inside.any(|tag| operators(tag.split("%}").next().unwrap_or(tag)) > OPERATOR_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_scenario::{SourceId, yaml};

    fn rendered(yaml: &str, path: &[(&str, &str)], query: &str) -> String {
        let mut problems = Problems::default();
        let node = yaml::parse(yaml, SourceId(0), &mut problems).expect("yaml");
        let mut templates = SimulationTemplates::new();
        let text = templates.json(&node, &mut problems);
        assert_eq!(problems.into_sorted(), vec![]);
        let path = path.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let scope = AnswerScope { path, query: query.to_owned(), ..AnswerScope::default() };
        let bytes = templates.render(&text.expect("compiles"), &scope).expect("renders");
        String::from_utf8(bytes.to_vec()).expect("utf-8")
    }

    #[test]
    fn values_keep_their_type_and_texts_are_escaped() {
        let yaml = "{ id: '{{ path.id }}', note: 'from {{ query.q }}!', n: 5, ok: true, none: ~ }";
        let out = rendered(yaml, &[("id", "a\"b")], "q=x%22y");
        let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(json["id"], "a\"b");
        assert_eq!(json["note"], "from x\"y!");
        assert_eq!((&json["n"], &json["ok"]), (&5.into(), &true.into()));
        assert!(json["none"].is_null());
    }

    #[test]
    fn missing_values_are_null() {
        assert_eq!(rendered("{ a: '{{ body.x.y }}' }", &[], ""), r#"{"a":null}"#);
    }

    #[test]
    fn repeated_items_are_numbered() {
        let out = rendered("{ repeat: 3, item: { n: '{{ n }}' } }", &[], "");
        assert_eq!(out, r#"[{"n":1},{"n":2},{"n":3}]"#);
    }

    #[test]
    fn unknown_variable_is_a_problem() {
        let mut problems = Problems::default();
        let node = yaml::parse("{ a: '{{ boddy.x }}' }", SourceId(0), &mut problems).expect("yaml");
        assert!(SimulationTemplates::new().json(&node, &mut problems).is_none());
        let problems = problems.into_sorted();
        assert!(matches!(&problems[0].kind,
            ProblemKind::UnknownName { name, .. } if name == "boddy"));
    }
}
