//! Walks a test plan: thread groups, controllers, samplers, and what holds for them.

use std::collections::BTreeSet;

use super::controller::controlled;
use super::data::{ReadPlanFile, data_set, file_of, name_of};
use super::load::{UserRow, arrivals_of, loops_of, rows_of, workload};
use super::sampler::{SamplerWriter, origin};
use super::scope::SamplerScope;
use super::tree::XmlElement;
use crate::draft::{JourneyDraft, StepDraft};
use crate::names::{UniqueNames, snake};
use crate::secrets::{FoundSecrets, is_secret_key};
use crate::yaml::{YamlEntry, YamlValue};
use plimsoll_units::Nanos;

/// Where requests go if nothing tells it.
const TARGET: &str = "http://127.0.0.1:8080";
/// How long a workload lasts if nothing tells it, in seconds.
const DURATION_S: u64 = 300;

/// A data set of a plan.
pub(super) struct PlanRows {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) pick: &'static str,
}

/// What a plan becomes.
pub(super) struct WalkedPlan {
    pub(super) journeys: Vec<JourneyDraft>,
    pub(super) workloads: Vec<YamlEntry>,
    /// Data sets.
    pub(super) data: Vec<PlanRows>,
    pub(super) target: String,
    pub(super) secrets: FoundSecrets,
}

/// Walks a plan.
pub(super) struct PlanWalker<'a, 'r> {
    writer: SamplerWriter<'a>,
    read: &'a mut ReadPlanFile<'r>,
    journeys: Vec<JourneyDraft>,
    names: UniqueNames<usize>,
    /// Users of all thread groups.
    rows: Vec<UserRow>,
    /// How many iterations all of them play, where that is what ends each group.
    iterations: f64,
    is_counted: bool,
    /// Stages of groups whose iterations begin at a rate.
    arrivals: Vec<YamlValue>,
    /// Iterations a second, where timers of throughput say so.
    throughput: Option<f64>,
    data: Vec<PlanRows>,
    sets: UniqueNames<usize>,
}

impl<'a, 'r> PlanWalker<'a, 'r> {
    pub(super) fn new(writer: SamplerWriter<'a>, read: &'a mut ReadPlanFile<'r>) -> Self {
        Self {
            writer,
            read,
            journeys: vec![],
            names: UniqueNames::default(),
            rows: vec![],
            iterations: 0.0,
            is_counted: true,
            arrivals: vec![],
            throughput: None,
            data: vec![],
            sets: UniqueNames::default(),
        }
    }

    pub(super) fn plan(&mut self, root: &XmlElement) {
        self.variables(root);
        let mut target = None;
        first_origin(&self.writer, root, &SamplerScope::default(), &mut target);
        if target.is_none() {
            self.writer
                .notes
                .change("it names no server that is known: this one is used instead", TARGET);
        }
        self.writer.target = target.unwrap_or_else(|| TARGET.to_owned());
        for tree in root.children.iter().filter(|child| child.name == "hashTree") {
            for (element, below) in tree.branches() {
                if let (true, Some(below)) = (element.is_enabled(), below) {
                    let mut scope = SamplerScope::default();
                    self.groups(below, &mut scope);
                }
            }
        }
    }

    /// User-defined variables, wherever they stand: `JMeter` reads them before anything runs.
    fn variables(&mut self, element: &XmlElement) {
        let defined = matches!(element.name.as_str(), "Arguments")
            || element.attribute("name") == "TestPlan.user_defined_variables";
        if defined && element.attribute("name") != "HTTPsampler.Arguments" {
            for argument in element.items("Arguments.arguments") {
                let value = argument.property("Argument.value").to_owned();
                self.writer
                    .variables
                    .values
                    .insert(argument.property("Argument.name").to_owned(), value);
            }
        }
        for child in element.children.iter().filter(|child| child.is_enabled()) {
            if child.attribute("name") != "HTTPsampler.Arguments" {
                self.variables(child);
            }
        }
    }

