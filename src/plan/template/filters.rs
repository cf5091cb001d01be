//! Whether the filters and tests of an expression exist: minijinja finds out only when it evaluates one.

use minijinja::{Environment, ErrorKind};

use super::operators;

/// Filters that are worth a hint.
const KNOWN_FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
];
/// The same of tests.
const KNOWN_TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "in",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

/// A filter or test that does not exist.
pub(super) struct UnknownFilter {
    /// `filter` or `test`.
    pub(super) what: &'static str,
    pub(super) name: String,
    pub(super) known: &'static [&'static str],
}

/// The first filter or test of `source`, an expression that compiles, that does not exist.
pub(super) fn unknown(environment: &Environment<'_>, source: &str) -> Option<UnknownFilter> {
    let lacks = |expression: &str, kind: ErrorKind| {
        let compiled = environment.compile_expression(expression);
        let error = compiled.and_then(|compiled| compiled.eval(()));
        error.is_err_and(|error| error.kind() == kind)
    };
    let (filters, tests) = operators::filters_and_tests(source);
    let filter = filters
        .into_iter()
        .find(|name| lacks(&format!("'' | {name}"), ErrorKind::UnknownFilter))
        .map(|name| ("filter", name, KNOWN_FILTERS));
    let test = || {
        let lacking = |name: &&str| lacks(&format!("'' is {name}"), ErrorKind::UnknownTest);
        tests.into_iter().find(lacking).map(|name| ("test", name, KNOWN_TESTS))
    };
    let (what, name, known) = filter.or_else(test)?;
    Some(UnknownFilter { what, name: name.to_owned(), known })
}
