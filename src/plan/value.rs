//! Values of templates: what comes in goes out as it came, and as JSON where it is no text.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use serde_json::{Number, Value as Json};

use plimsoll_scenario::read_json;
use plimsoll_units::Decimal;

/// A value of JSON with its text, where the text says more than the value: a number with more digits than a double
/// holds or other ones (`19.90`), a list or mapping with such numbers in it.
#[derive(Debug)]
pub(crate) struct WrittenJson {
    /// As it came.
    text: Box<str>,
    /// What expressions reckon with; none where that would be another number.
    value: Option<Value>,
    /// Of a list or mapping: the same, in which every number is as it came.
    members: Option<Value>,
}

impl WrittenJson {
    fn number(text: &str, value: Option<Value>) -> Value {
        Value::from_object(Self { text: text.into(), value, members: None })
    }
}

impl Object for WrittenJson {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.value.as_ref().is_none_or(Value::is_true)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A mapping whose keys stay in the order in which they came.
#[derive(Debug)]
struct OrderedMapping(Vec<(String, Value)>);

impl Object for OrderedMapping {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(key, _)| Value::from(key.as_str())).collect())
    }
}

/// A value of JSON, to be kept and put into texts.
pub fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(*truth),
        Json::String(text) => Value::from(text.as_str()),
        Json::Number(number) => value_of_number(number.as_str()),
        Json::Array(_) | Json::Object(_) => {
            let value = reckoned_of(json);
            // Mostly a list or mapping is written as it came anyway.
            let (mut written, text) = (vec![], json.to_string());
            write_json(&value, &mut written);
            if written == text.as_bytes() {
                return value;
            }
            let (value, members) = (Some(value), Some(tree(json, &value_of)));
            Value::from_object(WrittenJson { text: text.into(), value, members })
        }
    }
}

/// A list or mapping whose simple values `leaf` gives.
fn tree(json: &Json, leaf: &dyn Fn(&Json) -> Value) -> Value {
    match json {
        Json::Array(items) => items.iter().map(|item| tree(item, leaf)).collect(),
        Json::Object(entries) => {
            let pairs = entries.iter().map(|(key, value)| (key.clone(), tree(value, leaf)));
            Value::from_object(OrderedMapping(pairs.collect()))
        }
        simple => leaf(simple),
    }
}

/// The value with members as they came, for what only looks them up.
pub(crate) fn with_members(value: Value) -> Value {
    match value.downcast_object_ref::<WrittenJson>() {
        Some(WrittenJson { members: Some(members), .. }) => members.clone(),
        _ => value,
    }
}

/// A member of such a value, to be kept on its own.
pub fn kept_member(member: Value) -> Value {
    if !matches!(member.kind(), ValueKind::Seq | ValueKind::Map) {
        return member;
    }
    let mut text = vec![];
    write_json(&member, &mut text);
    read_json(&text).map_or(member, |json| value_of(&json))
}

/// What expressions reckon with.
pub(crate) fn reckoned(value: Value) -> Value {
    match value.downcast_object_ref::<WrittenJson>() {
        Some(WrittenJson { value: Some(inner), .. }) => inner.clone(),
        _ => value,
    }
}

/// A value of JSON as expressions reckon with it, also inside of lists and mappings.
pub fn reckoned_of(json: &Json) -> Value {
    tree(json, &|simple| reckoned(value_of(simple)))
}

/// A number as JSON writes it.
pub fn value_of_number(text: &str) -> Value {
    if let Some(value) = whole(text) {
        return value;
    }
    let double = text.parse::<f64>().ok().filter(|double| double.is_finite());
    let shortest = double.and_then(Number::from_f64);
    let (Some(double), Some(shortest)) = (double, shortest) else {
        return WrittenJson::number(text, None);
    };
    if shortest.as_str() == text {
        return Value::from(double);
    }
    let is_same = text.parse::<Decimal>() == shortest.as_str().parse::<Decimal>();
    WrittenJson::number(text, is_same.then(|| Value::from(double)))
}

/// A whole number of at most 128 bits, written as such.
fn whole(text: &str) -> Option<Value> {
    if text == "-0" {
        return None;
    }
    let small = text.parse::<i64>().map(Value::from);
    let small = small.or_else(|_| text.parse::<i128>().map(Value::from));
    small.or_else(|_| text.parse::<u128>().map(Value::from)).ok()
}

/// A number of any size, if the value is one.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    if value.is_number() {
        let mut text = vec![];
        write_json(value, &mut text);
        return str::from_utf8(&text).ok()?.parse().ok();
    }
    value.downcast_object_ref::<WrittenJson>()?.text.parse().ok()
}