    fn groups<'x>(&mut self, tree: &'x XmlElement, scope: &mut SamplerScope<'x>) {
        self.gather(tree, scope);
        for (element, below) in
            tree.branches().into_iter().filter(|(element, _)| element.is_enabled())
        {
            match element.name.as_str() {
                "ThreadGroup"
                | "kg.apc.jmeter.threads.UltimateThreadGroup"
                | "kg.apc.jmeter.threads.SteppingThreadGroup"
                | "com.blazemeter.jmeter.threads.concurrency.ConcurrencyThreadGroup"
                | "com.blazemeter.jmeter.threads.arrivals.ArrivalsThreadGroup"
                | "OpenModelThreadGroup" => {
                    self.group(element, below, scope);
                }
                "SetupThreadGroup" | "PostThreadGroup" => {
                    self.writer.notes.drop("what runs before or after a test", element.shown());
                }
                name if is_listener(name) => {
                    self.writer.notes.drop("listeners: reports show what they do", element.shown());
                }
                _ => {}
            }
        }
    }

    fn group<'x>(
        &mut self,
        group: &'x XmlElement,
        below: Option<&'x XmlElement>,
        scope: &SamplerScope<'x>,
    ) {
        let mut scope = scope.clone();
        let steps = below.map(|tree| self.steps(tree, &mut scope)).unwrap_or_default();
        if steps.iter().all(|step| matches!(step, StepDraft::Law(_))) {
            self.writer.notes.drop("a thread group without HTTP requests", group.shown());
            return;
        }
        let variables = &self.writer.variables;
        let expanded = |text: &str| variables.expanded(text);
        let number = |name: &str| expanded(group.property(name)).parse::<f64>().ok();
        let loops = loops_of(group, &expanded);
        let arrivals = arrivals_of(group, &number);
        let mut rows = rows_of(group, &number, DURATION_S as f64);
        let lasts = group.flag("ThreadGroup.scheduler") || group.name.contains('.');
        if let Some(stages) = arrivals {
            self.arrivals.push(stages);
            rows.clear();
        } else if rows.is_empty() {
            let change = "its number of users is not told: 1 is used instead";
            self.writer.notes.change(change, group.shown());
            let hold = DURATION_S as f64;
            rows.push(UserRow { users: 1.0, delay: 0.0, startup: 0.0, hold, shutdown: 0.0 });
        }
        let users: f64 = rows.iter().map(|row| row.users).sum();
        match loops {
            Some(loops) => self.iterations += users * loops,
            None if !lasts => {
                let reason =
                    format!("it has no end of its own: {} instead", Nanos::from_secs(DURATION_S));
                self.writer.notes.change(reason, group.shown());
                self.is_counted = false;
            }
            None => self.is_counted = false,
        }
        self.rows.extend(rows);
        let hint = snake(group.attribute("testname"));
        let hint = if hint.is_empty() { "users".to_owned() } else { hint };
        self.journeys.push(JourneyDraft {
            name: self.names.give(&std::ptr::from_ref(group).addr(), &[hint]),
            weight: Some((users as u64).max(1)),
            steps,
            comment: None,
        });
    }

    /// Takes in what holds for all samplers of a tree, wherever in it it stands.
    fn gather<'x>(&mut self, tree: &'x XmlElement, scope: &mut SamplerScope<'x>) {
        for (element, _) in tree.branches() {
            if !element.is_enabled() {
                self.writer.notes.drop("switched off", element.shown());
                continue;
            }
            match element.name.as_str() {
                "CSVDataSet" => self.data_set(element),
                "ConstantThroughputTimer" | "PreciseThroughputTimer" => self.throughput(element),
                _ => {
                    scope.take(element);
                }
            }
        }
    }

    fn throughput(&mut self, timer: &XmlElement) {
        // A constant one counts per minute, a precise one per period of seconds.
        let text = timer.property("throughput");
        let period = timer
            .number("throughputPeriod")
            .filter(|_| timer.name.starts_with("Precise"))
            .unwrap_or(if timer.name.starts_with("Precise") { 3_600.0 } else { 60.0 });
        match text.parse::<f64>() {
            Ok(samples) if samples > 0.0 => {
                self.throughput = Some(self.throughput.unwrap_or(0.0) + samples / period);
            }
            _ => self.writer.notes.drop("a timer whose throughput is not told", timer.shown()),
        }
    }

    fn data_set(&mut self, set: &XmlElement) {
        let path = self.writer.variables.expanded(set.property("filename"));
        let name = self.sets.give(&std::ptr::from_ref(set).addr(), &[name_of(&path)]);
        let text = (self.read)(&path).or_else(|| (self.read)(file_of(&path)));
        if text.is_none() {
            let what = format!("{name}.csv ({path})");
            self.writer.notes.change("a data file that cannot be read: write its rows", what);
        }
        let Some(found) = data_set(set, &text.unwrap_or_default()) else { return };
        for (column, plain) in found.columns {
            if is_secret_key(&column) {
                let reason = "a data file with secrets: keep it out of version control";
                self.writer.notes.change(reason, format!("{name}.csv: `{plain}`"));
            }
            self.writer.variables.columns.insert(column, format!("{name}.{plain}"));
        }
        if matches!(set.property("shareMode"), "shareMode.thread" | "shareMode.group") {
            let change =
                "rows that each thread or group read for itself: dealt to all users in turn";
            self.writer.notes.change(change, format!("{name}.csv"));
        }
        let pick = if set.property("recycle") == "false" { "once" } else { "sequential" };
        self.data.push(PlanRows { name, text: found.text, pick });
    }

    fn steps<'x>(&mut self, tree: &'x XmlElement, scope: &mut SamplerScope<'x>) -> Vec<StepDraft> {
        self.gather(tree, scope);
        let mut steps = vec![];
        for (element, below) in
            tree.branches().into_iter().filter(|(element, _)| element.is_enabled())
        {
            match element.name.as_str() {
                "HTTPSamplerProxy" | "HTTPSampler" | "HTTPSampler2" => {
                    self.sampler(element, below, (scope, &mut steps));
                }
                "TestAction" => steps.extend(pause(element)),
                _ if is_controller(&element.name) => {
                    let inner =
                        below.map(|tree| self.steps(tree, &mut scope.clone())).unwrap_or_default();
                    steps.extend(controlled(element, inner, &mut self.writer));
                }
                name if is_held(name) => {}
                name if is_listener(name) => {
                    self.writer.notes.drop("listeners: reports show what they do", element.shown());
                }
                name if name.ends_with("Sampler") => {
                    self.writer
                        .notes
                        .drop("a sampler of another protocol, or of code", element.shown());
                }
                _ => self
                    .writer
                    .notes
                    .drop("an element that no step or setting stands for", element.shown()),
            }
        }
        steps
    }

    fn sampler<'x>(
        &mut self,
        sampler: &'x XmlElement,
        below: Option<&'x XmlElement>,
        (scope, steps): (&SamplerScope<'x>, &mut Vec<StepDraft>),
    ) {
        let mut scope = scope.clone();
        if let Some(below) = below {
            self.gather(below, &mut scope);
            for (element, _) in below.branches() {
                if element.is_enabled() && !is_held(&element.name) {
                    self.writer
                        .notes
                        .drop("an element that no step or setting stands for", element.shown());
                }
            }
        }
        if let Some(step) = self.writer.step(sampler, &scope) {
            // Timers wait before the sampler.
            steps.extend(scope.timers.iter().cloned().map(StepDraft::Law));
            steps.push(StepDraft::Request(Box::new(step)));
        }
    }

    pub(super) fn finish(self) -> WalkedPlan {
        let mut workloads = vec![];
        if !self.rows.is_empty() {
            let mut fields = workload(&self.rows);
            if self.is_counted && self.iterations >= 1.0 {
                // Whoever repeats something so often is through when it is.
                let users: f64 = self.rows.iter().map(|row| row.users).sum();
                let number = |number: f64| YamlValue::plain(number.min(1e6).to_string());
                fields = vec![
                    YamlEntry::new("vus", number(users)),
                    YamlEntry::new(
                        "iterations",
                        YamlValue::plain(self.iterations.min(4e9).to_string()),
                    ),
                ];
            }
            workloads.push(
                YamlEntry::new("users", YamlValue::Map(fields))
                    .with_comment("The users of all thread groups."),
            );
        }
        if !self.arrivals.is_empty() {
            let stages = YamlEntry::new("stages", YamlValue::List(self.arrivals));
            workloads.push(YamlEntry::new("arrivals", YamlValue::Map(vec![stages])));
        }
        let longest = self.rows.iter().map(|row| row.startup + row.hold).fold(0.0, f64::max);
        let longest = if longest < 1.0 { DURATION_S } else { longest as u64 };
        let duration = Nanos::from_secs(longest).to_string();
        if let Some(rate) = self.throughput {
            let rate = format!("{} req/s", (rate * 1e3).round().max(1.0) / 1e3);
            let stage = YamlValue::Map(vec![
                YamlEntry::new("rate", YamlValue::plain(rate)),
                YamlEntry::new("duration", YamlValue::plain(&duration)),
            ]);
            let stages = YamlEntry::new("stages", YamlValue::List(vec![stage]));
            workloads.push(
                YamlEntry::new("throughput", YamlValue::Map(vec![stages]))
                    .with_comment("What timers of throughput ask for."),
            );
        }
        WalkedPlan {
            journeys: self.journeys,
            workloads,
            data: self.data,
            target: self.writer.target,
            secrets: self.writer.variables.secrets,
        }
    }
}

