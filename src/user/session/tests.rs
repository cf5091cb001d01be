//! Sessions in virtual time: a user against a server whose tokens are known to the millisecond.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::{Action, Response, ResponseHeaders, User, UserFactory};
use plimsoll_metrics::{Outcome, SampleKind, ScenarioId};
use plimsoll_plan::{Overrides, Plan, SessionScope, compile};
use plimsoll_scenario::{Colour, load, render};
use plimsoll_schedule::Arrival;
use plimsoll_units::{Nanos, RunTime};

/// Every answer takes so long.
const ANSWER: Nanos = Nanos::from_millis(100);

struct NoHeaders;

impl ResponseHeaders for NoHeaders {
    fn each(&self, _: &str, _: &mut dyn FnMut(&[u8])) {}
}

/// A server that issues tokens which say when they were issued, and refuses those that are too old.
struct Server {
    token_lives: Nanos,
    refusal: u16,
}

impl Server {
    fn answer(&self, url: &str, now: RunTime) -> (u16, String) {
        if url.contains("/login") || url.contains("/token") {
            return (200, format!(r#"{{"token":"at-{}"}}"#, now.get()));
        }
        let token = url.split("at-").nth(1).map(|at| at.split('&').next().unwrap_or(at));
        if let Some(issued) = token.and_then(|at| at.parse().ok()).map(RunTime::new)
            && now.since(issued) >= self.token_lives
        {
            return (self.refusal, "too old".to_owned());
        }
        if url.contains("manifest") {
            let segment = |n: u32| format!("#EXTINF:4.0,\n/segment{n}.ts?token=at-{}\n", now.get());
            let segments: String = (0..75).map(segment).collect();
            return (200, format!("#EXTM3U\n{segments}#EXT-X-ENDLIST\n"));
        }
        (200, "{}".to_owned())
    }
}

/// What came of one iteration.
#[derive(Debug, Default)]
struct Played {
    requests: BTreeMap<String, u32>,
    /// Refused or not, everything that was judged a failure.
    failed: Vec<String>,
    /// The ages in milliseconds at which the session was refused.
    expired: Vec<u64>,
    /// When it ended.
    ended: RunTime,
}

impl Played {
    fn count(&self, step: &str) -> u32 {
        self.requests.get(step).copied().unwrap_or(0)
    }
}

fn play(plan: Plan, scenario: &str, server: &Server) -> Played {
    let plan = Arc::new(plan);
    let at = plan.scenarios.iter().position(|known| known.name == scenario).expect("a scenario");
    let mut user = UserFactory::new(plan.clone()).user(0);
    let mut now = RunTime::ZERO + Nanos::from_secs(5);
    user.begin(ScenarioId(at as u16), &Arrival::alone(0, now));
    let mut played = Played::default();
    for _ in 0..10_000 {
        match user.next_action(now) {
            Action::Send(attempt) => {
                let id = attempt.request;
                now = now + ANSWER;
                send(&mut user, &plan, id, (server, now), &mut played);
            }
            Action::SendAll(ids) => {
                now = now + ANSWER;
                for id in ids {
                    send(&mut user, &plan, id, (server, now), &mut played);
                }
            }
            Action::DerivedTiming(sample)
                if plan.steps[sample.step.0 as usize].kind == SampleKind::Expired =>
            {
                played.expired.push(sample.response_time().get() / 1_000_000);
            }
            Action::DerivedTiming(_) => {}
            Action::Wait(until) => now = until,
            Action::Done => break,
            other => panic!("{other:?}"),
        }
    }
    played.ended = now;
    played
}

fn send(
    user: &mut User,
    plan: &Plan,
    id: plimsoll_plan::RequestId,
    (server, now): (&Server, RunTime),
    played: &mut Played,
) {
    let request = &plan.requests[id.0 as usize];
    let mut url = vec![];
    user.render(&request.url, &mut url).expect("a URL");
    let base = url::Url::parse(TARGET).expect("a URL");
    let url = base.join(&String::from_utf8_lossy(&url)).expect("a URL");
    let path = &url[url::Position::BeforePath..];
    let (status, body) = server.answer(path, now);
    let name = plan.steps[request.step.0 as usize].name.clone();
    let response = Response {
        status,
        url: Some(&url),
        headers: &NoHeaders,
        body: body.as_bytes(),
        size: body.len() as u64,
        service_time: ANSWER,
    };
    let result = user.on_response(id, &response);
    if result.outcome != Outcome::Ok {
        played.failed.push(format!("{name}: {}", result.message));
    }
    *played.requests.entry(name).or_default() += 1;
}

const TARGET: &str = "http://127.0.0.1:8080";

fn triple(settings: &[(&str, &str)]) -> Plan {
    let read =
        |path: &Path| std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path));
    let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    let settings: Vec<_> = settings.iter().map(own).collect();
    let loaded = load(Path::new("scenarios/triple"), &settings, &read, &|_| None);
    let overrides = Overrides { workload: Some("load".to_owned()), ..Overrides::default() };
    compile(&loaded, &overrides, jiff::civil::date(2026, 1, 31))
        .unwrap_or_else(|problems| panic!("{}", render(&problems, &loaded.sources, Colour::None)))
}

