//! `observe:` of a stack file → sources.
//!
//! An address that is empty is left out: `${AIS_REDIS_URL:-}` reads Redis where the environment knows it, and
//! the same file serves elsewhere. Several addresses in one text, parted by blanks or commas, are one a replica.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json_path::JsonPath;

use super::cgroup::Cgroup;
use super::command::{self, MetricCommand};
use super::error::ObserveError;
use super::health::{self, HealthProbe};
use super::json_document::JsonDocument;
use super::json_metrics::JsonMetrics;
use super::mapping::{Formula, Mapping, ReadingSubject, SourceUnit};
use super::page::Pages;
use super::presets;
use super::programs;
use super::prometheus::Query;
use super::promql::{ExporterKind, ExporterTarget};
use super::series::Selector;
use super::source::{MetricSource, PolledSource, SourceSpec};
use super::watch::WatchPlan;
use plimsoll_scenario::stack::{CommandSourceSpec, ExporterSpec, StackTier};
use plimsoll_scenario::{Problem, ProblemKind, Problems, Spanned, Stack};
use plimsoll_units::Nanos;

/// How often metrics are read where the file does not say.
const EVERY: Nanos = Nanos::from_secs(1);
/// How long a source may take where the file does not say.
const TIMEOUT: Nanos = Nanos::from_secs(1);
/// How often a program is started where the file does not say: each start costs, and monitoring in clouds counts requests.
const COMMAND_EVERY: Nanos = Nanos::from_secs(10);
/// How long a program may take where the file does not say.
const COMMAND_TIMEOUT: Nanos = Nanos::from_secs(10);
/// The range of rates in Prometheus where the file does not say: four of its usual scrape intervals of 15 s.
const RANGE: &str = "1m";
/// Names in a tier's `prometheus:` that are not metrics.
const SETTINGS: [&str; 4] = ["preset", "match", "replica_label", "range"];
/// Ready-made metrics that a file can ask for by name.
const PRESETS: [(&str, presets::Preset, ExporterKind); 9] = [
    ("nodejs", presets::prom_client, ExporterKind::PromClient),
    ("node", presets::node_exporter, ExporterKind::Node),
    ("cadvisor", presets::cadvisor, ExporterKind::Cadvisor),
    ("postgres", presets::postgres_exporter, ExporterKind::Postgres),
    ("mysql", presets::mysqld_exporter, ExporterKind::Mysql),
    ("mongodb", presets::mongodb_exporter, ExporterKind::Mongodb),
    ("redis", presets::redis_exporter, ExporterKind::Redis),
    ("rabbitmq", presets::rabbitmq, ExporterKind::Rabbitmq),
    ("nginx", presets::nginx_exporter, ExporterKind::Nginx),
];
/// Ready-made metrics of exporters alone: Prometheus does not tell old values from new ones.
const CLOUDWATCH: [(&str, presets::Preset); 4] = [
    ("cloudwatch_alb", presets::cloudwatch::load_balancer),
    ("cloudwatch_rds", presets::cloudwatch::database),
    ("cloudwatch_elasticache", presets::cloudwatch::cache),
    ("cloudwatch_ec2", presets::cloudwatch::machine),
];

/// The sources that a stack file describes. `secrets` are the values that came from the environment.
///
/// # Errors
/// Everything that is wrong, by place: addresses, presets, passwords that stand in the file.
pub fn described(stack: &Stack, secrets: &[String]) -> Result<WatchPlan, Vec<Problem>> {
    let mut reader = PlanBuilder { stack, secrets, problems: Problems::default(), sources: vec![] };
    for tier in &stack.tiers {
        reader.tier(tier);
    }
    if reader.problems.is_empty() {
        Ok(WatchPlan {
            sources: reader.sources,
            every: stack.observe.every.unwrap_or(EVERY),
            timeout: stack.observe.timeout.unwrap_or(TIMEOUT),
            ..WatchPlan::default()
        })
    } else {
        Err(reader.problems.into_sorted())
    }
}

