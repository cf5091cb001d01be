//! The tree of a test plan: XML elements with their properties.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// How deep elements may be nested.
const DEPTH_MAX: usize = 200;

/// An element.
#[derive(Debug, Default)]
pub(super) struct XmlElement {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    text: String,
    pub(super) children: Vec<XmlElement>,
}

/// Where reading ended, in bytes, and why.
pub(super) struct XmlFault {
    pub(super) at: usize,
    pub(super) message: String,
}

impl XmlElement {
    /// The root element of a text.
    pub(super) fn read(text: &str) -> Result<Self, XmlFault> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            let at = reader.buffer_position() as usize;
            let fault = |message: String| XmlFault { at, message };
            match reader.read_event().map_err(|error| fault(error.to_string()))? {
                Event::Start(start) => {
                    if open.len() > DEPTH_MAX {
                        return Err(fault("nested too deep".to_owned()));
                    }
                    open.push(Self::of(&start));
                }
                Event::Empty(start) => {
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(Self::of(&start));
                    }
                }
                Event::End(_) => {
                    let Some(element) = open.pop() else { break };
                    let Some(parent) = open.last_mut() else { return Ok(element) };
                    parent.children.push(element);
                }
                Event::Text(piece) => add(&mut open, &piece.decode().unwrap_or_default()),
                Event::CData(piece) => add(&mut open, &piece.decode().unwrap_or_default()),
                Event::GeneralRef(entity) => {
                    let name = entity.decode().unwrap_or_default();
                    let known = entity.resolve_char_ref().ok().flatten().map(String::from);
                    let text = known.unwrap_or_else(|| {
                        let predefined = quick_xml::escape::resolve_predefined_entity(&name);
                        predefined.unwrap_or_default().to_owned()
                    });
                    add(&mut open, &text);
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let root = open.into_iter().next().and_then(|mut top| top.children.pop());
        root.ok_or(XmlFault { at: text.len(), message: "it has no element".to_owned() })
    }

    fn of(start: &BytesStart<'_>) -> Self {
        let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let attributes = start.attributes().flatten().map(|attribute| {
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap_or_default();
            (name(attribute.key.as_ref()), value.into_owned())
        });
        Self {
            name: name(start.name().as_ref()),
            attributes: attributes.collect(),
            ..Self::default()
        }
    }

    pub(super) fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// A property: the text of the child that has this name. Doubles have name and value in elements of their own.
    pub(super) fn property(&self, name: &str) -> &str {
        let Some(child) = self.child(name) else { return "" };
        let value = child.children.iter().find(|inner| inner.name == "value");
        value.map_or(child.text.trim(), |value| value.text.trim())
    }

    /// The child whose attribute `name` this is, or which says so in an element.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        let says = |child: &Self| {
            child
                .children
                .first()
                .is_some_and(|inner| inner.name == "name" && inner.text.trim() == name)
        };
        self.children.iter().find(|child| child.attribute("name") == name || says(child))
    }

    /// A property that is `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.property(name) == "true"
    }

    /// A property that is a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.property(name).parse().ok()
    }

    /// The items of a collection that is a property.
    pub(super) fn items(&self, name: &str) -> &[Self] {
        self.child(name).map_or(&[], |child| &child.children)
    }

    /// The texts of a collection that is a property.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        self.items(name).iter().map(|item| item.text.trim()).collect()
    }

    /// An element of which only the name is known.
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Its own text.
    pub(super) fn bare_text(&self) -> &str {
        self.text.trim()
    }

    /// What people call it.
    pub(super) fn shown(&self) -> String {
        format!("{} ({})", self.attribute("testname"), self.name)
    }

    /// Whether it is switched on.
    pub(super) fn is_enabled(&self) -> bool {
        self.attribute("enabled") != "false"
    }

    /// Elements of a `hashTree`, each with the tree below it.
    pub(super) fn branches(&self) -> Vec<(&Self, Option<&Self>)> {
        let mut found: Vec<(&Self, Option<&Self>)> = vec![];
        for child in &self.children {
            match (child.name.as_str(), found.last_mut()) {
                ("hashTree", Some((_, below @ None))) => *below = Some(child),
                ("hashTree", _) => {}
                _ => found.push((child, None)),
            }
        }
        found
    }
}

fn add(open: &mut [XmlElement], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_and_branches_are_read() {
        let text = "<?xml version=\"1.0\"?><a><hashTree><X testname=\"x &amp; y\"><stringProp name=\"p\">1 &lt; 2&#33;\
                    <![CDATA[<>]]></stringProp><boolProp name=\"q\">true</boolProp></X><hashTree><Y/></hashTree></hashTree></a>";
        let root = XmlElement::read(text).unwrap_or_else(|fault| panic!("{}", fault.message));
        let branches = root.children[0].branches();
        let (x, below) = branches[0];
        assert_eq!(
            (x.attribute("testname"), x.property("p"), x.flag("q")),
            ("x & y", "1 < 2!<>", true)
        );
        assert_eq!(below.expect("a tree").branches()[0].0.name, "Y");
        assert!(XmlElement::read("<a><b></a>").is_err());
        assert!(XmlElement::read("").is_err());
    }
}
