//! The search for SLO-max: which rate to measure next, and when enough is known.
//!
//! A state machine without clock or socket. Its only state is the list of steps measured so far, so a
//! search is resumed by giving it the steps of the interrupted one. It begins low, doubles until a rate
//! fails, lets the curve of response time propose the next rates, and ends with a rate that passes and
//! one that fails at most 5 % apart, the claim held once more and the failure shown 10 % above it.

mod curve;
mod level;
mod outcome;

use serde::{Deserialize, Serialize};

use crate::units::{Nanos, Rate, Seed};

use super::regression::Estimate;
use super::step::{SloLimit, StepPurpose, StepResult, StepVerdict};
use level::{Level, is_outdated, levels};

pub use outcome::{SearchEnd, SearchLimit, SearchOutcome};

/// What to search, and how much time it may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPlan {
    /// What must hold; at least one.
    #[serde(rename = "goals")]
    pub slo_limits: Vec<SloLimit>,
    /// The first rate; should be far below the limit.
    pub start: Rate,
    /// By how much each step exceeds the last while none has failed: 2 where nothing is known of the limit,
    /// less where it is expected soon.
    pub climb: f64,
    /// Never offer more than this.
    pub rate_max: Rate,
    /// How long a step is held at least.
    pub hold: Nanos,
    /// How long a step is held at most.
    pub hold_max: Nanos,
    /// Warm-up before each step; counts against the budget.
    pub warm_up: Nanos,
    /// Time for the whole search.
    pub budget: Nanos,
    /// Cores of each tier, all replicas together, where known: the use of them tells how far a climb may go.
    #[serde(default)]
    pub cores: Vec<(String, f64)>,
    /// For resampling.
    pub seed: Seed,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchAction {
    /// Play a steady step, then call [`CapacitySearch::on_step`].
    Measure {
        /// Arrivals to offer.
        rate: Rate,
        /// How long, without the warm-up.
        hold: Nanos,
        /// Why.
        purpose: StepPurpose,
    },
    /// Nothing more to measure.
    Done(Box<SearchOutcome>),
}

/// A search under way.
#[derive(Debug, Clone)]
pub struct CapacitySearch {
    plan: SearchPlan,
    steps: Vec<StepResult>,
    levels: Vec<Level>,
}

/// What the steps so far say.
struct SearchEvidence {
    /// Index of the highest level that seems to pass below the lowest that seems to fail.
    pass: Option<usize>,
    /// Index of the lowest level that seems to fail.
    fail: Option<usize>,
    crossing: Option<Estimate>,
}

/// Pass and fail end up this far apart at most.
const GAP: f64 = 0.05;
/// The two rates between which the crossing is caught stand this far (in logarithms) on either side.
const ASIDE: f64 = 0.0235;
/// Levels this near to the crossing (in logarithms) tell where it is.
const NEAR: f64 = 0.08;
/// Holds near the crossing without which its interval is not believed: few blocks know little variance.
const EVIDENCE: f64 = 8.0;
/// Steps after which a search gives up whatever its budget.
const STEPS_MAX: usize = 80;
/// Resamples while searching; the outcome takes five times as many.
const RESAMPLES: usize = 200;
/// How far above the claim the failure is shown.
const BREACH: f64 = 1.1;
/// For how many of the shortest holds it is shown.
const BREACH_HOLDS: u64 = 3;
/// A climb goes at most this far beyond the rate at which cores would be full, and beyond that by as much at a time.
const JUST_BEYOND: f64 = 1.1;
/// So many steps in a row that are not valid end a search; on a shared machine two or three happen by chance.
const INVALID_MAX: usize = 4;
/// So many of the shortest steps are kept for holding the claim and showing the failure above it.
const CLOSING: u64 = 5;
/// Confirmations of a claim that may fail before the search gives up claiming.
const CONFIRMATIONS_MAX: usize = 4;

impl CapacitySearch {
    /// A search that has not measured anything yet.
    pub fn new(plan: SearchPlan) -> Self {
        Self::resume(plan, Vec::new())
    }

