//! A user's way through a program, without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::*;
use plimsoll_plan::{Escape, Overrides, Shard, compile};
use plimsoll_scenario::load;
use plimsoll_schedule::Schedule;

/// A user whose scenario has these steps.
pub(super) fn idle(steps: &str) -> User {
    let text = format!(
        "name: x\ntarget: http://127.0.0.1:81\nworkloads: {{ a: {{ vus: 1, duration: 1s }} }}\n\
         scenarios: {{ s: {{ flow: [{steps}] }} }}\n"
    );
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(text.clone().into_bytes()), &|_| None);
    let today = jiff::civil::date(2026, 1, 31);
    let plan = Arc::new(compile(&loaded, &Overrides::default(), today).expect("valid"));
    UserFactory::new(plan).user(0)
}

/// One at the start of its first iteration.
fn user_of(steps: &str) -> User {
    let mut user = idle(steps);
    user.begin(ScenarioId(0), &Arrival::alone(0, RunTime::ZERO));
    user
}

fn rendered(user: &mut User, text: &str) -> String {
    let template = user.plan.templates.compile(text, Escape::None).expect("compiles");
    let mut out = vec![];
    user.render(&template, &mut out).expect("renders");
    String::from_utf8(out).expect("utf-8")
}

const GET: &str = "{ get: { name: a, url: / } }";

#[test]
fn draws_of_one_template_and_of_the_next_all_differ() {
    let mut user = user_of(GET);
    let mut result = BTreeSet::new();
    for _ in 0..3 {
        let text = rendered(&mut user, "{{ uuid() }} {{ uuid() }} {{ hex(32) }} {{ hex(32) }}");
        result.extend(text.split(' ').map(str::to_owned));
    }
    assert_eq!(result.len(), 12, "{result:?}");
}

#[test]
fn draws_of_one_template_are_independent() {
    let mut user = user_of(GET);
    // All 100 pairs of two digits come up in 2,000 draws, unless one digit tells the other.
    let mut pairs = BTreeSet::new();
    for _ in 0..2_000 {
        pairs.insert(rendered(&mut user, "{{ rand(0, 9) }}{{ rand(0, 9) }}"));
    }
    assert_eq!(pairs.len(), 100, "{pairs:?}");
}

#[test]
fn draws_of_an_iteration_are_the_same_in_every_run() {
    let draw = || rendered(&mut user_of(GET), "{{ rand(1, 90) }} {{ uuid() }} {{ rand(1, 90) }}");
    assert_eq!(draw(), draw());
}

#[test]
fn loop_without_requests_lets_others_have_their_turn() {
    let never = "{ if: { when: 'false', flow: [{ get: { name: b, url: / } }] } }";
    let mut user = user_of(&format!("{{ repeat: {{ times: 2000000, flow: [{never}] }} }}, {GET}"));
    let now = RunTime::ZERO + Nanos::from_secs(1);
    assert_eq!(user.next_action(now), Action::Wait(now));
}

pub(super) struct Bare;

impl ResponseHeaders for Bare {
    fn each(&self, _: &str, _: &mut dyn FnMut(&[u8])) {}
}

const LOGIN: &str =
    "{ post: { name: login, url: /, check: { body: welcome }, capture: { token: $.t } } }";

fn answered(user: &mut User, body: &str) -> String {
    let (headers, size) = (&Bare, body.len() as u64);
    let service_time = Nanos::from_millis(30);
    let body = body.as_bytes();
    let response = Response { status: 200, headers, url: None, body, size, service_time };
    let result = user.on_response(RequestId(0), &response);
    user.redacted(result.message)
}

#[test]
fn captured_secret_stays_out_of_messages() {
    let mut user = user_of(LOGIN);
    let message = answered(&mut user, r#"{"t":"s3cr3t/key+1","say":"welcome"}"#);
    assert_eq!(message, "");
    let message = user.redacted("redirect to /?code=s3cr3t%2Fkey%2B1&a=b".to_owned());
    assert_eq!(message, "redirect to /?code=•••&a=b");
}

#[test]
fn secret_of_a_failed_answer_stays_out_of_its_message() {
    let key = "s3cr3t-".repeat(30);
    let message = answered(&mut user_of(LOGIN), &format!("{{\"t\":\"{key}\"}}"));
    assert!(message.starts_with("the body is `{\"t\":\"•••…`"), "{message}");
}

const AT_ONCE: &str = "name: x
target: http://127.0.0.1:81
workloads:
  both: { parallel: [a, b] }
  a: { scenarios: [s], stages: [{ rate: 30 iter/s, duration: 10s }] }
  b:
    scenarios: { t: 2, u: 1 }
    stages: [{ rate: 15 iter/s, duration: 10s }, { ramp_to: 45 iter/s, duration: 10s }]
scenarios:
  s: { flow: [{ get: { name: a, url: / } }] }
  t: { flow: [{ get: { name: b, url: / } }] }
  u: { flow: [{ get: { name: c, url: / } }] }
";

/// Goal: prove that several workloads at once play the same whoever plays them, each scenario in its exact share.
/// Method: Poisson arrivals of a whole, and of three shards with two workers each.
#[test]
fn workloads_at_once_are_dealt_alike_to_any_shards_and_workers() {
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(AT_ONCE.into()), &|_| None);
    let today = jiff::civil::date(2026, 1, 31);
    let plan = Arc::new(compile(&loaded, &Overrides::default(), today).expect("valid"));
    let Load::Open(open) = &plan.load else { panic!("an open load") };
    let factory = UserFactory::new(plan.clone());
    let played = |count: u32, workers: u32| {
        let mut all = BTreeMap::new();
        for index in 0..count {
            let whole = Schedule::new(open, plan.seed, Shard { index, count });
            for worker in 0..workers {
                let ours = whole.clone().part(worker, workers);
                all.extend(ours.map(|it| (it.index, (it.intended, factory.scenario_of(&it)))));
            }
        }
        all
    };
    let whole = played(1, 1);
    assert_eq!(whole, played(3, 2));
    let middle = RunTime::ZERO + Nanos::from_secs(10);
    for (is_first, expected) in [(true, [300, 100, 50]), (false, [0, 200, 100])] {
        let counts = [0, 1, 2].map(|id| {
            let stage = whole.values().filter(|(at, _)| (*at < middle) == is_first);
            stage.filter(|(_, scenario)| *scenario == ScenarioId(id)).count()
        });
        assert_eq!(counts, expected);
    }
}
