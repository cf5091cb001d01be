//! What the steps so far say: the bracket, where the curve crosses the limit, and what may be claimed.

use super::curve::{self, Crossing};
use super::end::SearchEnd;
use super::level::{Level, is_near, is_outdated, usable};
use super::plan::SearchPlan;
use super::rules::RULES;
use crate::model::is_at_rest;
use crate::slo_limits::SloLimit;
use crate::step::{StepPurpose, StepResult, StepVerdict};
use plimsoll_units::{Nanos, Rate};

/// What the steps so far say.
pub(super) struct SearchEvidence<'a> {
    pub(super) plan: &'a SearchPlan,
    pub(super) steps: &'a [StepResult],
    pub(super) levels: &'a [Level],
    /// The highest level that seems to pass below the lowest that seems to fail.
    pub(super) pass: Option<&'a Level>,
    /// The lowest level that seems to fail.
    pub(super) fail: Option<&'a Level>,
    /// Where the curve crosses the limit, unless the bracket contradicts it.
    pub(super) crossing: Option<Crossing>,
    /// The levels on either side of the crossing, if its interval lies between two that are close enough.
    pub(super) caught: Option<[&'a Level; 2]>,
    /// The rate that was held and passed.
    pub(super) claim: Option<Rate>,
}

/// A rate that may be claimed once it is held, and for how long to hold it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ClaimCandidate {
    pub(super) rate: f64,
    pub(super) hold: Nanos,
}

impl<'a> SearchEvidence<'a> {
    /// What `steps`, grouped in `levels`, say of `plan`, the crossing's interval from `resamples` resamples.
    pub(super) fn of(
        plan: &'a SearchPlan,
        steps: &'a [StepResult],
        levels: &'a [Level],
        resamples: usize,
    ) -> Self {
        let (pass, fail) = bracket(levels, &plan.slo_limits);
        let crossing = curve::crossing(levels, &plan.slo_limits, plan.seed, resamples);
        let mut evidence =
            Self { plan, steps, levels, pass, fail, crossing, caught: None, claim: None };
        // Before the bracket is held against it: a crossing that it contradicts may still be caught.
        evidence.caught = crossing.and_then(|crossing| evidence.levels_around(&crossing));
        evidence.crossing = crossing
            .filter(|crossing| evidence.is_known(crossing) || evidence.is_believed(crossing))
            .or_else(|| evidence.crossing_between());
        evidence.claim = evidence.held_claim();
        evidence
    }

    /// Time that is left of the budget.
    pub(super) fn remaining(&self) -> Nanos {
        self.plan.remaining(self.steps)
    }