fn plan_of(flow: &str) -> Plan {
    plan_with("", flow)
}

fn plan_with(more: &str, flow: &str) -> Plan {
    plan_of_login("/login", more, flow)
}

fn plan_of_login(url: &str, more: &str, flow: &str) -> Plan {
    let text = format!(
        "name: x\ntarget: http://127.0.0.1:81\nworkloads: {{ a: {{ vus: 1, duration: 1s }} }}\n\
         sessions:\n  account:\n    login: [{{ post: {{ name: login, url: {url}, capture: {{ token: $.token }} }} }}]\n    \
         lives: 10s\n    renew_ahead: 2s\n    {more}\n\
         scenarios: {{ s: {{ flow: [{flow}] }} }}\n"
    );
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(text.clone().into_bytes()), &|_| None);
    compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31))
        .unwrap_or_else(|problems| panic!("{}", render(&problems, &loaded.sources, Colour::None)))
}

const GET: &str = r#"{ get: { name: a, url: "/a?t={{ token }}", session: account } }"#;

/// Goal: Triple's playback outlives its token of 90 s.
/// Method: its own scenario file, 3 minutes of watching against a server that counts to the millisecond.
#[test]
fn playback_of_three_minutes_renews_its_token_without_a_failed_segment() {
    let server = Server { token_lives: Nanos::from_secs(90), refusal: 403 };
    let played = play(triple(&[("scenarios.playback.flow", WATCH)]), "playback", &server);
    assert_eq!((played.failed.as_slice(), played.expired.as_slice()), (&[][..], &[][..]));
    // At 0, 75 and 150 s of 180; 45 segments of 4 s.
    assert_eq!((played.count("token"), played.count("manifest")), (3, 3), "{played:?}");
    assert_eq!(played.count("segment"), 45, "{played:?}");
    assert!(played.ended >= RunTime::ZERO + Nanos::from_secs(185), "{played:?}");
}

/// Three minutes instead of two to five.
const WATCH: &str = "[{ hls: { name: playback, session: viewing, \
     manifest: { name: manifest, url: \"/api/player/manifest?token={{ playback_token }}\" }, \
     segment: { name: segment }, watch: 3m } }]";

#[test]
fn token_of_five_seconds_fails_a_playback_that_does_not_renew() {
    let server = Server { token_lives: Nanos::from_secs(5), refusal: 403 };
    let without = [("scenarios.playback.flow", WATCH), ("sessions.viewing.expired", "[401]")];
    let played = play(triple(&without), "playback", &server);
    assert_eq!(played.failed, ["segment: status 403, expected below 400"]);
    assert_eq!(played.count("token"), 1);
}

/// The player asks for a new token each time, and no segment is lost.
#[test]
fn token_that_lives_shorter_than_told_is_renewed_and_counted() {
    let server = Server { token_lives: Nanos::from_secs(5), refusal: 403 };
    let played = play(triple(&[("scenarios.playback.flow", WATCH)]), "playback", &server);
    assert_eq!(played.failed, [""; 0]);
    let (expired, tokens) = (played.expired.len() as u32, played.count("token"));
    assert_eq!(tokens, expired + 1, "{played:?}");
    // Every other segment comes more than 5 s after the token.
    assert!((20..=45).contains(&expired), "{played:?}");
    assert_eq!(played.count("segment"), 45 + expired, "a refused segment is loaded again");
    assert!(played.expired.iter().all(|age| (5_000..9_000).contains(age)), "{played:?}");
}

#[test]
fn server_that_accepts_no_token_fails_after_one_renewal() {
    let server = Server { token_lives: Nanos::ZERO, refusal: 401 };
    let played = play(plan_of(GET), "s", &server);
    assert_eq!(played.failed, ["a: status 401, expected below 400"]);
    assert_eq!((played.count("login"), played.count("a"), played.expired.len()), (2, 2, 1));
    let played = play(triple(&[("scenarios.playback.flow", WATCH)]), "playback", &server);
    assert_eq!(played.failed, ["manifest: status 401, expected below 400"]);
}

