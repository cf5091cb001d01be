//! What a row of the SLO table is called.

use super::super::format;
use plimsoll_metrics::Scope;
use plimsoll_slo::JudgedObjective;

/// Names within a sentence are cut beyond this.
const NAME_LIMIT: usize = 60;

/// `p99`, `p99 of step login`, `error_rate (default)`.
pub fn objective_name(judged: &JudgedObjective) -> String {
    let name = own_name(judged, NAME_LIMIT);
    match &judged.objective.scope {
        Scope::Run => name,
        scope @ Scope::Steps(_) => format!("{name} of {}", format::line(&scope.to_string(), 200)),
        Scope::Scenario(of) => format!("{name} of scenario {}", format::line(of, 60)),
        Scope::Step(of) => format!("{name} of step {}", format::line(of, 60)),
        Scope::Tag(of) => format!("{name} of tag {}", format::line(of, 60)),
        Scope::Page(of) => format!("{name} of page {}", format::line(of, 60)),
    }
}

/// The short form for narrow tables: `p99`, `p99 · login`.
pub fn objective_short(judged: &JudgedObjective) -> String {
    let name = own_name(judged, NAME_LIMIT);
    match &judged.objective.scope {
        Scope::Run => name,
        Scope::Steps(names) => format!("{name} · {} steps", names.len()),
        Scope::Scenario(of) | Scope::Step(of) | Scope::Tag(of) | Scope::Page(of) => {
            format!("{name} · {}", format::line(of, 60))
        }
    }
}

/// The name of a row, and whether it stands in the scenario.
pub fn own_name(judged: &JudgedObjective, characters: usize) -> String {
    let name = format::line(&judged.objective.name, characters);
    if judged.by_default { format!("{name} (default)") } else { name }
}

/// Foreign text within a sentence: harmless, and not cut.
pub(super) fn shown(text: &str) -> String {
    format::line(text, usize::MAX).trim_end_matches('.').to_owned()
}

/// What the hard bound is called: `max`, or `min` where higher is better.
pub const fn limit_word(judged: &JudgedObjective) -> &'static str {
    match judged.objective.bound {
        plimsoll_metrics::Bound::AtMost => "max",
        plimsoll_metrics::Bound::AtLeast => "min",
    }
}
