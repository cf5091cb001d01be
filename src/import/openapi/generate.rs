//! Schemas → data: examples where there are any that fit, else values that do, drawn anew for every request.

use serde_json::{Value, json};

use super::document::{OpenApiDocument, field, items, pairs, text};
use super::schema::SchemaView;
use super::value::{number, of_text, pick, sample};
use crate::draft::JsonDraft;
use crate::note::ImportNotes;
use crate::secrets::{DEFAULT, FoundSecrets, is_secret_key, without_secrets};
use crate::text::TextPiece;
use plimsoll_scenario::{Node, NodeValue, json_of_node};

/// Schemas may contain themselves; deeper than this, only what is required is made, and then nothing.
const DEPTH_OPTIONAL: usize = 3;
const DEPTH_MAX: usize = 12;
/// The most items of a list that is made.
const ITEMS_MAX: usize = 100;

/// Makes data.
pub(super) struct ExampleMaker<'a, 'n> {
    pub(super) document: &'a OpenApiDocument<'n>,
    pub(super) notes: &'a mut ImportNotes,
    pub(super) secrets: &'a mut FoundSecrets,
}

/// What is made: the property's name, how deep it stands, and which of several that must differ.
#[derive(Debug, Clone, Copy)]
struct ValueContext<'c> {
    name: &'c str,
    depth: usize,
    distinct: Option<usize>,
}

impl<'c> ValueContext<'c> {
    fn inside(self, name: &'c str) -> Self {
        Self { name, depth: self.depth + 1, distinct: None }
    }
}

