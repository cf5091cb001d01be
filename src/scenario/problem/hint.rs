//! What an author can do about a problem.

use super::ProblemKind;

impl ProblemKind {
    /// What the author can do about it, if we know.
    pub fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::UnknownField { field, known, .. } => return field_meant(field, known),
            Self::UnknownWord { found, known, .. } => return nearest_or_all(found, known),
            Self::UnknownStep { kind, known } => return nearest_or_all(kind, known),
            Self::UnknownName { what: "data set or captured value", name, .. }
                if name == "vars" =>
            {
                return Some(
                    "a variable is written `${vars.NAME}`, without braces around".to_owned(),
                );
            }
            Self::UnknownName { name, known, .. } | Self::UnknownMetric { name, known } => {
                return nearest_or_all(name, known);
            }
            Self::UnknownColumn { column, known, .. } => return nearest_or_all(column, known),
            Self::FileUnreadable { hint, .. } | Self::Other { hint, .. } => return hint.clone(),
            Self::EnvironmentMissing { name } => {
                return Some(format!(
                    "set it before the run, or write `${{{name}:-default}}` for a default"
                ));
            }
            Self::BeyondUsers { rate, seconds, .. } => return Some(littles_law(rate, *seconds)),
            Self::DataTooSmall { users, pick: "once", .. } => {
                return Some(format!(
                    "give it {users} rows, run for a shorter time, or write `when_used_up: stop`"
                ));
            }
            Self::DataTooSmall { users, .. } => {
                return Some(format!(
                    "give it {users} rows, lower `max_vus`, or pick `sequential` or `shuffle`"
                ));
            }
            Self::WrongShape { expected: "a text", found: "nothing" } => {
                "leave it out, or write `''` for an empty text"
            }
            Self::MetricOfStep { steps, .. } if !steps.is_empty() => {
                let steps = steps.join("`, `");
                return Some(format!("write it under `steps:`, for `{steps}`"));
            }
            kind => kind.fixed_hint().or_else(|| kind.reference_hint())?,
        };
        Some(fixed.to_owned())
    }

    /// Hints that do not depend on what was found.
    fn fixed_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::FileNotText { .. } => "save it as UTF-8",
            Self::DataNotText { .. } => {
                "say how it is written: `encoding: latin-1`, or `utf-16` with a byte order mark"
            }
            Self::FileNotYaml { .. } => "give it such a name",
            Self::SecondDocument => "write each document into a file of its own, without `---`",
            Self::MetricOfStep { .. } => "no step of this scenario has it; leave it out",
            Self::TagNotKnown { .. } => "write the value without the tag",
            Self::BesideStep { is_step: true, .. } => "begin each step with a `-` of its own",
            Self::BesideStep { .. } => "indent it further, so that it belongs to the step",
            Self::KeyNotText => {
                "a list or mapping cannot be a key; a value that begins with `{{` needs quotes"
            }
            Self::Syntax { message } if message.contains("tab") => {
                "indent by blanks: YAML takes no tab before a key or value"
            }
            Self::Syntax { .. } => {
                "look for an unclosed bracket or quote and for wrong indentation, here or above; \
                 texts with `: ` or ` #`, or that begin with one of `>|*&{[%@`, need quotes"
            }
            Self::BodyUnfit { .. } => "use `post`, `put` or `patch`, or send it as `query`",
            Self::DuplicateField { .. } | Self::Conflict { .. } => "keep one of them",
            Self::EnvironmentSyntax { .. } => {
                "write `${NAME}` or `${NAME:-default}`; for a plain `${` write `$${`"
            }
            Self::BadAddresses { .. } => "write an address or a range like `127.0.1.0/24`",
            Self::BadStatus { .. } => "write `200`, `2xx`, `200..299`, or a list of them",
            Self::BadMatcher { .. } => {
                "write a value, `exists`, `< 5`, `>= 5`, `{ contains: text }`, `{ matches: regex }` or `{ any: value }`"
            }
            Self::BadName { .. } => {
                "a name begins with a letter and goes on with letters, digits, `_`, `-` or `.`; \
                 where templates use it, without `-` and `.`"
            }
            Self::BadJsonPath { .. } => "write a path like `$.token` or `$.items[0].id` (RFC 9535)",
            Self::TemplateStatement => {
                "use the steps `if`, `repeat` and `choose` to branch and loop"
            }
            Self::UsedBeforeCapture { .. } => {
                "move the step that captures it before this one, or give the capture a default"
            }
            Self::FlowCycle { .. } => "use `repeat` for a loop",
            Self::StepTwice { .. } => {
                "steps of one name are counted together; give one of them another `name`"
            }
            Self::NameTwice { .. } => "give the capture another name",
            Self::NeverUsedUp => "remove it, or write `pick: once`",
            Self::NeverLives { .. } => "make `renew_ahead` shorter than `lives`",
            Self::SessionCycle { .. } => "log in by requests without this session",
            Self::SessionOfPart => "write `session` beside `watch`",
            Self::WrongSide { field: "min", .. } => "write `max`",
            Self::WrongSide { .. } => "write `min`",
            Self::NoResponseTimes { .. } => "remove it",
            Self::BeyondWhole { .. } => "write `0%` to `100%`",
            Self::Empty { .. } => "remove it, or write at least one",
            Self::BadUrl { .. } => {
                "write it like `http://127.0.0.1:8080` or `https://shop.example`"
            }
            _ => return self.flow_hint(),
        })
    }

    /// Hints on flows and load.
    const fn flow_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::BadAbort { .. } => {
                "write it like `p99 > 2s for 10s` or `error_rate of pay > 5% for 30s`"
            }
            Self::RetryUnfit { .. } => {
                "where the server tells a repeated request, write `retry: { idempotent: true }`; else `stop`"
            }
            Self::CapturedAtOnce { .. } => {
                "give each a name of its own: which of the answers comes last is chance"
            }
            Self::RetryInParallel => "write `stop` or `continue`, or put it behind `parallel`",
            Self::NotParallel => "put it before or behind `parallel`",
            Self::NotParallelLoad { .. } => {
                "`parallel` takes workloads with `stages`, of the same `arrivals` and `think`"
            }
            Self::GoodputOfNothing => {
                "write it for the run or a scenario, and give a row of `steps`, such as `login: { p95: { max: 1s } }`, a `max`"
            }
            Self::WeightsZero => "give at least one a weight above 0",
            Self::RoundsUntold => {
                "give `foreach`, `while` and `repeat` their `rounds`, or write the rate in `iter/s`"
            }
            Self::RateOfNothing => "write the rate in `iter/s`",
            Self::OverrideUnfit { .. } => "choose another workload with `--workload`",
            _ => return None,
        })
    }

    /// Hints for what stands in other files and places.
    fn reference_hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::IncludeCycle { .. } => "put what both need into a third file",
            Self::VariableCycle { .. } => "give one of them a value of its own",
            Self::VariableUnfit { .. } => {
                "a list or mapping stands alone: `stages: ${vars.stages}`"
            }
            Self::BadGraphql { .. } => {
                "write it like `query Flights($from: String!) { flights(from: $from) { id } }`; values go into \
                 `variables`, and `operation` chooses one of several"
            }
            _ => return None,
        })
    }

    /// The name of the kind, as in `tests/invalid/NAME.yaml`.
    pub fn name(&self) -> String {
        let debug = format!("{self:?}");
        let variant: String = debug.chars().take_while(char::is_ascii_alphanumeric).collect();
        let mut name = String::new();
        for c in variant.chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

/// L = λ·W (Little 1961): users needed = rate × time of an iteration.
fn littles_law(rate: &str, seconds: f64) -> String {
    let users = rate.parse::<f64>().unwrap_or_default() * seconds;
    format!(
        "an iteration waits {seconds:.1} s even if every answer comes at once, so {rate} iter/s \
         needs at least {users:.0} users (Little's law)"
    )
}

/// What other tools call fields, and what they are called here.
const ELSEWHERE: [(&str, &str); 24] = [
    ("login", "session"),
    ("auth", "session"),
    ("authentication", "session"),
    ("token", "bearer"),
    ("params", "query"),
    ("data", "body"),
    ("payload", "body"),
    ("content", "body"),
    ("files", "multipart"),
    ("assert", "check"),
    ("assertions", "check"),
    ("expect", "check"),
    ("validate", "check"),
    ("extract", "capture"),
    ("save", "capture"),
    ("retry", "on_failure"),
    ("retries", "on_failure"),
    ("redirects", "follow_redirects"),
    ("steps", "flow"),
    ("requests", "flow"),
    ("variables", "vars"),
    ("thresholds", "slo"),
    ("users", "vus"),
    ("base_url", "target"),
];

/// The field that was probably meant, or all of them.
fn field_meant(field: &str, known: &[&'static str]) -> Option<String> {
    let elsewhere = ELSEWHERE.iter().find(|(other, own)| *other == field && known.contains(own));
    match elsewhere {
        Some((_, own)) => Some(format!("here it is `{own}`")),
        None => nearest_or_all(field, known),
    }
}

/// The known name that was probably meant.
pub(crate) fn nearest<'k>(found: &str, known: &'k [impl AsRef<str>]) -> Option<&'k str> {
    known
        .iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(found, name.as_ref()), name.as_ref()))
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The name that was probably meant, or all of them.
fn nearest_or_all<S: AsRef<str>>(found: &str, known: &[S]) -> Option<String> {
    if let Some(name) = nearest(found, known) {
        return Some(format!("did you mean `{name}`?"));
    }
    if known.is_empty() {
        return None;
    }
    let shown: Vec<String> =
        known.iter().take(24).map(|name| format!("`{}`", name.as_ref())).collect();
    let more = if known.len() > shown.len() { ", …" } else { "" };
    Some(format!("known here: {}{more}", shown.join(", ")))
}
