//! A document of test cases, as CI systems read it: written as the schema of `JUnit` has it, by Apache Ant's order.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use plimsoll_units::Nanos;

/// The whole document.
#[derive(Debug, Clone)]
pub(crate) struct JunitDocument {
    pub(crate) name: String,
    /// How long all of it took, where that is known.
    pub(crate) time: Option<Nanos>,
    pub(crate) suites: Vec<TestSuite>,
}

/// Test cases that belong together.
#[derive(Debug, Clone, Default)]
pub(crate) struct TestSuite {
    pub(crate) name: String,
    pub(crate) time: Option<Nanos>,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) cases: Vec<TestCase>,
    /// What stands in `<system-out>`; left out where empty.
    pub(crate) output: String,
}

/// One test case.
#[derive(Debug, Clone)]
pub(crate) struct TestCase {
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) outcome: TestOutcome,
    /// What stands in `<system-out>`; left out where empty.
    pub(crate) output: String,
}

/// How a test case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestOutcome {
    Passed,
    /// What was tested is wrong.
    Failure(TestReason),
    /// It could not be tested.
    Error(TestReason),
    /// It was not tested.
    Skipped(TestReason),
}

/// Why a test case did not pass: in a word or two, and in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestReason {
    kind: String,
    message: String,
}

impl TestReason {
    pub(crate) fn new(kind: &str, message: &str) -> Self {
        Self { kind: kind.to_owned(), message: message.to_owned() }
    }
}

impl TestOutcome {
    /// The element that says it.
    const fn element(&self) -> Option<(&'static str, &TestReason)> {
        match self {
            Self::Passed => None,
            Self::Failure(reason) => Some(("failure", reason)),
            Self::Error(reason) => Some(("error", reason)),
            Self::Skipped(reason) => Some(("skipped", reason)),
        }
    }
}

type XmlWriter = Writer<Vec<u8>>;

impl JunitDocument {
    /// The document as XML.
    ///
    /// # Errors
    /// Where the XML writer fails.
    pub(crate) fn to_xml(&self) -> io::Result<String> {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 4);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let count = |element: &str| {
            self.suites.iter().map(|suite| suite.count(element)).sum::<usize>().to_string()
        };
        let all: usize = self.suites.iter().map(|suite| suite.cases.len()).sum();
        let name = printable(&self.name);
        let counts = [("skipped", count("skipped")), ("failures", count("failure"))];
        let mut element = writer
            .create_element("testsuites")
            .with_attributes([("name", name.as_str()), ("tests", all.to_string().as_str())]);
        for (key, value) in &counts {
            element = element.with_attribute((*key, value.as_str()));
        }
        element = element.with_attribute(("errors", count("error").as_str()));
        if let Some(time) = self.time {
            element = element.with_attribute(("time", seconds(time).as_str()));
        }
        element.write_inner_content(|writer| {
            self.suites.iter().try_for_each(|suite| suite.write(writer))
        })?;
        writer.write_indent()?;
        String::from_utf8(writer.into_inner()).map_err(io::Error::other)
    }
}

impl TestSuite {
    fn count(&self, element: &str) -> usize {
        let is_such = |case: &&TestCase| case.outcome.element().is_some_and(|it| it.0 == element);
        self.cases.iter().filter(is_such).count()
    }

    fn write(&self, writer: &mut XmlWriter) -> io::Result<()> {
        let name = printable(&self.name);
        let count = |element: &str| self.count(element).to_string();
        let mut element = writer.create_element("testsuite").with_attributes([
            ("name", name.as_str()),
            ("tests", self.cases.len().to_string().as_str()),
            ("skipped", count("skipped").as_str()),
            ("errors", count("error").as_str()),
            ("failures", count("failure").as_str()),
        ]);
        if let Some(time) = self.time {
            element = element.with_attribute(("time", seconds(time).as_str()));
        }
        element.write_inner_content(|writer| {
            if !self.properties.is_empty() {
                writer.create_element("properties").write_inner_content(|writer| {
                    self.properties.iter().try_for_each(|pair| property(writer, pair))
                })?;
            }
            self.cases.iter().try_for_each(|case| case.write(writer))?;
            system_out(writer, &self.output)
        })?;
        Ok(())
    }
}

