//! One iteration of each scenario with every exchange printed, for `check --once`.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::RunOptions;
use crate::metrics::{LifecyclePart, Outcome, Sample, ScenarioId};
use crate::plan::{Plan, Variables as _};
use crate::report::format;
use crate::schedule::Arrival;
use crate::transport::{
    Client, ExchangeTrace, FinishedRequest, RequestTimes, StreamEvent, WorkerTransport, keep_time,
};
use crate::units::{Nanos, RunTime};
use crate::user::{Action, User, UserFactory};

use super::exit::Failure;
use super::output::write_out;
use super::{mask, page_trial};

/// Prints a piece of the trial. One that does not fit into stdout is not worth ending it for.
fn print(text: &str) {
    let _ = write_out(text);
}

/// Plays the setup, one iteration of each scenario, and the teardown. Returns whether nothing failed. Think times are
/// passed over. Pages in browsers are opened once, where `may_load` names other hosts that they may reach.
pub(super) async fn play_each(
    plan: &Arc<Plan>,
    options: &RunOptions,
    may_load: &[String],
) -> Result<bool, Failure> {
    let failed = |error: io::Error| Failure::while_doing("cannot play the scenarios", &error);
    let (mut plan, mut all_well) = (plan.clone(), true);
    if let Some(setup) = plan.lifecycle.setup.clone() {
        let part = LifecyclePart::Setup;
        let alone = Arc::new(plan.of_lifecycle(part, &setup));
        let (is_well, user) =
            Trial::new(&alone, options).map_err(failed)?.play(0, part.word()).await;
        let captured =
            setup.slots.iter().filter_map(|&slot| Some((slot, user.slot(slot)?.clone())));
        Arc::make_mut(&mut plan).lifecycle.given = captured.collect();
        mask::learn(&plan.given_secrets());
        all_well = is_well;
    }
    if all_well {
        let trial = Trial::new(&plan, options).map_err(failed)?;
        for (index, scenario) in plan.scenarios.iter().enumerate() {
            all_well &= trial.play(index, &format!("scenario {}", scenario.name)).await.0;
        }
    }
    if all_well {
        all_well = page_trial::once(&plan, may_load).await?;
    }
    if let Some(teardown) = &plan.lifecycle.teardown {
        let part = LifecyclePart::Teardown;
        let alone = Arc::new(plan.of_lifecycle(part, teardown));
        all_well &= Trial::new(&alone, options).map_err(failed)?.play(0, part.word()).await.0;
    }
    Ok(all_well)
}

/// What iterations of a plan are tried with.
struct Trial {
    plan: Arc<Plan>,
    users: UserFactory,
    shared: Rc<WorkerTransport>,
}

impl Trial {
    fn new(plan: &Arc<Plan>, options: &RunOptions) -> io::Result<Self> {
        let timers = keep_time(Nanos::ZERO)?;
        let (tls, permit) = (options.tls.clone(), options.permit.clone());
        let shared = WorkerTransport::new(plan.clone(), tls, permit, timers);
        plan.templates.begin_at(shared.clock().unix_start());
        Ok(Self { plan: plan.clone(), users: UserFactory::new(plan.clone()), shared })
    }

    /// Plays one iteration of the scenario at `index`. Returns whether nothing failed, and its user.
    async fn play(&self, index: usize, title: &str) -> (bool, User) {
        print(&format!("\n── {title} ──\n"));
        let number = index as u64;
        let mut user = self.users.user(number);
        let mut client = Client::new(&self.shared, number);
        client.trace();
        user.begin(ScenarioId(index as u16), &Arrival::alone(number, RunTime::ZERO));
        let is_well = play(&self.plan, &mut user, &mut client, &self.shared).await;
        (is_well, user)
    }
}

fn show(finished: &FinishedRequest, exchanges: Vec<ExchangeTrace>, plan: &Plan, user: &User) {
    let step = &plan.steps[finished.sample.step.0 as usize].name;
    let time = Nanos::from_micros(finished.sample.service_time().get() / 1_000);
    let verdict = match finished.sample.outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Failed(class) => format!("FAILED ({class}): {}", finished.message),
    };
    print(&hide(&format!("\n{step}: {verdict} in {time}\n"), user));
    show_exchanges(exchanges, user);
}

fn show_exchanges(exchanges: Vec<ExchangeTrace>, user: &User) {
    for exchange in exchanges {
        print(&hide(&describe(&exchange), user));
    }
}

fn note(sample: &Sample, plan: &Plan) {
    let step = &plan.steps[sample.step.0 as usize].name;
    print(&format!("\n{step}: {}\n", sample.response_time()));
}

async fn play(plan: &Plan, user: &mut User, client: &mut Client, shared: &WorkerTransport) -> bool {
    // Waits are passed over: for the user that time has gone by.
    let mut skipped = Nanos::ZERO;
    loop {
        let now = shared.clock().now();
        match user.next_action(now + skipped) {
            Action::Send(attempt) => {
                let finished = client.perform(user, attempt, now, now).await;
                show(&finished, client.traced(), plan, user);
            }
            Action::SendAll(ids) => {
                let all = RefCell::new(vec![]);
                client
                    .perform_all(user, &ids, RequestTimes { intended: now, began: now }, &|one| {
                        all.borrow_mut().push(one);
                    })
                    .await;
                all.into_inner().iter().for_each(|finished| show(finished, vec![], plan, user));
                show_exchanges(client.traced(), user);
            }
            Action::Stream(id) => {
                let received = RefCell::new(vec![]);
                client
                    .stream(user, id, RequestTimes { intended: now, began: now }, &|event| {
                        received.borrow_mut().push(event);
                    })
                    .await;
                for event in received.into_inner() {
                    match event {
                        StreamEvent::Request(finished) => show(&finished, vec![], plan, user),
                        StreamEvent::DerivedTiming(timing) => note(&timing.sample, plan),
                        StreamEvent::Traffic { .. } => {}
                    }
                }
                show_exchanges(client.traced(), user);
            }
            Action::Wait(until) => {
                let span = until.since(now + skipped);
                skipped += span;
                if !span.is_zero() {
                    print(&format!("  (waits {}; skipped here)\n", format::time(span)));
                }
            }
            Action::DerivedTiming(sample) => note(&sample, plan),
            Action::Done => return !user.failed(),
            Action::UsedUp(set) => {
                let name = &plan.data[usize::from(set)].name;
                print(&format!("\nFAILED (script): `{name}` has no row left\n"));
                return false;
            }
            Action::IterationError(error) => {
                print(&hide(&format!("\nFAILED (script): {error}\n"), user));
                return false;
            }
        }
    }
}

fn describe(exchange: &ExchangeTrace) -> String {
    let mut text = String::new();
    for line in exchange.request.lines() {
        let _ = writeln!(text, "  > {line}");
    }
    for line in exchange.response.lines() {
        let _ = writeln!(text, "  < {line}");
    }
    text
}

/// Blanks out what came from the environment, what the user captured as a secret, and what proves an identity.
fn hide(text: &str, user: &User) -> String {
    const PROOFS: [&str; 5] =
        ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];
    let shown = mask::text(&user.redacted(text.to_owned()));
    let lines = shown.lines().map(|line| {
        let mut words = line.trim_start_matches(['>', '<', ' ']).splitn(2, ':');
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        match words.next() {
            Some(_) if PROOFS.contains(&name.as_str()) => {
                format!("{}: •••", line.split(':').next().unwrap_or_default())
            }
            _ => line.to_owned(),
        }
    });
    let mut shown: String = lines.collect::<Vec<_>>().join("\n");
    shown.push('\n');
    shown
}
