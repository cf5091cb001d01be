//! The functions and filters that answers may use.

use minijinja::value::Rest;
use minijinja::{Environment, Error, ErrorKind, Value};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::TemplateRng;
use plimsoll_units::Uuid;

/// The functions that are ours; minijinja's own (`range`, `dict`, …) come with it.
pub(super) const NAMES: [&str; 4] = ["rand", "uuid", "hex", "pick"];

/// Whether a name is a function that templates may call.
pub(super) fn knows(name: &str) -> bool {
    NAMES.contains(&name) || ["range", "dict", "namespace", "loop"].contains(&name)
}

/// Draws with the shared generator.
pub(super) fn draw<T>(chance: &TemplateRng, draw: impl FnOnce(&mut Pcg64Mcg) -> T) -> T {
    match chance.lock() {
        Ok(mut chance) => draw(&mut chance),
        Err(poisoned) => draw(&mut poisoned.into_inner()),
    }
}

/// Adds functions that draw from `chance`, and filters that write JSON.
pub(super) fn add_to(environment: &mut Environment<'static>, chance: &TemplateRng) {
    let own = chance.clone();
    environment.add_function("rand", move |low: i64, high: i64| {
        draw(&own, |chance| chance.random_range(low.min(high)..=high.max(low)))
    });
    let own = chance.clone();
    environment.add_function("uuid", move || uuid(&own));
    let own = chance.clone();
    environment.add_function("hex", move |digits: usize| {
        draw(&own, |chance| {
            let digit = |_| char::from(b"0123456789abcdef"[chance.random_range(0..16)]);
            (0..digits.min(1_024)).map(digit).collect::<String>()
        })
    });
    let own = chance.clone();
    environment.add_function("pick", move |items: Rest<Value>| pick(&own, &items));
    environment.add_filter("json", |value: Value| json(&value));
    environment.add_filter("jsontext", |value: Value| json_text(&value));
}

/// A random UUID, version 4.
fn uuid(chance: &TemplateRng) -> String {
    Uuid::of_random(draw(chance, RngExt::random)).to_string()
}

/// `pick('a', 'b')`: one of the items, equally likely.
fn pick(chance: &TemplateRng, items: &[Value]) -> Result<Value, Error> {
    if items.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "pick(): there is nothing to pick"));
    }
    Ok(items[draw(chance, |chance| chance.random_range(0..items.len()))].clone())
}

fn json(value: &Value) -> String {
    if value.is_undefined() {
        return "null".to_owned();
    }
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// The inside of a JSON text.
fn json_text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
