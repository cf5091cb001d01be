//! The scenarios that are played; load, seed and shard are each case's own.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use plimsoll_plan::{Overrides, Plan, Shard, compile};
use plimsoll_scenario::{Colour, load, render};
use plimsoll_units::Nanos;

/// Two journeys: one of requests that may be repeated, one with a login that may not, thinking and a capture.
const JOURNEYS: &str = r#"
  browse:
    weight: 3
    flow:
      - get: { name: home, url: /home }
      - get: { name: item, url: "/item?i={{ iteration }}&u={{ vu }}", check: { status: 200 } }
  buy:
    weight: 2
    flow:
      - post: { name: login, url: "/login?i={{ iteration }}&u={{ vu }}", json: { a: 1 }, capture: { token: $.token } }
      - think: 4ms..30ms
      - get: { name: cart, url: "/cart?i={{ iteration }}&u={{ vu }}&t={{ token }}" }
"#;

/// Requests at once.
const PARALLEL: &str = r#"
  page:
    flow:
      - parallel:
          - get: { name: a, url: "/a?i={{ iteration }}&u={{ vu }}" }
          - get: { name: b, url: "/b?i={{ iteration }}&u={{ vu }}" }
          - get: { name: c, url: "/c?i={{ iteration }}&u={{ vu }}" }
      - post: { name: done, url: "/done?i={{ iteration }}&u={{ vu }}", json: { a: 1 } }
"#;

/// One request, for queueing theory.
const SINGLE_SCENARIO: &str = r#"
  one:
    flow:
      - get: { name: one, url: "/one?i={{ iteration }}&u={{ vu }}" }
"#;

/// What plans differ in: how connections are used, from where they come, and what is played.
pub(super) const PLANS: [(&str, &str); 9] = [
    ("connections: per_user", JOURNEYS),
    ("connections: shared", JOURNEYS),
    ("connections: per_iteration", JOURNEYS),
    ("connections: per_user, source_ips: [127.0.1.0/29]", JOURNEYS),
    ("connections: per_iteration, source_ips: [127.0.1.0/30, 127.0.2.7]", JOURNEYS),
    ("connections: per_user", PARALLEL),
    ("connections: shared, source_ips: [127.0.1.0/30]", PARALLEL),
    ("connections: per_iteration", PARALLEL),
    ("connections: per_user", SINGLE_SCENARIO),
];

/// The plan of single requests.
pub(super) const SINGLE: usize = PLANS.len() - 1;

/// How long a request mostly may take.
pub(super) const TIMEOUT: Nanos = Nanos::from_millis(160);
/// The longest that one iteration of any of them takes then: three requests with their timeouts, and a thought.
pub(super) const LONGEST_ITERATION: Nanos = Nanos::from_millis(3 * 160 + 30);

/// No case has more shards.
pub(super) const SHARDS: usize = 3;

thread_local! {
    static COMPILED: RefCell<Vec<Vec<Arc<Plan>>>> = RefCell::new(
        PLANS.iter().map(|plan| (0..SHARDS).map(|_| Arc::new(compiled(plan))).collect()).collect()
    );
}

fn compiled((http, scenarios): &(&str, &str)) -> Plan {
    let text = format!(
        "name: x\ntarget: http://127.0.0.1:80\nhttp: {{ timeout: 160ms, connect_timeout: 60ms, {http} }}\n\
         workloads: {{ a: {{ stages: [{{ rate: 9 iter/s, duration: 1s }}] }} }}\nscenarios:{scenarios}"
    );
    let loaded = load(Path::new("a.yaml"), &[], &|_| Ok(text.clone().into_bytes()), &|_| None);
    compile(&loaded, &Overrides::default(), jiff::civil::date(2026, 1, 31))
        .unwrap_or_else(|problems| panic!("{}", render(&problems, &loaded.sources, Colour::None)))
}

/// The plan of this number and shard, with what is the case's own. None where an earlier case still holds it: somebody
/// has outlived the run.
pub(super) fn prepared(
    number: usize,
    shard: Shard,
    edit: impl FnOnce(&mut Plan),
) -> Option<Arc<Plan>> {
    COMPILED.with_borrow_mut(|plans| {
        let shared = &mut plans[number][shard.index as usize];
        let plan = Arc::get_mut(shared)?;
        plan.shard = shard;
        plan.split = None;
        edit(plan);
        Some(shared.clone())
    })
}