    /// A search that goes on from the steps of an interrupted one.
    pub fn resume(plan: SearchPlan, steps: Vec<StepResult>) -> Self {
        let levels = levels(&steps, &plan.slo_limits, &plan.cores);
        Self { plan, steps, levels }
    }

    /// Takes in the step that the last action asked for.
    pub fn on_step(&mut self, step: StepResult) {
        self.steps.push(step);
        self.levels = levels(&self.steps, &self.plan.slo_limits, &self.plan.cores);
    }

    /// All steps so far.
    pub fn steps(&self) -> &[StepResult] {
        &self.steps
    }

    /// The present bracket: the highest rate that seems to pass and the lowest that seems to fail.
    pub fn bracket(&self) -> (Option<Rate>, Option<Rate>) {
        let (pass, fail) = bracket(&self.levels, &self.plan.slo_limits);
        let rate = |index: Option<usize>| index.map(|i| Rate::per_second(self.levels[i].rate));
        (rate(pass), rate(fail))
    }

    /// What the steps so far say, for a search that is stopped before it is done.
    pub fn interrupted(&self) -> SearchOutcome {
        outcome::conclude(self, &self.picture(RESAMPLES * 5), SearchEnd::Interrupted)
    }

    /// Time that is left of the budget.
    pub fn remaining(&self) -> Nanos {
        let spent = self.steps.iter().map(|step| step.duration + step.warm_up).sum();
        self.plan.budget.saturating_sub(spent)
    }

    /// What to measure next; the same until another step comes in.
    pub fn next_action(&self) -> SearchAction {
        let picture = self.picture(RESAMPLES);
        match self.decide(&picture) {
            Ok((rate, hold, purpose)) => self.measure(rate, hold, purpose),
            Err(end) => self.done(end),
        }
    }

    fn picture(&self, resamples: usize) -> SearchEvidence {
        let (pass, fail) = bracket(&self.levels, &self.plan.slo_limits);
        let crossing =
            curve::crossing(&self.levels, &self.plan.slo_limits, self.plan.seed, resamples);
        SearchEvidence { pass, fail, crossing }
    }

    fn decide(&self, picture: &SearchEvidence) -> Result<(f64, Nanos, StepPurpose), SearchEnd> {
        if self.remaining() < self.plan.hold + self.plan.warm_up || self.steps.len() >= STEPS_MAX {
            return Err(SearchEnd::BudgetSpent);
        }
        if self.generator_spoils() {
            return Err(SearchEnd::GeneratorLimit);
        }
        let Some(highest) = self.levels.last() else {
            return Ok((self.plan.start.get(), self.plan.hold, StepPurpose::Baseline));
        };
        match (picture.pass, picture.fail) {
            (_, None) => self.climb(highest),
            (None, Some(fail)) => self.halve(&self.levels[fail]),
            (Some(pass), Some(fail)) => self.narrow(picture, pass, fail),
        }
    }

    fn climb(&self, highest: &Level) -> Result<(f64, Nanos, StepPurpose), SearchEnd> {
        let rate = (highest.rate * self.stride(highest)).min(self.plan.rate_max.get());
        if rate <= highest.rate * 1.001 {
            return Err(SearchEnd::NoLimitFound);
        }
        Ok((rate, self.plan.hold, StepPurpose::Bracket))
    }

    /// By how much to exceed the highest rate so far. Where cores would be full before that, the step goes little
    /// beyond: a stack that drowns tells no more, and takes longer to recover. Where a limit was met while the cache
    /// was colder, it is near.
    fn stride(&self, highest: &Level) -> f64 {
        let outdated = |step: &&StepResult| is_outdated(step, &self.steps, &self.plan.slo_limits);
        let failed = self.steps.iter().filter(outdated).map(|step| step.offered.get());
        let midway = failed
            .reduce(f64::min)
            .map_or(f64::INFINITY, |failed| (failed / highest.rate).sqrt().max(1.0 + 0.9 * GAP));
        let full = self.full_at(highest).map_or(f64::INFINITY, |rate| rate / highest.rate);
        self.plan.climb.min((JUST_BEYOND * full).max(JUST_BEYOND)).min(midway)
    }