/// The sources of the simulated stack at `target` (`http://host:port`), whose one page has all tiers;
/// `None` where no simulator answers there.
pub async fn simulated(target: &str) -> Option<WatchPlan> {
    let text = format!("{}/__sim/metrics", target.trim_end_matches('/'));
    let pages = Pages::new(None);
    let page = pages.get(super::page::address(&text).ok()?);
    let page = tokio::time::timeout(TIMEOUT.into(), page).await.ok()?.ok()?;
    let series = super::exposition::parse(&page).ok()?;
    let up = series.iter().filter(|one| one.name == "sim_up");
    let tiers: BTreeSet<&str> = up.map(|one| one.label("tier")).collect();
    let sources: Vec<_> = tiers.iter().flat_map(|tier| of_simulator(tier, &text)).collect();
    (!sources.is_empty()).then_some(WatchPlan {
        sources,
        every: EVERY,
        timeout: TIMEOUT,
        ..WatchPlan::default()
    })
}

/// The health endpoints of a stack on `target` (`https://host:port`).
pub fn health(stack: &Stack, target: &str) -> HealthProbe {
    let base = target.trim_end_matches('/');
    let endpoint = |path: &Spanned<String>| {
        let url = url::Url::parse(&format!("{base}{}", path.value)).ok()?;
        Some((path.value.clone(), url))
    };
    HealthProbe {
        endpoints: stack.health.paths.iter().filter_map(endpoint).collect(),
        every: stack.health.every.unwrap_or(health::EVERY),
        timeout: stack.health.timeout.unwrap_or(health::TIMEOUT),
    }
}

fn of_simulator(tier: &str, url: &str) -> [SourceSpec; 2] {
    let spec = |group, replica_label: Option<&str>, mappings| SourceSpec {
        subject: ReadingSubject {
            tier: tier.to_owned(),
            replica: String::new(),
            replica_label: replica_label.map(str::to_owned),
        },
        place: MetricSource::Page { url: url.to_owned(), mappings, recognise: false },
        cores: None,
        memory_limit: None,
        group,
    };
    [
        spec(0, None, presets::simulator_tier(tier)),
        spec(1, Some("replica"), presets::simulator(tier)),
    ]
}

struct PlanBuilder<'a> {
    stack: &'a Stack,
    secrets: &'a [String],
    problems: Problems,
    sources: Vec<SourceSpec>,
}

/// Names before addresses: a metric that the file spells out goes before all ready-made ones.
const SPELT_OUT: usize = 0;
const CGROUP: usize = 10;
const PROCESS: usize = 20;
const POSTGRES: usize = 30;
const REDIS: usize = 40;
/// Each exporter of a tier is a group of its own, from here on.
const EXPORTERS: usize = 50;
const PROMETHEUS: usize = 1_000;

