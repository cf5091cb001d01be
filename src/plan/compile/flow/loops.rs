//! Loops whose rounds data and answers decide: as often as they say, for each item of a list, while a condition holds.

use super::draft::{ExpectedRequests, ScenarioPlanDraft};
use super::parts::FlowParts;
use crate::{Condition, Escape, Instruction, Template, WhilePlan};
use plimsoll_scenario::Problems;
use plimsoll_scenario::schema::{StepKind, StepSpec};
use plimsoll_units::Nanos;

/// A loop whose body may be compiled now.
pub(super) struct BegunLoop<'a> {
    /// What is done in a round.
    pub(super) flow: &'a [StepSpec],
    depth: u8,
    /// Its first instruction.
    begin: usize,
    head: LoopHead,
    /// How many rounds are expected on average, where the author says so.
    rounds: Option<f64>,
}

/// What a round of a loop begins with.
enum LoopHead {
    /// Nothing, since what it would be is wrong.
    Unknown,
    Times(Template),
    Each {
        list: Condition,
        slot: crate::CaptureSlot,
        limit: u32,
    },
    While(WhilePlan),
}

impl<'a> FlowParts<'a> {
    /// A loop's first instructions; `None` where loops are nested too deep.
    pub(super) fn begin_loop(
        &self,
        step: &'a StepSpec,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> Option<BegunLoop<'a>> {
        let depth = draft.open_loop(step.span, problems)?;
        let templates = self.templates.after(draft.captured.as_ref());
        let (head, rounds, flow) = match &step.kind {
            StepKind::RepeatBy(repeat) => {
                let times = templates.compile(&repeat.times, Escape::None, problems);
                (LoopHead::Times(times), repeat.rounds, repeat.flow.as_slice())
            }
            StepKind::ForEach(each) => {
                let list = templates.condition(&each.list, problems);
                let limit = each.limit.unwrap_or(u32::MAX);
                let named = list.zip(templates.slot(&each.item.value));
                let head = named.map_or(LoopHead::Unknown, |(list, slot)| LoopHead::Each {
                    list,
                    slot,
                    limit,
                });
                if let Some(captured) = &mut draft.captured {
                    captured.insert(each.item.value.clone());
                }
                (head, each.rounds, each.flow.as_slice())
            }
            StepKind::While(held) => {
                let timeout = held.timeout.unwrap_or(Nanos::new(u64::MAX));
                let when = templates.condition(&held.when, problems);
                let head = when.map_or(LoopHead::Unknown, |when| {
                    LoopHead::While(WhilePlan { when, max: held.max, timeout })
                });
                (head, held.rounds, held.flow.as_slice())
            }
            _ => (LoopHead::Unknown, None, [].as_slice()),
        };
        let begin = draft.ops.len();
        draft.ops.extend([Instruction::Poll { depth }, Instruction::Jump(0)]);
        Some(BegunLoop { flow, depth, begin, head, rounds })
    }

    /// A wait that data decide.
    pub(super) fn think_by(
        &self,
        span: &'a plimsoll_scenario::Spanned<String>,
        draft: &mut ScenarioPlanDraft<'a>,
        problems: &mut Problems,
    ) -> ExpectedRequests {
        let templates = self.templates.after(draft.captured.as_ref());
        let span = templates.compile(span, Escape::None, problems);
        draft.ops.push(Instruction::ThinkBy { span, share: self.choice.think });
        ExpectedRequests::default()
    }
}

impl BegunLoop<'_> {
    /// Behind the body, of which a round asks for `round`.
    pub(super) fn end(
        self,
        draft: &mut ScenarioPlanDraft<'_>,
        round: ExpectedRequests,
    ) -> ExpectedRequests {
        let Self { depth, begin, head, rounds, .. } = self;
        draft.close_loop();
        let back = begin as u32 + 1;
        draft.ops.push(match head {
            LoopHead::Times(_) => Instruction::Again { counter: depth, back: back + 1 },
            _ => Instruction::Jump(back),
        });
        let end = draft.ops.len() as u32;
        match head {
            LoopHead::Times(times) => {
                draft.ops[begin + 1] = Instruction::RepeatBy { counter: depth, times, end };
            }
            LoopHead::Each { list, slot, limit } => {
                draft.ops[begin] = Instruction::ForEach { depth, list: Box::new(list) };
                draft.ops[begin + 1] = Instruction::NextItem { depth, slot, limit, end };
            }
            LoopHead::While(held) => {
                draft.ops[begin + 1] = Instruction::While { depth, held: Box::new(held), end };
            }
            LoopHead::Unknown => {}
        }
        round.in_rounds(rounds)
    }
}
