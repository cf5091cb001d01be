//! Loops and waits whose length is in the data.

use minijinja::Value;

use plimsoll_plan::{Instruction, RenderError};
use plimsoll_units::{Nanos, RunTime};

use super::{Action, User};

/// The most rounds that data may ask for.
const ROUNDS_MAX: u32 = 1_000_000;

impl User {
    /// Carries out an instruction of such a loop or wait; all others have been dealt with.
    pub(super) fn by_data(
        &mut self,
        op: &Instruction,
        now: RunTime,
    ) -> Result<Option<Action>, RenderError> {
        match op {
            Instruction::ThinkBy { span, share } => {
                let value = span.value(self)?;
                let span = span_of(&value).ok_or_else(|| unfit("think", "a time", &value))?;
                let span = Nanos::from_secs_f64(span.as_secs_f64() * share);
                return Ok(Some(Action::Wait(now + span)));
            }
            Instruction::RepeatBy { counter, times, end } => {
                let value = times.value(self)?;
                let rounds =
                    rounds_of(&value).ok_or_else(|| unfit("repeat", "a whole number", &value))?;
                self.counters[*counter as usize] = rounds;
                if rounds == 0 {
                    self.position = *end;
                }
            }
            Instruction::ForEach { depth, list } => {
                let Some(items) = list.template.items(self)? else {
                    return Err(unfit("foreach", "a list", &list.template.value(self)?));
                };
                self.counters[*depth as usize] = 0;
                self.lists.push(items.into_iter());
            }
            Instruction::NextItem { depth, slot, limit, end } => {
                let taken = &mut self.counters[*depth as usize];
                let next = self.lists.last_mut().filter(|_| *taken < *limit);
                if let Some(item) = next.and_then(Iterator::next) {
                    *taken += 1;
                    self.slots[slot.0 as usize] = Some(item);
                } else {
                    self.lists.pop();
                    self.position = *end;
                }
            }
            Instruction::While { depth, held, end } => {
                let depth = *depth as usize;
                let is_late = now.since(self.polls[depth].began) >= held.timeout;
                if self.counters[depth] >= held.max || is_late || !held.when.holds(self)? {
                    self.position = *end;
                } else {
                    self.counters[depth] += 1;
                }
            }
            _ => {}
        }
        Ok(None)
    }
}

fn unfit(step: &str, wanted: &str, found: &Value) -> RenderError {
    let shown: String = found.to_string().chars().take(40).collect();
    RenderError::Answer(format!("`{step}` needs {wanted}, and `{shown}` is none"))
}

/// `1.5s`, or a number of seconds.
fn span_of(value: &Value) -> Option<Nanos> {
    let seconds = match value.as_str() {
        Some(text) => match text.trim().parse::<Nanos>() {
            Ok(span) => return Some(span),
            Err(_) => text.trim().parse::<f64>().ok()?,
        },
        None => f64::try_from(value.clone()).ok()?,
    };
    (seconds.is_finite() && seconds >= 0.0).then(|| Nanos::from_secs_f64(seconds))
}

