//! What follows a request that fails: the end of the iteration, the next step, or another attempt.

use std::cell::OnceCell;
use std::time::Duration;

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{DrawnNumbers, Media, OnFailure, RequestId, RetryPlan};
use plimsoll_units::{Nanos, RandomStream, RunTime};

use super::attempts::{Attempts, NextAttempt};
use super::{Action, RequestAttempt, ResponseHeaders, User, think};

impl User {
    /// The first attempt at a request, at `now`.
    pub(super) fn attempt(&mut self, request: RequestId, now: RunTime) -> Action {
        if let OnFailure::Retry(_) = self.plan.requests[request.0 as usize].on_failure {
            self.attempts = Some(Attempts {
                request,
                first: now,
                made: 1,
                next: NextAttempt::Unknown,
                chance: self.chance.clone(),
                numbers: OnceCell::new(),
            });
        }
        Action::Send(RequestAttempt::first(request))
    }

    /// What to do at `now` for a request that is to be sent again; `None` where there is none.
    pub(super) fn try_again(&mut self, now: RunTime) -> Option<Action> {
        let attempts = self.attempts.as_mut()?;
        match attempts.next {
            NextAttempt::Unknown => {
                self.attempts = None;
                None
            }
            NextAttempt::Behind(wait) => {
                attempts.next = NextAttempt::At(now + wait);
                Some(Action::Wait(now + wait))
            }
            NextAttempt::At(due) => {
                let number = attempts.made;
                attempts.made += 1;
                attempts.next = NextAttempt::Unknown;
                self.chance = attempts.chance.clone();
                attempts.numbers.get().into_iter().for_each(DrawnNumbers::rewind);
                let waited = due.since(attempts.first);
                Some(Action::Send(RequestAttempt { request: attempts.request, number, waited }))
            }
        }
    }

    /// A request has failed. The headers of its answer may say how long its server wants to be left alone; only a retry
    /// asks.
    pub(super) fn failed_at(
        &mut self,
        id: RequestId,
        class: ErrorClass,
        answer: Option<&dyn ResponseHeaders>,
    ) {
        let request = &self.plan.requests[id.0 as usize];
        let (on_failure, media) = (request.on_failure, request.media);
        let goes_on = match on_failure {
            OnFailure::Stop => false,
            OnFailure::Continue => true,
            OnFailure::Retry(plan) if self.will_retry(plan, class, answer) => return,
            OnFailure::Retry(plan) => plan.goes_on,
        };
        if goes_on {
            self.failed = true;
        } else if let Some(behind) = media.and_then(|media| self.behind_playback(media)) {
            self.failed = true;
            self.playback = None;
            self.position = behind;
        } else {
            self.fail();
        }
    }

    /// The instruction at which this user goes on after a playback that is broken off, if it does.
    fn behind_playback(&self, media: Media) -> Option<u32> {
        self.plan.playbacks[media.playback().0 as usize].goes_on_at
    }

    /// Whether there is another attempt, which is then awaited. What the generator is short of, no attempt brings.
    fn will_retry(
        &mut self,
        plan: RetryPlan,
        class: ErrorClass,
        answer: Option<&dyn ResponseHeaders>,
    ) -> bool {
        let Some(made) = self.attempts.as_ref().map(|attempts| u32::from(attempts.made)) else {
            return false;
        };
        if made > plan.times || class.is_client_fault() {
            return false;
        }
        let asked = answer.and_then(retry_after);
        let (seed, iteration) = (self.plan.seed, self.iteration);
        let new = || seed.stream(RandomStream::Retry, iteration);
        let drawn = think::draw(plan.wait, self.waits.get_or_insert_with(new));
        let wait = plan.wait(drawn, made).max(asked.unwrap_or_default());
        if wait > plan.max_wait {
            return false;
        }
        if let Some(attempts) = &mut self.attempts {
            attempts.next = NextAttempt::Behind(wait);
        }
        true
    }
}