    /// The rate at which the busiest tier's cores would be full, by the use of them at the highest level.
    fn full_at(&self, highest: &Level) -> Option<f64> {
        let here = |step: &&StepResult| (step.offered.get() / highest.rate).ln().abs() < 0.003;
        let step = self.steps.iter().rev().filter(|step| step.valid).find(here)?;
        let full = self.plan.cores.iter().filter_map(|(tier, cores)| {
            let used = step.tier(tier)?.cores_used?;
            // Background work and chance weigh too much in what is hardly used; of more than there are, the stack file
            // is wrong.
            (used > 0.2 * cores && used <= 1.03 * cores)
                .then(|| cores / used * step.achieved().get())
        });
        full.reduce(f64::min)
    }

    fn halve(&self, lowest: &Level) -> Result<(f64, Nanos, StepPurpose), SearchEnd> {
        let rate = lowest.rate / 2.0;
        if rate < self.plan.start.get() / 64.0 {
            return Err(SearchEnd::NeverWithin);
        }
        // Fewer requests a second need a longer hold for the same number of samples.
        Ok((rate, self.plan.hold * 2, StepPurpose::Bracket))
    }

    fn narrow(
        &self,
        picture: &SearchEvidence,
        pass: usize,
        fail: usize,
    ) -> Result<(f64, Nanos, StepPurpose), SearchEnd> {
        let (low, high) = (&self.levels[pass], &self.levels[fail]);
        let apart = high.rate / low.rate;
        match self.believed(picture) {
            Some(crossing) if apart > 1.3 => {
                let share = (crossing.value / low.rate).ln() / apart.ln();
                let rate = low.rate * apart.powf(share.clamp(0.2, 0.8));
                Ok((rate, self.plan.hold, StepPurpose::Refine))
            }
            Some(crossing) => match self.caught(&crossing).or_else(|| self.closing(&crossing)) {
                Some((pass, _)) => self.confirm(pass),
                None => Ok(self.refine(&crossing)),
            },
            None if apart > 1.0 + GAP => {
                let rate = between(low, high);
                Ok((rate, self.plan.hold, StepPurpose::Refine))
            }
            None => self.confirm_rate(low.rate, self.plan.hold),
        }
    }

    /// The crossing, unless the bracket contradicts it: few levels far away tempt a line far astray.
    fn believed(&self, picture: &SearchEvidence) -> Option<Estimate> {
        let crossing = picture.crossing?;
        let low = picture.pass.map_or(0.0, |pass| self.levels[pass].rate);
        let high = picture.fail.map(|fail| &self.levels[fail]);
        let below = high.is_none_or(|high| {
            // A steady level may seem to fail by chance; an overloaded one does not.
            let slack = if high.fails_by_chance(&self.plan.slo_limits) { 1.1 } else { 1.0 };
            crossing.value < high.rate * slack
        });
        (crossing.value > low / 1.1 && below).then_some(crossing)
    }

    /// The levels on either side of the crossing, if its interval lies between two that are close enough.
    fn caught(&self, crossing: &Estimate) -> Option<(usize, usize)> {
        let levels = &self.levels;
        let near = levels.iter().filter(|level| (level.rate / crossing.value).ln().abs() < NEAR);
        let seconds: f64 = near.map(|level| level.seconds).sum();
        if seconds < EVIDENCE * self.plan.hold.as_secs_f64() {
            return None;
        }
        let pass = levels.iter().rposition(|level| {
            level.rate <= crossing.low && level.verdict() != StepVerdict::Fail
        })?;
        let fail = levels.iter().position(|level| {
            level.rate >= crossing.high && level.verdict() != StepVerdict::Pass
        })?;
        (levels[fail].rate / levels[pass].rate <= 1.0 + GAP).then_some((pass, fail))
    }

