//! An access log → the mix of its requests, its rates over time, and a replay at the recorded times.
//!
//! A log is read line by line, and what is kept of it does not grow with its length: counts, and of each kind of
//! requests a sample of its URLs. Only a replay holds every request.

mod arrivals;
mod clients;
mod compare;
mod entry;
mod format;
mod mix;
mod replay;
mod request;
mod sample;
mod stages;
mod tally;
mod time;

use std::collections::BTreeMap;

use plimsoll_metrics::RunLog;
use plimsoll_scenario::{Problem, SourceId, Span};

use self::arrivals::SecondCounts;
use self::clients::ClientVisits;
use self::compare::ProductionFigures;
pub use self::compare::{ComparedFigure, FigureUnit, LogComparison};
use self::entry::LineFault;
pub use self::format::LogFormat;
use self::mix::MixContext;
use self::replay::RecordedTimes;
use self::tally::{RouteTallies, RouteTally};
use super::names::UniqueNames;
use super::note::ImportNotes;
use super::{ImportOptions, Imported, problem};

/// The most kinds of requests that get a scenario of their own.
const ROUTES_MAX: usize = 60;
/// How many kinds beyond them are told one by one.
const RARE_TOLD: usize = 40;
/// How many numbers of lines are told of one reason.
const LINES_TOLD: u64 = 5;

/// Reads a log line by line.
pub struct AccessLogReader {
    options: ImportOptions,
    format: Option<LogFormat>,
    /// Lines that wait until the format is known.
    waiting: Vec<Vec<u8>>,
    /// How many lines there were, and how many of them are requests.
    line: u64,
    requests: u64,
    tallies: RouteTallies,
    seconds: SecondCounts,
    /// Requests by virtual host.
    hosts: BTreeMap<String, u64>,
    recorded: Option<RecordedTimes>,
    /// Who asked; only where a run is compared.
    visits: Option<ClientVisits>,
    left_out: Vec<(String, u64)>,
    notes: ImportNotes,
}

impl AccessLogReader {
    /// A reader of a log whose format is given, or found by its first lines. The first of `options.hosts` is the
    /// target.
    pub fn new(options: &ImportOptions, format: Option<LogFormat>) -> Self {
        Self {
            options: options.clone(),
            format,
            waiting: vec![],
            line: 0,
            requests: 0,
            tallies: RouteTallies::default(),
            seconds: SecondCounts::default(),
            hosts: BTreeMap::new(),
            recorded: options.replay.map(|_| RecordedTimes::default()),
            visits: None,
            left_out: vec![],
            notes: ImportNotes::default(),
        }
    }

    /// The same reader, which also keeps in mind who asked: for [`Self::compare`].
    #[must_use]
    pub fn counting_visits(self) -> Self {
        Self { visits: Some(ClientVisits::default()), ..self }
    }

    /// Notes that a packed file ends within what it packs.
    pub fn cut_off(&mut self, file: &str) {
        self.notes.change("a packed file that is cut off: what it holds was read", file);
    }

    /// Reads a line, without its end.
    pub fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.format.is_some() {
            self.read(line);
            return;
        }
        self.waiting.push(line.to_vec());
        if self.waiting.len() >= format::LINES_TRIED {
            self.decide();
        }
    }

    /// Chooses the format by the lines that wait, and reads them.
    fn decide(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.format = LogFormat::guess(&waiting).or(self.format.take());
        if self.format.is_none() && self.line < 10_000 {
            // Logs of containers may begin with what is no request at all.
            for _ in &waiting {
                self.line += 1;
                self.leave_out("not a line of a format that is known here");
            }
            return;
        }
        for line in waiting {
            self.read(&line);
        }
    }

    fn read(&mut self, line: &[u8]) {
        self.line += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Some(format) = &mut self.format else { return };
        let entry = match format.read(line) {
            Ok(Some(entry)) => entry,
            Ok(None) => return,
            Err(fault) => {
                let reason = match fault {
                    LineFault::Format => format!("not a line of {}", format.name()),
                    LineFault::Time => "its time is not one that is known here".to_owned(),
                    LineFault::Request => "not an HTTP request".to_owned(),
                };
                return self.leave_out(&reason);
            }
        };
        let request = match request::request(&entry) {
            Ok(request) => request,
            Err(reason) => return self.leave_out(&reason),
        };
        self.requests += 1;
        for what in &request.hidden {
            self.notes.change("a secret in a URL: replaced by `change-me`", what.clone());
        }
        self.seconds.add(entry.at);
        match self.hosts.get_mut(&request.host) {
            Some(count) => *count += 1,
            None => drop(self.hosts.insert(request.host.clone(), 1)),
        }
        if let (Some(visits), Some(client)) = (&mut self.visits, &entry.client) {
            visits.add(client, entry.at);
        }
        self.tallies.add(&request, (self.line, entry.status, entry.bytes));
        if let Some(recorded) = &mut self.recorded {
            recorded.add(entry.at, &request);
        }
    }

    /// The first lines of a kind are told by number, the others are counted.
    fn leave_out(&mut self, reason: &str) {
        let known = self.left_out.iter().position(|(known, _)| known == reason);
        let at = known.unwrap_or_else(|| {
            self.left_out.push((reason.to_owned(), 0));
            self.left_out.len() - 1
        });
        self.left_out[at].1 += 1;
        if self.left_out[at].1 <= LINES_TOLD {
            self.notes.drop(reason, format!("line {}", self.line));
        }
    }

    /// A run beside what was read.
    ///
    /// # Errors
    /// Where no line was a request that can be repeated: what stood in the way.
    pub fn compare(mut self, run: &RunLog) -> Result<LogComparison, String> {
        self.close()?;
        let mut notes = self.notes;
        let (routes, _) = self.tallies.finish();
        let main_host = main_host(&self.hosts, &self.options, &mut notes);
        let named = named(routes, &main_host);
        let visits = self.visits.unwrap_or_default();
        let production =
            ProductionFigures { named: &named, seconds: &self.seconds, visits: &visits };
        Ok(production.beside(run))
    }

    /// Reads what waits, and tells of what was left out.
    fn close(&mut self) -> Result<(), String> {
        if self.format.is_none() {
            self.decide();
        }
        for (reason, count) in std::mem::take(&mut self.left_out) {
            if count > LINES_TOLD {
                self.notes.drop(reason, format!("and {} more lines", count - LINES_TOLD));
            }
        }
        if self.requests == 0 { Err(self.notes.to_string()) } else { Ok(()) }
    }

    /// The scenario of what was read.
    ///
    /// # Errors
    /// Where no line was a request that can be repeated: what stood in the way.
    pub fn finish(mut self) -> Result<Imported, String> {
        self.close()?;
        let Some(format) = self.format else { return Err(self.notes.to_string()) };
        let mut notes = self.notes;
        notes.tell(format!("{} of {} lines, as {}", self.requests, self.line, format.name()));
        let (mut routes, given_up) = self.tallies.finish();
        leave_out_the_rare(&mut routes, given_up, &mut notes);
        let main_host = main_host(&self.hosts, &self.options, &mut notes);
        let named = named(routes, &main_host);
        let context = MixContext {
            named: &named,
            options: &self.options,
            main_host: &main_host,
            format: format.name(),
        };
        let mut files = mix::files(&context, stages::workloads(&self.seconds), &mut notes);
        if let (Some(recorded), Some(speed)) = (self.recorded, self.options.replay) {
            files.extend(recorded.files(&context, speed.get(), &mut notes));
        }
        Ok(Imported { files, notes })
    }
}