impl TestCase {
    fn write(&self, writer: &mut XmlWriter) -> io::Result<()> {
        let (name, class) = (printable(&self.name), printable(&self.class));
        let element = writer
            .create_element("testcase")
            .with_attributes([("name", name.as_str()), ("classname", class.as_str())]);
        if self.outcome == TestOutcome::Passed && self.output.is_empty() {
            return element.write_empty().map(drop);
        }
        element.write_inner_content(|writer| {
            if let Some((name, reason)) = self.outcome.element() {
                let (message, kind) = (printable(&reason.message), printable(&reason.kind));
                writer
                    .create_element(name)
                    .with_attributes([("message", message.as_str()), ("type", kind.as_str())])
                    .write_empty()?;
            }
            system_out(writer, &self.output)
        })?;
        Ok(())
    }
}

fn property(writer: &mut XmlWriter, (name, value): &(String, String)) -> io::Result<()> {
    let (name, value) = (printable(name), printable(value));
    let attributes = [("name", name.as_str()), ("value", value.as_str())];
    writer.create_element("property").with_attributes(attributes).write_empty().map(drop)
}

fn system_out(writer: &mut XmlWriter, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let text = printable(text);
    writer.create_element("system-out").write_text_content(BytesText::new(&text)).map(drop)
}

/// To the millisecond, as the schema wants it.
fn seconds(time: Nanos) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Without what no document of XML 1.0 can hold (§2.2), escaped or not, and without the colours of a terminal
/// (ECMA-48 §5.4), of which no more than their parameters would be left.
fn printable(text: &str) -> String {
    let fits = |c: char| !matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' && rest.next_if_eq(&'[').is_some() {
            rest.find(|c| ('@'..='~').contains(c));
        } else if fits(c) {
            kept.push(c);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method: another XML reader reads what was written.
    #[test]
    fn whatever_stands_in_names_and_messages_is_read_as_it_was() {
        use quick_xml::events::Event as Read;
        let odd = "a <b> & \"c\" 'd' ]]> \u{1b}[1;31mé\u{1b}[0m\u{0}\u{1b}";
        let case = TestCase {
            name: odd.to_owned(),
            class: odd.to_owned(),
            outcome: TestOutcome::Failure(TestReason::new(odd, odd)),
            output: odd.to_owned(),
        };
        let properties = vec![(odd.to_owned(), odd.to_owned())];
        let suite = TestSuite {
            name: odd.to_owned(),
            properties,
            cases: vec![case],
            ..TestSuite::default()
        };
        let document = JunitDocument { name: odd.to_owned(), time: None, suites: vec![suite] };
        let xml = document.to_xml().expect("written");
        let mut reader = quick_xml::Reader::from_str(&xml);
        let (mut values, mut text) = (vec![], String::new());
        loop {
            match reader.read_event().expect("well-formed") {
                Read::Start(tag) | Read::Empty(tag) => {
                    for attribute in tag.attributes() {
                        let value = attribute.expect("well-formed").value.into_owned();
                        let value = String::from_utf8(value).expect("UTF-8");
                        values
                            .push(quick_xml::escape::unescape(&value).expect("known").into_owned());
                    }
                }
                Read::Text(part) => text.push_str(&String::from_utf8_lossy(&part)),
                Read::GeneralRef(name) => {
                    let entity = format!("&{};", String::from_utf8_lossy(&name));
                    text.push_str(&quick_xml::escape::unescape(&entity).expect("known"));
                }
                Read::Eof => break,
                _ => {}
            }
        }
        let expected = "a <b> & \"c\" 'd' ]]> é";
        assert_eq!(values.iter().filter(|value| *value == expected).count(), 8, "{values:?}");
        assert_eq!(text.trim(), expected);
    }

    #[test]
    fn counts_are_those_of_the_cases() {
        let reason = || TestReason::new("kind", "message");
        let outcomes = [
            TestOutcome::Passed,
            TestOutcome::Failure(reason()),
            TestOutcome::Error(reason()),
            TestOutcome::Error(reason()),
            TestOutcome::Skipped(reason()),
        ];
        let case = |outcome| TestCase {
            name: "n".to_owned(),
            class: "c".to_owned(),
            outcome,
            output: String::new(),
        };
        let cases = outcomes.into_iter().map(case).collect();
        let suite = TestSuite { name: "s".to_owned(), cases, ..TestSuite::default() };
        let time = Some(Nanos::from_millis(1_500));
        let document = JunitDocument { name: "d".to_owned(), time, suites: vec![suite] };
        let xml = document.to_xml().expect("written");
        let whole =
            r#"<testsuites name="d" tests="5" skipped="1" failures="1" errors="2" time="1.500">"#;
        let suite = r#"<testsuite name="s" tests="5" skipped="1" errors="2" failures="1">"#;
        assert!(xml.contains(whole) && xml.contains(suite), "{xml}");
    }
}
