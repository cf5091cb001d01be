//! Green's target and its share of the arrivals over time.

use super::http;
use crate::{DEFAULT_SEED, Load, Overrides, Split, Stage, Target};
use plimsoll_metrics::SplitPart;
use plimsoll_scenario::schema::{Scenario, StageSpec, Workload, WorkloadShape};
use plimsoll_scenario::{ProblemKind, Problems, Span, Spanned};
use plimsoll_units::{Nanos, Ratio, RunTime};

/// What says whether and how a run is split.
pub(super) struct SplitCompiler<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) workload: &'a Workload,
    pub(super) overrides: &'a Overrides,
    /// The first target.
    pub(super) blue: &'a Target,
}

impl SplitCompiler<'_> {
    /// The split of a run; none where nothing goes to a second target.
    pub(super) fn compile(&self, load: &Load, problems: &mut Problems) -> Option<Split> {
        let seed = self.overrides.seed.unwrap_or(DEFAULT_SEED);
        if let Some(url) = &self.overrides.duet {
            let green = green(&Spanned::on_command_line(url), self.blue, problems)?;
            if matches!(load, Load::Closed(_)) {
                problems.report(Span::COMMAND_LINE, no_arrivals(&self.workload.name.value));
                return None;
            }
            return Some(Split::duet(green, RunTime::ZERO + load.duration(), seed));
        }
        let Some(place) = self.asked_at() else {
            if self.overrides.green.is_some() {
                problems.report(Span::COMMAND_LINE, no_share());
            }
            return None;
        };
        let Some(url) = self.url() else {
            problems.report(place, no_target());
            return None;
        };
        let green = green(&url, self.blue, problems)?;
        let parts = if self.overrides.green_shares.is_empty() {
            by_stages(stages_of(self.workload), load)
        } else {
            in_equal_parts(&self.overrides.green_shares, load)
        };
        check(&parts, load, (place, problems));
        Some(Split::new(green, parts, seed))
    }

    /// Where a share is asked for.
    fn asked_at(&self) -> Option<Span> {
        if !self.overrides.green_shares.is_empty() {
            return Some(Span::COMMAND_LINE);
        }
        stages_of(self.workload).iter().find_map(|stage| Some(stage.green.as_ref()?.span))
    }

    fn url(&self) -> Option<Spanned<String>> {
        match &self.overrides.green {
            Some(url) => Some(Spanned::on_command_line(url)),
            None => self.scenario.green.clone(),
        }
    }
}

/// A part of less than a second would be in no table, and a share of users that is nobody compares nothing.
fn check(parts: &[SplitPart], load: &Load, (place, problems): (Span, &mut Problems)) {
    let report = |problems: &mut Problems, message: String, hint: &str| {
        problems.report(place, ProblemKind::Other { message, hint: Some(hint.to_owned()) });
    };
    if parts.iter().any(|part| part.until.since(part.from) < Nanos::from_secs(1)) {
        let message = format!("the workload is too short for {} shares", parts.len());
        report(problems, message, "each needs a second at least, and minutes to show anything");
    }
    let Load::Closed(closed) = load else { return };
    let vus = f64::from(closed.vus);
    let nobody = |part: &&SplitPart| part.share.get() > 0.0 && part.share.get() * vus < 1.0;
    if let Some(part) = parts.iter().find(nobody) {
        let message = format!("{} of {} users is less than one user", part.share, closed.vus);
        report(
            problems,
            message,
            "a closed workload is split by users: ask for a greater share, or for more users",
        );
    }
}

fn stages_of(workload: &Workload) -> &[StageSpec] {
    match &workload.shape {
        WorkloadShape::Open(open) => &open.stages,
        WorkloadShape::Closed(_) | WorkloadShape::Recorded(_) | WorkloadShape::Parallel(_) => &[],
    }
}

/// Green's target. The path in front of it is part of every URL, so both must have the same.
fn green(url: &Spanned<String>, blue: &Target, problems: &mut Problems) -> Option<Target> {
    let kind = match http::parse_target(url) {
        Ok(green) if green.prefix == blue.prefix => return Some(green),
        Ok(green) => ProblemKind::Other {
            message: format!(
                "the path of green, `{}/`, is not that of the target, `{}/`",
                green.prefix, blue.prefix
            ),
            hint: Some("both serve the same URLs but for scheme, host and port".to_owned()),
        },
        Err(reason) => ProblemKind::BadUrl { found: http::without_user(&url.value), reason },
    };
    problems.report(url.span, kind);
    None
}

fn no_share() -> ProblemKind {
    ProblemKind::Other {
        message: "`--green` names a second target, but no arrival goes to it".to_owned(),
        hint: Some(
            "say `--green-share 10%` or `--canary 1%,10%,50%,100%`, or give stages of the workload a \
             `green: 10%`"
                .to_owned(),
        ),
    }
}