impl PlanBuilder<'_> {
    fn tier(&mut self, tier: &StackTier) {
        let observe = &tier.observe;
        self.prometheus(tier);
        self.each(tier, CGROUP, &observe.cgroups, |path| {
            Ok(MetricSource::Cgroup(Cgroup::at(path)?))
        });
        let stack = self.stack;
        let folder = &stack.folder;
        self.each(tier, PROCESS, &observe.processes, |text| Ok(process(text, folder)));
        self.each(tier, POSTGRES, observe.postgres.as_slice(), |url| {
            Ok(MetricSource::Postgres { url: url.to_owned() })
        });
        self.each(tier, REDIS, observe.redis.as_slice(), |url| {
            Ok(MetricSource::Redis { url: url.to_owned() })
        });
        for source in &observe.http {
            let metrics = json_metrics(&source.metrics);
            self.each(tier, SPELT_OUT, std::slice::from_ref(&source.url), |url| {
                let (headers, metrics) = (source.headers.clone(), metrics.clone());
                Ok(MetricSource::Document(JsonDocument { url: url.to_owned(), headers, metrics }))
            });
        }
        for source in &observe.commands {
            self.command(tier, source);
        }
        let mut presets: Vec<Option<&str>> = Vec::new();
        for exporter in &observe.exporters {
            self.spelt_out(tier, exporter);
            let preset = exporter.preset.as_ref().map(|preset| preset.value.as_str());
            if !presets.contains(&preset) {
                presets.push(preset);
            }
        }
        for (index, preset) in presets.into_iter().enumerate() {
            self.exporters(tier, preset, EXPORTERS + index);
        }
    }

    /// A program; none where the environment names none.
    fn command(&mut self, tier: &StackTier, source: &CommandSourceSpec) {
        let Some((program, arguments)) = source.run.split_first() else { return };
        if program.value.is_empty() {
            return;
        }
        let folder = &self.stack.folder;
        let command = MetricCommand {
            program: programs::located(&program.value, folder)
                .unwrap_or_else(|| program.value.clone().into()),
            arguments: arguments.iter().map(|argument| argument.value.clone()).collect(),
            folder: folder.clone(),
            env: source.env.clone(),
            every: source.every.unwrap_or(COMMAND_EVERY),
            timeout: source.timeout.unwrap_or(COMMAND_TIMEOUT),
            replica: source.replica.clone(),
            metrics: json_metrics(&source.metrics),
        };
        let place = MetricSource::Command(command);
        match checked(tier, String::new(), place, SPELT_OUT) {
            Ok(mut spec) => {
                let label = source.replica.as_ref().map(|_| command::REPLICA.to_owned());
                spec.subject.replica_label = label;
                self.sources.push(spec);
            }
            Err(error) => {
                let kind = ProblemKind::Other { message: error.to_string(), hint: None };
                self.problems.report(program.span, kind);
            }
        }
    }

    /// The exporters of one preset: where there are several, they are one a replica.
    fn exporters(&mut self, tier: &StackTier, name: Option<&str>, group: usize) {
        let alike =
            |one: &&ExporterSpec| one.preset.as_ref().map(|preset| preset.value.as_str()) == name;
        let all: Vec<&ExporterSpec> = tier.observe.exporters.iter().filter(alike).collect();
        let urls: Vec<Spanned<String>> = all.iter().map(|one| one.url.clone()).collect();
        match name {
            None => self.each(tier, group, &urls, |url| Ok(page(url, vec![], true))),
            Some("simulator") => {
                for address in urls.iter().flat_map(|url| addresses(&url.value)) {
                    self.sources.extend(of_simulator(&tier.name.value, address));
                }
            }
            Some(name) => match (preset(name), cloudwatch(name)) {
                (Some((mappings, _)), _) => {
                    self.each(tier, group, &urls, |url| Ok(page(url, mappings(), false)));
                }
                (None, Some(mappings)) => self.each(tier, group, &urls, |url| {
                    Ok(MetricSource::CloudWatch { url: url.to_owned(), mappings: mappings() })
                }),
                _ => all.iter().for_each(|one| self.unknown_preset(one.preset.as_ref())),
            },
        }
    }

    /// The metrics that the file maps itself.
    fn spelt_out(&mut self, tier: &StackTier, exporter: &ExporterSpec) {
        let metrics =
            exporter.metrics.iter().filter_map(|(name, series)| self.metric(name, series));
        let mappings: Vec<Mapping> = metrics.collect();
        if !mappings.is_empty() {
            let url = std::slice::from_ref(&exporter.url);
            self.each(tier, SPELT_OUT, url, |url| Ok(page(url, mappings.clone(), false)));
        }
    }

    /// `name: series{label="value"}`: counters (`_total`) become rates, everything else is taken as it is.
    fn metric(&mut self, name: &Spanned<String>, series: &Spanned<String>) -> Option<Mapping> {
        let Some(selector) = selector(&series.value) else {
            let message = format!("`{}` is not a series", series.value);
            let hint = "write `name` or `name{label=\"value\"}`".to_owned();
            self.problems.report(series.span, ProblemKind::Other { message, hint: Some(hint) });
            return None;
        };
        let is_counter =
            series.value.split('{').next().is_some_and(|name| name.ends_with("_total"));
        let formula =
            if is_counter { Formula::PerSecond(selector) } else { Formula::Sum(selector) };
        Some(Mapping::new(name.value.clone(), SourceUnit::of_metric(&name.value), formula))
    }

    fn unknown_preset(&mut self, preset: Option<&Spanned<String>>) {
        let Some(preset) = preset else { return };
        let cloudwatch = CLOUDWATCH.iter().map(|(name, _)| name);
        let known = PRESETS.iter().map(|(name, ..)| name).chain(cloudwatch).chain(&["simulator"]);
        let known = known.map(|name| (*name).to_owned()).collect();
        let kind = ProblemKind::UnknownName { what: "preset", name: preset.value.clone(), known };
        self.problems.report(preset.span, kind);
    }

    fn prometheus(&mut self, tier: &StackTier) {
        let given = &tier.observe.prometheus;
        let Some(base) = self.stack.observe.prometheus.clone() else {
            if let Some((name, _)) = given.first() {
                let message = "nothing says where Prometheus is".to_owned();
                let hint = "give its address: `observe: { prometheus: http://127.0.0.1:9090 }`";
                let hint = Some(hint.to_owned());
                self.problems.report(name.span, ProblemKind::Other { message, hint });
            }
            return;
        };
        let setting =
            |name: &str| given.iter().find(|(key, _)| key.value == name).map(|one| &one.1);
        let label = setting("replica_label").map(|label| label.value.clone());
        let target = ExporterTarget {
            matchers: setting("match").map(|text| text.value.clone()).unwrap_or_default(),
            replica_label: label.clone(),
            range: setting("range").map_or_else(|| RANGE.to_owned(), |text| text.value.clone()),
            cores: tier.size.cores,
            memory_limit: tier.size.memory.map(|size| size.get() as f64),
        };
        let queries = given.iter().filter(|(name, _)| !SETTINGS.contains(&name.value.as_str()));
        let spelt_out: Vec<Query> = queries.map(|(name, query)| own_query(name, query)).collect();
        let ready_made = match setting("preset").map(|name| (name, preset(&name.value))) {
            None => Vec::new(),
            Some((_, Some((_, exporter)))) => exporter.queries(&target),
            Some((name, None)) => return self.unknown_preset(Some(name)),
        };
        for (group, queries) in [(SPELT_OUT, spelt_out), (PROMETHEUS, ready_made)] {
            if queries.is_empty() {
                continue;
            }
            let first = self.sources.len();
            self.each(tier, group, std::slice::from_ref(&base), |url| {
                Ok(MetricSource::Prometheus { url: url.to_owned(), queries: queries.clone() })
            });
            for source in &mut self.sources[first..] {
                source.subject.replica_label.clone_from(&label);
            }
        }
    }

    /// One source for each address in `texts`; where there are several, each is a replica's.
    fn each(
        &mut self,
        tier: &StackTier,
        group: usize,
        texts: &[Spanned<String>],
        place: impl Fn(&str) -> Result<MetricSource, ObserveError>,
    ) {
        let all: Vec<(&Spanned<String>, &str)> = texts
            .iter()
            .flat_map(|text| addresses(&text.value).map(move |address| (text, address)))
            .collect();
        for (index, (text, address)) in all.iter().enumerate() {
            let replica = if all.len() > 1 { (index + 1).to_string() } else { String::new() };
            let usable = self.without_password(text, address);
            let spec = place(address).and_then(|place| checked(tier, replica, place, group));
            match spec {
                Ok(spec) if usable => self.sources.push(spec),
                Ok(_) => {}
                Err(error) => {
                    let kind = ProblemKind::Other { message: error.to_string(), hint: None };
                    self.problems.report(text.span, kind);
                }
            }
        }
    }

    /// Whether the address has no password of the file's own: only the environment may bring one.
    fn without_password(&mut self, text: &Spanned<String>, address: &str) -> bool {
        let url = url::Url::parse(address).ok();
        let Some(password) = url.as_ref().and_then(url::Url::password) else { return true };
        if self.secrets.iter().any(|secret| secret.contains(password)) {
            return true;
        }
        let message = "this file holds a password".to_owned();
        let hint = "let the environment bring it: `postgres://monitor:${DB_PASSWORD}@host/db`";
        let kind = ProblemKind::Other { message, hint: Some(hint.to_owned()) };
        self.problems.report(text.span, kind);
        false
    }
}

