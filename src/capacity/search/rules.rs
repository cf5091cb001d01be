//! The numbers by which a search decides, each with its reason.

use plimsoll_units::Nanos;

/// The numbers by which a search decides. Distances between rates are natural logarithms of their ratio
/// where nothing else is said: 0.05 is about 5 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchRules {
    /// Pass and fail end up at most this far apart, as a share of the pass (DESIGN §8).
    pub gap: f64,
    /// The rate above the crossing that is to fail stands this far from it: with the claim below it less than the gap.
    pub aside: f64,
    /// A claim lies at most this far above the truth, but for one search in forty.
    pub above: f64,
    /// It lies at least and at most so far below the crossing.
    pub below: [f64; 2],
    /// A rate this much below what may be claimed is as good, if it was measured.
    pub reached: f64,
    /// Levels this near to the crossing tell where it is.
    pub near: f64,
    /// Rates this close are the same rate, measured again.
    pub same: f64,
    /// A rate that is to be measured again on one side of the crossing may be this far from an earlier one.
    pub reused: f64,
    /// While pass and fail are further apart than this ratio, the curve proposes one step towards the crossing only.
    pub far: f64,
    /// A step towards the crossing covers at least and at most these shares of the bracket.
    pub stride: [f64; 2],
    /// The crossing may lie beyond the bracket by this factor and is believed: a steady level passes or fails by chance.
    pub chance: f64,
    /// Shortest holds near the crossing without which its interval is not believed: few blocks know little variance.
    pub evidence: f64,
    /// Where no curve tells of the limit, pass and fail end up this far apart: the claim is the pass itself.
    pub gap_without_curve: f64,
    /// Pass and fail that are less than this ratio apart without a curve are told apart by holds so many times as long.
    pub close: f64,
    /// See `close`.
    pub close_holds: u64,
    /// A claim is held for so many of the shortest holds at least.
    pub confirm_holds: u64,
    /// The half-width that is wanted of the crossing's interval.
    pub precise: f64,
    /// Steps after which a search gives up whatever its budget.
    pub steps_max: usize,
    /// Resamples of the curve while searching.
    pub resamples: usize,
    /// Resamples for the outcome.
    pub resamples_of_outcome: usize,
    /// How many times a rate is halved below the first one before the search gives up, as a power of two.
    pub lowest: f64,
    /// A climb goes at most this factor beyond the rate at which cores would be full, and beyond that by as much at a
    /// time: a stack that drowns tells no more, and takes longer to recover.
    pub just_beyond: f64,
    /// Cores of which less than this share is used say nothing of when they are full: background work and chance
    /// weigh too much.
    pub hardly_used: f64,
    /// Where more than this share of the cores seems to be used, the stack file is wrong about them.
    pub all_used: f64,
    /// Cores are as good as full above this share.
    pub full: f64,
    /// The busiest steps: those that answered at least this share of what the busiest one did.
    pub busiest: f64,
    /// A cache is clearly warmer by so much of the hit ratio.
    pub warmed: f64,
    /// Below a rate that a stack shows to be too high, the next rate is this share of what it answered …
    pub below_overload: f64,
    /// … and this share of what an edge's rate limit let through.
    pub below_rate_limit: f64,
    /// What was answered tells the next rate only if it lies this share away from both ends of the bracket.
    pub useful: f64,
    /// How far above the claim the failure is shown, as a factor.
    pub breach: f64,
    /// A failing level this close to that shows it.
    pub breach_near: f64,
    /// What was measured from this factor of the claim on is taken together to show it.
    pub failing_from: f64,
    /// The failure is shown for so many of the shortest holds: what is ten per cent too much takes a while to pile up.
    pub breach_holds: u64,
    /// … and for so many times as long where that did not show it: near a limit that few requests tell, it takes longer.
    pub breach_longer: u64,
    /// Of the time that is left when a claim is held, so much at least is kept for the failure: the nearer to the limit,
    /// the longer both take.
    pub breach_share: f64,
    /// A failure less than the gap above the claim is looked for at this factor.
    pub gap_of_failure: f64,
    /// How often the failure is tried.
    pub breach_tries: usize,
    /// A claim is at least so far from the limit when the length of its confirmation is chosen.
    pub margin_min: f64,
    /// A confirmation is so many standard errors of its reading long that a true claim seldom fails by chance.
    pub margin_errors: f64,
    /// Confirmations of a claim that may fail before the search gives up claiming.
    pub confirmations_max: usize,
    /// So many of the shortest steps are kept for holding the claim and showing the failure above it.
    pub closing: u64,
    /// … and at least this share of the time.
    pub closing_share: f64,
    /// So many steps in a row that are not valid end a search; on a shared machine two or three happen by chance.
    pub invalid_max: usize,
    /// Blocks into which a level's batches are grouped: long enough to outlast most of the dependence between
    /// neighbouring requests, enough of them for a variance.
    pub blocks: usize,
    /// Steps within this ratio of each other are one level.
    pub same_level: f64,
    /// A line through the levels is not trusted further than this factor beyond what was measured.
    pub trusted: f64,
    /// An interval that reaches further may be cut by the verdicts of single levels.
    pub certain: f64,
    /// The reciprocal of a scattered time is taken down by at most this share.
    pub reciprocal: f64,
    /// What a request spends without waiting, tried as shares of the fastest level's value. Quantiles of a sum are less
    /// than the sum of quantiles, so the whole of it would be too much.
    pub shifts: [f64; 7],
    /// The share of a core above which a worker of the generator falls behind now and then (as in the validity of a run).
    pub generator_cpu_max: f64,
    /// So much of a limit, or of a response time beyond it, may be the generator's lag. Near the knee response times change
    /// at least ten times as fast as rates, so this moves SLO-max by half a per cent at most.
    pub lag_share: f64,
    /// So much of a limit where a step passes all the same: the limit seems lower by one per cent at most.
    pub lag_share_of_pass: f64,
    /// Steps of a search fit so often into its time: its shortest hold.
    pub steps_in_budget: f64,
    /// Shorter holds have too few requests to judge a p99.
    pub hold_min: Nanos,
    /// A hold is lengthened by at most this factor where an interval asks for it.
    pub hold_stretch: u64,
    /// No hold takes more than one in so many parts of the time: what changes meanwhile (a cache that fills) would
    /// weigh on one rate alone.
    pub longest_share: u64,
    /// A search that would take less than this factor of its time more is not worth a word.
    pub budget_slack: f64,
    /// More than so many times what may be left open is not reckoned with: it says too little of the time.
    pub open_most: f64,
    /// The warm-up of a step lasts this share of its hold …
    pub warm_up_share: f64,
    /// … and this factor of an iteration: journeys have to be under way in all their steps before requests come at their
    /// full rate.
    pub warm_up_iterations: f64,
    /// A warm-up lasts at least and at most so many seconds.
    pub warm_up_seconds: [f64; 2],
    /// The first rate, as a share of the workload's own peak.
    pub start_share: f64,
    /// The first rate where the workload names none, per second.
    pub start: f64,
    /// By how much each step exceeds the last while none has failed and nothing is known of the limit.
    pub climb: f64,
    /// What a search may offer unless told otherwise, per second: more than one generator of this kind can.
    pub rate_max: f64,
    /// The search that checks a prediction begins at this share of what is predicted with the coldest cache …
    pub check_start: f64,
    /// … and climbs by this factor, …
    pub check_climb: f64,
    /// … or by this one where the coldest cache carries clearly less (this share) than the latest.
    pub check_climb_cold: f64,
    /// See `check_climb_cold`.
    pub check_cold: f64,
}

