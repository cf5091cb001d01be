//! Flows as small programs: a user is a position in one, and a few counters.

use minijinja::Value;

use super::{Condition, Delay, PlaybackId, PollPlan, RequestId, SessionId, StreamId, Template};
use plimsoll_metrics::StepId;
use plimsoll_units::Nanos;

/// A loop that has a condition.
#[derive(Debug, Clone)]
pub struct WhilePlan {
    /// The condition.
    pub when: Condition,
    /// The most rounds.
    pub max: u32,
    /// No round begins after so long.
    pub timeout: Nanos,
}

/// One instruction.
#[derive(Debug, Clone)]
pub enum Instruction {
    /// Send a request and await its response.
    Request(RequestId),
    /// Do nothing for a while.
    Think(Delay),
    /// Draw a number of rounds into a counter; skip to `end` if it is zero.
    Repeat {
        /// Which counter: the depth of nesting.
        counter: u8,
        /// Least and greatest number of rounds, equally likely between.
        times: (u32, u32),
        /// Behind the loop.
        end: u32,
    },
    /// Count one round off; go `back` unless none is left.
    Again {
        /// Which counter.
        counter: u8,
        /// The first instruction of the loop's body.
        back: u32,
    },
    /// Do nothing for as long as a template says.
    ThinkBy {
        /// The template.
        span: Template,
        /// The share of it that users take.
        share: f64,
    },
    /// Take a number of rounds from a template into a counter; skip to `end` if it is zero.
    RepeatBy {
        /// Which counter: the depth of nesting.
        counter: u8,
        /// The template.
        times: Template,
        /// Behind the loop.
        end: u32,
    },
    /// Begin with a list; [`Instruction::NextItem`] follows.
    ForEach {
        /// Which counter: the depth of nesting.
        depth: u8,
        /// The list: an expression.
        list: Box<Condition>,
    },
    /// Give the next item its name, or go to `end` if there is none or there were so many.
    NextItem {
        /// Which counter: the depth of nesting.
        depth: u8,
        /// Where the item is kept.
        slot: super::CaptureSlot,
        /// The most items.
        limit: u32,
        /// Behind the loop.
        end: u32,
    },
    /// Go to `end` unless another round of a loop is due.
    While {
        /// Which counter: the depth of nesting.
        depth: u8,
        /// The loop.
        held: Box<WhilePlan>,
        /// Behind it.
        end: u32,
    },
    /// Skip to `end` unless the condition holds.
    If {
        /// The condition.
        when: Condition,
        /// Behind the branch.
        end: u32,
    },
    /// Go on at one of several places, by weight.
    Choose(Vec<(f64, u32)>),
    /// Go on elsewhere.
    Jump(u32),
    /// Give a variable a value.
    Set(super::CaptureSlot, Value),
    /// Send several requests at once and await all responses.
    Parallel(Vec<RequestId>),
    /// Wait until so much time has passed since the last such point, or since the iteration's intended start.
    Pace(Nanos),
    /// Begin to poll, or a loop that has a condition; the deepest may be nested as loops are.
    Poll {
        /// Which counter: the depth of nesting.
        depth: u8,
    },
    /// End a round of a poll: go on, or wait and go `back`, or fail.
    PollAgain {
        /// Which counter: the depth of nesting.
        depth: u8,
        /// The poll.
        poll: Box<PollPlan>,
        /// The first instruction of a round.
        back: u32,
    },
    /// Skip to `held` if the session is held; otherwise the login follows, and [`Instruction::SessionBegun`].
    SessionNeeded {
        /// The session.
        session: SessionId,
        /// Behind the login.
        held: u32,
    },
    /// The login is through: use the session.
    SessionBegun(SessionId),
    /// Behind a request: if its answer said that the session has ended, count that and go back.
    SessionRefused {
        /// The session.
        session: SessionId,
        /// Its [`Instruction::SessionNeeded`].
        again: u32,
        /// The metric's key of its age at that moment.
        expired: StepId,
    },
    /// Open a stream and read it to its end.
    Stream(StreamId),
    /// Begin to watch a video. The session, the playlist's request and [`Instruction::PlayList`] follow.
    PlayBegin(PlaybackId),
    /// Read the playlist that was captured: go on if it names variants, to `segments` if it names segments.
    PlayList {
        /// The playback.
        playback: PlaybackId,
        /// Behind the request for the chosen variant.
        segments: u32,
    },
    /// Choose what a player does now: wait, go to `renew`, go to `end`, or go on to load the next segment.
    PlayNext {
        /// The playback.
        playback: PlaybackId,
        /// The first instruction behind [`Instruction::PlayBegin`]: the session, or the playlist.
        renew: u32,
        /// The requests for the playlist and for its variant, to which a live one goes back.
        reload: (u32, u32),
        /// Behind the playback's loop.
        end: u32,
    },
    /// A segment is there: go on `back`.
    PlayLoaded {
        /// The playback.
        playback: PlaybackId,
        /// The instruction that chooses.
        back: u32,
    },
    /// The viewer stops: record what was played and what stalled.
    PlayEnd {
        /// The playback.
        playback: PlaybackId,
        /// Which of the two.
        stalled: bool,
    },
}

/// A compiled flow. It ends behind its last instruction.
#[derive(Debug, Clone, Default)]
pub struct Program(pub Vec<Instruction>);

/// One journey.
#[derive(Debug, Clone)]
pub struct ScenarioPlan {
    /// Its name.
    pub name: String,
    /// Its weight among all; positive.
    pub weight: f64,
    /// What a user does.
    pub program: Program,
    /// Expected requests an iteration. Branches behind `if` count as taken. 0 where there is a loop of which nobody says
    /// how many rounds it makes, in this scenario or another one.
    pub requests_per_iteration: f64,
}
