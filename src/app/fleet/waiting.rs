//! An agent that waits for work, and offers itself where a leader calls.

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fleet::{
    AgentCall, Broadcast, Carrier, CarrierError, JoinReply, JoinRequest, LeaderLoss,
    LeaderPresence, RunSubjects, Work,
};
use crate::units::Nanos;

use super::super::exit::{Exit, Failure};
use super::super::output::say;
use super::super::signals::StopSignals;
use super::connection::broken;
use super::link::LeaderLink;

/// Words of the leader that were not read yet.
pub(super) const INBOX: usize = 64;

/// An agent between two runs.
pub(super) struct WaitingAgent {
    carrier: Carrier,
    me: JoinRequest,
    /// Runs that have answered it.
    known: Vec<String>,
    /// The search whose steps it plays: until that is over, it is there for no other run.
    search: Option<JoinedSearch>,
    /// How long it waits for the first run, and until when.
    patience: Option<(Nanos, Instant)>,
}

/// A search that an agent belongs to.
struct JoinedSearch {
    leader: String,
    presence: LeaderPresence,
}

/// What ends the wait.
pub(super) enum NextWork {
    /// A run.
    Place(Box<AgentPlace>),
    /// No more steps follow, and why.
    SearchOver(LeaderLoss),
    /// A signal.
    Interrupted,
}

/// A place in a run.
pub(super) struct AgentPlace {
    pub(super) link: LeaderLink,
    pub(super) work: Work,
    /// What the leader says.
    pub(super) words: mpsc::Receiver<Broadcast>,
    pub(super) presence: LeaderPresence,
    /// Hear the leader.
    pub(super) hearing: JoinSet<()>,
}

impl WaitingAgent {
    /// Waits for a first run for so long; for ever where it does not say.
    pub(super) fn new(carrier: Carrier, me: JoinRequest, wait: Option<Nanos>) -> Self {
        let patience = wait.map(|wait| (wait, Instant::now() + std::time::Duration::from(wait)));
        Self { carrier, me, known: vec![], search: None, patience }
    }

    /// Where it runs, for people.
    pub(super) fn host(&self) -> &str {
        &self.me.host
    }

    /// Whether more steps of a search are to be expected.
    pub(super) const fn is_in_search(&self) -> bool {
        self.search.is_some()
    }

    /// Waits for the next run.
    ///
    /// # Errors
    /// Where no run has taken it on in time, or the server lets go of it.
    pub(super) async fn next(&mut self) -> Result<NextWork, Failure> {
        let mut signals = StopSignals::new()?;
        let failed = |error: CarrierError| broken(&error);
        let calls = self.carrier.subscribe(RunSubjects::call().to_owned()).await;
        let mut calls = calls.map_err(failed)?;
        if let Some(search) = &mut self.search {
            search.presence.count_anew();
        }
        loop {
            let call = tokio::select! {
                call = calls.next() => call,
                () = signals.next() => return Ok(NextWork::Interrupted),
                loss = search_over(&mut self.search, &self.carrier) => {
                    self.search = None;
                    return Ok(NextWork::SearchOver(loss));
                }
                wait = given_up(self.patience) => {
                    let why = format!("error: no run took this agent on within {wait}");
                    return Err(Failure::new(Exit::Judged(97), why));
                }
            };
            let Some(message) = call else {
                return Err(Failure::new(
                    Exit::Error,
                    "error: the NATS server let go of this agent",
                ));
            };
            let Ok(call) = serde_json::from_slice::<AgentCall>(&message.payload) else { continue };
            let is_elsewhere = self.search.as_ref().is_some_and(|it| it.leader != call.leader);
            if is_elsewhere || self.known.contains(&call.run) {
                continue;
            }
            tokio::select! {
                place = self.join(&call) => {
                    if let Some(place) = place.map_err(failed)? {
                        self.patience = None;
                        return Ok(NextWork::Place(Box::new(place)));
                    }
                }
                () = signals.next() => return Ok(NextWork::Interrupted),
            }
        }
    }