/// Appends a value as JSON. What JSON does not have (a function, infinity) becomes `null`.
pub fn write_json(value: &Value, out: &mut Vec<u8>) {
    match value.kind() {
        ValueKind::Bool => out.extend_from_slice(if value.is_true() { b"true" } else { b"false" }),
        ValueKind::Number if value.is_integer() => {
            out.extend_from_slice(value.to_string().as_bytes());
        }
        ValueKind::Number => {
            let number = f64::try_from(value.clone()).ok().and_then(Number::from_f64);
            let text = number.as_ref().map_or("null", Number::as_str);
            out.extend_from_slice(text.as_bytes());
        }
        ValueKind::String | ValueKind::Bytes => write_text(&value.to_string(), out),
        ValueKind::Seq | ValueKind::Iterable => write_list(value, out),
        ValueKind::Map => write_mapping(value, out),
        _ => match value.downcast_object_ref::<WrittenJson>() {
            Some(written) => out.extend_from_slice(written.text.as_bytes()),
            None => out.extend_from_slice(b"null"),
        },
    }
}

fn write_list(value: &Value, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in value.try_iter().into_iter().flatten().enumerate() {
        out.extend_from_slice(if index == 0 { b"" } else { b"," });
        write_json(&item, out);
    }
    out.push(b']');
}

fn write_mapping(value: &Value, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, key) in value.try_iter().into_iter().flatten().enumerate() {
        out.extend_from_slice(if index == 0 { b"" } else { b"," });
        write_text(&key.to_string(), out);
        out.push(b':');
        write_json(&value.get_item(&key).unwrap_or_default(), out);
    }
    out.push(b'}');
}

/// Appends a text in quotes.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        value_of(&read_json(text.as_bytes()).expect(text))
    }

    fn written(value: &Value) -> String {
        let mut out = vec![];
        write_json(value, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn every_value_is_written_as_it_came() {
        for text in [
            "7",
            "-0",
            "18446744073709551616",
            "100000000000000000001",
            "-170141183460469231731687303715884105728",
            "340282366920938463463374607431768211456",
            "123456789012345678901234567890123456789012345678901234567890",
            "0.1",
            "19.90",
            "1.0",
            "1e3",
            "1E+400",
            "0.1234567890123456789",
            "true",
            "null",
            "\"x\"",
            r#"{"b":"x","a":[true,null,1.10,{"id":100000000000000000001,"e":1e3}]}"#,
        ] {
            assert_eq!(written(&value(text)), text);
        }
    }

    #[test]
    fn number_alone_keeps_every_character() {
        for text in ["1e3", "1E400", "-0.0", "1.50E-7"] {
            assert_eq!(written(&value_of_number(text)), text);
        }
    }

    #[test]
    fn expressions_reckon_with_what_a_number_is_worth() {
        assert_eq!(reckoned(value("19.90")), Value::from(19.9));
        assert_eq!(reckoned(value("1e3")), Value::from(1000.0));
        let lost = reckoned(value("0.1234567890123456789"));
        assert!(!lost.is_number(), "it would be another number");
        let inner = reckoned(value(r#"{"z":{"y":1,"x":2},"price":19.90}"#));
        assert_eq!(written(&inner.get_attr("z").expect("there")), r#"{"y":1,"x":2}"#);
        assert_eq!(inner.get_attr("price").expect("there"), Value::from(19.9));
    }

    #[test]
    fn members_are_written_as_they_came() {
        let list = with_members(value(r#"[{"price":19.90,"of":[1.0]},1e400]"#));
        let items: Vec<Value> = list.try_iter().expect("a list").map(kept_member).collect();
        let texts: Vec<String> = items.iter().map(written).collect();
        assert_eq!(texts, [r#"{"price":19.90,"of":[1.0]}"#, "1e400"]);
        assert_eq!(reckoned(items[0].clone()).get_attr("price").expect("there"), Value::from(19.9));
        assert_eq!(
            written(&with_members(items[0].clone()).get_attr("price").expect("there")),
            "19.90"
        );
    }

    #[test]
    fn numbers_of_any_size_compare_exactly() {
        let of = |text: &str| decimal(&value(text)).expect("a number");
        assert!(of("9007199254740993") > of("9007199254740992"));
        assert_eq!(of("1e2"), of("100"));
        assert!(of("123456789012345678901234567890123456789012345678901") > of("1e50"));
        assert_eq!(decimal(&Value::from("5")), None);
    }
}
