//! The operations of a GraphQL document (GraphQL, October 2021, §2).
//!
//! Only as much is read as tells which operations there are: whether fields and types are right is the server's to say.

/// An operation of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphqlOperation {
    /// Its name; none of an anonymous one.
    pub name: Option<String>,
    /// Whether it is a subscription, which one request does not answer.
    pub is_subscription: bool,
}

/// The operations of a document, in its order.
///
/// # Errors
/// What is wrong with it, in words.
pub fn operations(document: &str) -> Result<Vec<GraphqlOperation>, &'static str> {
    let mut reader = DocumentReader { rest: document, open: vec![], found: vec![], at_start: true };
    reader.read()?;
    match (reader.open.is_empty(), reader.found.is_empty()) {
        (false, _) => Err("a bracket is never closed"),
        (true, true) => Err("it has no operation"),
        (true, false) => Ok(reader.found),
    }
}

struct DocumentReader<'d> {
    rest: &'d str,
    /// The brackets that wait for their ends.
    open: Vec<char>,
    found: Vec<GraphqlOperation>,
    /// Whether a definition begins here.
    at_start: bool,
}

impl<'d> DocumentReader<'d> {
    fn read(&mut self) -> Result<(), &'static str> {
        while let Some(c) = self.rest.chars().next() {
            match c {
                '#' => self.skip(self.rest.find('\n').unwrap_or(self.rest.len())),
                '"' => self.skip_text()?,
                '{' | '(' | '[' => self.open(c),
                '}' | ')' | ']' => self.close(c)?,
                c if is_name_start(c) => self.word(),
                c => self.skip(c.len_utf8()),
            }
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// Skips a text in quotes, or in three of them.
    fn skip_text(&mut self) -> Result<(), &'static str> {
        let quote = if self.rest.starts_with("\"\"\"") { "\"\"\"" } else { "\"" };
        self.skip(quote.len());
        while let Some(c) = self.rest.chars().next() {
            if self.rest.starts_with(quote) {
                self.skip(quote.len());
                return Ok(());
            }
            self.skip(c.len_utf8());
            // What a backslash escapes is no end: `\"`, and in a block `\"""`.
            if c == '\\' && self.rest.starts_with(quote) {
                self.skip(quote.len());
            } else if c == '\\' && quote.len() == 1 {
                self.skip(self.rest.chars().next().map_or(0, char::len_utf8));
            }
        }
        Err("a text is never closed")
    }

    fn open(&mut self, c: char) {
        if c == '{' && self.at_start && self.open.is_empty() {
            self.found.push(GraphqlOperation { name: None, is_subscription: false });
            self.at_start = false;
        }
        self.open.push(c);
        self.skip(1);
    }

    fn close(&mut self, c: char) -> Result<(), &'static str> {
        let fits =
            matches!((self.open.pop(), c), (Some('{'), '}') | (Some('('), ')') | (Some('['), ']'));
        if !fits {
            return Err("a bracket is closed that is not open");
        }
        // A definition ends with its selection set.
        self.at_start = c == '}' && self.open.is_empty();
        self.skip(1);
        Ok(())
    }

    /// A name or keyword; one that begins an operation is followed by its name, if it has one.
    fn word(&mut self) {
        let word = self.take_word();
        if !(self.at_start && self.open.is_empty()) {
            return;
        }
        self.at_start = false;
        if matches!(word, "query" | "mutation" | "subscription") {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            let named = self.rest.starts_with(is_name_start);
            let name = named.then(|| self.take_word().to_owned());
            self.found.push(GraphqlOperation { name, is_subscription: word == "subscription" });
        }
    }

    fn take_word(&mut self) -> &'d str {
        let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

const fn is_name_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(document: &str) -> Vec<Option<String>> {
        operations(document).expect(document).into_iter().map(|found| found.name).collect()
    }

    fn named(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| Some((*name).to_owned())).collect()
    }

    #[test]
    fn operations_are_told_from_fragments_fields_and_texts() {
        let document = "
            # query NotThis { a }
            query Flights($from: String! = \"mutation }\", $n: [Int!] = [1]) @live(if: true) {
              query: flights(from: $from, where: { a: { b: 1 } }) { ...Seats mutation }
            }
            fragment Seats on Flight { seats }
            mutation Book { book(note: \"\"\"a \" query X { \"\"\") { id } }";
        assert_eq!(names(document), named(&["Flights", "Book"]));
        assert_eq!(names("{ me { id } }"), [None]);
        assert_eq!(names("query { me { id } }"), [None]);
        assert_eq!(names("query\nA{a}query B{b}"), named(&["A", "B"]));
        assert!(operations("subscription S { a }").expect("valid")[0].is_subscription);
    }

    #[test]
    fn what_is_no_document_is_told_in_words() {
        assert_eq!(operations("query A { a"), Err("a bracket is never closed"));
        assert_eq!(operations("query A { a } }"), Err("a bracket is closed that is not open"));
        assert_eq!(operations("query A(a: 1} { a }"), Err("a bracket is closed that is not open"));
        assert_eq!(operations("query A { a(b: \"x) }"), Err("a text is never closed"));
        assert_eq!(operations("fragment F on T { a }"), Err("it has no operation"));
        assert_eq!(operations(""), Err("it has no operation"));
        assert_eq!(names(r#"{ a(b: "x\\\"}") }"#), [None]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered_without_panic(document in r#"[{}()\["\\#a-z \n,é]{0,60}"#) {
            let _ = operations(&document);
        }
    }
}