#[test]
fn session_is_begun_by_the_first_request_that_needs_it_and_held_by_the_next() {
    let server = Server { token_lives: Nanos::from_secs(10), refusal: 401 };
    let flow =
        format!("{{ get: {{ name: open, url: /open }} }}, {GET}, {GET}, {{ think: 7s }}, {GET}");
    let played = play(plan_of(&flow), "s", &server);
    assert_eq!((played.count("open"), played.count("a"), played.count("login")), (1, 3, 1));
    // Asked for at 0.1 s, used for 8 s.
    let flow = format!("{GET}, {{ think: 8s }}, {GET}");
    let played = play(plan_of(&flow), "s", &server);
    assert_eq!((played.count("a"), played.count("login"), played.expired.len()), (2, 2, 0));
}

#[test]
fn requests_at_once_find_their_session_held() {
    let server = Server { token_lives: Nanos::from_secs(10), refusal: 401 };
    let played = play(plan_of(&format!("{{ parallel: [{GET}, {GET}] }}")), "s", &server);
    assert_eq!((played.count("a"), played.count("login")), (2, 1), "{played:?}");
    assert_eq!(played.failed, [""; 0]);
}

#[test]
fn answer_that_a_check_asks_for_renews_nothing() {
    let server = Server { token_lives: Nanos::ZERO, refusal: 401 };
    let flow = r#"{ get: { name: a, url: "/a?t={{ token }}", session: account, check: { status: 401 } } }"#;
    let played = play(plan_of(flow), "s", &server);
    assert_eq!((played.failed.len(), played.count("login"), played.count("a")), (0, 1, 1));
}

/// Goal: a rate in req/s is kept, whoever logs in.
#[test]
fn login_of_an_iteration_counts_once_among_the_expected_requests() {
    let of_user = plan_of(&format!("{GET}, {GET}"));
    assert!((of_user.requests_per_iteration() - 2.0).abs() < 1e-9);
    let of_iteration = plan_with("per: iteration", &format!("{GET}, {GET}"));
    assert!((of_iteration.requests_per_iteration() - 3.0).abs() < 1e-9);
}

/// Plays `iterations` of each of `users` in turns, a second apart. Returns how often each step was sent.
fn play_turns(plan: Plan, (users, iterations): (u64, u64), server: &Server) -> Played {
    let plan = Arc::new(plan);
    let factory = UserFactory::new(plan.clone());
    let mut all: Vec<User> = (0..users).map(|number| factory.user(number)).collect();
    let mut played = Played::default();
    for index in 0..users * iterations {
        let mut now = RunTime::ZERO + Nanos::from_secs(5 + index);
        let user = &mut all[(index % users) as usize];
        user.begin(ScenarioId(0), &Arrival::alone(index, now));
        loop {
            match user.next_action(now) {
                Action::Send(attempt) => {
                    send(user, &plan, attempt.request, (server, now), &mut played);
                }
                Action::Wait(until) => now = until,
                Action::DerivedTiming(_) => {}
                Action::Done => break,
                other => panic!("{other:?}"),
            }
        }
    }
    played
}

#[test]
fn session_is_begun_once_by_each_user_iteration_or_run() {
    let server = || Server { token_lives: Nanos::from_secs(10), refusal: 401 };
    // Six iterations, a second apart; the session is used for 8 s.
    for (per, logins) in [("", 2), ("per: user", 2), ("per: iteration", 6), ("per: run", 1)] {
        let played = play_turns(plan_with(per, GET), (2, 3), &server());
        assert_eq!((played.count("login"), played.count("a")), (logins, 6), "{per}: {played:?}");
        assert_eq!(played.failed, [""; 0], "{per}");
    }
    // It ends for all of them.
    let played = play_turns(plan_with("per: run", GET), (2, 8), &server());
    assert_eq!((played.count("login"), played.count("a")), (2, 16), "{played:?}");
    let played = play_turns(plan_with("per: user", GET), (1, 20), &server());
    assert_eq!((played.count("login"), played.failed.len()), (3, 0), "{played:?}");
}

#[test]
fn login_that_asks_for_what_an_iteration_has_is_of_the_iteration() {
    let url = r#""/login?n={{ iteration }}""#;
    let plan = plan_of_login(url, "", GET);
    assert_eq!(plan.sessions[0].per, SessionScope::Iteration);
    assert_eq!(plan_of_login("/login", "", GET).sessions[0].per, SessionScope::User);
    assert_eq!(
        plan_of_login(r#""/login?n={{ vu }}""#, "", GET).sessions[0].per,
        SessionScope::User
    );
}

#[test]
fn user_that_cannot_log_in_for_all_lets_another_try() {
    let server = Server { token_lives: Nanos::ZERO, refusal: 401 };
    let played = play_turns(plan_with("per: run", GET), (3, 1), &server);
    // Each is refused once, renews, and is refused for good.
    assert_eq!((played.failed.len(), played.count("a")), (3, 6), "{played:?}");
}