    /// Once there is just time to hold the claim and to show the failure above it: the levels on either side
    /// of the best estimate, if they are close enough. The interval then says how sure that is.
    fn closing(&self, crossing: &Estimate) -> Option<(usize, usize)> {
        let step = self.plan.hold + self.plan.warm_up;
        let confirming = self
            .steps
            .last()
            .is_some_and(|step| matches!(step.purpose, StepPurpose::Confirm | StepPurpose::Breach));
        if self.remaining() > step * CLOSING && !confirming {
            return None;
        }
        let pass = self.levels.iter().rposition(|level| {
            level.rate <= crossing.value && level.verdict() != StepVerdict::Fail
        })?;
        let fail = self.levels.iter().position(|level| {
            level.rate >= crossing.value && level.verdict() != StepVerdict::Pass
        })?;
        (self.levels[fail].rate / self.levels[pass].rate <= 1.0 + GAP).then_some((pass, fail))
    }

    /// Measures on the side of the crossing that has had less time, as long as the interval asks for.
    fn refine(&self, crossing: &Estimate) -> (f64, Nanos, StepPurpose) {
        let side = |side: f64| {
            let rate = crossing.value * (side * ASIDE).exp();
            let known = self.levels.iter().find(|l| (l.rate / rate).ln().abs() < 0.004);
            let spent = self
                .levels
                .iter()
                .filter(|level| (0.0..NEAR).contains(&((level.rate / crossing.value).ln() * side)));
            let seconds: f64 = spent.map(|level| level.seconds).sum();
            (known.map_or(rate, |level| level.rate), seconds)
        };
        let ((below, below_spent), (above, above_spent)) = (side(-1.0), side(1.0));
        let half_width = (crossing.high / crossing.value).ln();
        let wanted = (below_spent + above_spent) * ((half_width / (0.9 * ASIDE)).powi(2) - 1.0);
        let rate = if below_spent <= above_spent { below } else { above };
        // A long hold must leave the time in which the claim is closed.
        let closing = (self.plan.hold + self.plan.warm_up) * CLOSING + self.plan.warm_up;
        let room = self.remaining().saturating_sub(closing).max(self.plan.hold);
        (rate, self.hold_of(wanted / 2.0).min(room), StepPurpose::Refine)
    }

    fn hold_of(&self, seconds: f64) -> Nanos {
        Nanos::from_secs_f64(seconds).clamp(self.plan.hold, self.plan.hold_max)
    }

    /// Holds the claim once more, long enough that chance seldom lets a true claim fail; then shows the
    /// failure above it.
    fn confirm(&self, pass: usize) -> Result<(f64, Nanos, StepPurpose), SearchEnd> {
        let level = &self.levels[pass];
        let needed = self.plan.slo_limits.iter().filter_map(|slo_limit| {
            let (reading, limit) = (level.reading(slo_limit)?, slo_limit.limit()?);
            let room = (limit / reading.value).ln().max(0.02);
            Some(level.seconds * (2.0 * reading.log_error / room).powi(2))
        });
        let breach = self.plan.hold * BREACH_HOLDS + self.plan.warm_up;
        let room = self.remaining().saturating_sub(breach).max(self.plan.hold);
        let hold = self.hold_of(needed.fold(0.0, f64::max)).min(room);
        self.confirm_rate(level.rate, hold)
    }

    fn confirm_rate(&self, rate: f64, hold: Nanos) -> Result<(f64, Nanos, StepPurpose), SearchEnd> {
        let near = |step: &&StepResult| (step.offered.get() / rate).ln().abs() < NEAR;
        let confirmations =
            self.steps.iter().filter(|step| step.purpose == StepPurpose::Confirm).filter(near);
        let Some(claim) = self.claim() else {
            if confirmations.count() >= CONFIRMATIONS_MAX {
                return Err(SearchEnd::NotConfirmed);
            }
            return Ok((rate, hold, StepPurpose::Confirm));
        };
        let breach = claim.get() * BREACH;
        let shown = |level: &Level| {
            (level.rate / breach).ln().abs() < 0.02 && level.shows_failure(&self.plan.slo_limits)
        };
        let tried = self
            .steps
            .iter()
            .filter(|step| step.purpose == StepPurpose::Breach)
            .filter(|step| (step.offered.get() / breach).ln().abs() < NEAR)
            .count();
        if breach > self.plan.rate_max.get() || tried >= 2 || self.levels.iter().any(shown) {
            return Err(SearchEnd::Complete);
        }
        // Ten per cent too much take a while to pile up.
        let room = self.remaining().saturating_sub(self.plan.warm_up).max(self.plan.hold);
        Ok((breach, (self.plan.hold * BREACH_HOLDS).min(room), StepPurpose::Breach))
    }