impl<'n> ExampleMaker<'_, 'n> {
    /// Whether a parameter says what it could be.
    pub(super) fn has_example(parameter: &Node) -> bool {
        let told = |node: &Node| {
            ["example", "examples", "default", "enum", "const", "x-example"]
                .iter()
                .any(|name| node.get(name).is_some_and(|node| !node.is_null()))
        };
        told(parameter) || parameter.get("schema").is_some_and(told)
    }

    /// A parameter's value; Swagger 2 describes it in the parameter itself.
    pub(super) fn parameter(
        &mut self,
        parameter: &'n Node,
        name: &str,
    ) -> Result<JsonDraft, String> {
        let (_, media) = pairs(parameter.get("content")).next().unzip();
        let schema = parameter.get("schema").or(media.and_then(|media| media.get("schema")));
        self.with_example(parameter, schema.or(Some(parameter)), name)
    }

    /// The body of a media type.
    pub(super) fn media(&mut self, media: &'n Node) -> Result<JsonDraft, String> {
        self.with_example(media, media.get("schema"), "body")
    }

    /// An example beside a schema, where it fits the schema; else a value that does.
    fn with_example(
        &mut self,
        node: &'n Node,
        schema: Option<&'n Node>,
        name: &str,
    ) -> Result<JsonDraft, String> {
        let view = schema.map(|schema| SchemaView::of(self.document, schema)).transpose()?;
        for example in self.examples(node)? {
            if view.as_ref().is_none_or(|view| view.accepts(self.document, &example, 0)) {
                if let Some(given) = self.given(view.as_ref(), &example, name) {
                    return Ok(given);
                }
                continue;
            }
            self.notes.change(
                "an example that its own schema does not allow: made up",
                format!("`{name}`"),
            );
        }
        match &view {
            Some(view) => self.value(view, ValueContext { name, depth: 0, distinct: None }),
            None => Ok(JsonDraft::Map(vec![])),
        }
    }

    /// An example with variables in the places of its secrets; none where the schema does not allow what they are until
    /// they are set.
    fn given(
        &mut self,
        view: Option<&SchemaView<'n>>,
        example: &Value,
        name: &str,
    ) -> Option<JsonDraft> {
        let mut found = 0;
        let shown = without_secrets(name, example, &mut |_, _| {
            found += 1;
            TextPiece::Environment { name: String::new(), default: DEFAULT.to_owned() }
        });
        if found == 0 {
            return Some(shown);
        }
        if view.is_some_and(|view| !view.accepts(self.document, &sample(&shown), 0)) {
            return None;
        }
        Some(without_secrets(name, example, &mut |key, value| {
            self.secrets.hide(key, value, &format!("`{key}`"), self.notes)
        }))
    }

    /// A value that fits a schema. `name` is the property's.
    pub(super) fn schema(&mut self, schema: &'n Node, name: &str) -> Result<JsonDraft, String> {
        let view = SchemaView::of(self.document, schema)?;
        self.value(&view, ValueContext { name, depth: 0, distinct: None })
    }

    /// What a description itself gives, the best first.
    fn examples(&self, node: &'n Node) -> Result<Vec<Value>, String> {
        let mut found = vec![];
        for name in ["example", "x-example"] {
            found.extend(node.get(name).filter(|node| !node.is_null()).map(json_of_node));
        }
        let examples = node.get("examples");
        found.extend(items(examples).iter().map(json_of_node));
        for (_, example) in pairs(examples) {
            let example = self.document.resolve(example)?;
            found.extend(example.get("value").map(json_of_node));
        }
        found.extend(node.get("default").filter(|node| !node.is_null()).map(json_of_node));
        // What must be null is.
        found.extend(node.get("const").map(json_of_node));
        Ok(found)
    }

    fn value(&mut self, view: &SchemaView<'n>, at: ValueContext<'_>) -> Result<JsonDraft, String> {
        if at.depth > DEPTH_MAX {
            return Ok(JsonDraft::Scalar(Value::Null));
        }
        if at.distinct.is_none_or(|number| number == 0) {
            for part in &view.parts {
                for example in self.examples(part)? {
                    if view.accepts(self.document, &example, 0)
                        && let Some(given) = self.given(Some(view), &example, at.name)
                    {
                        return Ok(given);
                    }
                }
            }
        }
        let choices =
            view.parts.iter().map(|part| items(part.get("enum"))).find(|all| !all.is_empty());
        if let Some(choices) = choices {
            let fitting: Vec<Value> = choices.iter().map(json_of_node).collect();
            let fitting: Vec<Value> =
                fitting.into_iter().filter(|value| view.accepts(self.document, value, 0)).collect();
            return Ok(match at.distinct {
                Some(number) if number < fitting.len() => JsonDraft::recorded(&fitting[number]),
                _ => pick(&fitting),
            });
        }
        if is_secret_key(at.name) {
            self.notes.change("a password or token that was made up", format!("`{}`", at.name));
        }
        if let Some(chosen) = self.chosen(view, at)? {
            return Ok(chosen);
        }
        self.of_kind(view, at)
    }

    fn of_kind(
        &mut self,
        view: &SchemaView<'n>,
        at: ValueContext<'_>,
    ) -> Result<JsonDraft, String> {
        Ok(match view.kind() {
            "object" => self.object(view, at)?,
            "array" => self.array(view, at)?,
            kind @ ("integer" | "number") => number(view, kind == "integer", at.distinct),
            "boolean" => JsonDraft::Scalar(json!(at.distinct != Some(1))),
            "null" => JsonDraft::Scalar(Value::Null),
            _ => {
                let made = of_text(view, at.name, at.distinct);
                if let Some(pattern) = made.unmatched {
                    let what = format!("`{}`: {pattern}", at.name);
                    self.notes
                        .change("made up without regard to its pattern: give it an example", what);
                }
                JsonDraft::Text(made.text)
            }
        })
    }

    /// A value of one of `oneOf` or `anyOf`: of the first that alone takes it.
    fn chosen(
        &mut self,
        view: &SchemaView<'n>,
        at: ValueContext<'_>,
    ) -> Result<Option<JsonDraft>, String> {
        let found = view.parts.iter().find_map(|part| {
            ["oneOf", "anyOf"].into_iter().find_map(|name| {
                let choices = items(part.get(name));
                (!choices.is_empty()).then_some((*part, choices))
            })
        });
        let Some((part, choices)) = found else { return Ok(None) };
        let mut first = None;
        for choice in choices {
            let mut chosen = SchemaView { parts: view.parts.clone() };
            // The choice is made: what is left of the part are its other keywords.
            chosen.parts.retain(|known| !std::ptr::eq(*known, part));
            chosen.parts.insert(0, choice);
            let own = SchemaView::of(self.document, choice)?;
            chosen.parts.splice(0..1, own.parts);
            if chosen.kind() == "null" && choices.len() > 1 {
                continue;
            }
            let rest = SchemaView { parts: vec![part] };
            let mut made = if part.get("properties").is_some() {
                self.with_rest(&chosen, &rest, at)?
            } else {
                self.value(&chosen, ValueContext { depth: at.depth + 1, ..at })?
            };
            self.name_choice(part, choice, &mut made);
            if view.accepts(self.document, &sample(&made), 0) {
                return Ok(Some(made));
            }
            first = first.or(Some(made));
        }
        Ok(first)
    }

    /// An object of a choice with the properties that stand beside the choices.
    fn with_rest(
        &mut self,
        chosen: &SchemaView<'n>,
        rest: &SchemaView<'n>,
        at: ValueContext<'_>,
    ) -> Result<JsonDraft, String> {
        let at = ValueContext { depth: at.depth + 1, ..at };
        let made = self.value(chosen, at)?;
        Ok(match (made, self.object(rest, at)?) {
            (JsonDraft::Map(mut fields), JsonDraft::Map(more)) => {
                for (name, value) in more {
                    if fields.iter().all(|(known, _)| *known != name) {
                        fields.push((name, value));
                    }
                }
                JsonDraft::Map(fields)
            }
            (made, _) => made,
        })
    }

    /// The property that says which choice it is gets the choice's name.
    fn name_choice(&self, part: &'n Node, choice: &'n Node, made: &mut JsonDraft) {
        let Some(discriminator) = part.get("discriminator") else { return };
        let property = field(discriminator, "propertyName").or_else(|| text(discriminator));
        let (Some(property), Some(reference), JsonDraft::Map(fields)) =
            (property, field(choice, "$ref"), made)
        else {
            return;
        };
        let mapped = pairs(discriminator.get("mapping"))
            .find(|(_, target)| text(target) == Some(reference))
            .map(|(name, _)| name);
        let name = mapped.unwrap_or_else(|| reference.rsplit('/').next().unwrap_or_default());
        let given = |value: &JsonDraft| {
            let view = SchemaView::of(self.document, choice).ok()?;
            let (_, property) = view
                .properties(self.document)
                .ok()?
                .into_iter()
                .find(|(known, _)| *known == property)?;
            Some(
                property.accepts(self.document, &json!(name), 0)
                    || !property.accepts(self.document, &sample(value), 0),
            )
        };
        match fields.iter_mut().find(|(known, _)| known == property) {
            Some((_, value)) => {
                if given(value).unwrap_or(true) {
                    *value = JsonDraft::recorded(&json!(name));
                }
            }
            None => fields.push((property.to_owned(), JsonDraft::recorded(&json!(name)))),
        }
    }

    fn object(&mut self, view: &SchemaView<'n>, at: ValueContext<'_>) -> Result<JsonDraft, String> {
        let required = view.required();
        let most = view.at_most("maxProperties").map_or(usize::MAX, |most| most as usize);
        let mut fields: Vec<(String, JsonDraft)> = vec![];
        for (name, property) in view.properties(self.document)? {
            let needed = required.contains(&name);
            let room = fields.len() + required.len() < most;
            if (!needed && (at.depth >= DEPTH_OPTIONAL || !room)) || property.flag("readOnly") {
                continue;
            }
            let made = self.value(&property, at.inside(name))?;
            // Something optional that could not be made right is better left out.
            if needed || property.accepts(self.document, &sample(&made), 0) {
                fields.push((name.to_owned(), made));
            }
        }
        for name in required {
            if fields.iter().all(|(known, _)| known != name) && !self.is_read_only(view, name)? {
                let made = self.more(view, name, at)?;
                fields.push((name.to_owned(), made));
            }
        }
        let least = view.at_least("minProperties").unwrap_or(0.0) as usize;
        for number in 1..=least.min(ITEMS_MAX) {
            if fields.len() >= least {
                break;
            }
            let made = self.more(view, "value", at)?;
            fields.push((format!("key{number}"), made));
        }
        let mut made = JsonDraft::Map(fields);
        self.name_kind(view, &mut made);
        Ok(made)
    }

    /// The property by which a part of `allOf` tells what is built on it gets the name of what is made.
    fn name_kind(&self, view: &SchemaView<'n>, made: &mut JsonDraft) {
        let Some((whole, parts)) = view.parts.split_first() else { return };
        let tells = |part: &&&Node| {
            part.get("discriminator").is_some()
                && ["oneOf", "anyOf"].iter().all(|choices| part.get(choices).is_none())
        };
        // The first of the parts is what the reference leads to: the base itself, or what is built on it.
        if let Some(base) = parts.iter().skip(1).find(tells) {
            self.name_choice(base, whole, made);
        }
    }

    fn is_read_only(&self, view: &SchemaView<'n>, name: &str) -> Result<bool, String> {
        let properties = view.properties(self.document)?;
        Ok(properties.iter().any(|(known, property)| *known == name && property.flag("readOnly")))
    }

    /// The value of a property that is not described.
    fn more(
        &mut self,
        view: &SchemaView<'n>,
        name: &str,
        at: ValueContext<'_>,
    ) -> Result<JsonDraft, String> {
        let described = view.get("additionalProperties");
        match described.filter(|more| matches!(more.value, NodeValue::Mapping(_))) {
            Some(more) => {
                let view = SchemaView::of(self.document, more)?;
                self.value(&view, at.inside(name))
            }
            None => Ok(JsonDraft::recorded(&json!("value"))),
        }
    }

    fn array(&mut self, view: &SchemaView<'n>, at: ValueContext<'_>) -> Result<JsonDraft, String> {
        let tuple = items(view.get("prefixItems"));
        let most = view.at_most("maxItems").map_or(usize::MAX, |most| most as usize);
        let least = view.at_least("minItems").map_or(0, |least| least as usize);
        let wanted = if at.depth >= DEPTH_OPTIONAL { least } else { least.max(1) };
        let wanted = wanted.max(tuple.len()).min(most).min(ITEMS_MAX);
        let name = crate::names::singular(at.name);
        let mut found: Vec<JsonDraft> = vec![];
        for number in 0..wanted {
            let schema =
                tuple.get(number).or(view.get("items").filter(|node| text(node) != Some("false")));
            let Some(schema) = schema else { break };
            let item = SchemaView::of(self.document, schema)?;
            let distinct = (view.flag("uniqueItems") && wanted > 1).then_some(number);
            let made = self.value(&item, ValueContext { distinct, ..at.inside(&name) })?;
            let fits = item.accepts(self.document, &sample(&made), 0);
            // A list of nothing is better than one of what cannot be.
            if fits || found.len() < least {
                found.push(made);
            }
        }
        Ok(JsonDraft::List(found))
    }
}
