//! `scenario.yaml` as written: a mirror of the file in which every value knows its place.
//!
//! Reading is lenient: a part that is wrong is reported and left out or replaced, so that the compiler can
//! still look at the rest. Only a file without problems becomes a plan.

mod browser;
mod check;
mod data;
mod delay;
mod failure;
mod graphql;
mod http;
mod lifecycle;
mod request;
mod session;
mod slo;
mod step;
mod stream;
mod workload;

use std::path::PathBuf;

pub use browser::{BrowserNetwork, BrowserSpec, PageMilestone, PageStepSpec, PageWait};
pub(crate) use check::json_path;
pub use check::{CaptureFrom, CaptureSpec, CaptureTake, CheckSpec, Matcher};
pub use data::{DataFile, DataFormat, PickSpec, UsedUp};
pub use delay::DelaySpec;
pub use failure::{OnFailureSpec, RetrySpec};
pub use http::{
    AddressChoiceSpec, AddressRange, ConnectionsSpec, CorrelationSpec, HttpSpec, HttpVersionSpec,
    TlsSpec, own_header,
};
pub use lifecycle::LifecycleSpec;
pub use request::{AwsSignSpec, BodySpec, GraphqlSpec, RequestSpec, UploadContent, UploadPartSpec};
pub use session::{SessionScope, SessionSpec};
pub use slo::{SloRowSpec, SloScope};
pub use step::{Branch, ForEachSpec, PollSpec, RepeatBySpec, StepKind, StepSpec, WhileSpec};
pub use stream::{PlaybackSpec, SocketMessageSpec, StreamKindSpec, StreamSpec, VariantSpec};
pub use workload::{
    ArrivalLawSpec, ChosenScenario, ClosedShape, HookSpec, OpenShape, RecordedShape, StageLength,
    StageSpec, VuStageSpec, VusSpec, Workload, WorkloadShape,
};

use super::declared::flow::SCENARIO;
use super::declared::scenario::ROOT;
use super::decode::texts;
use super::names::{EntityName, name_of_key};
use super::{Fields, Node, NodeValue, ProblemKind, Problems, Span, Spanned, Stack, entries};

/// A scenario file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The folder that the paths in it are relative to.
    pub folder: PathBuf,
    /// The system's name.
    pub name: Spanned<String>,
    /// Where requests go: a URL.
    pub target: Spanned<String>,
    /// A second target, to which a workload may send a share of its arrivals: a URL.
    pub green: Option<Spanned<String>>,
    /// The path of the stack's file.
    pub stack_file: Option<Spanned<String>>,
    /// The stack's file, where there is one.
    pub stack: Option<Stack>,
    /// The data sets.
    pub data: Vec<DataFile>,
    /// Defaults for every request.
    pub http: HttpSpec,
    /// The workloads, in the order of the file.
    pub workloads: Vec<Workload>,
    /// Flows that others use.
    pub flows: Vec<NamedFlow>,
    /// Sessions that requests may ask for.
    pub sessions: Vec<SessionSpec>,
    /// What is done before the first arrival.
    pub setup: Option<LifecycleSpec>,
    /// What is done behind the last answer.
    pub teardown: Option<LifecycleSpec>,
    /// The journeys.
    pub scenarios: Vec<JourneySpec>,
    /// Users with a real browser.
    pub browsers: Vec<BrowserSpec>,
    /// The SLO table.
    pub slo: Vec<SloRowSpec>,
    /// What ends a run early.
    pub abort: Vec<Spanned<String>>,
    /// Hosts outside loopback and private ranges that may be loaded.
    pub allow_hosts: Vec<Spanned<String>>,
    /// Where the file begins.
    pub span: Span,
}

/// A flow that others use.
#[derive(Debug, Clone)]
pub struct NamedFlow {
    /// Its name.
    pub name: Spanned<String>,
    /// What it does.
    pub flow: Vec<StepSpec>,
}

/// One scripted journey.
#[derive(Debug, Clone)]
pub struct JourneySpec {
    /// Its name.
    pub name: Spanned<String>,
    /// Its weight among all.
    pub weight: Spanned<f64>,
    /// What it does.
    pub flow: Vec<StepSpec>,
}

