//! `browsers:`: real browsers beside the load.

use super::delay::{DelaySpec, law};
use super::step::only_entry;
use crate::declared::browser::{BROWSER, CLICK, NETWORK, OPEN_PAGE, PAGE_STEP, TYPE};
use crate::decode::text_map;
use crate::{Fields, Node, ProblemKind, Problems, Spanned, list, one_or_many, text};
use plimsoll_units::{Nanos, ParseUnitError, Rate, words};

/// Users with a real browser.
#[derive(Debug, Clone)]
pub struct BrowserSpec {
    /// Their name.
    pub name: Spanned<String>,
    /// How many.
    pub vus: u32,
    /// Page loads over all of them; as many as come about if not given.
    pub rate: Option<Rate>,
    /// Whether cache and cookies outlive an iteration.
    pub is_warm: bool,
    /// For how long they play before the first arrival.
    pub baseline: Nanos,
    /// The workloads beside which they play; empty for all.
    pub workloads: Vec<Spanned<String>>,
    /// A slower network.
    pub network: BrowserNetwork,
    /// How many times as slow the processor is.
    pub cpu_slowdown: f64,
    /// The longest time for one step.
    pub timeout: Nanos,
    /// Headers of all its requests.
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// Whether each page is pictured as it looked in its worst load.
    pub pictures_worst: bool,
    /// What a user does before its flow in each new context.
    pub login: Vec<PageStepSpec>,
    /// What a user does.
    pub flow: Vec<PageStepSpec>,
}

/// What a browser adds to its requests.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BrowserNetwork {
    /// Least time from request to first byte.
    pub latency: Nanos,
    /// Most that comes in, in bits per second; as much as there is if not given.
    pub down_bits: Option<f64>,
    /// Most that goes out, in bits per second; as much as there is if not given.
    pub up_bits: Option<f64>,
}

words! {
    /// How far a document must come before a flow goes on.
    pub enum PageMilestone {
        /// All that it needs is there.
        Load = "load",
        /// It is parsed, and its scripts have run; pictures may be missing.
        Dcl = "dcl",
    }
}

impl PageMilestone {
    /// What the `DevTools` protocol calls it.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Dcl => "DOMContentLoaded",
        }
    }
}

/// What a step waits for before the flow goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageWait {
    /// How far a document must come, if the step leads to one.
    pub until: PageMilestone,
    /// An element that must be there then.
    pub selector: Option<String>,
}

/// A step of a browser.
#[derive(Debug, Clone)]
pub enum PageStepSpec {
    /// Load a page.
    Open {
        /// Its name.
        name: Spanned<String>,
        /// Its URL, a template.
        url: Spanned<String>,
        /// When the flow goes on.
        wait: PageWait,
    },
    /// Click an element.
    Click {
        /// The element.
        selector: String,
        /// The page that it leads to.
        name: Option<Spanned<String>>,
        /// When the flow goes on.
        wait: PageWait,
    },
    /// Type into an element.
    Type {
        /// The element.
        selector: String,
        /// What is typed, a template.
        text: Spanned<String>,
    },
    /// Do nothing for a while.
    Think(DelaySpec),
}

impl PageStepSpec {
    /// The name of the page that it loads, if it does.
    pub const fn page(&self) -> Option<&Spanned<String>> {
        match self {
            Self::Open { name, .. } => Some(name),
            Self::Click { name, .. } => name.as_ref(),
            Self::Type { .. } | Self::Think(_) => None,
        }
    }
}

/// How many may play at once where a rate is given and no number of users.
const VUS_OF_RATE: u32 = 4;
const DEFAULT_TIMEOUT: Nanos = Nanos::from_secs(30);

/// Reads one browser.
pub(super) fn read(
    name: Spanned<String>,
    node: &Node,
    problems: &mut Problems,
) -> Option<BrowserSpec> {
    let before = problems.len();
    let mut fields = Fields::of(node, &BROWSER, problems)?;
    let contexts = [("fresh", false), ("warm", true)];
    let screenshots = [("none", false), ("worst", true)];
    let network = fields.node("network", problems).and_then(|node| network(node, problems));
    let (login, flow) = (fields.node("login", problems), fields.node("flow", problems));
    let workloads = fields.node("workloads", problems);
    let cpu = amount(&mut fields, "cpu", "4x slower", slowdown, problems);
    let rate = amount(&mut fields, "rate", "6 pages/min", page_rate, problems);
    let vus = if rate.is_some() { VUS_OF_RATE } else { 1 };
    let spec = BrowserSpec {
        name,
        vus: fields.or("vus", vus, problems),
        rate,
        is_warm: fields.word("context", &contexts, problems).unwrap_or(false),
        baseline: fields.or("baseline", Nanos::ZERO, problems),
        workloads: workloads.map(|node| names(node, problems)).unwrap_or_default(),
        network: network.unwrap_or_default(),
        cpu_slowdown: cpu.unwrap_or(1.0),
        timeout: fields.or("timeout", DEFAULT_TIMEOUT, problems),
        headers: fields
            .node("headers", problems)
            .map(|node| text_map(node, "a mapping of headers", problems))
            .unwrap_or_default(),
        pictures_worst: fields.word("screenshot", &screenshots, problems).unwrap_or(false),
        login: login.map(|node| steps(node, problems)).unwrap_or_default(),
        flow: flow.map(|node| steps(node, problems)).unwrap_or_default(),
    };
    fields.finish(problems);
    let opens = |step: &PageStepSpec| matches!(step, PageStepSpec::Open { .. });
    if let Some(node) = flow.filter(|_| !spec.flow.iter().any(opens) && problems.len() == before) {
        problems.report(node.span, ProblemKind::Empty { what: "the flow: it opens no page" });
    }
    Some(spec)
}