/// A pause of its own.
fn pause(action: &XmlElement) -> Option<StepDraft> {
    let millis = action.number("ActionProcessor.duration").filter(|millis| *millis >= 1.0)?;
    let pause = action.number("ActionProcessor.action") == Some(1.0);
    pause.then(|| {
        StepDraft::Law(YamlValue::plain(Nanos::from_millis(millis.min(1e9) as u64).to_string()))
    })
}

fn is_listener(name: &str) -> bool {
    matches!(name, "ResultCollector" | "Summariser" | "BackendListener" | "DebugSampler")
}

fn is_controller(name: &str) -> bool {
    name.ends_with("Controller") || name == "InterleaveControl"
}

/// Elements that hold for samplers instead of doing something themselves.
fn is_held(name: &str) -> bool {
    const OTHERS: [&str; 4] =
        ["CSVDataSet", "Arguments", "ConstantThroughputTimer", "PreciseThroughputTimer"];
    OTHERS.contains(&name) || SamplerScope::default().take(&XmlElement::named(name))
}

/// The first server that is known.
fn first_origin<'x>(
    writer: &SamplerWriter<'_>,
    tree: &'x XmlElement,
    scope: &SamplerScope<'x>,
    found: &mut Option<String>,
) {
    let mut scope = scope.clone();
    for child in tree.children.iter().filter(|child| child.is_enabled()) {
        if child.name == "ConfigTestElement" {
            scope.take(child);
        }
    }
    for child in tree.children.iter().filter(|child| child.is_enabled()) {
        if found.is_some() {
            return;
        }
        if child.name.starts_with("HTTPSampler") {
            *found = origin(&writer.variables, child, &scope);
        } else if child.name == "hashTree" {
            first_origin(writer, child, &scope, found);
        }
    }
}

/// The variables that extractors set.
pub(super) fn captured(element: &XmlElement) -> BTreeSet<String> {
    let mut found = set_by(element, &["JSONPostProcessor.referenceNames"]);
    found.extend(captured_texts(element));
    found
}

/// Those that are texts, whatever stands in them.
pub(super) fn captured_texts(element: &XmlElement) -> BTreeSet<String> {
    set_by(element, &["RegexExtractor.refname", "BoundaryExtractor.refname"])
}

fn set_by(element: &XmlElement, properties: &[&str]) -> BTreeSet<String> {
    let inner = element.children.iter();
    let mut found: BTreeSet<String> = inner.flat_map(|child| set_by(child, properties)).collect();
    for name in properties {
        let names =
            element.property(name).split(';').map(str::trim).filter(|name| !name.is_empty());
        found.extend(names.map(str::to_owned));
    }
    found
}