impl Scenario {
    /// Reads the tree of a file.
    pub fn read(node: &Node, folder: PathBuf, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(node, &ROOT, problems)?;
        let nothing = Spanned::new(String::new(), fields.span());
        let name: Option<EntityName> = fields.read("name", problems);
        // What stands in them is in this tree already.
        fields.node("include", problems);
        fields.node("vars", problems);
        let scenario = Self {
            folder,
            name: name.map_or(nothing.clone(), |name| name.0),
            target: fields.read("target", problems).unwrap_or(nothing),
            green: fields.read("green", problems),
            stack_file: fields.read("stack", problems),
            stack: None,
            data: named(&mut fields, "data", problems, data::read),
            http: fields
                .node("http", problems)
                .map(|node| HttpSpec::read(node, problems))
                .unwrap_or_default(),
            workloads: named(&mut fields, "workloads", problems, workload::read),
            flows: named(&mut fields, "flows", problems, |name, node, problems| {
                Some(NamedFlow { name, flow: step::flow(node, problems) })
            }),
            sessions: named(&mut fields, "sessions", problems, session::read),
            setup: lifecycle(&mut fields, "setup", problems),
            teardown: lifecycle(&mut fields, "teardown", problems),
            scenarios: named(&mut fields, "scenarios", problems, journey),
            browsers: named(&mut fields, "browsers", problems, browser::read),
            slo: fields
                .node("slo", problems)
                .map(|node| slo::read(node, problems))
                .unwrap_or_default(),
            abort: fields
                .node("abort", problems)
                .map(|node| texts(node, problems))
                .unwrap_or_default(),
            allow_hosts: fields.or("allow_hosts", vec![], problems),
            span: fields.span(),
        };
        require_parts(node, problems);
        fields.finish(problems);
        Some(scenario)
    }

    /// All lists of steps that stand on their own: named flows, logins, setup, teardown, journeys.
    pub fn all_flows(&self) -> impl Iterator<Item = &[StepSpec]> {
        let named = self.flows.iter().map(|named| &named.flow);
        let logins = self.sessions.iter().map(|session| &session.login);
        let once = [&self.setup, &self.teardown].into_iter().flatten().map(|once| &once.flow);
        let journeys = self.scenarios.iter().map(|journey| &journey.flow);
        named.chain(logins).chain(once).chain(journeys).map(Vec::as_slice)
    }
}

/// Reports parts that are there and empty.
fn require_parts(node: &Node, problems: &mut Problems) {
    for field in ["scenarios", "workloads"] {
        let Some(given) = node.get(field) else { continue };
        if matches!(&given.value, NodeValue::Mapping(entries) if entries.is_empty()) {
            problems.report(given.span, ProblemKind::Empty { what: field });
        }
    }
}

/// Reads a field whose keys are names that the author chose.
fn named<T>(
    fields: &mut Fields<'_>,
    field: &'static str,
    problems: &mut Problems,
    mut read: impl FnMut(Spanned<String>, &Node, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let Some(node) = fields.node(field, problems) else { return vec![] };
    let Some(entries) = entries(node, "a mapping of names", problems) else { return vec![] };
    entries
        .iter()
        .filter_map(|(key, node)| read(name_of_key(key, problems), node, problems))
        .collect()
}

fn lifecycle(
    fields: &mut Fields<'_>,
    field: &'static str,
    problems: &mut Problems,
) -> Option<LifecycleSpec> {
    fields.node(field, problems).and_then(|node| lifecycle::read(node, problems))
}

fn journey(name: Spanned<String>, node: &Node, problems: &mut Problems) -> Option<JourneySpec> {
    let mut fields = Fields::of(node, &SCENARIO, problems)?;
    let weight = fields.or("weight", Spanned::new(1.0, name.span), problems);
    let flow =
        fields.node("flow", problems).map(|node| step::flow(node, problems)).unwrap_or_default();
    fields.finish(problems);
    Some(JourneySpec { name, weight, flow })
}
