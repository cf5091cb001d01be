//! What a user knows between two actions.

use std::sync::Arc;

use minijinja::Value;
use rand_pcg::Pcg64Mcg;

use plimsoll_metrics::ScenarioId;
use plimsoll_plan::{CaptureSlot, Plan, TemplateNames};
use plimsoll_schedule::Arrival;
use plimsoll_units::RunTime;

use super::rows::RowPicker;
use super::turns::Turn;
use super::{attempts, held, playback, poll};

/// A virtual user.
#[derive(Debug)]
pub struct User {
    pub(super) plan: Arc<Plan>,
    pub(super) names: Arc<TemplateNames>,
    pub(super) rows: Arc<RowPicker>,
    /// Its number among all users of the run, from 0.
    pub(super) number: u64,
    pub(super) scenario: ScenarioId,
    pub(super) iteration: u64,
    pub(super) position: u32,
    pub(super) counters: [u32; MAX_LOOPS],
    pub(super) slots: Box<[Option<Value>]>,
    pub(super) secret_slots: Arc<[CaptureSlot]>,
    /// The row of each data set, once a step asked for one.
    pub(super) picked: Box<[Option<u32>]>,
    /// Secrets of answers that failed before they were captured.
    pub(super) uncaptured: Vec<Value>,
    pub(super) chance: Pcg64Mcg,
    pub(super) arrival: Arrival,
    /// Its turn, once there was something to choose, and how many choices there were.
    pub(super) turn: Option<Turn>,
    pub(super) choices: usize,
    /// Attempts at the request that it is at, if that may be sent again.
    pub(super) attempts: Option<attempts::Attempts>,
    /// What waits between attempts are drawn from, once there was one in this iteration.
    pub(super) waits: Option<Pcg64Mcg>,
    /// What is left of the lists whose items it goes through, outermost first.
    pub(super) lists: Vec<std::vec::IntoIter<Value>>,
    pub(super) failed: bool,
    /// Whether a step took longer than its max.
    pub(super) slow: bool,
    /// When it was last asked what to do.
    pub(super) now: RunTime,
    /// From where the next `pace` counts.
    pub(super) paced: RunTime,
    pub(super) polls: [poll::PollState; MAX_LOOPS],
    pub(super) playback: Option<Box<playback::Playback>>,
    pub(super) sessions: Box<[held::UserSession]>,
}

/// The deepest nesting of loops that a flow may have.
pub const MAX_LOOPS: usize = 8;