fn json_metrics(metrics: &[(Spanned<String>, JsonPath)]) -> JsonMetrics {
    JsonMetrics(metrics.iter().map(|(name, path)| (name.value.clone(), path.clone())).collect())
}

/// The parts of a text that holds one address or several.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\n', '\t']).filter(|part| !part.is_empty())
}

fn page(url: &str, mappings: Vec<Mapping>, recognise: bool) -> MetricSource {
    MetricSource::Page { url: url.to_owned(), mappings, recognise }
}

/// A source that can be used, as far as its address tells.
fn checked(
    tier: &StackTier,
    replica: String,
    place: MetricSource,
    group: usize,
) -> Result<SourceSpec, ObserveError> {
    let subject = ReadingSubject { tier: tier.name.value.clone(), replica, replica_label: None };
    let cores = tier.size.cores;
    let memory_limit = tier.size.memory.map(|size| size.get() as f64);
    let spec = SourceSpec { subject, place, cores, memory_limit, group };
    PolledSource::new(spec.clone())?;
    Ok(spec)
}

/// The number in a file, named from the stack file's folder, or the number itself.
fn process(text: &str, folder: &Path) -> MetricSource {
    match text.parse() {
        Ok(pid) => MetricSource::Process { pid },
        Err(_) => MetricSource::ProcessFile { path: folder.join(text) },
    }
}

