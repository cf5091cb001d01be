//! What a whole gate comes to: the SLO verdicts of its runs and the comparison together.

use serde::{Deserialize, Serialize};

use super::super::{Strictness, Verdict};
use super::GateVerdict;

/// What a gate came to. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// Every target is met and nothing regressed.
    Pass,
    /// A target is missed, no max is.
    AtRisk,
    /// The runs cannot show whether something regressed.
    NeedMoreRuns,
    /// An interval straddles a max: run longer.
    Inconclusive,
    /// A measurement cannot support a verdict.
    NotValid,
    /// Something got worse, certainly.
    Regressed,
    /// A max is exceeded.
    Failed,
}

impl GateOutcome {
    /// The worst of all runs and the comparison; `compared` is absent where no baseline was given. Without
    /// any of them nothing is known, which is no pass.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>, compared: Option<GateVerdict>) -> Self {
        let nothing = if compared.is_some() { Self::Pass } else { Self::NotValid };
        let of_runs = verdicts.into_iter().map(Self::of_run).max().unwrap_or(nothing);
        let of_comparison = match compared {
            None | Some(GateVerdict::NotRegressed) => Self::Pass,
            Some(GateVerdict::NeedMoreRuns) => Self::NeedMoreRuns,
            Some(GateVerdict::Regressed) => Self::Regressed,
        };
        of_runs.max(of_comparison)
    }

    const fn of_run(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::AtRisk => Self::AtRisk,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::NotValid => Self::NotValid,
            Verdict::Fail => Self::Failed,
        }
    }

    /// The exit code that `--help` documents. At risk is 99 with [`Strictness::Strict`]; where something else
    /// is wrong too, that decides.
    pub const fn exit_code(self, strictness: Strictness) -> u8 {
        match (self, strictness) {
            (Self::Pass, _) | (Self::AtRisk, Strictness::Normal) => 0,
            (Self::NeedMoreRuns | Self::Inconclusive | Self::NotValid, _) => 97,
            (Self::Regressed, _) => 98,
            (Self::AtRisk, Strictness::Strict) | (Self::Failed, _) => 99,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_exceeded_outweighs_a_regression_and_a_regression_what_is_not_known() {
        use GateVerdict::{NeedMoreRuns, NotRegressed, Regressed};
        let code = |verdicts: &[Verdict], compared| {
            GateOutcome::of(verdicts.iter().copied(), compared).exit_code(Strictness::Normal)
        };
        assert_eq!(code(&[Verdict::Pass, Verdict::AtRisk], Some(NotRegressed)), 0);
        assert_eq!(code(&[Verdict::Pass], Some(NeedMoreRuns)), 97);
        assert_eq!(code(&[Verdict::Pass, Verdict::Inconclusive], None), 97);
        assert_eq!(code(&[Verdict::NotValid], Some(Regressed)), 98);
        assert_eq!(code(&[Verdict::Fail, Verdict::NotValid], Some(Regressed)), 99);
        assert_eq!(code(&[], None), 97, "nothing was run, nothing is known");
    }

    #[test]
    fn at_risk_fails_only_where_it_is_strict() {
        let outcome = GateOutcome::of([Verdict::AtRisk], None);
        assert_eq!(outcome.exit_code(Strictness::Normal), 0);
        assert_eq!(outcome.exit_code(Strictness::Strict), 99);
    }
}