fn names(node: &Node, problems: &mut Problems) -> Vec<Spanned<String>> {
    let name = |node: &Node| {
        let found = text(node, "the name of a workload", problems)?;
        Some(Spanned::new(found.to_owned(), node.span))
    };
    one_or_many(node).iter().filter_map(name).collect()
}

/// A field that is a number with a unit of its own, read by `read`; `example` is one that is right.
fn amount<T>(
    fields: &mut Fields<'_>,
    name: &str,
    example: &'static str,
    read: fn(&str) -> Option<T>,
    problems: &mut Problems,
) -> Option<T> {
    let text: Spanned<String> = fields.read(name, problems)?;
    let value = read(&text.value);
    if value.is_none() {
        let error = ParseUnitError::Form { example };
        problems.report(text.span, ProblemKind::BadUnit { found: text.value, error });
    }
    value
}

/// The number of a text, without sign and exponent, and what stands behind it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

/// `4x slower`.
fn slowdown(text: &str) -> Option<f64> {
    let (times, unit) = number(text)?;
    (unit == "x slower" && times >= 1.0).then_some(times)
}

/// `6 pages/min`, above zero.
fn page_rate(text: &str) -> Option<Rate> {
    let (pages, unit) = number(text)?;
    let seconds = match unit {
        " page/s" | " pages/s" => 1.0,
        " page/min" | " pages/min" => 60.0,
        " page/h" | " pages/h" => 3_600.0,
        _ => return None,
    };
    (pages > 0.0).then(|| Rate::per_second(pages / seconds))
}

/// `10 Mbit/s`, above zero.
fn bits(text: &str) -> Option<f64> {
    let (bits, unit) = number(text)?;
    let factor = match unit {
        " bit/s" => 1.0,
        " kbit/s" => 1e3,
        " Mbit/s" => 1e6,
        " Gbit/s" => 1e9,
        _ => return None,
    };
    (bits > 0.0).then_some(bits * factor)
}

fn network(node: &Node, problems: &mut Problems) -> Option<BrowserNetwork> {
    let mut fields = Fields::of(node, &NETWORK, problems)?;
    let spec = BrowserNetwork {
        latency: fields.or("latency", Nanos::ZERO, problems),
        down_bits: amount(&mut fields, "down", "10 Mbit/s", bits, problems),
        up_bits: amount(&mut fields, "up", "5 Mbit/s", bits, problems),
    };
    fields.finish(problems);
    Some(spec)
}

fn steps(node: &Node, problems: &mut Problems) -> Vec<PageStepSpec> {
    let Some(items) = list(node, "a list of steps", problems) else { return vec![] };
    items.iter().filter_map(|item| step(item, problems)).collect()
}

/// When a flow goes on behind a step.
fn wait(fields: &mut Fields<'_>, problems: &mut Problems) -> PageWait {
    let milestones = [("load", PageMilestone::Load), ("dcl", PageMilestone::Dcl)];
    PageWait {
        until: fields.word("until", &milestones, problems).unwrap_or(PageMilestone::Load),
        selector: fields.read("wait", problems),
    }
}

fn step(node: &Node, problems: &mut Problems) -> Option<PageStepSpec> {
    let (key, value) = only_entry(node, problems)?;
    match key.text.as_str() {
        "open" => {
            let mut fields = Fields::of(value, &OPEN_PAGE, problems)?;
            let (name, url) = (fields.read("name", problems), fields.read("url", problems));
            let wait = wait(&mut fields, problems);
            fields.finish(problems);
            Some(PageStepSpec::Open { name: name?, url: url?, wait })
        }
        "click" => {
            let mut fields = Fields::of(value, &CLICK, problems)?;
            let selector = fields.read("selector", problems);
            let (name, wait) = (fields.read("name", problems), wait(&mut fields, problems));
            fields.finish(problems);
            Some(PageStepSpec::Click { selector: selector?, name, wait })
        }
        "type" => {
            let mut fields = Fields::of(value, &TYPE, problems)?;
            let (selector, text) =
                (fields.read("selector", problems), fields.read("text", problems));
            fields.finish(problems);
            Some(PageStepSpec::Type { selector: selector?, text: text? })
        }
        "think" => law(value, problems).map(PageStepSpec::Think),
        kind => {
            let kind = ProblemKind::UnknownStep { kind: kind.to_owned(), known: PAGE_STEP.names() };
            problems.report(key.span, kind);
            None
        }
    }
}
