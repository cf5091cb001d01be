//! The leader before the run: waits for agents, gives each its shard, and waits until all could start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cli::FleetArgs;
use crate::fleet::{
    AgentCall, AgentReady, AgentTold, Broadcast, Carrier, CarrierError, ClockEstimate, JoinReply,
    JoinRequest, LedSearchStep, RunSubjects, Work, WorkFile, digest,
};
use crate::metrics::RunHeader;
use crate::units::Nanos;

use super::super::exit::{Exit, Failure};
use super::super::merge::facts;
use super::super::output::say;
use super::super::signals::StopSignals;
use super::connection::{broken, build, connect};
use super::pulse::LeaderPulse;
use super::services;

/// How long to wait for agents, unless the command line says.
const WAIT: Nanos = Nanos::from_secs(120);
/// Between two calls for agents.
const CALL: Duration = Duration::from_millis(300);
/// Before work that nobody has answered is sent again.
const AGAIN: Duration = Duration::from_secs(2);

/// What is needed to find agents for a run.
pub(in crate::app) struct Gathering<'a> {
    pub(in crate::app) args: &'a FleetArgs,
    /// The first line of the log that the run would have on one machine.
    pub(in crate::app) header: &'a RunHeader,
    /// A hash of all that shards of one run have in common.
    pub(in crate::app) plan_hash: &'a str,
    /// All files that make the scenario, as they were read.
    pub(in crate::app) files: &'a BTreeMap<PathBuf, Vec<u8>>,
    /// What the setup has captured.
    pub(in crate::app) given: Vec<(u16, String)>,
    /// The step of a search that they are to play; what the command line asks for where it is none.
    pub(in crate::app) step: Option<LedSearchStep>,
    /// What says that the search lives, from its second step on.
    pub(in crate::app) pulse: Option<Arc<LeaderPulse>>,
}

/// Agents that could start, and the leader's ways to them.
pub(in crate::app) struct Leading {
    pub(super) carrier: Carrier,
    pub(super) subjects: RunSubjects,
    /// By shard, from 1.
    pub(super) agents: BTreeMap<u32, GatheredAgent>,
    pub(super) told: mpsc::Receiver<AgentTold>,
    /// Says that the leader lives.
    pub(in crate::app) pulse: Arc<LeaderPulse>,
    /// Answer agents, for as long as it is there.
    _tasks: JoinSet<()>,
}

/// An agent with its shard.
#[derive(Debug, Clone)]
pub(super) struct GatheredAgent {
    pub(super) host: String,
    pub(super) agent: String,
    pub(super) clock: Option<ClockEstimate>,
}

