//! What a run came to: the verdict, what the measurement is worth, and every row of the SLO table.

use serde::{Deserialize, Serialize};

use super::{Cause, JudgedObjective, SteadyPeriod, Validity, Verdict};

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// What explains most of it; absent of a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether the measurement can be trusted.
    pub validity: Validity,
    /// All rows of the SLO table, in the scenario's order.
    pub objectives: Vec<JudgedObjective>,
    /// Whether that table is the default one, because the scenario has none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_default_table: bool,
    /// Whether it is of a part of a run: killed, interrupted, cut off, or merged without some shards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The part of the run that was judged.
    pub steady: SteadyPeriod,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
