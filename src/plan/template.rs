//! Templates: texts with `{{ … }}`, compiled once.
//!
//! Most values in a scenario are constants or plain names (`{{ routes.from }}`, `{{ token }}`). A constant
//! costs a copy per request, a plain name a look-up; only real expressions go through minijinja.

mod clock;
mod condition;
mod error;
mod escape;
mod files;
mod filters;
mod functions;
mod jwt;
mod names;
mod operators;
mod rendering;
mod scope;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use minijinja::{Environment, Error, Expression, State, UndefinedBehavior, Value};

use filters::UnknownFilter;

use super::{DealtRows, Shard};
use plimsoll_scenario::nesting::{OPERATOR_LIMIT, operators};
use rand_pcg::Pcg64Mcg;

use clock::RunBegin;
pub use condition::Condition;
pub use error::{RenderError, TemplateError};
pub use escape::Escape;
pub(crate) use escape::part_name;
pub use files::TemplateFiles;
pub use names::{AskedNames, CaptureSlot, TemplateNames};
pub use scope::{DrawnNumbers, ScopeValues, TemplateScope};

pub use escape::ENCODED;
use escape::write_value;
use operators::AskedFor;

/// What can be asked while rendering.
pub trait Variables {
    /// A captured value, if there is one yet.
    fn slot(&self, slot: CaptureSlot) -> Option<&Value>;
    /// Sees to it that a row of the data set is picked for this iteration.
    ///
    /// # Errors
    /// Where each is given once and none is left.
    fn deal(&mut self, dataset: u16) -> Result<(), RenderError>;
    /// A column of the row that a data set picked for this iteration.
    fn cell(&self, dataset: u16, column: u16) -> Option<&Value>;
    /// Everything, for expressions.
    fn scope(&self) -> TemplateScope;
    /// Goes on with `chance` as an expression left it, so that no two expressions draw the same.
    fn set_chance(&mut self, chance: Pcg64Mcg);
}

/// A part of a template.
#[derive(Clone)]
pub enum TemplatePiece {
    /// A constant, escaped already.
    Literal(Box<[u8]>),
    /// A captured value.
    Slot(CaptureSlot, Escape),
    /// A column of a data set.
    Cell(u16, u16, Escape),
    /// An expression.
    Expression(&'static CompiledExpression, Escape),
    /// What stands between a URL and further parameters: `?`, or `&` where the URL has some already.
    QueryJoint,
}

/// An expression, and the data sets that it asks for.
pub struct CompiledExpression {
    expression: Expression<'static, 'static>,
    datasets: Vec<u16>,
    /// Whether it only looks values up and joins them, so that numbers stay as they came.
    looks_up: bool,
    /// As the author wrote it.
    written: Box<str>,
}

impl fmt::Debug for TemplatePiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            Self::Slot(slot, escape) => write!(f, "{slot:?}/{escape:?}"),
            Self::Cell(dataset, column, escape) => write!(f, "Cell({dataset}.{column})/{escape:?}"),
            Self::Expression(_, escape) => write!(f, "Expression/{escape:?}"),
            Self::QueryJoint => f.write_str("?&"),
        }
    }
}

/// A compiled text.
#[derive(Debug, Clone, Default)]
pub struct Template {
    pieces: Vec<TemplatePiece>,
}

/// Compiles templates against a set of names.
///
/// Its environment is kept until the process ends, once for each compiled plan. Clones share it.
#[derive(Clone)]
pub struct TemplateSet {
    environment: &'static Environment<'static>,
    names: TemplateNames,
    /// The names of captured values, by their slots.
    captured: Arc<[String]>,
    begin: RunBegin,
}

#[cfg(test)]
impl TemplateSet {
    /// Whether both were compiled as one.
    pub(crate) fn shares_environment(&self, other: &Self) -> bool {
        std::ptr::eq(self.environment, other.environment)
    }
}

impl fmt::Debug for TemplateSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateSet").field("names", &self.names).finish_non_exhaustive()
    }
}

