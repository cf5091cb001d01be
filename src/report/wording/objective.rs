//! What a row of the SLO table is called.

use super::super::format;
use crate::metrics::Scope;
use crate::slo::JudgedObjective;

/// `p99`, `p99 of step login`.
pub(crate) fn objective_name(judged: &JudgedObjective) -> String {
    let name = format::line(&judged.objective.name, 60);
    match &judged.objective.scope {
        Scope::Run => name,
        Scope::Scenario(of) => format!("{name} of scenario {}", format::line(of, 60)),
        Scope::Step(of) => format!("{name} of step {}", format::line(of, 60)),
        Scope::Tag(of) => format!("{name} of tag {}", format::line(of, 60)),
        Scope::Page(of) => format!("{name} of page {}", format::line(of, 60)),
    }
}

/// The short form for narrow tables: `p99`, `p99 · login`.
pub(crate) fn objective_short(judged: &JudgedObjective) -> String {
    let name = format::line(&judged.objective.name, 60);
    match &judged.objective.scope {
        Scope::Run => name,
        Scope::Scenario(of) | Scope::Step(of) | Scope::Tag(of) | Scope::Page(of) => {
            format!("{name} · {}", format::line(of, 60))
        }
    }
}

/// Foreign text within a sentence: harmless, and not cut.
pub(super) fn shown(text: &str) -> String {
    format::line(text, usize::MAX).trim_end_matches('.').to_owned()
}

/// What the hard bound is called: `max`, or `min` where higher is better.
pub(crate) const fn limit_word(judged: &JudgedObjective) -> &'static str {
    match judged.objective.bound {
        crate::metrics::Bound::AtMost => "max",
        crate::metrics::Bound::AtLeast => "min",
    }
}