impl Gathering<'_> {
    /// Finds the agents.
    ///
    /// # Errors
    /// Where too few come in time (97), or one of them cannot start.
    pub(in crate::app) async fn gather(self) -> Result<Leading, Failure> {
        let mut signals = StopSignals::new()?;
        let interrupted = || Failure::new(Exit::Interrupted, "interrupted; nothing was sent");
        let mut leading = tokio::select! {
            opened = self.open() => opened?,
            () = signals.next() => return Err(interrupted()),
        };
        let gathered = tokio::select! {
            gathered = self.find_all(&mut leading) => gathered,
            () = signals.next() => Err(interrupted()),
        };
        match gathered {
            Ok(()) => Ok(leading),
            Err(failure) => {
                let why = failure.message.lines().next().unwrap_or_default();
                leading.cancel(why.trim_start_matches("error: ").to_owned()).await;
                Err(failure)
            }
        }
    }

    /// Opens the ways to the agents.
    async fn open(&self) -> Result<Leading, Failure> {
        let failed = |error: CarrierError| broken(&error);
        let url = self.args.nats.as_deref().unwrap_or_default();
        let carrier = connect(url, &self.args.login, self.args.wait).await?;
        let subjects = RunSubjects::new(carrier.unique());
        carrier.create_stream(&subjects).await.map_err(failed)?;
        let pulse = match &self.pulse {
            Some(pulse) => pulse.clone(),
            None => Arc::new(LeaderPulse::start(self.args).await?),
        };
        let mut tasks = JoinSet::new();
        let contents = self.files.values().cloned().collect();
        let told = services::start(&carrier, &subjects, contents, &mut tasks).await;
        let told = told.map_err(failed)?;
        Ok(Leading { carrier, subjects, agents: BTreeMap::new(), told, pulse, _tasks: tasks })
    }

    async fn find_all(&self, leading: &mut Leading) -> Result<(), Failure> {
        self.call(leading).await?;
        self.make_ready(leading).await
    }

    /// Calls for agents until enough have come, and gives each its shard.
    async fn call(&self, leading: &mut Leading) -> Result<(), Failure> {
        let failed = |error: CarrierError| broken(&error);
        let wanted = self.args.agents.unwrap_or(1);
        let mut applicants = Applicants { wanted, build: build()?, taken: vec![] };
        let (carrier, subjects) = (leading.carrier.clone(), leading.subjects.clone());
        let mut joins = carrier.subscribe(subjects.join()).await.map_err(failed)?;
        let call = AgentCall {
            run: subjects.run().to_owned(),
            system: self.header.name.clone(),
            leader: leading.pulse.leader.clone(),
            is_step: self.step.is_some(),
        };
        // Between two steps of a search, all of them are there.
        if self.step.as_ref().is_none_or(|step| step.index == 0) {
            say(&format!("waiting for {wanted} agents"));
        }
        let wait = self.args.wait.unwrap_or(WAIT);
        let deadline = Instant::now() + Duration::from(wait);
        let mut calls = tokio::time::interval(CALL);
        while applicants.taken.len() < wanted as usize {
            tokio::select! {
                _ = calls.tick() => {
                    carrier.tell(RunSubjects::call().to_owned(), &call).await.map_err(failed)?;
                }
                Some(message) = joins.next() => {
                    let Ok(request) = serde_json::from_slice::<JoinRequest>(&message.payload) else {
                        continue;
                    };
                    let host = request.host.clone();
                    let reply = applicants.admit(request);
                    if let JoinReply::Refused(why) = &reply {
                        say(&format!("refused agent {host}: {why}"));
                    }
                    let reply = serde_json::to_vec(&reply).unwrap_or_default();
                    carrier.answer(&message, reply).await;
                }
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        leading.agents = applicants.placed(self.args.min_agents, wait)?;
        Ok(())
    }

    /// Sends each its part, and waits until all could start.
    async fn make_ready(&self, leading: &mut Leading) -> Result<(), Failure> {
        let of = leading.agents.len() as u32;
        let header = RunHeader { shard: (0, of), ..self.header.clone() };
        let mut expected = facts(&header);
        expected.push(("plan", self.plan_hash.to_owned()));
        let wait = self.args.wait.unwrap_or(WAIT);
        let deadline = Instant::now() + Duration::from(wait);
        let mut sendings = tokio::time::interval(AGAIN);
        while leading.agents.values().any(|agent| agent.clock.is_none()) {
            tokio::select! {
                _ = sendings.tick() => self.send_work(leading, of).await.map_err(|error| broken(&error))?,
                Some(told) = leading.told.recv() => leading.on_ready(told, &expected)?,
                () = tokio::time::sleep_until(deadline) => {
                    let waiting = leading.agents.iter().filter(|(_, agent)| agent.clock.is_none());
                    let names: Vec<String> =
                        waiting.map(|(number, agent)| format!("{number} ({})", agent.host)).collect();
                    return Err(Failure::new(
                        Exit::Judged(97),
                        format!("error: agents were not ready within {wait}: {}\nnothing was sent", names.join(", ")),
                    ));
                }
            }
        }
        Ok(())
    }

    async fn send_work(&self, leading: &Leading, of: u32) -> Result<(), CarrierError> {
        let file = |(path, bytes): (&PathBuf, &Vec<u8>)| WorkFile {
            path: path.display().to_string(),
            size: bytes.len() as u64,
            sha256: digest(bytes),
        };
        let mut work = Work {
            number: 0,
            of,
            arguments: std::env::args().skip(1).collect(),
            seed: self.header.seed.get(),
            started_utc: self.header.started_utc.clone(),
            files: self.files.iter().map(file).collect(),
            given: self.given.clone(),
            step: self.step.clone(),
        };
        for (&number, agent) in leading.agents.iter().filter(|(_, agent)| agent.clock.is_none()) {
            work.number = number;
            let subject = leading.subjects.to_agent(&agent.agent);
            leading.carrier.tell(subject, &Broadcast::Work(Box::new(work.clone()))).await?;
        }
        Ok(())
    }
}

impl Leading {
    fn on_ready(
        &mut self,
        told: AgentTold,
        expected: &[(&'static str, String)],
    ) -> Result<(), Failure> {
        match told {
            AgentTold::Ready(AgentReady { number, facts, clock }) => {
                let Some(agent) = self.agents.get_mut(&number) else { return Ok(()) };
                let found = differences(expected, &facts);
                if !found.is_empty() {
                    let told: Vec<String> = found
                        .iter()
                        .map(|found| format!("error: agent {number} ({}) has {found}", agent.host))
                        .collect();
                    let told = format!("{}\nnothing was sent", told.join("\n"));
                    return Err(Failure::new(Exit::Usage, told));
                }
                agent.clock = Some(clock);
                Ok(())
            }
            AgentTold::Failed { number, exit, why } => {
                let host = self.agents.get(&number).map_or("", |agent| agent.host.as_str());
                let exit = Exit::of_number(exit);
                Err(Failure::new(exit, format!("agent {number} ({host}) cannot play:\n{why}")))
            }
            AgentTold::Starting { .. }
            | AgentTold::Clock { .. }
            | AgentTold::Acknowledged { .. } => Ok(()),
        }
    }

    /// Tells all agents that the run does not take place.
    pub(super) async fn cancel(&self, why: String) {
        // Who does not hear it gives up by itself.
        let _ = self.carrier.tell(self.subjects.to_all(), &Broadcast::Cancel(why)).await;
        let _ = self.carrier.delete_stream(&self.subjects).await;
        let _ = self.carrier.flush().await;
    }

    /// The longest round trip of an agent's clock comparison.
    pub(super) fn round_trip(&self) -> Nanos {
        let clocks = self.agents.values().filter_map(|agent| agent.clock);
        clocks.map(|clock| clock.round_trip).max().unwrap_or(Nanos::ZERO)
    }
}

/// In what an agent's facts are not the leader's.
fn differences(expected: &[(&'static str, String)], found: &[(String, String)]) -> Vec<String> {
    let of = |name: &str| found.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    expected
        .iter()
        .filter_map(|(name, expected)| match of(name) {
            Some(value) if value == expected => None,
            Some(value) => Some(format!("another {name}: {value}, not {expected}")),
            None => Some(format!("no {name}")),
        })
        .collect()
}

/// Agents that offered themselves.
#[derive(Debug)]
struct Applicants {
    wanted: u32,
    build: String,
    taken: Vec<JoinRequest>,
}

impl Applicants {
    fn admit(&mut self, request: JoinRequest) -> JoinReply {
        let version = env!("CARGO_PKG_VERSION");
        if self.taken.iter().any(|known| known.agent == request.agent) {
            return JoinReply::Joined;
        }
        if request.version != version {
            let theirs = &request.version;
            return JoinReply::Refused(format!("it has version {theirs}, the leader {version}"));
        }
        if request.build != self.build {
            return JoinReply::Refused("its program is another one than the leader's".to_owned());
        }
        if let Some(number) = request.number {
            if number > self.wanted {
                return JoinReply::Refused(format!(
                    "there is no shard {number} of {}",
                    self.wanted
                ));
            }
            if let Some(known) = self.taken.iter().find(|known| known.number == Some(number)) {
                let host = &known.host;
                return JoinReply::Refused(format!("shard {number} is taken by agent {host}"));
            }
        }
        if self.taken.len() >= self.wanted as usize {
            return JoinReply::Refused(format!("all {} agents are there", self.wanted));
        }
        self.taken.push(request);
        JoinReply::Joined
    }

    /// Each with its shard.
    fn placed(
        self,
        least: Option<u32>,
        wait: Nanos,
    ) -> Result<BTreeMap<u32, GatheredAgent>, Failure> {
        let (wanted, came) = (self.wanted, self.taken.len() as u32);
        let is_whole = came == wanted;
        if !is_whole && (came == 0 || least.is_none_or(|least| came < least)) {
            return Err(self.too_few(wait));
        }
        let (mut numbered, mut others): (Vec<_>, Vec<_>) =
            self.taken.into_iter().partition(|request| request.number.is_some());
        numbered.sort_by_key(|request| request.number);
        others.sort_by(|one, other| one.host.cmp(&other.host));
        let mut places = BTreeMap::new();
        if is_whole {
            let of = |request: JoinRequest| Some((request.number?, request));
            places.extend(numbered.into_iter().filter_map(of));
        } else {
            say(&format!("{came} of {wanted} agents came: each plays one of {came} parts"));
            places.extend((1..).zip(numbered));
        }
        for request in others {
            let free = (1..=wanted).find(|number| !places.contains_key(number)).unwrap_or(wanted);
            places.insert(free, request);
        }
        let agent = |(number, JoinRequest { host, agent, .. })| {
            (number, GatheredAgent { host, agent, clock: None })
        };
        Ok(places.into_iter().map(agent).collect())
    }

    fn too_few(&self, wait: Nanos) -> Failure {
        let (came, wanted) = (self.taken.len(), self.wanted);
        let is_named = self.taken.iter().all(|request| request.number.is_some());
        let missing: Vec<String> = (1..=wanted)
            .filter(|number| !self.taken.iter().any(|known| known.number == Some(*number)))
            .map(|number| number.to_string())
            .collect();
        let which = if is_named && came > 0 {
            format!(": {}", missing.join(", "))
        } else if came > 0 {
            let hosts: Vec<&str> = self.taken.iter().map(|known| known.host.as_str()).collect();
            format!("; there are {}", hosts.join(", "))
        } else {
            String::new()
        };
        Failure::new(
            Exit::Judged(97),
            format!(
                "error: {} of {wanted} agents did not come within {wait}{which}\nhint: `--min-agents` runs with fewer, \
                 `--wait` waits longer; nothing was sent",
                wanted as usize - came
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(agent: &str, number: Option<u32>) -> JoinRequest {
        JoinRequest {
            agent: agent.to_owned(),
            host: format!("host-{agent}"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: "b".to_owned(),
            number,
        }
    }

    fn applicants(wanted: u32) -> Applicants {
        Applicants { wanted, build: "b".to_owned(), taken: vec![] }
    }

    fn why(reply: JoinReply) -> String {
        match reply {
            JoinReply::Joined => String::new(),
            JoinReply::Refused(why) => why,
        }
    }

    #[test]
    fn agents_that_do_not_fit_are_refused_with_the_reason() {
        let mut all = applicants(2);
        assert_eq!(all.admit(request("a", Some(2))), JoinReply::Joined);
        assert_eq!(all.admit(request("a", Some(2))), JoinReply::Joined, "it asks again");
        let other = JoinRequest { build: "c".to_owned(), ..request("b", None) };
        assert_eq!(why(all.admit(other)), "its program is another one than the leader's");
        let old = JoinRequest { version: "0.0.1".to_owned(), ..request("b", None) };
        assert!(why(all.admit(old)).starts_with("it has version 0.0.1, the leader"));
        assert_eq!(why(all.admit(request("b", Some(2)))), "shard 2 is taken by agent host-a");
        assert_eq!(why(all.admit(request("b", Some(3)))), "there is no shard 3 of 2");
        assert_eq!(all.admit(request("b", None)), JoinReply::Joined);
        assert_eq!(why(all.admit(request("c", None))), "all 2 agents are there");
        let places = all.placed(None, WAIT).expect("all came");
        let hosts: Vec<&str> = places.values().map(|agent| agent.host.as_str()).collect();
        assert_eq!(hosts, ["host-b", "host-a"]);
    }

    #[test]
    fn too_few_agents_are_no_run_unless_fewer_will_do() {
        let some = |named: bool| {
            let mut all = applicants(4);
            for (agent, number) in [("a", 3), ("b", 1)] {
                all.admit(request(agent, named.then_some(number)));
            }
            all
        };
        let failure = some(true).placed(None, WAIT).expect_err("two of four");
        assert_eq!(failure.exit, Exit::Judged(97));
        let first = failure.message.lines().next();
        assert_eq!(first, Some("error: 2 of 4 agents did not come within 2m: 2, 4"));
        let failure = some(false).placed(Some(3), WAIT).expect_err("two of three");
        assert!(failure.message.contains("; there are host-a, host-b"), "{}", failure.message);
        let places = some(true).placed(Some(2), WAIT).expect("two will do");
        let hosts: Vec<(u32, &str)> =
            places.iter().map(|(number, agent)| (*number, agent.host.as_str())).collect();
        assert_eq!(hosts, [(1, "host-b"), (2, "host-a")]);
        assert!(applicants(4).placed(Some(1), WAIT).is_err(), "nobody came");
    }

    #[test]
    fn all_differences_of_a_plan_are_listed() {
        let expected =
            [("seed", "1".to_owned()), ("target", "a".to_owned()), ("split", "x".to_owned())];
        let found = [("seed".to_owned(), "2".to_owned()), ("target".to_owned(), "a".to_owned())];
        assert_eq!(differences(&expected, &found), ["another seed: 2, not 1", "no split"]);
    }
}
