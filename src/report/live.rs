//! A run while it goes on, for other machines: Prometheus' text format, OTLP, and lines of JSON.
//!
//! Everything counted is cumulative, so a reader that misses a second loses nothing of the sum. The figures
//! are those of the run log; the log stays the only source of truth.

mod bins;
pub mod events;
mod family;
pub mod otlp;
pub mod page;
mod pages;
pub mod prometheus;

use std::collections::BTreeMap;

use bins::Bins;
use family::{Family, Kind, LABEL, Unit, Value};
use pages::PageTotals;

use super::format;
use plimsoll_metrics::{
    ArrivalCounts, ErrorClass, Interval, PageLoad, RunHeader, ScenarioId, StepId, StepInterval,
};
use plimsoll_units::{Quantity, RunTime};

/// What a run has come to so far.
#[derive(Debug, Clone)]
pub struct LiveTotals {
    /// Facts that name the run, in pairs.
    about: Vec<(&'static str, String)>,
    /// When the run began, nanoseconds since 1970.
    began_ns: u64,
    step_names: Vec<String>,
    scenario_names: Vec<String>,
    arrivals: ArrivalCounts,
    /// Failures of no single request.
    iteration_errors: BTreeMap<(ScenarioId, ErrorClass), u64>,
    steps: BTreeMap<StepId, StepTotals>,
    /// Times over or within several requests.
    derived: BTreeMap<StepId, StepTotals>,
    pages: PageTotals,
    /// The last second; its distributions are not kept.
    now: LastSecond,
    /// What exports could not deliver: (export, how often).
    lost: Vec<(&'static str, u64)>,
    running: bool,
}

/// What a step has come to so far.
#[derive(Debug, Clone, Default)]
struct StepTotals {
    requests: u64,
    errors: BTreeMap<ErrorClass, u64>,
    bytes_received: u64,
    bytes_sent: u64,
    /// Of successes.
    response_time: Bins,
    failed_time: Bins,
    service_time: Bins,
}

/// The state at the end of the last second.
#[derive(Debug, Clone, Default)]
struct LastSecond {
    at: RunTime,
    in_flight: u64,
    vus_busy: u64,
    vus: u64,
    connections: u64,
    lag_p99: Option<f64>,
    worker_cpu: f64,
    memory: u64,
    /// (tier, metric, replica, unit, value)
    readings: Vec<(String, String, String, &'static str, f64)>,
}

impl LiveTotals {
    /// A run that is about to begin. A start time that cannot be read counts as 1970.
    pub fn new(header: &RunHeader) -> Self {
        let began: Option<jiff::Timestamp> = header.started_utc.parse().ok();
        Self {
            about: vec![
                ("system", format::line(&header.name, LABEL)),
                ("workload", format::line(&header.workload, LABEL)),
                ("version", format::line(&header.version, LABEL)),
                ("scenario_hash", format::line(&header.scenario_hash, LABEL)),
                ("seed", header.seed.to_string()),
                ("started_utc", format::line(&header.started_utc, LABEL)),
            ],
            began_ns: began.map_or(0, |at| at.as_nanosecond().max(0) as u64),
            step_names: header.steps.iter().map(|step| format::line(&step.name, LABEL)).collect(),
            scenario_names: header
                .scenarios
                .iter()
                .map(|scenario| format::line(&scenario.name, LABEL))
                .collect(),
            arrivals: ArrivalCounts::default(),
            iteration_errors: BTreeMap::new(),
            derived: BTreeMap::new(),
            steps: BTreeMap::new(),
            pages: PageTotals::default(),
            now: LastSecond::default(),
            lost: vec![],
            running: true,
        }
    }

    /// Adds a second.
    pub fn absorb(&mut self, interval: &Interval) {
        self.arrivals.add(interval.arrivals);
        for (&id, step) in &interval.steps {
            self.steps.entry(id).or_default().absorb(step);
        }
        for (&id, step) in &interval.logical {
            self.derived.entry(id).or_default().absorb(step);
        }
        for (&id, scenario) in &interval.scenarios {
            for (&class, count) in &scenario.iteration_errors {
                *self.iteration_errors.entry((id, class)).or_default() += count;
            }
        }
        self.now = LastSecond::of(interval);
    }

    /// Adds a page load of a real browser.
    pub fn absorb_page(&mut self, load: &PageLoad) {
        self.pages.absorb(load);
    }

    /// The run is over.
    pub fn end(&mut self) {
        self.running = false;
    }

    /// How often each export could not deliver.
    pub fn set_lost(&mut self, lost: Vec<(&'static str, u64)>) {
        self.lost = lost;
    }

    fn step_name(&self, id: StepId) -> String {
        let known = self.step_names.get(usize::from(id.0)).cloned();
        known.unwrap_or_else(|| format!("step {}", id.0))
    }

    /// All metrics, in a fixed order.
    fn families(&self) -> Vec<Family> {
        let mut families = vec![self.info()];
        families.extend(self.of_arrivals());
        families.extend(self.of_steps());
        families.push(self.of_iteration_errors());
        families.extend(self.of_derived());
        families.extend(self.pages.families());
        families.extend(self.of_now());
        families.push(self.of_lost());
        families.retain(|family| !family.points.is_empty());
        families
    }

    fn info(&self) -> Family {
        let labels = self.about.iter().map(|(key, value)| (*key, value.clone())).collect();
        let mut family =
            Family::new("run_info", "What is run; always 1.", Kind::Gauge, Unit::Number);
        family.points.push((labels, Value::Whole(1)));
        family
    }

    fn of_arrivals(&self) -> [Family; 2] {
        let of = &self.arrivals;
        let due = Family::new(
            "arrivals",
            "Arrivals (iterations) that fell due.",
            Kind::Counter,
            Unit::Number,
        );
        let became =
            Family::new("iterations", "What became of arrivals.", Kind::Counter, Unit::Number);
        let outcomes = [
            ("started", of.started),
            ("completed", of.completed),
            ("failed", of.failed),
            ("dropped", of.dropped),
            ("unfinished", of.unfinished),
        ];
        [
            due.with(vec![], Value::Whole(of.intended)),
            outcomes.into_iter().fold(became, |family, (outcome, count)| {
                family.with(vec![("outcome", outcome.to_owned())], Value::Whole(count))
            }),
        ]
    }

    fn of_steps(&self) -> Vec<Family> {
        use Kind::{Counter, Histogram};
        let mut requests = Family::new(
            "requests",
            "Finished requests, failed ones included.",
            Counter,
            Unit::Number,
        );
        let mut errors = Family::new("errors", "Failed requests by class.", Counter, Unit::Number);
        let mut received = Family::new("received", "Bytes received.", Counter, Unit::Bytes);
        let mut sent = Family::new("sent", "Bytes sent.", Counter, Unit::Bytes);
        let mut response = Family::new(
            "response_time",
            "Intended start to last byte, of successes: what a user waits.",
            Histogram,
            Unit::Seconds,
        );
        let mut failed = Family::new(
            "failed_response_time",
            "Intended start to last byte, of failed requests.",
            Histogram,
            Unit::Seconds,
        );
        let mut service = Family::new(
            "service_time",
            "Actual send to last byte, of all requests.",
            Histogram,
            Unit::Seconds,
        );
        for (&id, step) in &self.steps {
            let name = || vec![("step", self.step_name(id))];
            requests = requests.with(name(), Value::Whole(step.requests));
            received = received.with(name(), Value::Whole(step.bytes_received));
            sent = sent.with(name(), Value::Whole(step.bytes_sent));
            response = response.with(name(), Value::Histogram(step.response_time.clone()));
            failed = failed.with(name(), Value::Histogram(step.failed_time.clone()));
            service = service.with(name(), Value::Histogram(step.service_time.clone()));
            for (class, &count) in &step.errors {
                let mut labels = name();
                labels.push(("class", class.name().to_owned()));
                errors = errors.with(labels, Value::Whole(count));
            }
        }
        vec![requests, errors, response, failed, service, received, sent]
    }

    /// Added to `errors` they are all failures, and added to `requests` all attempts.
    fn of_iteration_errors(&self) -> Family {
        let help =
            "Failures of no single request, by class: each counts as one more failed attempt.";
        let family = Family::new("iteration_errors", help, Kind::Counter, Unit::Number);
        self.iteration_errors.iter().fold(family, |family, (&(id, class), &count)| {
            let known = self.scenario_names.get(usize::from(id.0)).cloned();
            let scenario = known.unwrap_or_else(|| format!("scenario {}", id.0));
            let labels = vec![("scenario", scenario), ("class", class.name().to_owned())];
            family.with(labels, Value::Whole(count))
        })
    }

    /// Derived rows: they are no requests, so none of the families on requests holds them.
    fn of_derived(&self) -> [Family; 3] {
        let help =
            "Times over or within several requests that succeeded: a poll, a stream's first event.";
        let mut times = Family::new("derived_time", help, Kind::Histogram, Unit::Seconds);
        let help = "Times over or within several requests that ended in failure.";
        let mut failed = Family::new("failed_derived_time", help, Kind::Histogram, Unit::Seconds);
        let help = "How many ended in failure, by class; iteration_errors holds them, too.";
        let mut errors = Family::new("derived_errors", help, Kind::Counter, Unit::Number);
        for (&id, step) in &self.derived {
            let name = || vec![("step", self.step_name(id))];
            times = times.with(name(), Value::Histogram(step.response_time.clone()));
            failed = failed.with(name(), Value::Histogram(step.failed_time.clone()));
            for (class, &count) in &step.errors {
                let mut labels = name();
                labels.push(("class", class.name().to_owned()));
                errors = errors.with(labels, Value::Whole(count));
            }
        }
        [times, failed, errors]
    }

    fn of_now(&self) -> Vec<Family> {
        let now = &self.now;
        let gauge = |name, help, unit, value: Value| {
            Family::new(name, help, Kind::Gauge, unit).with(vec![], value)
        };
        let mut families = vec![
            gauge(
                "running",
                "1 while the run goes on.",
                Unit::Number,
                Value::Whole(u64::from(self.running)),
            ),
            gauge(
                "run_time",
                "Time since the run began.",
                Unit::Seconds,
                Value::Real(seconds(now.at)),
            ),
            gauge("in_flight", "Requests in flight.", Unit::Number, Value::Whole(now.in_flight)),
            gauge(
                "users_busy",
                "Users with an iteration under way.",
                Unit::Number,
                Value::Whole(now.vus_busy),
            ),
            gauge("users", "Users that exist.", Unit::Number, Value::Whole(now.vus)),
            gauge("connections", "Open connections.", Unit::Number, Value::Whole(now.connections)),
            gauge(
                "worker_cpu",
                "CPU of the busiest worker, as a share of a core.",
                Unit::Ratio,
                Value::Real(now.worker_cpu),
            ),
            gauge("memory", "Resident memory of plimsoll.", Unit::Bytes, Value::Whole(now.memory)),
        ];
        if let Some(lag) = now.lag_p99 {
            let help = "p99 of the last second: intended start to actual start of arrivals.";
            families.push(gauge("schedule_lag_p99", help, Unit::Seconds, Value::Real(lag)));
        }
        let stack = Family::new(
            "stack",
            "The stack's own metrics, in base units (seconds, bytes, shares, numbers).",
            Kind::Gauge,
            Unit::Number,
        );
        families.push(now.readings.iter().fold(
            stack,
            |family, (tier, metric, replica, unit, value)| {
                let labels = vec![
                    ("tier", tier.clone()),
                    ("metric", metric.clone()),
                    ("replica", replica.clone()),
                    ("unit", (*unit).to_owned()),
                ];
                family.with(labels, Value::Real(*value))
            },
        ));
        families
    }

    fn of_lost(&self) -> Family {
        let family = Family::new(
            "export_lost",
            "Seconds or lines that an export could not deliver; the load never waits for it.",
            Kind::Counter,
            Unit::Number,
        );
        self.lost.iter().fold(family, |family, (export, count)| {
            family.with(vec![("export", (*export).to_owned())], Value::Whole(*count))
        })
    }
}

impl StepTotals {
    fn absorb(&mut self, step: &StepInterval) {
        self.requests += step.requests;
        self.bytes_received += step.bytes_received;
        self.bytes_sent += step.bytes_sent;
        for (&class, count) in &step.errors {
            *self.errors.entry(class).or_default() += count;
        }
        self.response_time.absorb(&step.times().successes());
        self.failed_time.absorb(step.times().failures());
        self.service_time.absorb(&step.service_time);
    }
}

impl LastSecond {
    fn of(interval: &Interval) -> Self {
        let lag = &interval.schedule_lag;
        let reading = |reading: plimsoll_metrics::ReadingRef<'_>| {
            // Missing data is never zero: it is left out.
            let value = reading.value?;
            Some((
                format::line(reading.tier, LABEL),
                format::line(reading.metric, LABEL),
                format::line(reading.replica, LABEL),
                unit_of(value),
                value.base(),
            ))
        };
        Self {
            at: interval.end,
            in_flight: interval.in_flight,
            vus_busy: interval.vus_busy,
            vus: interval.vus,
            connections: interval.connections,
            lag_p99: (!lag.is_empty()).then(|| lag.quantile(0.99).as_secs_f64()),
            worker_cpu: interval.generator.worker_cpu.get(),
            memory: interval.generator.memory,
            readings: interval.readings.iter().filter_map(reading).collect(),
        }
    }
}

const fn unit_of(value: Quantity) -> &'static str {
    match value {
        Quantity::Time(_) => "seconds",
        Quantity::Share(_) => "ratio",
        Quantity::Rate(_) => "per_second",
        Quantity::Size(_) => "bytes",
        Quantity::Count(_) => "number",
        Quantity::Money(_) => "dollars",
    }
}

fn seconds(at: RunTime) -> f64 {
    at.since(RunTime::ZERO).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_metrics::TimeParts;
    use plimsoll_units::{Nanos, Rate};

    #[test]
    fn histograms_of_times_hold_successes_and_those_of_failures_stand_apart() {
        let times = |ms: &[u64]| ms.iter().copied().map(Nanos::from_millis).collect();
        let step = StepInterval {
            requests: 5,
            errors: [(ErrorClass::Http5xx, 3)].into(),
            response_time: times(&[1, 1, 1, 40, 60]),
            time_parts: TimeParts { failed: times(&[1, 1, 1]), ..TimeParts::default() },
            ..StepInterval::default()
        };
        let header = RunHeader::holding(Rate::per_second(5.0), Nanos::from_secs(1));
        let mut totals = LiveTotals::new(&header);
        totals.absorb(&Interval { steps: [(StepId(0), step)].into(), ..Interval::default() });
        let families = totals.families();
        let told = |name: &str| {
            let family = families.iter().find(|family| family.name == name).expect("a family");
            let (_, Value::Histogram(bins)) = &family.points[0] else { panic!("{family:?}") };
            (bins.count(), (bins.sum_seconds() * 1e3).round() as u64)
        };
        assert_eq!(told("response_time"), (2, 100));
        assert_eq!(told("failed_response_time"), (3, 3));
    }

    /// Goal: prove that the dashboard asks for metrics and labels that there are.
    #[test]
    fn dashboard_asks_for_metrics_that_are_exported() {
        let step = StepInterval {
            requests: 2,
            errors: [(ErrorClass::Http5xx, 1)].into(),
            ..StepInterval::default()
        };
        let mut scenario = plimsoll_metrics::ScenarioInterval::default();
        scenario.iteration_errors.insert(ErrorClass::Http5xx, 1);
        let mut readings = plimsoll_metrics::Readings::default();
        readings.push(plimsoll_metrics::Reading {
            tier: "db".to_owned(),
            metric: "cpu".to_owned(),
            replica: "1".to_owned(),
            value: Some(Quantity::Share(plimsoll_units::Ratio::new(0.5))),
        });
        let interval = Interval {
            steps: [(StepId(0), step)].into(),
            scenarios: [(ScenarioId(0), scenario)].into(),
            schedule_lag: [Nanos::from_millis(1)].into_iter().collect(),
            readings,
            ..Interval::default()
        };
        let mut totals =
            LiveTotals::new(&RunHeader::holding(Rate::per_second(5.0), Nanos::from_secs(1)));
        totals.absorb(&interval);
        let page = prometheus::render(&totals);
        let series: Vec<(&str, &str)> = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_once(['{', ' ']).expect("a name"))
            .collect();
        let dashboard = include_str!("../../docs/grafana.json");
        let dashboard: serde_json::Value = serde_json::from_str(dashboard).expect("JSON");
        let panels = dashboard["panels"].as_array().expect("panels");
        let asked: Vec<&str> = panels
            .iter()
            .flat_map(|panel| panel["targets"].as_array().expect("queries"))
            .map(|target| target["expr"].as_str().expect("a query"))
            .collect();
        assert!(asked.len() >= 15, "{asked:?}");
        for query in asked {
            let name = query.split(['(', '{', ' ']).find(|word| word.starts_with("plimsoll_"));
            let name = name.unwrap_or_else(|| panic!("{query}"));
            let found: Vec<&str> =
                series.iter().filter(|one| one.0 == name).map(|one| one.1).collect();
            assert!(!found.is_empty(), "{name} is not exported\n{page}");
            let by =
                query.split("by (").skip(1).map(|rest| rest.split(')').next().unwrap_or_default());
            for label in by.flat_map(|labels| labels.split(", ")) {
                let has = |labels: &&str| labels.contains(&format!("{label}=\""));
                assert!(found.iter().any(has), "{name} has no {label}");
            }
            if let Some((_, unit)) = query.split_once("unit=") {
                let known = ["\"ratio\"", "\"number\""].iter().any(|known| unit.starts_with(known));
                assert!(known, "{query}");
            }
        }
    }
}
