//! What can be wrong in the files a user writes, as data: pinned to a place, with a way out.

mod hint;

pub(super) use hint::nearest;

use super::{Span, Spanned};
use plimsoll_units::{Bytes, ParseUnitError};

/// One thing wrong in a file, pinned to the text that caused it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum ProblemKind {
    // The file itself.
    #[error("cannot read `{path}`: {reason}")]
    FileUnreadable { path: String, reason: String, hint: Option<String> },
    #[error("`{path}` is not UTF-8 text")]
    FileNotText { path: String },
    #[error("`{path}` is not {encoding}")]
    DataNotText { path: String, encoding: &'static str },
    #[error("`{path}` includes itself: {cycle}")]
    IncludeCycle { path: String, cycle: String },
    #[error("more than {limit} files are included")]
    TooManyIncludes { limit: usize },
    #[error("the variable `{name}` needs itself: {cycle}")]
    VariableCycle { name: String, cycle: String },
    #[error("within a text, `{name}` can only be a single value, not {found}")]
    VariableUnfit { name: String, found: &'static str },
    #[error("`{path}` is not read: such a file ends in `.yaml` or `.yml`")]
    FileNotYaml { path: String },
    #[error("the file is empty")]
    EmptyFile,
    #[error("not well-formed YAML: {message}")]
    Syntax { message: String },
    #[error("a second document in one file")]
    SecondDocument,
    #[error("tags like `{tag}` mean nothing here")]
    TagNotKnown { tag: String },
    #[error("nested deeper than {limit} levels")]
    TooDeep { limit: usize },
    #[error("more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("aliases repeat more than {limit} values")]
    TooManyValues { limit: usize },
    #[error("aliases and variables repeat more than {limit} of text")]
    TooMuchRepeated { limit: Bytes },
    #[error("`<<` takes over the entries of a mapping or of a list of them, not of {found}")]
    MergeUnfit { found: &'static str },
    #[error("an alias stands inside its own anchor")]
    AliasInItself,
    #[error("a key must be a plain text")]
    KeyNotText,
    #[error("`{field}` is given twice; first in line {line}")]
    DuplicateField { field: String, line: u32 },

    // The shape of values.
    #[error("unknown field `{field}` in {place}")]
    UnknownField { field: String, place: &'static str, known: Vec<&'static str> },
    #[error("{place} needs `{field}`")]
    MissingField { field: &'static str, place: &'static str },
    #[error("{place} takes only one of {fields}")]
    Conflict { place: &'static str, fields: String },
    #[error("{place} needs one of {fields}")]
    NeedsOneOf { place: &'static str, fields: String },
    #[error("expected {expected}, found {found}")]
    WrongShape { expected: &'static str, found: &'static str },
    #[error("{what} must be above zero")]
    NotPositive { what: String },
    #[error("{what} is a share of the whole; {found} is more than all")]
    BeyondWhole { what: String, found: String },
    #[error("{what} must not be empty")]
    Empty { what: &'static str },
    #[error("{}", bad_unit(found, error))]
    BadUnit { found: String, error: ParseUnitError },
    #[error("expected {expected}, found `{found}`")]
    BadNumber { expected: &'static str, found: String },
    #[error("{what} must be {}, not {found}", bounds(*low, *high))]
    OutOfRange { what: String, low: f64, high: f64, found: f64 },
    #[error("the range `{found}` ends before it begins")]
    RangeReversed { found: String },
    #[error("`{found}` is not {what}")]
    UnknownWord { found: String, what: &'static str, known: Vec<&'static str> },

    // Texts with a grammar of their own.
    #[error("the environment has no `{name}`, and no default is given")]
    EnvironmentMissing { name: String },
    #[error("`{found}` is not a reference to the environment")]
    EnvironmentSyntax { found: String },
    #[error("not a regular expression: {message}")]
    BadRegex { message: String },
    #[error("not a GraphQL document that can be sent: {message}")]
    BadGraphql { message: &'static str },
    #[error("not a JSON path: {message}")]
    BadJsonPath { message: String },
    #[error("`{found}` is not a URL that can be loaded: {reason}")]
    BadUrl { found: String, reason: &'static str },
    #[error("`{found}` is not a range of addresses")]
    BadAddresses { found: String },
    #[error("`{found}` cannot be {what}")]
    BadHeader { found: String, what: &'static str },
    #[error("`{found}` is not a status or range of statuses")]
    BadStatus { found: String },
    #[error("`{found}` is not a condition on {what}")]
    BadMatcher { found: String, what: &'static str },
    #[error("`{found}` cannot be a name")]
    BadName { found: String },

    #[error("a {method} request carries no body")]
    BodyUnfit { method: String },

    // Templates.
    #[error("`{{{{` is never closed by `}}}}`")]
    TemplateUnclosed,
    #[error("only `{{{{ … }}}}` is understood here")]
    TemplateStatement,
    #[error("not a template expression: {message}")]
    TemplateSyntax { message: String },
    #[error("`{dataset}` has no column `{column}`")]
    UnknownColumn { dataset: String, column: String, known: Vec<String> },
    #[error("`{name}` is used before any step captures it")]
    UsedBeforeCapture { name: String },

    // Names that refer to something.
    #[error("there is no {what} `{name}`")]
    UnknownName { what: &'static str, name: String, known: Vec<String> },
    #[error("the flow `{name}` uses itself: {cycle}")]
    FlowCycle { name: String, cycle: String },
    #[error("the step `{name}` is {method} here, but {other} elsewhere")]
    StepTwice { name: String, method: String, other: String },
    #[error("`{name}` is taken: it is a data set or built in")]
    NameTwice { name: String },
    #[error("`{field}` stands beside `{step}`, not in it")]
    BesideStep { field: String, step: String, is_step: bool },
    #[error("`{kind}` is not a step")]
    UnknownStep { kind: String, known: Vec<&'static str> },

    #[error("`{found}` is no condition to end a run by")]
    BadAbort { found: String },
    #[error("a {method} that is sent again may do twice what it asks for")]
    RetryUnfit { method: String },
    #[error("requests that are sent at once are not sent again")]
    RetryInParallel,
    #[error("`{name}` is captured by two requests that are sent at once")]
    CapturedAtOnce { name: String },
    #[error("only requests can be sent at once")]
    NotParallel,
    #[error("the session `{name}` is renewed before it lives")]
    NeverLives { name: String },
    #[error("to log in, the session `{name}` needs itself")]
    SessionCycle { name: String },
    #[error("a playlist and its segments share the session of their `hls`")]
    SessionOfPart,

    // Data files.
    #[error("expected {expected} values, found {found}")]
    DataRow { expected: usize, found: usize },
    #[error("not a row of data: {message}")]
    DataSyntax { message: String },
    #[error("`{file}` has no rows")]
    DataEmpty { file: String },
    #[error(
        "`{dataset}` has {rows} rows for up to {users} {who} and `pick: {pick}` never gives a row twice"
    )]
    DataTooSmall { dataset: String, rows: usize, users: u64, who: &'static str, pick: &'static str },
    #[error("`when_used_up` has no meaning here: only rows of `pick: once` are used up")]
    NeverUsedUp,

    // Load.
    #[error("the workload `{name}` cannot be played beside others: {why}")]
    NotParallelLoad { name: String, why: &'static str },
    #[error("`goodput` is the share of iterations that keep every step's max")]
    GoodputOfNothing,
    #[error("every weight is zero, so nothing would ever be chosen")]
    WeightsZero,
    #[error("the flow of `{scenario}` sends no request")]
    NoRequests { scenario: String },
    #[error("a rate in req/s needs requests to count, and these flows send none")]
    RateOfNothing,
    #[error("a rate in req/s rests on how many rounds a loop makes, and one of them does not say")]
    RoundsUntold,
    #[error("the flow of `{scenario}` has more than {limit} steps once `use` is expanded")]
    FlowTooLong { scenario: String, limit: usize },
    #[error("loops are nested deeper than {limit}")]
    LoopsTooDeep { limit: usize },
    #[error(
        "this stage asks for {rate} iter/s, but `max_vus: {max_vus}` carries at most {carried} iter/s"
    )]
    BeyondUsers { rate: String, max_vus: u32, carried: String, seconds: f64 },
    #[error("`{overridden}` has no meaning for the workload `{workload}`, which is {model}")]
    OverrideUnfit { overridden: &'static str, workload: String, model: &'static str },

    // The SLO table.
    #[error("the target {target} and the {side} {limit} do not measure the same")]
    MixedUnits { target: String, side: &'static str, limit: String },
    #[error("`{name}` is not a metric of an SLO table")]
    UnknownMetric { name: String, known: Vec<String> },
    #[error("`{metric}` is measured by a step that has it, and not here")]
    MetricOfStep { metric: String, steps: Vec<String> },
    #[error("the target {target} is beyond the {side} {limit}")]
    TargetBeyondLimit { target: String, side: &'static str, limit: String },
    #[error("`{field}` has no meaning for `{metric}`, where {better} is better")]
    WrongSide { field: &'static str, metric: String, better: &'static str },
    #[error("`of` has no meaning for `{metric}`, which does not speak of response times")]
    NoResponseTimes { metric: String },
    #[error("`{found}` needs a unit here: {example}")]
    MetricNeedsUnit { found: String, example: &'static str },

    /// Of files whose rules live in a higher layer, such as `simulation.yaml`.
    #[error("{message}")]
    Other { message: String, hint: Option<String> },
}

/// The quantity as written, unless the error tells it already.
fn bad_unit(found: &str, error: &ParseUnitError) -> String {
    match error {
        ParseUnitError::BareRate { .. } | ParseUnitError::NotANumber { .. } => error.to_string(),
        _ if found.is_empty() => error.to_string(),
        _ => format!("`{found}`: {error}"),
    }
}

/// Bounds in words; there may be none above.
fn bounds(low: f64, high: f64) -> String {
    if high.is_finite() { format!("{low} to {high}") } else { format!("at least {low}") }
}

/// Problems as they are found. Nothing stops at the first one.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    merges: Vec<Span>,
    contents: Vec<Spanned<String>>,
}

impl Problems {
    /// Notes a problem.
    pub fn report(&mut self, span: Span, kind: ProblemKind) {
        self.found.push(Problem { span, kind });
    }

    /// Notes a `<<`, which is no problem, but of YAML 1.1 and not of 1.2.
    pub fn note_merge(&mut self, span: Span) {
        self.merges.push(span);
    }

    /// Notes a file whose content is sent, which is no problem unless it cannot be read.
    pub fn note_content(&mut self, path: Spanned<String>) {
        self.contents.push(path);
    }

    /// The files whose content is sent, in the order in which they are named.
    pub fn contents(&self) -> &[Spanned<String>] {
        &self.contents
    }

    /// Where `<<` stands.
    pub fn merges(&self) -> &[Span] {
        &self.merges
    }

    /// Takes back what a better problem says as well.
    pub fn retract(&mut self, span: Span, told_better: impl Fn(&ProblemKind) -> bool) {
        self.found.retain(|problem| problem.span != span || !told_better(&problem.kind));
    }

    /// Whether something is wrong at `span`.
    pub fn any_at(&self, span: Span) -> bool {
        self.found.iter().any(|problem| problem.span == span)
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// All of them, by file, line and column; each only once.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.span);
        self.found.dedup();
        self.found
    }
}