fn own_query(name: &Spanned<String>, query: &Spanned<String>) -> Query {
    let unit = SourceUnit::of_metric(&name.value);
    Query { metric: name.value.clone(), unit, expression: query.value.clone() }
}

/// The mapping of an exporter's page, and its queries to Prometheus.
fn preset(name: &str) -> Option<(presets::Preset, ExporterKind)> {
    let found = PRESETS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, mappings, exporter)| (*mappings, *exporter))
}

fn cloudwatch(name: &str) -> Option<presets::Preset> {
    CLOUDWATCH.iter().find(|(known, _)| *known == name).map(|(_, preset)| *preset)
}

/// Reads `name{label="value",other="value"}`.
fn selector(text: &str) -> Option<Selector> {
    // The exposition format has the same grammar, with a value behind it.
    let series = super::exposition::parse(&format!("{} 0\n", text.trim())).ok()?;
    let [one] = series.as_slice() else { return None };
    let named = Selector::new(one.name.clone());
    Some(one.labels.iter().fold(named, |all, (label, value)| all.is(label, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_scenario::{Loaded, load};

    const SCENARIO: &str = "
name: x
target: http://127.0.0.1:1
stack: stack.yaml
scenarios: { a: { flow: [{ get: { name: a, url: / } }] } }
workloads: { l: { stages: [{ rate: 1 req/s, duration: 1s }] } }
";

    fn loaded(stack: &str) -> Loaded {
        let read = |path: &Path| {
            let text = if path.ends_with("stack.yaml") { stack } else { SCENARIO };
            Ok(text.as_bytes().to_vec())
        };
        let lookup = |name: &str| {
            let url = match name {
                "DB" => "postgres://monitor:topsecret@127.0.0.1:1/db",
                "API" => "http://127.0.0.1:1/metrics http://127.0.0.1:2/metrics",
                _ => return None,
            };
            Some(url.to_owned())
        };
        load(Path::new("x"), &[], &read, &lookup)
    }

    fn plan(stack: &str) -> Result<WatchPlan, Vec<String>> {
        let loaded = loaded(stack);
        assert_eq!(loaded.problems, []);
        let stack = loaded.scenario.and_then(|scenario| scenario.stack).expect("a stack");
        described(&stack, &loaded.sources.secrets)
            .map_err(|problems| problems.iter().map(|one| one.kind.to_string()).collect())
    }

    fn named(plan: &WatchPlan) -> Vec<(String, String)> {
        let names = plan.sources.iter().map(|one| &one.subject);
        names.map(|subject| (subject.tier.clone(), subject.replica.clone())).collect()
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(tier, replica)| ((*tier).to_owned(), (*replica).to_owned())).collect()
    }

    #[test]
    fn addresses_come_from_the_environment_and_empty_ones_are_left_out() {
        let stack = "
observe: { prometheus: \"${PROMETHEUS:-}\", every: 2s }
tiers:
  api: { kind: api, observe: { exporter: \"${API:-}\", prometheus: { preset: nodejs } } }
  db: { kind: db, observe: { postgres: \"${DB:-}\" } }
  cache: { kind: cache, observe: { redis: \"${CACHE:-}\" } }
";
        let plan = plan(stack).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(named(&plan), pairs(&[("api", "1"), ("api", "2"), ("db", "")]));
        assert_eq!((plan.every, plan.timeout), (Nanos::from_secs(2), TIMEOUT));
    }

    #[test]
    fn file_of_a_process_is_named_from_the_folder_of_the_stack_file() {
        let stack = "
tiers:
  api: { kind: api, observe: { process: [run/api.pid, /run/api.pid, \"4711\"] } }
";
        let plan = plan(stack).unwrap_or_else(|problems| panic!("{problems:?}"));
        let file = |path: &str| MetricSource::ProcessFile { path: path.into() };
        let places: Vec<&MetricSource> = plan.sources.iter().map(|source| &source.place).collect();
        let expected =
            [file("x/run/api.pid"), file("/run/api.pid"), MetricSource::Process { pid: 4711 }];
        assert!(places.into_iter().eq(&expected));
    }

    #[test]
    fn exporters_of_one_preset_are_one_a_replica_and_of_different_ones_are_not() {
        let stack = "
tiers:
  db:
    kind: db
    observe:
      exporter:
        - { url: http://127.0.0.1:1/metrics, preset: node }
        - { url: http://127.0.0.1:2/metrics, preset: node }
        - { url: http://127.0.0.1:3/metrics, preset: postgres, metrics: { slow: pg_slow_total } }
";
        let plan = plan(stack).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(named(&plan), pairs(&[("db", ""), ("db", "1"), ("db", "2"), ("db", "")]));
        let groups: Vec<usize> = plan.sources.iter().map(|source| source.group).collect();
        assert_eq!(groups, [SPELT_OUT, EXPORTERS, EXPORTERS, EXPORTERS + 1]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_and_no_password_with_it() {
        let stack = "
tiers:
  api: { kind: api, observe: { exporter: { url: \"ftp://127.0.0.1\", preset: node } } }
  web: { kind: api, observe: { exporter: { url: \"http://127.0.0.1\", preset: nodjs } } }
  db: { kind: db, observe: { postgres: \"postgres://u:inthefile@127.0.0.1/db\" } }
  cache: { kind: cache, observe: { prometheus: { memory: redis_memory } } }
";
        let problems = plan(stack).err().expect("four mistakes");
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems.contains(&"this file holds a password".to_owned()), "{problems:?}");
        assert!(problems.contains(&"nothing says where Prometheus is".to_owned()));
        assert!(problems.iter().all(|text| !text.contains("inthefile")), "{problems:?}");
    }
}
