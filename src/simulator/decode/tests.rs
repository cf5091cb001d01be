//! Files that are right, and files that are wrong in many ways.

use crate::Simulation;
use crate::model::{CallStep, ServiceTimeLaw, TierId};
use plimsoll_scenario::{SourceFiles, SourceId};
use plimsoll_units::Nanos;

fn parsed(text: &str) -> Simulation {
    Simulation::parse(text, SourceId(0)).expect("a simulation without problems")
}

/// Each problem as `line: message`.
fn problems(text: &str) -> Vec<String> {
    let problems = Simulation::parse(text, SourceId(0)).expect_err("problems");
    problems.iter().map(|problem| format!("{}: {}", problem.span.line, problem.kind)).collect()
}

#[test]
fn simulations_of_all_five_systems_are_valid() {
    let files = [
        ("ais", include_str!("../../../scenarios/ais/simulation.yaml")),
        ("alawael", include_str!("../../../scenarios/alawael/simulation.yaml")),
        ("running", include_str!("../../../scenarios/running/simulation.yaml")),
        ("travelsense", include_str!("../../../scenarios/travelsense/simulation.yaml")),
        ("triple", include_str!("../../../scenarios/triple/simulation.yaml")),
    ];
    for (name, text) in files {
        let mut sources = SourceFiles::default();
        let source = sources.add(format!("scenarios/{name}/simulation.yaml"), text);
        let simulation = Simulation::parse(text, source).map_err(|problems| {
            plimsoll_scenario::render(&problems, &sources, plimsoll_scenario::Colour::None)
        });
        assert_eq!(simulation.map(|simulation| simulation.name), Ok(name.to_owned()));
    }
}

#[test]
fn visits_become_a_program() {
    let simulation = parsed(
        "
name: x
tiers:
  api: { kind: api }
  redis: { kind: cache, cache: { memory: 1 MiB, entry: 1 KiB } }
every_route: { visits: [ { api: 1ms } ] }
routes:
  - get: /a
    visits:
      - redis: 200us..400us
      - cached: { in: redis, ttl: 5m, miss: [ { api: { lognormal: { mean: 3ms, cv: 0.5 } } } ] }
      - pause: { exponential: 10ms }
",
    );
    let (name, program) = simulation.programs().next().expect("one route");
    assert_eq!(name, "GET /a");
    let (api, redis) = (TierId(0), TierId(1));
    let us = Nanos::from_micros;
    assert_eq!(
        **program,
        [
            CallStep::Visit { tier: api, law: ServiceTimeLaw::Constant(us(1_000)) },
            CallStep::Visit {
                tier: redis,
                law: ServiceTimeLaw::Uniform { low: us(200), high: us(400) }
            },
            CallStep::Lookup { tier: redis, hit: 5 },
            CallStep::Visit {
                tier: api,
                law: ServiceTimeLaw::Lognormal { mean: us(3_000), cv: 0.5 }
            },
            CallStep::Keep { tier: redis, ttl: Nanos::from_secs(300) },
            CallStep::Pause(ServiceTimeLaw::Exponential { mean: us(10_000) }),
        ]
    );
    assert_eq!(Simulation::demand(program, api), us(4_000));
}

#[test]
fn faults_that_last_end_and_sets_wait_to_be_chosen() {
    let mut simulation = parsed(
        "
name: x
tiers: { api: { kind: api, replicas: 2 } }
faults:
  outage: [ { at: 5s, kill: { tier: api, replica: 2 }, for: 3s } ]
  rollout: [ { at: 1s, roll: { tier: api, drain: 1s, restart: 2s } } ]
routes: []
",
    );
    assert_eq!(simulation.faults.len(), 0);
    assert!(simulation.use_faults("outage") && !simulation.use_faults("nothing"));
    assert_eq!(simulation.faults.len(), 2);
    assert_eq!(simulation.faults[1].at.since(simulation.faults[0].at), Nanos::from_secs(3));
    assert_eq!(simulation.fault_sets["rollout"].len(), 6);
}

#[test]
fn every_problem_is_told_at_once() {
    let found = problems(
        "
name: x
tiers:
  api: { kind: apy, replicas: 0 }
  db: { kind: db, pool: { of: app, size: 5 } }
limits:
  both: { rate: 10 req/s, requests: 5, per: 1m }
tokens:
  session: { ttl: 15 }
faults:
  - { at: 5s, kill: { tier: api, replica: 9 } }
  - { at: 5s, freeze: 2s, every: 1s }
routes:
  - get: api/x
  - get: /a
    limits: nobody
    visits: [ { bd: 1ms }, { db: { lognormal: { mean: 5ms, cv: -1 } } }, { db: 400ms..200ms } ]
    auth: { token: session }
    answer: { json: { a: '{{ boddy.x }}' }, text: x }
  - get: /a
    find: things
    answer: { status: 42, htlm: x }
  - post: /b
    change: { a: 1 }
    answer: { json: { a: '{{ 1 + }}', b: '{{ 1' } }
colour: red
",
    );
    let expected = [
        "4: `apy` is not a kind of tier",
        "4: `replicas` must be 1 to 200, not 0",
        "5: there is no tier `app`",
        "7: a limit takes only one of `rate` and `requests`",
        "9: `15`: the unit is missing; write for example 200ms, 30s or 5m",
        "11: `replica` must be 1 to 1, not 9",
        "12: a freeze of 2s cannot recur before it is over",
        "14: `api/x` is not the path of a route",
        "16: there is no limit `nobody`",
        "17: there is no tier `bd`",
        "17: expected a number that is not negative, found `-1`",
        "17: the range `400ms..200ms` ends before it begins",
        "18: an `auth` needs one of `bearer`, `cookie` and `query`",
        "19: there is no variable `boddy`",
        "19: an answer takes only one of `json`, `text`, `html`, `script`, `image`, `bytes`, `events` and `websocket`",
        "20: the route `GET /a` is given twice",
        "21: `find` needs a path that names the item",
        "22: expected a status from 200 to 599, found `42`",
        "22: unknown field `htlm` in an answer",
        "23: `change` needs an item to change",
        "25: `{{` is never closed by `}}`",
        "26: unknown field `colour` in a simulation",
    ];
    assert_eq!(found, expected);
}

#[test]
fn template_that_nests_without_end_is_refused_with_its_place() {
    let chains = [
        format!("{{{{ body{} }}}}", ".a".repeat(40_000)),
        format!("{{{{ 1{} }}}}", "|string".repeat(100_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(100_000)),
        format!("{{{{ {}1{} }}}}", "[".repeat(50_000), "]".repeat(50_000)),
        format!("{}x", "{% if n %}".repeat(20_000)),
        format!("{{% if n %}}{}{{% endif %}}", "{% elif n %}".repeat(20_000)),
    ];
    for chain in chains {
        let text = format!(
            "name: x\ntiers: {{ a: {{ kind: api }} }}\nroutes:\n  - get: /\n    answer: {{ text: \"{chain}\" }}\n"
        );
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].starts_with("5: not a template"), "{found:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_value_in_any_place_is_answered_without_panic(value in r"[\[\]{}:,a-z0-9.\-' /]{0,40}") {
        for place in ["tiers", "limits", "tokens", "faults", "every_route", "routes", "headers"] {
            let text = format!("name: x\ntiers: {{ api: {{ kind: api }} }}\n{place}: {value}\n");
            let _ = Simulation::parse(&text, SourceId(0));
            let route = format!("name: x\ntiers: {{ a: {{ kind: api }} }}\nroutes: [{{ get: /, {value} }}]");
            let _ = Simulation::parse(&route, SourceId(0));
        }
    }
}