    /// The rate of the last confirmation, if it holds and so does all that was measured at that rate, and
    /// nothing far above it does.
    ///
    /// A rate is chosen because it passed before. Only the confirmations, measured after that choice, say
    /// that it did not pass by chance.
    fn claim(&self) -> Option<Rate> {
        let confirmed = self.steps.iter().rfind(|step| step.purpose == StepPurpose::Confirm)?;
        let outgrown = bracket(&self.levels, &self.plan.slo_limits)
            .0
            .is_some_and(|pass| self.levels[pass].rate > confirmed.offered.get() * (1.0 + GAP));
        if outgrown {
            return None;
        }
        let level = self
            .levels
            .iter()
            .find(|level| (level.rate / confirmed.offered.get()).ln().abs() < 0.003)?;
        let confirmations: Vec<&StepResult> = self
            .steps
            .iter()
            .filter(|step| step.valid && step.purpose == StepPurpose::Confirm)
            .filter(|step| (step.offered.get() / confirmed.offered.get()).ln().abs() < 0.003)
            .collect();
        let holds = confirmed.valid
            && Level::of(&confirmations, &self.plan.slo_limits).seems_within(&self.plan.slo_limits)
            && level.seems_within(&self.plan.slo_limits)
            && level.verdict() != StepVerdict::Fail;
        holds.then_some(confirmed.offered)
    }

    /// Whether so many of the last steps were not valid that the next one will not be either.
    fn generator_spoils(&self) -> bool {
        let invalid = self.steps.iter().rev().take_while(|step| !step.valid).count();
        invalid >= INVALID_MAX
    }

    fn measure(&self, rate: f64, hold: Nanos, purpose: StepPurpose) -> SearchAction {
        let rate = Rate::per_second(rate.min(self.plan.rate_max.get()));
        let hold = hold.min(self.remaining().saturating_sub(self.plan.warm_up));
        SearchAction::Measure { rate, hold, purpose }
    }

    fn done(&self, end: SearchEnd) -> SearchAction {
        let picture = self.picture(RESAMPLES * 5);
        SearchAction::Done(Box::new(outcome::conclude(self, &picture, end)))
    }
}

/// Where to look next between a pass and a fail without a curve. A stack or an edge that gives out shows
/// what it can do: a little below that; otherwise the middle.
fn between(low: &Level, high: &Level) -> f64 {
    let margin = if high.is_throttled() { 0.99 } else { 0.94 };
    let achieved = high.achieved().get() * margin;
    let useful = !high.keeps_up() && achieved > low.rate * 1.02 && achieved < high.rate / 1.02;
    if useful { achieved } else { (low.rate * high.rate).sqrt() }
}

/// The highest level that seems to pass below the lowest that seems to fail, and the latter. A fail below
/// a pass is believed unless the pass has more time behind it.
fn bracket(levels: &[Level], slo_limits: &[SloLimit]) -> (Option<usize>, Option<usize>) {
    let passes: Vec<bool> = levels.iter().map(|level| level.seems_within(slo_limits)).collect();
    let believed = |index: usize| {
        !passes[index]
            && !(index + 1..levels.len())
                .any(|above| passes[above] && levels[above].seconds >= levels[index].seconds * 0.99)
    };
    let fail = (0..levels.len()).find(|index| believed(*index));
    let pass = (0..fail.unwrap_or(levels.len())).rev().find(|index| passes[*index]);
    (pass, fail)
}

#[cfg(test)]
mod tests;