impl TemplateSet {
    /// A set that knows `names` and `files`; `today` is what `date()` counts from, and `shard` whose numbers `seq()` gives.
    ///
    /// The environment lives as long as the process: a process makes few plans, and compiled
    /// expressions borrow from it.
    pub fn new(names: TemplateNames, today: Date, files: TemplateFiles, shard: Shard) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let begin = RunBegin::default();
        functions::add_to(&mut environment);
        clock::add_to(&mut environment, today, &begin);
        files::add_to(&mut environment, files);
        jwt::add_to(&mut environment);
        let numbers = DealtRows::default();
        environment.add_function("seq", move |state: &State<'_, '_>, from: Option<u64>| {
            let number =
                functions::with_scope(state, |scope| scope.number(|| shard.nth(numbers.next())))?;
            Ok::<u64, Error>(from.unwrap_or(1).saturating_add(number))
        });
        let mut captured = vec![String::new(); names.slots.len()];
        for (name, slot) in &names.slots {
            captured[usize::from(slot.0)].clone_from(name);
        }
        let environment = Box::leak(Box::new(environment));
        Self { environment, names, captured: captured.into(), begin }
    }

    /// Hears when the run begins, in nanoseconds since 1970: what `now()` counts from.
    pub fn begin_at(&self, unix_ns: i64) {
        self.begin.set(unix_ns);
    }

    /// The names it knows.
    pub fn names(&self) -> &TemplateNames {
        &self.names
    }

    /// Compiles a text. Values are escaped with `escape`; literals are taken as they are.
    ///
    /// # Errors
    /// Where an expression is malformed or names something unknown.
    pub fn compile(&self, text: &str, escape: Escape) -> Result<Template, TemplateError> {
        self.compile_with(text, escape, &|literal| literal.as_bytes().to_vec())
    }

    /// Compiles a text whose literals are made safe for their place by `literal`.
    ///
    /// # Errors
    /// Where an expression is malformed or names something unknown.
    pub fn compile_with(
        &self,
        text: &str,
        escape: Escape,
        literal: &dyn Fn(&str) -> Vec<u8>,
    ) -> Result<Template, TemplateError> {
        let mut template = Template::default();
        let mut at = 0;
        while let Some(open) = text[at..].find("{{").map(|offset| at + offset) {
            template.push_literal(&literal(plain_part(text, at..open)?));
            let Some(close) = find_close(text, open + 2) else {
                return Err(TemplateError::Unclosed { at: open..open + 2 });
            };
            if let Some(constant) = constant(text[open + 2..close].trim()) {
                let mut text = vec![];
                write_value(&Value::from(constant), escape, &mut text);
                template.push_literal(&text);
            } else {
                let how = (escape, AskedFor::Value);
                template.pieces.push(self.expression(text, open + 2..close, how)?);
            }
            at = close + 2;
        }
        template.push_literal(&literal(plain_part(text, at..text.len())?));
        Ok(template)
    }

    /// The names of the captured values that a template asks for.
    pub fn captured_names(&self, template: &Template) -> Vec<String> {
        let wanted = self.asked(template).slots;
        let mut names: Vec<String> =
            wanted.iter().map(|slot| self.captured[usize::from(slot.0)].clone()).collect();
        names.sort_unstable();
        names
    }

    /// What a template asks for.
    pub fn asked(&self, template: &Template) -> AskedNames {
        let mut asked = AskedNames::default();
        for piece in &template.pieces {
            match piece {
                TemplatePiece::Literal(_) | TemplatePiece::QueryJoint => {}
                TemplatePiece::Slot(slot, _) => {
                    asked.slots.insert(*slot);
                }
                TemplatePiece::Cell(dataset, _, _) => {
                    asked.datasets.insert(*dataset);
                }
                TemplatePiece::Expression(compiled, _) => {
                    asked.datasets.extend(&compiled.datasets);
                    for name in compiled.expression.undeclared_variables(false) {
                        asked.slots.extend(self.names.slots.get(&name));
                        asked.iteration |= name == "iteration";
                    }
                }
            }
        }
        asked
    }

    fn expression(
        &self,
        text: &str,
        at: Range<usize>,
        (escape, asked_for): (Escape, AskedFor),
    ) -> Result<TemplatePiece, TemplateError> {
        let source = text[at.clone()].trim();
        if let Some(slot) = self.names.slots.get(source) {
            return Ok(TemplatePiece::Slot(*slot, escape));
        }
        if let Some(piece) = self.cell(source, &at, escape)? {
            return Ok(piece);
        }
        if operators(source) > OPERATOR_LIMIT {
            let message = format!("more than {OPERATOR_LIMIT} operators");
            return Err(TemplateError::Syntax { at, message });
        }
        let expression = self
            .environment
            .compile_expression_owned(source.to_owned())
            .map_err(|error| TemplateError::Syntax { at: at.clone(), message: plain(&error) })?;
        self.check_names(&expression, &at)?;
        if let Some(UnknownFilter { what, name, known }) =
            filters::unknown(self.environment, source)
        {
            let known = known.iter().map(|&name| name.to_owned()).collect();
            return Err(TemplateError::UnknownName { at, what, name, known });
        }
        let expression = match operators::with_calls(source, asked_for) {
            // What is compiled differs from what the author wrote only in its calls.
            Some(called) => self
                .environment
                .compile_expression_owned(called)
                .map_err(|error| TemplateError::Syntax { at, message: plain(&error) })?,
            None => expression,
        };
        let datasets = self.datasets_of(&expression);
        let looks_up = operators::only_looks_up(source);
        let compiled =
            CompiledExpression { expression, datasets, looks_up, written: source.into() };
        Ok(TemplatePiece::Expression(Box::leak(Box::new(compiled)), escape))
    }

    /// The data sets that an expression asks for.
    fn datasets_of(&self, expression: &Expression<'_, '_>) -> Vec<u16> {
        let asked = expression.undeclared_variables(false).into_iter();
        let known = asked.filter_map(|name| self.names.datasets.get(&name));
        let mut datasets: Vec<u16> = known.map(|(position, _)| *position).collect();
        datasets.sort_unstable();
        datasets
    }

    /// `dataset.column`, if `source` is just that. Blanks and hyphens may be in a column's name.
    fn cell(
        &self,
        source: &str,
        at: &Range<usize>,
        escape: Escape,
    ) -> Result<Option<TemplatePiece>, TemplateError> {
        let Some((dataset, column)) = source.split_once('.') else { return Ok(None) };
        let Some((position, columns)) = self.names.datasets.get(dataset) else { return Ok(None) };
        match columns.iter().position(|known| known == column) {
            Some(index) => Ok(Some(TemplatePiece::Cell(*position, index as u16, escape))),
            None if !column.chars().all(|c| c.is_alphanumeric() || c == '_') => Ok(None),
            None => Err(TemplateError::UnknownColumn {
                at: at.clone(),
                dataset: dataset.to_owned(),
                column: column.to_owned(),
                known: columns.clone(),
            }),
        }
    }

    /// `dataset.column` inside a larger expression.
    fn check_columns(
        &self,
        expression: &Expression<'_, '_>,
        at: &Range<usize>,
    ) -> Result<(), TemplateError> {
        let mut paths: Vec<String> = expression.undeclared_variables(true).into_iter().collect();
        paths.sort();
        for path in paths {
            let mut parts = path.split('.');
            let (Some(dataset), Some(column)) = (parts.next(), parts.next()) else { continue };
            let Some((_, columns)) = self.names.datasets.get(dataset) else { continue };
            if !columns.iter().any(|known| known == column) {
                return Err(TemplateError::UnknownColumn {
                    at: at.clone(),
                    dataset: dataset.to_owned(),
                    column: column.to_owned(),
                    known: columns.clone(),
                });
            }
        }
        Ok(())
    }

    fn check_names(
        &self,
        expression: &Expression<'_, '_>,
        at: &Range<usize>,
    ) -> Result<(), TemplateError> {
        self.check_columns(expression, at)?;
        let asked = expression.undeclared_variables(false).into_iter();
        let is_unknown = |name: &String| {
            !self.names.has(name) && !TemplateNames::FUNCTIONS.contains(&name.as_str())
        };
        match asked.filter(is_unknown).min() {
            Some(name) => {
                let known = self.names.all();
                let what = "data set or captured value";
                Err(TemplateError::UnknownName { at: at.clone(), what, name, known })
            }
            None => Ok(()),
        }
    }
}