fn no_arrivals(workload: &str) -> ProblemKind {
    ProblemKind::Other {
        message: format!(
            "`{workload}` is a closed workload: it has no arrivals that two targets could share"
        ),
        hint: Some(
            "choose a workload with `stages`, or split its users by `--green-share`".to_owned(),
        ),
    }
}

fn no_target() -> ProblemKind {
    ProblemKind::Other {
        message: "a share of the arrivals is to go to green, but no second target is named"
            .to_owned(),
        hint: Some("write `green: URL` beside `target`, or say `--green URL`".to_owned()),
    }
}

/// The share of each stage; none where it says nothing. Neighbours with equal shares are one part.
fn by_stages(specs: &[StageSpec], load: &Load) -> Vec<SplitPart> {
    let Load::Open(open) = load else { return vec![] };
    let mut parts: Vec<SplitPart> = vec![];
    let mut from = RunTime::ZERO;
    for (stage, spec) in open.stages.iter().zip(specs) {
        let until = from + stage.duration;
        let share = spec.green.as_ref().map_or(Ratio::default(), |share| share.value);
        match parts.last_mut() {
            Some(last) if last.share == share => last.until = until,
            _ => parts.push(SplitPart { from, until, share }),
        }
        from = until;
    }
    parts
}

/// One part a share, with equal lengths of what is judged: a ramp belongs to the part around it.
fn in_equal_parts(shares: &[Ratio], load: &Load) -> Vec<SplitPart> {
    let spans = judged_spans(load);
    let whole: Nanos = spans.iter().map(|(from, until)| until.since(*from)).sum();
    let end = RunTime::ZERO + load.duration();
    let mut from = RunTime::ZERO;
    let mut parts = vec![];
    for (index, &share) in shares.iter().enumerate() {
        let passed = whole.get() / shares.len() as u64 * (index as u64 + 1);
        let is_last = index + 1 == shares.len();
        // Seconds are what is recorded: a part that began within one would share it with another.
        let passed = Nanos::from_secs(passed / 1_000_000_000);
        let until = if is_last { end } else { moment_of(&spans, passed) };
        parts.push(SplitPart { from, until, share });
        from = until;
    }
    parts
}

/// Where the judged stages begin and end; all of the load where there are none.
fn judged_spans(load: &Load) -> Vec<(RunTime, RunTime)> {
    let whole = vec![(RunTime::ZERO, RunTime::ZERO + load.duration())];
    let Load::Open(open) = load else { return whole };
    let mut from = RunTime::ZERO;
    let mut spans = vec![];
    for Stage { duration, judged, .. } in &open.stages {
        let until = from + *duration;
        if *judged {
            spans.push((from, until));
        }
        from = until;
    }
    if spans.is_empty() { whole } else { spans }
}

/// When so much of the spans has passed.
fn moment_of(spans: &[(RunTime, RunTime)], mut passed: Nanos) -> RunTime {
    let mut moment = RunTime::ZERO;
    for &(from, until) in spans {
        let length = until.since(from);
        if passed <= length {
            return from + passed;
        }
        passed = passed.saturating_sub(length);
        moment = until;
    }
    moment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ArrivalLaw, OpenLoad};
    use plimsoll_units::Rate;

    fn load(stages: &[(u64, bool)]) -> Load {
        let rate = Rate::per_second(10.0);
        let stage = |&(seconds, judged)| Stage {
            from: rate,
            to: rate,
            duration: Nanos::from_secs(seconds),
            judged,
        };
        let stages = stages.iter().map(stage).collect();
        Load::Open(OpenLoad { arrivals: ArrivalLaw::Poisson, stages, max_vus: 1, mix: None })
    }

    fn bounds(shares: usize, stages: &[(u64, bool)]) -> Vec<u64> {
        let shares = vec![Ratio::new(0.1); shares];
        let parts = in_equal_parts(&shares, &load(stages));
        parts.iter().map(|part| part.until.get() / 1_000_000_000).collect()
    }

    #[test]
    fn parts_begin_with_the_seconds_that_are_recorded() {
        let parts = in_equal_parts(&[Ratio::new(0.1); 3], &load(&[(20, true)]));
        let ends: Vec<Nanos> = parts.iter().map(|part| part.until.since(RunTime::ZERO)).collect();
        assert_eq!(ends, [6, 13, 20].map(Nanos::from_secs));
    }

    #[test]
    fn canary_divides_what_is_judged_into_equal_parts() {
        assert_eq!(bounds(4, &[(40, true)]), [10, 20, 30, 40]);
        assert_eq!(bounds(4, &[(30, false), (40, true)]), [40, 50, 60, 70]);
        assert_eq!(bounds(2, &[(10, true), (30, false), (30, true), (5, false)]), [50, 75]);
        assert_eq!(bounds(2, &[(10, false)]), [5, 10]);
    }
}
