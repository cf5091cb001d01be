//! What leader and agents say to each other. All of it is JSON, small enough for one message.

use serde::{Deserialize, Serialize};

use super::clock::ClockEstimate;
use plimsoll_capacity::notes::LoadOrigin;
use plimsoll_load::engine::SteeringCommand;
use plimsoll_units::{Nanos, Rate, RunTime, Seed};

/// The leader looks for agents: sent again and again until enough have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCall {
    /// The run, by a word that no other run has.
    pub run: String,
    /// The system that is to be loaded.
    pub system: String,
    /// Who calls, by a word that no other leader has.
    pub leader: String,
    /// Whether the run is a step of a search: more follow, and agents stay with the leader until it is through.
    pub is_step: bool,
}

/// What a leader says again and again, whatever it is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaderSign {
    /// It lives.
    Alive,
    /// It is through with all of its runs.
    Over,
}

/// An agent offers to play a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The agent, by a word that no other has.
    pub agent: String,
    /// Where it runs, for people.
    pub host: String,
    /// Its version of plimsoll.
    pub version: String,
    /// SHA-256 of its program file.
    pub build: String,
    /// The shard that it is to play, from 1; any where it does not say.
    pub number: Option<u32>,
}

/// What the leader answers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinReply {
    /// It is taken on; work follows.
    Joined,
    /// It is not, and why.
    Refused(String),
}

/// One file of the scenario, as the leader read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkFile {
    /// Its path, as the scenario names it on the leader's machine.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// A step of a search for capacity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedSearchStep {
    /// What it is made of.
    pub origin: LoadOrigin,
    /// The seed of the search.
    pub seed: Seed,
    /// The maximum number of users; as many as the step may need where there is none.
    pub max_vus: Option<u32>,
    /// Its number, from 0, from which its arrivals follow.
    pub index: u64,
    /// Requests a second of all agents together.
    pub rate: Rate,
    /// How long it lasts.
    pub duration: Nanos,
    /// No answer may take longer before users run short.
    pub patience: Nanos,
    /// Whether agents reach the target before it begins.
    pub preflight: bool,
}

/// What an agent is to play.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Its shard, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
    /// The leader's command line, without the program's name.
    pub arguments: Vec<String>,
    /// The seed.
    pub seed: u64,
    /// When the run began by the leader's clock on the wall, RFC 3339 UTC.
    pub started_utc: String,
    /// All files that make the scenario.
    pub files: Vec<WorkFile>,
    /// What the setup has captured: where a user keeps it, and the value as JSON.
    pub given: Vec<(u16, String)>,
    /// A step of a search, where it is one; otherwise what the command line asks for.
    pub step: Option<LedSearchStep>,
}

/// Asks the leader for a part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRequest {
    /// The file, by its position in [`Work::files`].
    pub file: usize,
    /// Where the part begins, in bytes.
    pub offset: u64,
}

/// An agent that could start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentReady {
    /// Its shard, from 1.
    pub number: u32,
    /// All that shards of one run have in common, in words.
    pub facts: Vec<(String, String)>,
    /// Its clock against the leader's.
    pub clock: ClockEstimate,
}

/// What an agent tells and wants to be heard: it repeats it until the leader answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentTold {
    /// It could start.
    Ready(AgentReady),
    /// It cannot play, and why; with the exit code that the same would have by itself.
    Failed {
        /// Its shard, from 1.
        number: u32,
        /// Exit code.
        exit: u8,
        /// Why.
        why: String,
    },
    /// It knows when to start.
    Starting {
        /// Its shard, from 1.
        number: u32,
    },
    /// How well its clock is known by now.
    Clock {
        /// Its shard, from 1.
        number: u32,
        /// How far it may be off at the most.
        error: Nanos,
    },
    /// It has an order.
    Acknowledged {
        /// Its shard, from 1.
        number: u32,
        /// Which order.
        revision: u32,
        /// Whether the order came after the moment for which it was meant.
        late: bool,
    },
}

impl AgentTold {
    /// The shard of the agent that tells it, from 1.
    pub const fn number(&self) -> u32 {
        match self {
            Self::Ready(AgentReady { number, .. })
            | Self::Failed { number, .. }
            | Self::Starting { number }
            | Self::Clock { number, .. }
            | Self::Acknowledged { number, .. } => *number,
        }
    }
}

/// A steering command that all agents carry out at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SteeringOrder {
    /// Counts orders of a run from 1.
    pub revision: u32,
    /// When it takes effect.
    pub at: RunTime,
    /// What.
    pub command: SteeringCommand,
}

/// What the leader tells one agent or all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broadcast {
    /// This is to be played.
    Work(Box<Work>),
    /// The run begins when the leader's monotonic clock reads so much.
    Start(Nanos),
    /// A command.
    Order(SteeringOrder),
    /// The run does not take place, and why.
    Cancel(String),
}

/// The leader's half of a clock exchange: its monotonic clock when the question came, and when the answer left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReply {
    /// When the question came.
    pub received: Nanos,
    /// When the answer left.
    pub sent: Nanos,
}