/// The rules of every search.
pub const RULES: SearchRules = SearchRules {
    gap: 0.05,
    aside: 0.0235,
    above: 0.01,
    below: [0.013, 0.15],
    reached: 0.006,
    near: 0.08,
    same: 0.003,
    reused: 0.004,
    far: 1.3,
    stride: [0.2, 0.8],
    chance: 1.1,
    evidence: 8.0,
    gap_without_curve: 0.03,
    close: 1.15,
    close_holds: 4,
    confirm_holds: 3,
    precise: 0.018,
    steps_max: 80,
    resamples: 200,
    resamples_of_outcome: 1_000,
    lowest: 64.0,
    just_beyond: 1.1,
    hardly_used: 0.2,
    all_used: 1.03,
    full: 0.95,
    busiest: 0.85,
    warmed: 0.1,
    below_overload: 0.94,
    below_rate_limit: 0.99,
    useful: 1.02,
    breach: 1.1,
    breach_near: 0.02,
    failing_from: 1.04,
    breach_holds: 3,
    breach_longer: 3,
    breach_share: 0.45,
    gap_of_failure: 1.045,
    breach_tries: 2,
    margin_min: 0.05,
    margin_errors: 2.0,
    confirmations_max: 4,
    closing: 5,
    closing_share: 0.3,
    invalid_max: 4,
    blocks: 24,
    same_level: 0.002,
    trusted: 1.5,
    certain: 0.05,
    reciprocal: 0.3,
    shifts: [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
    generator_cpu_max: 0.8,
    lag_share: 0.05,
    lag_share_of_pass: 0.1,
    steps_in_budget: 60.0,
    hold_min: Nanos::from_secs(6),
    hold_stretch: 12,
    longest_share: 10,
    budget_slack: 1.1,
    open_most: 3.0,
    warm_up_share: 0.25,
    warm_up_iterations: 1.3,
    warm_up_seconds: [2.0, 90.0],
    start_share: 0.25,
    start: 10.0,
    climb: 2.0,
    rate_max: 50_000.0,
    check_start: 0.8,
    check_climb: 1.25,
    check_climb_cold: 1.5,
    check_cold: 0.9,
};
