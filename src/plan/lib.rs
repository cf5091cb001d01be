//! The plan: a scenario with its overrides, seed and shard, in which nothing is optional any more.
//!
//! Whatever could be wrong has been said by now: every name is resolved to an index, every template is
//! compiled, every rate is in iterations per second. The engine only ever sees a plan.

mod browser;
mod check;
mod compile;
mod data;
mod delay;
mod failure;
mod flow;
mod http;
mod ids;
mod lifecycle;
mod load;
mod mix;
mod overrides;
mod proxy;
mod request;
mod session;
mod split;
mod stream;
mod target;
mod template;
mod users;
pub mod value;
mod whole;

pub use browser::{BrowserPlan, PageStep};
pub use check::{Capture, CaptureSource, Check, StatusSet};
pub use compile::compile;
pub use data::{Dataset, DealtRows, Pick, UsedUp};
pub use delay::Delay;
pub use failure::{OnFailure, RetryPlan};
pub use flow::{Instruction, Program, ScenarioPlan, WhilePlan};
pub use http::{
    AddressChoice, ClientTls, ConnectionUse, Correlation, DnsPlan, HttpPlan, HttpVersion, SourceNet,
};
pub use ids::{PlaybackId, RequestId, SessionId, StreamId};
pub use lifecycle::{Lifecycle, LifecyclePlan};
pub use load::{ArrivalLaw, Hook, Load, OpenLoad, Recording, Shard, Stage};
pub use mix::{MixSpan, ScenarioMix};
pub use overrides::{DEFAULT_SEED, Overrides};
pub use plimsoll_scenario::{FileContent, LargeFile};
pub use proxy::{DirectHost, ProxyPlan};
pub use request::{AwsSigning, Body, BodySource, Filler, Media, RequestPlan, UploadPiece};
pub use session::{HeldSession, LoginTurn, SessionPlan, SharedLogin};
pub use split::Split;
pub use stream::{
    PlaybackPlan, PollPlan, SocketMessage, SocketMessageForm, StreamKind, StreamPlan, VariantChoice,
};
pub use target::Target;
pub use template::{
    AskedNames, CaptureSlot, Condition, DrawnNumbers, ENCODED, Escape, RenderError, ScopeValues,
    Template, TemplateError, TemplateFiles, TemplateNames, TemplatePiece, TemplateScope,
    TemplateSet, Variables,
};
pub use users::{ClosedLoad, SharedIterations, VuStage};
pub use whole::{Plan, SECRET_MIN};

pub use plimsoll_scenario::redact;
pub use plimsoll_scenario::schema::{
    BrowserNetwork, CaptureTake, Matcher, PageMilestone, PageWait, SessionScope,
};