    /// Offers itself for a run, and waits for its part of it.
    async fn join(&mut self, call: &AgentCall) -> Result<Option<AgentPlace>, CarrierError> {
        let carrier = self.carrier.clone();
        let subjects = RunSubjects::new(call.run.clone());
        let mut presence = carrier.presence(&call.leader).await?;
        // Before it joins: the work comes at once.
        let (mut words, hearing) = hear(&carrier, &subjects, &self.me.agent).await?;
        match carrier.ask::<JoinReply>(subjects.join(), &self.me).await {
            Ok(JoinReply::Joined) => {}
            Ok(JoinReply::Refused(why)) => {
                self.known.push(call.run.clone());
                say(&format!("refused by the run of {}: {why}", call.system));
                return Ok(None);
            }
            // The leader calls again.
            Err(_) => return Ok(None),
        }
        self.known.push(call.run.clone());
        say(&format!("joined the run of {}", call.system));
        let work = match while_led(&mut presence, &carrier, work_of(&mut words)).await {
            Ok(Ok(work)) => work,
            Ok(Err(why)) => return Ok(not_taking_place(&why)),
            Err(loss) => return Ok(not_taking_place(&loss)),
        };
        if call.is_step && self.search.is_none() {
            let presence = carrier.presence(&call.leader).await?;
            self.search = Some(JoinedSearch { leader: call.leader.clone(), presence });
        }
        let link = LeaderLink { carrier, subjects, number: work.number };
        Ok(Some(AgentPlace { link, work, words, presence, hearing }))
    }
}

fn not_taking_place(why: &dyn std::fmt::Display) -> Option<AgentPlace> {
    say(&format!("the run does not take place: {why}"));
    None
}

/// Does `work`, unless the leader gives no sign any more.
pub(super) async fn while_led<T>(
    presence: &mut LeaderPresence,
    carrier: &Carrier,
    work: impl Future<Output = T>,
) -> Result<T, LeaderLoss> {
    tokio::select! {
        done = work => Ok(done),
        loss = presence.silent(|| carrier.is_connected()) => Err(loss),
    }
}

/// Returns once no more steps follow.
async fn search_over(search: &mut Option<JoinedSearch>, carrier: &Carrier) -> LeaderLoss {
    match search {
        Some(search) => search.presence.lost(|| carrier.is_connected()).await,
        None => std::future::pending().await,
    }
}

/// Returns once patience is at an end.
async fn given_up(patience: Option<(Nanos, Instant)>) -> Nanos {
    match patience {
        Some((wait, deadline)) => {
            tokio::time::sleep_until(deadline).await;
            wait
        }
        None => std::future::pending().await,
    }
}

/// Hears what the leader says to this agent and to all.
async fn hear(
    carrier: &Carrier,
    subjects: &RunSubjects,
    agent: &str,
) -> Result<(mpsc::Receiver<Broadcast>, JoinSet<()>), CarrierError> {
    let mut tasks = JoinSet::new();
    let (outbox, words) = mpsc::channel(INBOX);
    for subject in [subjects.to_agent(agent), subjects.to_all()] {
        let mut messages = carrier.subscribe(subject).await?;
        let outbox = outbox.clone();
        tasks.spawn(async move {
            while let Some(message) = messages.next().await {
                let Ok(word) = serde_json::from_slice(&message.payload) else { continue };
                if outbox.send(word).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok((words, tasks))
}

/// The agent's part, or why there is none.
async fn work_of(words: &mut mpsc::Receiver<Broadcast>) -> Result<Work, String> {
    loop {
        match words.recv().await {
            Some(Broadcast::Work(work)) => return Ok(*work),
            Some(Broadcast::Cancel(why)) => return Err(why),
            Some(Broadcast::Start(_) | Broadcast::Order(_)) => {}
            None => return Err("the NATS server let go of this agent".to_owned()),
        }
    }
}