/// How long a server wants to be left alone: seconds, or a date, which counts from that of the answer (RFC 9110
/// §10.2.3), so that clocks that differ do no harm.
fn retry_after(headers: &dyn ResponseHeaders) -> Option<Nanos> {
    let text = headers.first("retry-after")?;
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Nanos::from_secs(
            text.parse().unwrap_or(u64::from(u32::MAX)).min(u64::from(u32::MAX)),
        ));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.first("date")?.trim()).ok()?;
    // A date that has passed asks for no wait.
    let wait = until.duration_since(now).unwrap_or(Duration::ZERO);
    Some(Nanos::from_secs(wait.as_secs().min(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Response;
    use crate::tests::idle;
    use plimsoll_metrics::{Outcome, ScenarioId};
    use plimsoll_schedule::Arrival;

    struct Headers(&'static [(&'static str, &'static str)]);

    impl ResponseHeaders for Headers {
        fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
            let named = self.0.iter().filter(|(known, _)| *known == name);
            named.for_each(|(_, value)| visit(value.as_bytes()));
        }
    }

    const DATE: (&str, &str) = ("date", "Fri, 27 Nov 2026 10:00:00 GMT");

    #[test]
    fn server_says_in_seconds_or_by_a_date_how_long_it_wants_to_be_left_alone() {
        let of = |headers| retry_after(&Headers(headers));
        assert_eq!(of(&[("retry-after", " 120 ")]), Some(Nanos::from_secs(120)));
        assert_eq!(
            of(&[("retry-after", "Fri, 27 Nov 2026 10:00:07 GMT"), DATE]),
            Some(Nanos::from_secs(7))
        );
        assert_eq!(
            of(&[("retry-after", "Friday, 27-Nov-26 10:01:00 GMT"), DATE]),
            Some(Nanos::from_secs(60))
        );
        assert_eq!(
            of(&[("retry-after", "Fri, 27 Nov 2026 09:00:00 GMT"), DATE]),
            Some(Nanos::ZERO)
        );
        let longest = Some(Nanos::from_secs(u64::from(u32::MAX)));
        assert_eq!(of(&[("retry-after", "99999999999999999999999")]), longest);
        for nothing in [
            &[("retry-after", "-1")][..],
            &[("retry-after", "soon")],
            &[DATE],
            &[("retry-after", "Fri, 27 Nov 2026 10:00:07 GMT")],
        ] {
            assert_eq!(of(nothing), None, "{nothing:?}");
        }
    }

    /// What a user does whose requests take 100 ms and get these answers, with the times in milliseconds.
    fn played(
        steps: &str,
        answers: &[(u16, &'static [(&'static str, &'static str)])],
    ) -> Vec<String> {
        let mut user = idle(steps);
        let mut now = RunTime::ZERO + Nanos::from_secs(5);
        user.begin(ScenarioId(0), &Arrival::alone(0, now));
        let (mut seen, mut answers) = (vec![], answers.iter());
        while seen.len() < 20 {
            match user.next_action(now) {
                Action::Send(attempt) => {
                    let waited = attempt.waited.get() / 1_000_000;
                    seen.push(format!(
                        "{}.{} at {} +{waited}",
                        attempt.request.0,
                        attempt.number,
                        now.get() / 1_000_000
                    ));
                    now = now + Nanos::from_millis(100);
                    let (status, headers) = *answers.next().unwrap_or(&(200, &[]));
                    if status == 0 {
                        user.on_failure(attempt.request, ErrorClass::Reset);
                        continue;
                    }
                    let headers: &dyn ResponseHeaders = &Headers(headers);
                    let service_time = Nanos::from_millis(100);
                    let response =
                        Response { status, headers, url: None, body: b"", size: 0, service_time };
                    let result = user.on_response(attempt.request, &response);
                    assert_eq!(result.outcome == Outcome::Ok, status == 200);
                }
                Action::Wait(until) => now = until,
                Action::Done => break,
                other => panic!("{other:?}"),
            }
        }
        seen.push(if user.failed() { "failed" } else { "well" }.to_owned());
        seen
    }

    const NEXT: &str = "{ get: { name: b, url: /b } }";

    fn get(on_failure: &str) -> String {
        format!("{{ get: {{ name: a, url: /, on_failure: {on_failure} }} }}, {NEXT}")
    }

    #[test]
    fn failed_request_ends_the_iteration_unless_the_step_goes_on() {
        assert_eq!(played(&get("stop"), &[(500, &[])]), ["0.0 at 5000 +0", "failed"]);
        let on = ["0.0 at 5000 +0", "1.0 at 5100 +0", "failed"];
        assert_eq!(played(&get("continue"), &[(500, &[])]), on);
        assert_eq!(played(&get("continue"), &[(0, &[])]), on);
    }

    #[test]
    fn request_is_sent_again_until_it_succeeds_and_its_time_counts_from_the_first_attempt() {
        let retry = get("{ retry: { times: 3, wait: 500ms, exponential: true } }");
        let again =
            ["0.0 at 5000 +0", "0.1 at 5600 +600", "0.2 at 6700 +1700", "1.0 at 6800 +0", "well"];
        assert_eq!(played(&retry, &[(503, &[]), (0, &[])]), again);
    }

    #[test]
    fn request_that_never_succeeds_is_given_up_after_its_times() {
        let all = [(500, &[][..]); 4];
        let stops = played(&get("{ retry: { times: 2, wait: 0s } }"), &all);
        assert_eq!(stops, ["0.0 at 5000 +0", "0.1 at 5100 +100", "0.2 at 5200 +200", "failed"]);
        let goes_on = played(&get("{ retry: { times: 1, wait: 0s }, then: continue }"), &all[..2]);
        assert_eq!(goes_on, ["0.0 at 5000 +0", "0.1 at 5100 +100", "1.0 at 5200 +0", "failed"]);
    }

    #[test]
    fn server_that_asks_for_a_wait_gets_it_and_one_that_asks_for_too_long_is_not_asked_again() {
        let retry = get("{ retry: { times: 3, wait: 1s, max_wait: 5s } }");
        let seen =
            played(&retry, &[(429, &[("retry-after", "4")]), (503, &[("retry-after", "6")])]);
        assert_eq!(seen, ["0.0 at 5000 +0", "0.1 at 9100 +4100", "failed"]);
    }

    #[test]
    fn loop_around_a_request_counts_its_attempts_anew() {
        let flow = "{ repeat: { times: 2, flow: [{ get: { name: a, url: /, on_failure: { retry: { times: 1, wait: 0s } } } }] } }";
        let seen = played(flow, &[(500, &[]), (200, &[]), (500, &[]), (200, &[])]);
        let expected =
            ["0.0 at 5000 +0", "0.1 at 5100 +100", "0.0 at 5200 +0", "0.1 at 5300 +100", "well"];
        assert_eq!(seen, expected);
    }
}