impl Template {
    /// A constant.
    pub fn constant(text: impl Into<Vec<u8>>) -> Self {
        let mut template = Self::default();
        template.push_literal(&text.into());
        template
    }

    /// A captured value.
    pub fn slot(slot: CaptureSlot, escape: Escape) -> Self {
        Self { pieces: vec![TemplatePiece::Slot(slot, escape)] }
    }

    /// Adds a constant at the end.
    pub fn push_literal(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if let Some(TemplatePiece::Literal(last)) = self.pieces.last_mut() {
            *last = [last, text].concat().into();
        } else {
            self.pieces.push(TemplatePiece::Literal(text.into()));
        }
    }

    /// Adds all pieces of another template at the end.
    pub fn append(&mut self, other: &Self) {
        for piece in &other.pieces {
            match piece {
                TemplatePiece::Literal(text) => self.push_literal(text),
                piece => self.pieces.push(piece.clone()),
            }
        }
    }

    /// The bytes, if nothing in it varies.
    pub fn as_constant(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [] => Some(&[]),
            [TemplatePiece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether every rendering begins with `prefix`.
    pub fn starts_with(&self, prefix: &[u8]) -> bool {
        matches!(self.pieces.first(), Some(TemplatePiece::Literal(text)) if text.starts_with(prefix))
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// minijinja's message without its frame numbers and file names, which mean nothing to a scenario's author.
fn plain(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// The text of an expression that is nothing but a text in quotes, without escapes: braces are written so.
fn constant(expression: &str) -> Option<&str> {
    let text = expression.strip_prefix('\'')?.strip_suffix('\'')?;
    (!text.contains(['\'', '\\'])).then_some(text)
}

/// A part between expressions, in which no statement may stand.
fn plain_part(text: &str, range: Range<usize>) -> Result<&str, TemplateError> {
    let part = &text[range.clone()];
    match part.find("{%").or_else(|| part.find("{#")) {
        Some(offset) => {
            let start = range.start + offset;
            Err(TemplateError::Statement { at: start..start + 2 })
        }
        None => Ok(part),
    }
}

/// The next `}}` that is not inside a quoted text.
pub(super) fn find_close(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    for at in from..bytes.len() {
        match (quote, bytes[at]) {
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, b @ (b'"' | b'\'')) => quote = Some(b),
            (Some(open), b) if b == open => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Fixed;

    impl Variables for Fixed {
        fn slot(&self, slot: CaptureSlot) -> Option<&Value> {
            static TOKEN: std::sync::LazyLock<Value> =
                std::sync::LazyLock::new(|| Value::from("a b\"c"));
            (slot.0 == 0).then(|| &*TOKEN)
        }
        fn deal(&mut self, _: u16) -> Result<(), RenderError> {
            Ok(())
        }
        fn cell(&self, _: u16, column: u16) -> Option<&Value> {
            static CELLS: std::sync::LazyLock<[Value; 2]> =
                std::sync::LazyLock::new(|| [Value::from("GRU"), Value::from(7)]);
            CELLS.get(column as usize)
        }
        fn scope(&self) -> TemplateScope {
            TemplateScope::for_tests(&names(), vec![Some(Value::from("a b\"c")), None])
        }
        fn set_chance(&mut self, _: Pcg64Mcg) {}
    }

    fn names() -> TemplateNames {
        let columns = vec!["from".to_owned(), "seats".to_owned()];
        TemplateNames {
            datasets: BTreeMap::from([("routes".to_owned(), (0, columns))]),
            slots: BTreeMap::from([
                ("token".to_owned(), CaptureSlot(0)),
                ("unset".to_owned(), CaptureSlot(1)),
            ]),
        }
    }

    fn set() -> TemplateSet {
        let files = TemplateFiles::from_iter([(("a.txt".to_owned(), 0), Arc::from("content"))]);
        let set = TemplateSet::new(
            names(),
            jiff::civil::date(2026, 1, 31),
            files,
            Shard { index: 1, count: 3 },
        );
        // 2026-01-31T22:30:00.25Z
        set.begin_at(1_769_898_600_250_000_000);
        set
    }

    fn render(text: &str, escape: Escape) -> String {
        let template = set().compile(text, escape).expect("compiles");
        let mut out = Vec::new();
        template.render(&mut Fixed, &mut out).expect("renders");
        String::from_utf8(out).expect("utf-8")
    }

    fn failure(text: &str) -> String {
        let template = set().compile(text, Escape::None).expect("compiles");
        let failed = template.render(&mut Fixed, &mut Vec::new()).expect_err("does not render");
        failed.to_string()
    }

    #[test]
    fn constant_template_is_known_as_such() {
        let template = set().compile("/api/me", Escape::Url).expect("compiles");
        assert_eq!(template.as_constant(), Some(b"/api/me".as_slice()));
    }

    #[test]
    fn values_are_escaped_for_their_place() {
        assert_eq!(render("/q/{{ token }}?s={{routes.seats}}", Escape::Url), "/q/a%20b%22c?s=7");
        assert_eq!(render("\"{{ token }}\"", Escape::JsonText), "\"a b\\\"c\"");
        assert_eq!(render("{{ 'a\"' }}", Escape::JsonText), "a\\\"");
        assert_eq!(render("{{ routes.seats }}", Escape::Json), "7");
        assert_eq!(render("{{ token }}", Escape::Json), "\"a b\\\"c\"");
        assert_eq!(render("{{ token ~ '\\r\\nx' }}", Escape::PartName), "a b%22c%0D%0Ax");
    }

    #[test]
    fn expressions_reach_data_and_functions() {
        assert_eq!(render("{{ routes.from | lower }}", Escape::None), "gru");
        assert_eq!(render("{{ date(days=1) }}", Escape::None), "2026-02-01");
        assert_eq!(render("{{ '}}' }}", Escape::None), "}}");
        assert_eq!(failure("{{ date(days=10000000) }}"), "the date is out of range");
        assert_eq!(failure("{{ date(days=-9223372036854775808) }}"), "the date is out of range");
        let drawn: i64 = render("{{ rand(3, 5) }}", Escape::None).parse().expect("a number");
        assert!((3..=5).contains(&drawn));
    }

    /// Vectors: FIPS 180-4 for `abc`; RFC 4231 test case 2; the token checked against RFC 7515's construction.
    #[test]
    fn functions_sign_as_their_standards_say() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(render("{{ sha256('abc') }}", Escape::None), abc);
        let signed = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let text = "{{ hmac('Jefe', 'what do ya want for nothing?') }}";
        assert_eq!(render(text, Escape::None), signed);
        let token = render("{{ jwt({'sub': 'ada', 'n': 7}, 'k') }}", Escape::None);
        assert!(token.starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ"), "{token}");
        assert_eq!(token.split('.').count(), 3);
        // jwt.io's first example.
        let text = "{{ jwt({'sub': '1234567890', 'name': 'John Doe', 'admin': true, 'iat': 1516239022}, 'a-string-secret-at-least-256-bits-long') }}";
        assert!(
            render(text, Escape::None).ends_with(".KMUFsIDTnFmyG3nMiGM6H9FNFUROf3wh7SmqJp-QV30")
        );
        assert_eq!(
            failure("{{ jwt('ada', 'k') }}"),
            "jwt: the claims are a mapping like {'sub': users.id}"
        );
        assert_eq!(
            render("{{ urlencode('a b/é') ~ lower('AB') }}", Escape::None),
            "a%20b%2F%C3%A9ab"
        );
        assert_eq!(render("{{ hex(2000) }}", Escape::None).len(), 2000);
    }

    /// Vectors: RFC 4231 test case 2, RFC 2202 test case 2, in digits and in Base64 as OpenSSL gives them.
    #[test]
    fn keyed_hashes_are_written_as_services_want_them() {
        let of = |more: &str| {
            let text = format!("{{{{ hmac('Jefe', 'what do ya want for nothing?', {more}) }}}}");
            render(&text, Escape::None)
        };
        assert_eq!(of("encoding='base64'"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
        assert_eq!(of("encoding='base64url'"), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
        assert_eq!(of("hash='sha1'"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert!(of("hash='sha512'").starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e83"));
        let text = "{{ sha256('abc', encoding='base64') }}";
        assert_eq!(render(text, Escape::None), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert!(failure("{{ hmac('k', 't', hash='md5') }}").contains("none of sha1"));
        assert!(failure("{{ sha256('t', encoding='hexx') }}").contains("encodings hex"));
    }

    #[test]
    fn functions_of_texts_take_any_value() {
        let text = "{{ urlencode(routes.seats) }} {{ lower(routes.seats) }} {{ base64(7) }}";
        assert_eq!(render(text, Escape::None), "7 7 Nw==");
        assert_eq!(render("{{ sha256(7) == sha256('7') }}", Escape::None), "true");
    }

    #[test]
    fn parameters_go_on_where_a_url_has_some() {
        let of = |url: &str| {
            let mut template = set().compile(url, Escape::None).expect("compiles");
            template.push_query_joint();
            template.push_literal(b"a=1");
            let mut out = Vec::new();
            template.render(&mut Fixed, &mut out).expect("renders");
            String::from_utf8(out).expect("utf-8")
        };
        assert_eq!(of("/p"), "/p?a=1");
        assert_eq!(of("/p?b=2"), "/p?b=2&a=1");
        assert_eq!(of("{{ '/p?b=' ~ vu }}"), "/p?b=1&a=1");
        assert_eq!(of("{{ '/p?' ~ '' }}"), "/p?a=1");
        assert_eq!(of("{{ '/p' ~ '#top' }}"), "/p?a=1");
        assert_eq!(of("/p/{{ vu }}"), "/p/1?a=1");
    }

    #[test]
    fn now_is_the_time_of_the_run_in_any_zone_and_form() {
        let shown = |text: &str| render(text, Escape::None);
        assert_eq!(shown("{{ now() }}"), "2026-01-31T22:30:00Z");
        assert_eq!(shown("{{ now('unix') }} {{ now('unix_ms') + 1 }}"), "1769898600 1769898600251");
        assert_eq!(shown("{{ now(zone='Asia/Tokyo') }}"), "2026-02-01T07:30:00+09:00");
        assert_eq!(shown("{{ now('%d.%m. %H:%M', zone='Europe/Berlin') }}"), "31.01. 23:30");
        assert_eq!(shown("{{ now('http') }}"), "Sat, 31 Jan 2026 22:30:00 GMT");
        assert_eq!(shown("{{ date(days=1, zone='Asia/Tokyo', format='%d/%m/%Y') }}"), "02/02/2026");
        assert_eq!(shown("{{ date('%d/%m/%Y', days=1) }}"), "01/02/2026");
        assert_eq!(
            failure("{{ now(zone='Berlin') }}"),
            "`Berlin` is not a time zone like `Europe/Berlin` or `UTC`"
        );
    }

    #[test]
    fn numbers_of_a_sequence_are_those_of_the_shard() {
        let set = set();
        let template = set.compile("{{ seq() }} {{ seq() }} {{ seq(100) }}", Escape::None);
        let mut out = Vec::new();
        template.expect("compiles").render(&mut Fixed, &mut out).expect("renders");
        assert_eq!(String::from_utf8(out).expect("utf-8"), "2 5 107");
    }

    #[test]
    fn file_gives_what_was_read_before_the_run() {
        assert_eq!(render("{{ file('a.txt') | upper }}", Escape::None), "CONTENT");
        assert!(failure("{{ file('b.txt') }}").contains("only a path in quotes"));
        assert!(failure("{{ file('a.txt', 3) }}").contains("only a path in quotes"));
    }

    /// Goal: a token of RS256 is one that others accept.
    /// Method: OpenSSL signed the same text with the same key; RSASSA-PKCS1-v1_5 has one signature for each.
    #[test]
    fn rsa_key_signs_as_openssl_does() {
        let expected = include_str!("../../tests/data/jwt/token.txt").trim();
        for pem in [
            include_str!("../../tests/data/jwt/pkcs8.pem"),
            include_str!("../../tests/data/jwt/pkcs1.pem"),
        ] {
            let key = pem.replace('\n', "\\n");
            let text = format!("{{{{ jwt({{'iss': 'joe'}}, \"{key}\", kid='k1') }}}}");
            assert_eq!(render(&text, Escape::None), expected);
        }
        assert_eq!(
            failure("{{ jwt({}, '-----BEGIN PRIVATE KEY-----AA-----END PRIVATE KEY-----') }}"),
            "jwt: the key is no RSA private key in PEM of at least 2048 bits"
        );
        assert_eq!(
            failure("{{ jwt({}, 'k', alg='RS256') }}"),
            "jwt: RS256 needs a private key in PEM"
        );
    }

    #[test]
    fn unknown_names_are_refused_with_what_is_known() {
        let error = set().compile("{{ tokn | upper }}", Escape::None).expect_err("unknown");
        assert!(matches!(error, TemplateError::UnknownName { ref name, .. } if name == "tokn"));
        for (text, unknown) in [
            ("{{ routes.from | uper }}", "filter `uper`"),
            ("{{ ('a' if routes.from is not defned else 'b') | upper }}", "test `defned`"),
        ] {
            let error = set().compile(text, Escape::None).expect_err("unknown").to_string();
            assert_eq!(error, format!("there is no {unknown}"));
        }
        let fine = "{{ (routes.from | default('|uper is no') | upper) if routes.from is not none else 1 }}";
        set().compile(fine, Escape::None).expect("all exist");
        let error = set().compile("{{ routes.form }}", Escape::None).expect_err("unknown");
        assert!(
            matches!(error, TemplateError::UnknownColumn { ref column, .. } if column == "form")
        );
    }

    #[test]
    fn every_built_in_name_has_a_value() {
        for name in TemplateNames::BUILT_IN {
            assert_eq!(render(&format!("{{{{ {name} + 0 }}}}"), Escape::None), "1", "{name}");
        }
    }

    #[test]
    fn malformed_templates_say_where() {
        let error = set().compile("a {{ token", Escape::None).expect_err("unclosed");
        assert_eq!(error, TemplateError::Unclosed { at: 2..4 });
        assert!(matches!(
            set().compile("{% if x %}", Escape::None),
            Err(TemplateError::Statement { .. })
        ));
    }

    #[test]
    fn expression_that_nests_without_end_is_refused_not_followed() {
        let chains = [
            format!("vu{}", ".a".repeat(40_000)),
            format!("{}1", "-".repeat(200_000)),
            format!("1{}", "|string".repeat(200_000)),
            format!("{}vu", "not ".repeat(50_000)),
            format!("{}vu{}", "(".repeat(50_000), ")".repeat(50_000)),
            format!("1{}", " + 1".repeat(50_000)),
            format!("1{}", " if vu else 1".repeat(50_000)),
            format!("vu{}", " is defined".repeat(50_000)),
        ];
        for chain in chains {
            let error = set().compile(&format!("{{{{ {chain} }}}}"), Escape::None);
            assert!(matches!(error, Err(TemplateError::Syntax { .. })), "{}", &chain[..20]);
        }
        // What is just allowed is compiled on a stack of a test's size.
        assert_eq!(render(&format!("{{{{ 1{} }}}}", "|string".repeat(250)), Escape::None), "1");
        assert_eq!(render(&format!("{{{{ 1{} }}}}", "+0".repeat(250)), Escape::None), "1");
    }

    #[test]
    fn value_not_captured_yet_is_an_error() {
        let template = set().compile("{{ unset }}", Escape::None).expect("compiles");
        assert_eq!(
            template.render(&mut Fixed, &mut Vec::new()),
            Err(RenderError::Missing(CaptureSlot(1)))
        );
    }

    #[test]
    fn condition_compares_values() {
        let condition =
            Condition::compile("routes.seats > 3 and token != ''", &set()).expect("compiles");
        assert_eq!(condition.holds(&mut Fixed), Ok(true));
    }
}