    /// Whether no further step fits into the time.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.remaining() < self.plan.hold + self.plan.warm_up || self.steps.len() >= RULES.steps_max
    }

    /// Whether so many of the last steps were not valid that the next one will not be either.
    pub(super) fn is_limited_by_the_generator(&self) -> bool {
        self.steps.iter().rev().take_while(|step| !step.valid).count() >= RULES.invalid_max
    }

    /// How many times higher the lowest failing rate is than the highest passing one; 1 without both.
    pub(super) fn apart(&self) -> f64 {
        self.pass.zip(self.fail).map_or(1.0, |(pass, fail)| fail.rate / pass.rate)
    }

    /// The next rate while none fails: as far up as is known to be safe.
    pub(super) fn higher(&self) -> f64 {
        let Some(highest) = self.levels.last() else { return self.plan.start.get() };
        (highest.rate * self.stride(highest)).min(self.plan.rate_max.get())
    }

    /// By how much to exceed the highest rate so far. Where cores would be full before that, the step goes little
    /// beyond: a stack that drowns tells no more, and takes longer to recover. Where a limit was met while the cache
    /// was colder, it is near.
    fn stride(&self, highest: &Level) -> f64 {
        let outdated = |step: &&StepResult| is_outdated(step, self.steps, &self.plan.slo_limits);
        let failed = self.steps.iter().filter(outdated).map(|step| step.offered.get());
        let least = 1.0 + 0.9 * RULES.gap;
        let midway = failed
            .reduce(f64::min)
            .map_or(f64::INFINITY, |failed| (failed / highest.rate).sqrt().max(least));
        let full = self.full_at(highest).map_or(f64::INFINITY, |rate| rate / highest.rate);
        let beyond = (RULES.just_beyond * full).max(RULES.just_beyond);
        self.plan.climb.min(beyond).min(midway)
    }

    /// The rate at which the busiest tier's cores would be full, by the use of them at the highest level.
    fn full_at(&self, highest: &Level) -> Option<f64> {
        let here = |step: &&StepResult| is_near(step.offered.get(), highest.rate, RULES.same);
        let step = self.steps.iter().rev().filter(|step| step.valid).find(here)?;
        let full = self.plan.cores.iter().filter_map(|(tier, cores)| {
            let used = step.tier(tier)?.cores_used?;
            (used > RULES.hardly_used * cores && used <= RULES.all_used * cores)
                .then(|| cores / used * step.achieved().get())
        });
        full.reduce(f64::min)
    }

    /// A step from the passing rate towards the crossing.
    pub(super) fn towards_the_crossing(&self) -> f64 {
        let (Some(pass), Some(crossing)) = (self.pass, self.crossing) else {
            return self.plan.start.get();
        };
        let [least, most] = RULES.stride;
        let share = (crossing.rate.value / pass.rate).ln() / self.apart().ln();
        pass.rate * self.apart().powf(share.clamp(least, most))
    }

    /// Where to look next between a pass and a fail without a curve. A stack or an edge that gives out shows
    /// what it can do: a little below that; otherwise the middle.
    pub(super) fn between(&self) -> f64 {
        let Some((low, high)) = self.pass.zip(self.fail) else { return self.plan.start.get() };
        let share = if high.is_throttled() { RULES.below_rate_limit } else { RULES.below_overload };
        let achieved = high.achieved().get() * share;
        let useful = !high.keeps_up()
            && achieved > low.rate * RULES.useful
            && achieved < high.rate / RULES.useful;
        if useful { achieved } else { (low.rate * high.rate).sqrt() }
    }

    /// Measures on the side of the crossing that has had less time, as long as the interval asks for.
    pub(super) fn beside_the_crossing(&self) -> (f64, Nanos) {
        let Some(crossing) = self.crossing else { return (self.plan.start.get(), self.plan.hold) };
        let side = |rate: f64, side: f64| {
            let known = self.levels.iter().find(|level| is_near(level.rate, rate, RULES.reused));
            let spent = self.levels.iter().filter(|level| {
                (0.0..RULES.near).contains(&((level.rate / crossing.rate.value).ln() * side))
            });
            let seconds: f64 = spent.map(|level| level.seconds).sum();
            (known.map_or(rate, |level| level.rate), seconds)
        };
        let below = claimable(&crossing).max(crossing.rate.value * (-RULES.aside).exp());
        let (below, below_spent) = side(below, -1.0);
        let (above, above_spent) = side(crossing.rate.value * RULES.aside.exp(), 1.0);
        let wanted =
            (below_spent + above_spent) * ((crossing.half_width / RULES.precise).powi(2) - 1.0);
        let rate = if below_spent <= above_spent { below } else { above };
        // A long hold must leave the time in which the claim is closed.
        let closing = self.time_to_close() + self.plan.warm_up;
        let room = self.remaining().saturating_sub(closing).max(self.plan.hold);
        (rate, self.plan.hold_of(wanted / 2.0).min(room))
    }

    /// Time that is kept for holding the claim and for showing the failure above it.
    fn time_to_close(&self) -> Nanos {
        let least = (self.plan.hold + self.plan.warm_up) * RULES.closing;
        least.max(Nanos::from_secs_f64(RULES.closing_share * self.plan.budget.as_secs_f64()))
    }

    /// What to hold once pass and fail are close enough, or the time for looking closer is up.
    pub(super) fn candidate(&self) -> Option<ClaimCandidate> {
        let pass = self.pass?;
        let Some(crossing) = self.crossing else {
            return Some(ClaimCandidate { rate: pass.rate, hold: self.hold_in_room() });
        };
        if !self.is_settled(&crossing) {
            return None;
        }
        let most = claimable(&crossing);
        let reach = (most * (-RULES.reached).exp())..=(most * RULES.reused.exp());
        let known = self
            .levels
            .iter()
            .rev()
            .find(|level| reach.contains(&level.rate) && level.verdict() != StepVerdict::Fail);
        let rate = known.map_or(most, |level| level.rate);
        Some(ClaimCandidate { rate, hold: self.hold_to_confirm(rate) })
    }

    /// Whether the crossing is known well enough, or the time for looking closer is up.
    fn is_settled(&self, crossing: &Crossing) -> bool {
        let is_closing =
            |step: &StepResult| matches!(step.purpose, StepPurpose::Confirm | StepPurpose::Breach);
        (self.caught.is_some() && crossing.half_width <= RULES.precise)
            || self.remaining() <= self.time_to_close()
            || self.steps.last().is_some_and(is_closing)
    }

    /// Confirmations of about `rate` so far.
    pub(super) fn confirmations(&self, rate: f64) -> usize {
        self.played(StepPurpose::Confirm, rate)
    }

    /// The rate at which the failure above the claim is to be shown; `None` once it is shown, or cannot be.
    pub(super) fn breach(&self) -> Option<f64> {
        let claim = self.claim?.get();
        let breach = claim * RULES.breach;
        let is_over = breach > self.plan.rate_max.get()
            || self.played(StepPurpose::Breach, breach) >= RULES.breach_tries
            || self.levels.iter().any(|level| {
                is_near(level.rate, breach, RULES.breach_near) && self.fails_at(level, claim)
            });
        (!is_over).then_some(breach)
    }

    /// Whether `level` is shown to fail: by what was measured there; by that together with what was measured between the
    /// gap above `claim` and there, since what fails at lower rates fails all the more at this one; or, where it exceeds an
    /// objective, because all that was measured together puts the limit below it with 97.5 % confidence.
    pub(super) fn fails_at(&self, level: &Level, claim: f64) -> bool {
        let slo_limits = &self.plan.slo_limits;
        let rates = claim * RULES.failing_from..=level.rate * (1.0 + RULES.same);
        let together = || {
            let counts = |step: &&StepResult| rates.contains(&step.offered.get());
            let steps = usable(self.steps, slo_limits).filter(counts);
            Level::of(&steps.collect::<Vec<_>>(), slo_limits).shows_failure(slo_limits)
        };
        let is_beyond = || self.crossing.is_some_and(|crossing| crossing.rate.high < level.rate);
        level.shows_failure(slo_limits)
            || (rates.contains(&level.rate) && together())
            || (!level.seems_within(slo_limits) && is_beyond())
    }

    /// A rate less than the gap above the claim, where the lowest failure lies further away and that was not tried yet.
    pub(super) fn nearer_failure(&self) -> Option<f64> {
        let claim = self.claim?.get();
        let (near, most) = (claim * RULES.gap_of_failure, claim * (1.0 + RULES.gap));
        let fail = self.caught.map(|[_, fail]| fail).or(self.fail)?;
        let since = self.steps.iter().rposition(|step| step.purpose == StepPurpose::Confirm)?;
        let tried = self.steps[since..].iter().any(|step| step.purpose == StepPurpose::Refine);
        let has_time = self.remaining() >= self.plan.hold * RULES.breach_holds + self.plan.warm_up;
        (fail.rate > most && !tried && has_time && near <= self.plan.rate_max.get()).then_some(near)
    }

    /// How long to measure between a pass and a fail without a curve: longer where they are close.
    pub(super) fn hold_between(&self) -> Nanos {
        let holds = if self.apart() < RULES.close { RULES.close_holds } else { 1 };
        (self.plan.hold * holds).min(self.hold_in_room())
    }

    /// Whether there is time to hold a claim long enough.
    pub(super) fn has_time_to_confirm(&self) -> bool {
        self.remaining() >= self.plan.hold * RULES.confirm_holds + self.plan.warm_up
    }

    /// How long the failure is shown: longer where it was not seen at first, and at once where there is no time for both.
    pub(super) fn breach_hold(&self, rate: f64) -> Nanos {
        let room = self.remaining().saturating_sub(self.plan.warm_up).max(self.plan.hold);
        let short = self.plan.hold * RULES.breach_holds;
        let long = short * RULES.breach_longer;
        let at_once = room < short + self.plan.warm_up + long;
        let was_tried = self.played(StepPurpose::Breach, rate) > 0;
        if at_once || was_tried { long.min(room) } else { short }
    }

    fn played(&self, purpose: StepPurpose, rate: f64) -> usize {
        let steps = self.steps.iter().filter(|step| step.purpose == purpose);
        steps.filter(|step| is_near(step.offered.get(), rate, RULES.near)).count()
    }

    /// Few levels far away tempt a line far astray.
    fn is_believed(&self, crossing: &Crossing) -> bool {
        let low = self.pass.map_or(0.0, |pass| pass.rate);
        let below = self.fail.is_none_or(|high| {
            // A steady level may seem to fail by chance; an overloaded one does not.
            let by_chance = high.fails_by_chance(&self.plan.slo_limits);
            crossing.rate.value < high.rate * if by_chance { RULES.chance } else { 1.0 }
        });
        crossing.rate.value > low / RULES.chance && below
    }

    /// A crossing between a pass and a fail that are close, where the fail is one of response time.
    fn crossing_between(&self) -> Option<Crossing> {
        let (pass, fail) = self.pass.zip(self.fail)?;
        let is_timed = !fail.is_throttled() && !fail.fails_abruptly(&self.plan.slo_limits);
        (is_timed && self.apart() <= RULES.far)
            .then(|| curve::between(self.levels, &self.plan.slo_limits, (pass.rate, fail.rate)))?
    }

    /// Whether so much was measured near the crossing that single levels, which pass or fail by chance, say nothing
    /// against it.
    fn is_known(&self, crossing: &Crossing) -> bool {
        let seconds: f64 = self.on_curve_near(crossing).map(|level| level.seconds).sum();
        seconds >= RULES.evidence * self.plan.hold.as_secs_f64()
    }

    /// The levels near the crossing that the curve passes through: an overloaded one tells how long it was watched.
    fn on_curve_near(&self, crossing: &Crossing) -> impl Iterator<Item = &'a Level> {
        let at = crossing.rate.value;
        self.levels
            .iter()
            .filter(move |level| level.is_steady() && is_near(level.rate, at, RULES.near))
    }

    fn levels_around(&self, crossing: &Crossing) -> Option<[&'a Level; 2]> {
        self.is_known(crossing).then(|| self.close_levels(crossing.rate.value)).flatten()
    }

    /// The highest level up to `rate` that does not fail and the lowest from there that does not pass, if they are
    /// close enough.
    fn close_levels(&self, rate: f64) -> Option<[&'a Level; 2]> {
        let mut below = self.levels.iter().rev().filter(|level| level.rate <= rate);
        let pass = below.find(|level| level.verdict() != StepVerdict::Fail)?;
        let mut above = self.levels.iter().filter(|level| level.rate >= rate);
        let fail = above.find(|level| level.verdict() != StepVerdict::Pass)?;
        (fail.rate / pass.rate <= 1.0 + RULES.gap).then_some([pass, fail])
    }

    /// Long enough that chance seldom lets a true claim fail.
    fn hold_to_confirm(&self, rate: f64) -> Nanos {
        let off = |level: &&Level| (level.rate / rate).ln().abs();
        let nearest = self.levels.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
        let seconds = nearest.map_or(0.0, |level| self.seconds_to_confirm(level));
        let least = self.plan.hold * RULES.confirm_holds;
        self.plan.hold_of(seconds).max(least).min(self.hold_in_room().max(least))
    }

    /// The longest hold that leaves time to show the failure.
    fn hold_in_room(&self) -> Nanos {
        let left = self.remaining().as_secs_f64();
        let breach = (self.plan.hold * RULES.breach_holds)
            .max(Nanos::from_secs_f64(RULES.breach_share * left))
            + self.plan.warm_up * 2;
        self.remaining().saturating_sub(breach).clamp(self.plan.hold, self.plan.hold_max)
    }

    fn seconds_to_confirm(&self, level: &Level) -> f64 {
        let needed = self.plan.slo_limits.iter().filter_map(|slo_limit| {
            let (reading, limit) = (level.reading(slo_limit)?, slo_limit.limit()?);
            let margin = (limit / reading.value).ln().max(RULES.margin_min);
            Some(level.seconds * (RULES.margin_errors * reading.log_error / margin).powi(2))
        });
        needed.fold(0.0, f64::max)
    }

    /// How much time a search would take that `end`ed before its answer, or left open more than pass and fail may be
    /// apart: in whole minutes. `None` where more time is no help, or none is missing.
    pub(super) fn time_needed(&self, end: SearchEnd) -> Option<Nanos> {
        let step = (self.plan.hold + self.plan.warm_up).as_secs_f64();
        let budget = self.plan.budget.as_secs_f64();
        let missing = match (end, self.pass, self.fail) {
            (SearchEnd::Complete, Some(_), Some(_)) => 0.0,
            // Nothing is known of the limit yet: as much again.
            (SearchEnd::BudgetSpent, _, None) | (SearchEnd::BudgetSpent, None, _) => budget,
            // From here on as if nothing were known near the limit, and to the end.
            (SearchEnd::BudgetSpent, Some(_), Some(_)) => {
                let near = if self.caught.is_some() { 0.0 } else { RULES.evidence * step };
                near + step * (RULES.closing as f64)
            }
            _ => return None,
        };
        // What is left open falls with the square root of the time.
        let open = self.crossing.map_or(0.0, |crossing| crossing.half_width / RULES.gap);
        let of_precision =
            if open > 1.0 { budget * open.min(RULES.open_most).powi(2) } else { 0.0 };
        let needed = (if missing > 0.0 { budget + missing } else { 0.0 }).max(of_precision);
        (needed > budget * RULES.budget_slack)
            .then(|| Nanos::from_secs_f64((needed / 60.0).ceil() * 60.0))
    }

    /// The rate of the last confirmation, if it holds and so does all that was measured at that rate, and
    /// nothing far above it does.
    ///
    /// A rate is chosen because it passed before. Only the confirmations, measured after that choice, say
    /// that it did not pass by chance.
    fn held_claim(&self) -> Option<Rate> {
        let slo_limits = &self.plan.slo_limits;
        let confirmed = self.steps.iter().rfind(|step| step.purpose == StepPurpose::Confirm)?;
        let rate = confirmed.offered.get();
        if self.pass.is_some_and(|pass| pass.rate > rate * (1.0 + RULES.gap)) {
            return None;
        }
        let level = self.levels.iter().find(|level| is_near(level.rate, rate, RULES.same))?;
        let confirmations: Vec<&StepResult> = self
            .steps
            .iter()
            .filter(|step| step.valid && step.purpose == StepPurpose::Confirm)
            .filter(|step| is_near(step.offered.get(), rate, RULES.same))
            .collect();
        let holds = confirmed.valid
            && is_at_rest(confirmed, slo_limits)
            && Level::of(&confirmations, slo_limits).seems_within(slo_limits)
            && level.seems_within(slo_limits)
            && level.verdict() != StepVerdict::Fail
            && self.crossing.is_none_or(|crossing| rate <= crossing.rate.value);
        holds.then_some(confirmed.offered)
    }
}

/// The highest rate that may be claimed where the limit lies at `crossing`: so far below it that seldom more than
/// [`RULES.above`](super::rules::SearchRules::above) is claimed too much.
pub(super) fn claimable(crossing: &Crossing) -> f64 {
    let [least, most] = RULES.below;
    crossing.rate.value * (-(crossing.half_width - RULES.above).clamp(least, most)).exp()
}

/// The highest level that seems to pass below the lowest that seems to fail, and the latter. A fail below
/// a pass is believed unless the pass has more time behind it.
pub(super) fn bracket<'a>(
    levels: &'a [Level],
    slo_limits: &[SloLimit],
) -> (Option<&'a Level>, Option<&'a Level>) {
    let passes: Vec<bool> = levels.iter().map(|level| level.seems_within(slo_limits)).collect();
    let believed = |index: usize| {
        !passes[index]
            && !(index + 1..levels.len())
                .any(|above| passes[above] && levels[above].seconds >= levels[index].seconds * 0.99)
    };
    let fail = (0..levels.len()).find(|index| believed(*index));
    let pass = (0..fail.unwrap_or(levels.len())).rev().find(|index| passes[*index]);
    (pass.map(|index| &levels[index]), fail.map(|index| &levels[index]))
}
