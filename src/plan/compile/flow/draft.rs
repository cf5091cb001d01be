//! A journey while it is compiled, and what it is expected to ask for.

use std::collections::BTreeSet;

use crate::{Instruction, SessionId};
use plimsoll_scenario::schema::RequestSpec;
use plimsoll_scenario::{ProblemKind, Problems, Span};

/// The deepest nesting of loops: a user has that many counters.
const LOOP_LIMIT: usize = 8;

/// A journey that is being compiled.
pub(super) struct ScenarioPlanDraft<'a> {
    pub(super) name: &'a str,
    pub(super) ops: Vec<Instruction>,
    /// The flows that are being expanded, outermost first.
    pub(super) inside: Vec<&'a str>,
    loops: usize,
    /// The sessions whose login is being expanded, outermost first.
    pub(super) logging_in: Vec<&'a str>,
    /// The sessions that are held at this point, in every case.
    pub(super) opened: BTreeSet<SessionId>,
    /// What steps so far may have captured; none where nobody knows what came before.
    pub(super) captured: Option<BTreeSet<String>>,
    pub(super) too_long: bool,
}

/// What a flow asks for on average.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ExpectedRequests {
    /// Requests.
    pub(super) requests: f64,
    /// Time that passes even if every answer comes at once, in seconds; of `if`, the shorter branch.
    pub(super) seconds: f64,
    /// Whether there is a loop of which nobody says how many rounds it makes.
    pub(super) is_untold: bool,
}

impl ExpectedRequests {
    pub(super) const fn of(requests: f64, seconds: f64) -> Self {
        Self { requests, seconds, is_untold: false }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            seconds: self.seconds + other.seconds,
            is_untold: self.is_untold || other.is_untold,
        }
    }

    pub(super) fn times(self, factor: f64) -> Self {
        Self { requests: self.requests * factor, seconds: self.seconds * factor, ..self }
    }

    /// What all rounds of a loop ask for. Of how many nobody has said, requests cannot be told, and of times nothing
    /// is sure.
    pub(super) fn in_rounds(self, rounds: Option<f64>) -> Self {
        match rounds {
            Some(rounds) => self.times(rounds),
            None => Self { is_untold: self.requests > 0.0 || self.is_untold, ..Self::default() },
        }
    }
}

impl<'a> ScenarioPlanDraft<'a> {
    pub(super) fn new(name: &'a str, captured: Option<BTreeSet<String>>) -> Self {
        Self {
            name,
            ops: vec![],
            inside: vec![],
            loops: 0,
            logging_in: vec![],
            opened: BTreeSet::new(),
            captured,
            too_long: false,
        }
    }

    pub(super) fn note_captures(&mut self, request: &RequestSpec) {
        if let Some(captured) = &mut self.captured {
            captured.extend(request.captures.iter().map(|capture| capture.name.value.clone()));
        }
    }

    /// Goes one loop deeper; returns its counter. Reported where `span` would nest loops too deep.
    pub(super) fn open_loop(&mut self, span: Span, problems: &mut Problems) -> Option<u8> {
        if self.loops == LOOP_LIMIT {
            problems.report(span, ProblemKind::LoopsTooDeep { limit: LOOP_LIMIT });
            return None;
        }
        self.loops += 1;
        Some((self.loops - 1) as u8)
    }

    pub(super) fn close_loop(&mut self) {
        self.loops -= 1;
    }

    /// Behind the body of a loop whose first instruction stands `at`.
    pub(super) fn close_repeat(&mut self, at: usize, counter: u8, times: (u32, u32)) {
        self.close_loop();
        self.ops.push(Instruction::Again { counter, back: at as u32 + 1 });
        self.ops[at] = Instruction::Repeat { counter, times, end: self.ops.len() as u32 };
    }
}
