//! The search as a table: the first row that applies says what is done next.

use super::end::SearchEnd;
use super::evidence::SearchEvidence;
use super::rules::RULES;
use crate::step::StepPurpose;
use plimsoll_units::Nanos;

/// What a search does next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SearchMove {
    /// Measures `rate`, requests per second, for `hold`.
    Measure { rate: f64, hold: Nanos, purpose: StepPurpose },
    /// Is over.
    End(SearchEnd),
}

/// One row of the table.
pub(super) struct SearchRow {
    /// What is known, in words (`docs/capacity.md`).
    pub(super) known: &'static str,
    /// What is done, in words.
    pub(super) done: &'static str,
    /// Whether the row applies; all rows above it do not.
    applies: fn(&SearchEvidence<'_>) -> bool,
    /// What to do.
    next: fn(&SearchEvidence<'_>) -> SearchMove,
}

/// The table. Each measurement is an evidence more, after which the table is read again from its top.
pub(super) const TABLE: [SearchRow; 16] = [
    SearchRow {
        known: "no further step fits into the time",
        done: "end: time spent",
        applies: |seen| seen.is_out_of_time(),
        next: |_| SearchMove::End(SearchEnd::BudgetSpent),
    },
    SearchRow {
        known: "the last steps were not valid: the generator gives out",
        done: "end: generator limit",
        applies: |seen| seen.is_limited_by_the_generator(),
        next: |_| SearchMove::End(SearchEnd::GeneratorLimit),
    },
    SearchRow {
        known: "nothing is measured",
        done: "measure the first rate",
        applies: |seen| seen.levels.is_empty(),
        next: |seen| measure(seen.plan.start.get(), seen.plan.hold, StepPurpose::Baseline),
    },
    SearchRow {
        known: "no rate fails, and none higher is allowed",
        done: "end: no limit found",
        applies: |seen| seen.fail.is_none() && seen.higher() <= highest(seen) * 1.001,
        next: |_| SearchMove::End(SearchEnd::NoLimitFound),
    },
    SearchRow {
        known: "no rate fails",
        done: "climb",
        applies: |seen| seen.fail.is_none(),
        next: |seen| measure(seen.higher(), seen.plan.hold, StepPurpose::Bracket),
    },
    SearchRow {
        known: "not even a small part of the first rate passes",
        done: "end: never within",
        applies: |seen| seen.pass.is_none() && half(seen) < seen.plan.start.get() / RULES.lowest,
        next: |_| SearchMove::End(SearchEnd::NeverWithin),
    },
    SearchRow {
        known: "no rate passes",
        done: "halve the lowest rate; fewer requests a second need twice the hold",
        applies: |seen| seen.pass.is_none(),
        next: |seen| measure(half(seen), seen.plan.hold * 2, StepPurpose::Bracket),
    },
    SearchRow {
        known: "the curve crosses the limit; pass and fail are far apart",
        done: "step towards the crossing",
        applies: |seen| seen.crossing.is_some() && seen.apart() > RULES.far,
        next: |seen| measure(seen.towards_the_crossing(), seen.plan.hold, StepPurpose::Refine),
    },
    SearchRow {
        known: "the curve crosses the limit; where is not known well enough, and there is time",
        done: "measure beside the crossing, where less was measured, as long as its interval asks for",
        applies: |seen| seen.crossing.is_some() && seen.candidate().is_none(),
        next: |seen| {
            let (rate, hold) = seen.beside_the_crossing();
            measure(rate, hold, StepPurpose::Refine)
        },
    },
    SearchRow {
        known: "there is no curve; pass and fail are apart",
        done: "measure between them, longer where they are close",
        applies: |seen| seen.crossing.is_none() && seen.apart() > 1.0 + RULES.gap_without_curve,
        next: |seen| measure(seen.between(), seen.hold_between(), StepPurpose::Refine),
    },
    SearchRow {
        known: "the claim failed again and again when held",
        done: "end: not confirmed",
        applies: |seen| {
            let tried = |rate| seen.confirmations(rate) >= RULES.confirmations_max;
            seen.claim.is_none() && seen.candidate().is_some_and(|held| tried(held.rate))
        },
        next: |_| SearchMove::End(SearchEnd::NotConfirmed),
    },
    SearchRow {
        known: "the claim is not held, and there is no time to hold it",
        done: "end: time spent",
        applies: |seen| seen.claim.is_none() && !seen.has_time_to_confirm(),
        next: |_| SearchMove::End(SearchEnd::BudgetSpent),
    },
    SearchRow {
        known: "the claim is not held",
        done: "hold it",
        applies: |seen| seen.claim.is_none() && seen.candidate().is_some(),
        next: |seen| match seen.candidate() {
            Some(held) => measure(held.rate, held.hold, StepPurpose::Confirm),
            None => SearchMove::End(SearchEnd::NotConfirmed),
        },
    },
    SearchRow {
        known: "the claim holds; the failure 10 % above it is not shown",
        done: "show it",
        applies: |seen| seen.breach().is_some(),
        next: |seen| match seen.breach() {
            Some(rate) => measure(rate, seen.breach_hold(rate), StepPurpose::Breach),
            None => SearchMove::End(SearchEnd::Complete),
        },
    },
    SearchRow {
        known: "the claim holds; the lowest failure is more than 5 % above it, and there is time",
        done: "measure nearer to the claim, once",
        applies: |seen| seen.nearer_failure().is_some(),
        next: |seen| match seen.nearer_failure() {
            Some(rate) => measure(rate, seen.breach_hold(rate), StepPurpose::Refine),
            None => SearchMove::End(SearchEnd::Complete),
        },
    },
    SearchRow {
        known: "the claim holds, and the failure above it was shown or tried twice",
        done: "end: complete",
        applies: |_| true,
        next: |_| SearchMove::End(SearchEnd::Complete),
    },
];

/// What the table says of `seen`.
pub(super) fn next(seen: &SearchEvidence<'_>) -> SearchMove {
    let row = TABLE.iter().find(|row| (row.applies)(seen));
    row.map_or(SearchMove::End(SearchEnd::Complete), |row| (row.next)(seen))
}

fn measure(rate: f64, hold: Nanos, purpose: StepPurpose) -> SearchMove {
    SearchMove::Measure { rate, hold, purpose }
}

fn highest(seen: &SearchEvidence<'_>) -> f64 {
    seen.levels.last().map_or(0.0, |level| level.rate)
}

fn half(seen: &SearchEvidence<'_>) -> f64 {
    seen.fail.map_or(0.0, |fail| fail.rate / 2.0)
}
