//! One run on many machines: what an agent and its leader say to each other, and how.
//!
//! An agent plays one shard, the leader gathers and plays no load. Logs are on the agents' disks first; what travels is
//! a copy. The live view is coarse and may be lost; the run log comes in order, whole and once, by `JetStream`.

mod carrier;
mod clock;
mod live;
mod message;
mod parcel;
mod presence;
mod subject;

pub use carrier::{Carrier, CarrierError, CarrierLogin, LogPiece, LogStream};
pub use clock::{ClockEstimate, ClockExchange, ClockFilter};
pub use live::{AgentChange, LiveMerge, coarse};
pub use message::{
    AgentCall, AgentReady, AgentTold, Broadcast, ClockReply, FileRequest, JoinReply, JoinRequest,
    LeaderSign, LedSearchStep, SteeringOrder, Work, WorkFile,
};
pub use parcel::{ParcelError, digest, pack, unpack};
pub use presence::{LeaderLoss, LeaderPresence, SIGN_EVERY};
pub use subject::RunSubjects;