/// Kinds of requests, each with its step's name.
fn named(routes: Vec<RouteTally>, main_host: &str) -> Vec<(String, RouteTally)> {
    let mut names = UniqueNames::default();
    let routes = routes.into_iter().enumerate();
    routes.map(|(at, route)| (names.give(&at, &mix::names(&route, main_host)), route)).collect()
}

/// Imports a log that is held in memory: its text, which is `source` in problems.
///
/// # Errors
/// Where no line of it is a request that can be repeated.
pub fn access_log(
    text: &str,
    source: SourceId,
    options: &ImportOptions,
) -> Result<Imported, Vec<Problem>> {
    let mut reader = AccessLogReader::new(options, None);
    text.lines().for_each(|line| reader.line(line.as_bytes()));
    reader.finish().map_err(|notes| {
        let span = Span { source, line: 1, column: 1, length: 1 };
        vec![problem(span, nothing(&notes), Some(NOTHING_HINT))]
    })
}

/// What is said of a log in which nothing is a request that can be repeated.
pub fn nothing(notes: &str) -> String {
    format!("no line of it is a request that can be repeated\n{notes}").trim_end().to_owned()
}

/// The way out of it.
pub const NOTHING_HINT: &str = "known are the formats of nginx, Apache, Caddy, Traefik, Envoy, HAProxy, IIS, ALB and CloudFront; \
     `--format '$remote_addr …'` or `--fields time,method,path,status` tells another";

fn leave_out_the_rare(routes: &mut Vec<RouteTally>, given_up: u64, notes: &mut ImportNotes) {
    let reason = format!("rare: not among the {ROUTES_MAX} most frequent kinds of requests");
    let rare = routes.split_off(routes.len().min(ROUTES_MAX));
    for route in rare.iter().take(RARE_TOLD) {
        notes.drop(reason.clone(), format!("{} {} ({})", route.method, route.shape(), route.count));
    }
    let more: u64 = rare.iter().skip(RARE_TOLD).map(|route| route.count).sum::<u64>() + given_up;
    if more > 0 {
        notes.drop(reason, format!("and {more} more requests of rarer kinds"));
    }
}

/// The virtual host that is the target: the most frequent one. Of the others is told that variables say where they are.
fn main_host(
    hosts: &BTreeMap<String, u64>,
    options: &ImportOptions,
    notes: &mut ImportNotes,
) -> String {
    let mut found: Vec<(&String, &u64)> = hosts.iter().collect();
    found.sort_by_key(|(host, count)| (std::cmp::Reverse(**count), host.as_str()));
    let Some((main, _)) = found.first() else { return String::new() };
    if found.len() > 1 {
        let reason = format!(
            "requests of several virtual hosts: those of `{main}` go to the target ({}), others where variables say",
            mix::target(options),
        );
        for (host, count) in found.iter().skip(1).take(RARE_TOLD) {
            let what = match host.as_str() {
                "" => format!("no host told ({count})"),
                host => format!("{host} ({count}): ${}", mix::variable(&options.name, host)),
            };
            notes.change(reason.clone(), what);
        }
    }
    (*main).clone()
}