fn rounds_of(value: &Value) -> Option<u32> {
    let rounds = match value.as_str() {
        Some(text) => text.trim().parse().ok()?,
        None => u32::try_from(value.clone()).ok()?,
    };
    (rounds <= ROUNDS_MAX).then_some(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Bare, idle};
    use crate::{Response, User};
    use plimsoll_metrics::ScenarioId;
    use plimsoll_schedule::Arrival;

    /// What a user does whose requests take 100 ms, with what follows them: URLs, waits in milliseconds, or the end.
    fn played(steps: &str, bodies: &[&str]) -> Vec<String> {
        let mut user: User = idle(steps);
        let mut now = RunTime::ZERO + Nanos::from_secs(5);
        user.begin(ScenarioId(0), &Arrival::alone(0, now));
        let (mut seen, mut bodies) = (vec![], bodies.iter());
        while seen.len() < 30 {
            match user.next_action(now) {
                Action::Send(attempt) => {
                    let request = user.plan.requests[attempt.request.0 as usize].clone();
                    let mut url = vec![];
                    user.render(&request.url, &mut url).expect("a URL");
                    seen.push(String::from_utf8(url).expect("text"));
                    now = now + Nanos::from_millis(100);
                    let body = bodies.next().unwrap_or(&"{}").as_bytes();
                    let (size, service_time) = (body.len() as u64, Nanos::from_millis(100));
                    let response = Response {
                        status: 200,
                        headers: &Bare,
                        url: None,
                        body,
                        size,
                        service_time,
                    };
                    user.on_response(attempt.request, &response);
                }
                Action::Wait(until) => {
                    seen.push(format!("wait {}", until.since(now).get() / 1_000_000));
                    now = until;
                }
                Action::Done => break,
                Action::IterationError(error) => {
                    seen.push(error.to_string());
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        seen
    }

    const LIST: &str = "{ get: { name: l, url: /l, capture: { items: '$.items' } } }";

    #[test]
    fn something_is_done_for_each_item_up_to_the_limit() {
        let flow = |more: &str| {
            format!(
                "{LIST}, {{ foreach: {{ in: items, as: item, {more} flow: [{{ get: {{ name: i, url: '/{{{{ item.id }}}}' }} }}] }} }}, {{ get: {{ name: z, url: '/z' }} }}"
            )
        };
        let items = r#"{"items":[{"id":7},{"id":"b"},{"id":9}]}"#;
        assert_eq!(played(&flow(""), &[items]), ["/l", "/7", "/b", "/9", "/z"]);
        assert_eq!(played(&flow("limit: 2,"), &[items]), ["/l", "/7", "/b", "/z"]);
        assert_eq!(played(&flow(""), &[r#"{"items":[]}"#]), ["/l", "/z"]);
        let wrong = played(&flow(""), &[r#"{"items":"abc"}"#]);
        assert_eq!(wrong, ["/l", "`foreach` needs a list, and `abc` is none"]);
    }

    #[test]
    fn items_keep_every_digit_and_can_be_reckoned_with() {
        let flow = format!(
            "{LIST}, {{ foreach: {{ in: items, as: item, flow: [{{ get: {{ name: i, url: '/{{{{ item.price }}}}/{{{{ item.price * 2 }}}}' }} }}] }} }}"
        );
        let items = r#"{"items":[{"price":19.90},{"price":1e3}]}"#;
        assert_eq!(played(&flow, &[items]), ["/l", "/19.90/39.8", "/1e3/2000.0"]);
    }

    #[test]
    fn loops_over_lists_may_be_nested_and_begin_anew() {
        let flow = "{ get: { name: l, url: /l, capture: { rows: '$.rows' } } }, \
            { foreach: { in: '{{ rows }}', as: row, flow: [{ foreach: { in: row.of, as: n, flow: [{ get: { name: i, url: '/{{ row.id }}/{{ n }}' } }] } }] } }";
        let rows = r#"{"rows":[{"id":"a","of":[1,2]},{"id":"b","of":[]},{"id":"c","of":[3]}]}"#;
        assert_eq!(played(flow, &[rows]), ["/l", "/a/1", "/a/2", "/c/3"]);
    }

    #[test]
    fn loop_goes_on_while_its_condition_holds_and_no_longer_than_it_may() {
        let page = "{ get: { name: p, url: '/{{ next }}', capture: { next: { json: $.next, default: '' } } } }";
        let first = page.replace("{{ next }}", "");
        let flow = |bound: &str| {
            format!(
                "{first}, {{ while: {{ when: \"next != ''\", {bound}, flow: [{page}] }} }}, {{ get: {{ name: z, url: '/z' }} }}"
            )
        };
        let pages = [r#"{"next":"2"}"#, r#"{"next":"3"}"#, "{}"];
        assert_eq!(played(&flow("max: 9"), &pages), ["/", "/2", "/3", "/z"]);
        assert_eq!(played(&flow("max: 1"), &pages), ["/", "/2", "/z"]);
        assert_eq!(played(&flow("max: 9, timeout: 100ms"), &pages), ["/", "/2", "/z"]);
        assert_eq!(played(&flow("max: 9"), &["{}"]), ["/", "/z"]);
    }

    #[test]
    fn rounds_and_waits_come_from_the_data() {
        let flow = "{ get: { name: l, url: /l, capture: { n: $.n, t: $.t } } }, \
            { repeat: { times: '{{ n }}', flow: [{ get: { name: i, url: /i } }, { think: '{{ t }}' }] } }";
        let of = |body: &str| played(flow, &[body]);
        assert_eq!(of(r#"{"n":2,"t":"250ms"}"#), ["/l", "/i", "wait 250", "/i", "wait 250"]);
        assert_eq!(of(r#"{"n":"1","t":1.5}"#), ["/l", "/i", "wait 1500"]);
        assert_eq!(of(r#"{"n":0,"t":1}"#), ["/l"]);
        assert_eq!(
            of(r#"{"n":-1,"t":1}"#),
            ["/l", "`repeat` needs a whole number, and `-1` is none"]
        );
        let slow = of(r#"{"n":1,"t":"slowly"}"#);
        assert_eq!(slow, ["/l", "/i", "`think` needs a time, and `slowly` is none"]);
    }
}
