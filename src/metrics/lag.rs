//! How much of a response time may be the generator's own lag.
//!
//! A request sent late was answered late, and what its user waited, counted from the intended start, is then the
//! stack's time and the generator's together. That is an upper bound of what a punctual generator would have
//! seen. The lower bound is not the response time less the request's *own* lag: a generator that was held up
//! sends everything that came due meanwhile at once, and these requests queue behind each other in the stack.
//!
//! Take a stack that serves in order of arrival. Let aᵢ be the intended starts, sᵢ = aᵢ + lᵢ the sends, and k the
//! first request of the stack's busy period that holds request i. Request i ends at
//! max over k ≤ m ≤ i of (sₘ + the work of m to i) (D. Lindley, "The theory of queues with a single server", 1952).
//! With L the greatest lag of requests k to i, that is at most L later than with aₘ in place of sₘ, so that what a
//! punctual generator would have seen lies between response − L and response. The same holds for several servers.
//! Where requests share a server, or one that is sent later overtakes, lags up to the end of the request
//! count as well. L is thus the greatest lag of an *episode*: from the first late send until the stack has worked
//! off what the lateness had piled up.
//!
//! A generator does not see when its stack is idle. An episode ends once no request that was sent late is in
//! flight any more, and either no more requests are in flight than three arrivals in four find, or so much time
//! has passed that a stack at 95 % of its capacity has worked off a pile of L: 0.95 / 0.05 = 19 times L.
//!
//! A generator that is held up also reads late, whoever the response is for. One that came meanwhile may have
//! lain there since the generator was held up, or since its request was sent, and that comes on top of L.
//! Whoever drives the recorder tells it of every late moment ([`LagEpisodes::held_up`]) before it records what it
//! has read. It cannot tell which responses came meanwhile: those are read within as long again, as long as
//! reading them takes less time than they took to come.
//!
//! In a closed model the lag of a request is counted from the moment its user was ready. A late generator also
//! offers less load there, so the upper bound holds only as far as its response times do: see coordinated
//! omission in `docs/`.

use std::collections::VecDeque;

use super::{Outcome, Sample};
use plimsoll_units::{Nanos, RunTime};

/// Lags up to this are left in the response times: what a thread takes to wake up, and to send several at once.
pub(super) const LAG_MIN: Nanos = Nanos::from_micros(100);
/// Lag up to this part of a response time is as small as the error of the histogram.
const PART_MIN: u64 = 1_000;
/// So many times its lag an episode lasts at the most after its last late moment.
const HOLD: u64 = 20;
/// Past episodes that are remembered. Beyond, the two oldest become one, which doubts rather too much.
const KEPT: usize = 64;

/// A time in which the generator was late, or the stack busy with what that had piled up.
#[derive(Debug, Clone, Copy)]
struct Episode {
    /// Since when it was late.
    from: RunTime,
    until: RunTime,
    /// The greatest lag within it.
    lag: Nanos,
}

/// The episodes of one worker. Takes no memory but what it is made with.
#[derive(Debug)]
pub(super) struct LagEpisodes {
    past: VecDeque<Episode>,
    open: Option<Episode>,
    /// When the generator was last held up, with as much time again to read what came meanwhile.
    held: Option<(RunTime, RunTime)>,
    /// When the open episode ends, whatever is in flight.
    hold_until: RunTime,
    /// Requests in flight that were sent late.
    late_in_flight: u64,
    /// What three of four requests that were sent outside of episodes found in flight at the least, in
    /// sixteenths. It follows that level by as little as one request moves it.
    usual: u64,
}

impl LagEpisodes {
    pub(super) fn new() -> Self {
        Self {
            past: VecDeque::with_capacity(KEPT),
            open: None,
            held: None,
            hold_until: RunTime::ZERO,
            late_in_flight: 0,
            usual: 0,
        }
    }

    /// The generator comes to itself at `now`, after it was held up for `lag` at the most.
    pub(super) fn held_up(&mut self, now: RunTime, lag: Nanos) {
        let until = now + lag;
        if lag > LAG_MIN && self.held.is_none_or(|(_, known)| known <= until) {
            self.held = Some((now - lag, until));
        }
    }

    /// A request was sent at `now`, late by `lag`.
    fn sent_late(&mut self, now: RunTime, lag: Nanos) {
        let from = now - lag;
        let open = self.open.get_or_insert(Episode { from, until: RunTime::NEVER, lag });
        open.from = open.from.min(from);
        open.lag = open.lag.max(lag);
        self.hold_until = self.hold_until.max(now + open.lag * HOLD);
    }

    /// A request that was to begin at `intended` begins at `now`, when `in_flight` others are under way.
    pub(super) fn started(&mut self, intended: RunTime, now: RunTime, in_flight: u64) {
        let lag = now.since(intended);
        if lag > LAG_MIN {
            self.late_in_flight += 1;
            self.sent_late(now, lag);
        } else if self.open.is_none() {
            // One that found fewer weighs as much as three that found more.
            let step = 1 + self.usual / 128;
            let is_below = in_flight * 16 < self.usual;
            self.usual =
                if is_below { self.usual.saturating_sub(3 * step) } else { self.usual + step };
        }
    }

    /// A request ended; `in_flight` others are under way.
    pub(super) fn ended(&mut self, sample: &Sample, in_flight: u64) {
        let now = sample.done;
        if sample.sent.since(sample.intended) > LAG_MIN {
            self.late_in_flight = self.late_in_flight.saturating_sub(1);
        }
        let Some(open) = self.open else { return };
        let is_worked_off = in_flight * 16 <= self.usual || now >= self.hold_until;
        if self.late_in_flight == 0 && is_worked_off {
            self.open = None;
            self.remember(Episode { until: now, ..open });
        }
    }

    fn remember(&mut self, episode: Episode) {
        if self.past.len() == KEPT
            && let Some(oldest) = self.past.pop_front()
            && let Some(next) = self.past.front_mut()
        {
            next.from = oldest.from.min(next.from);
            next.lag = oldest.lag.max(next.lag);
        }
        self.past.push_back(episode);
    }

    /// The episodes that a time from `from` to `until` meets, the latest first.
    fn met(&self, from: RunTime, until: RunTime) -> impl Iterator<Item = Nanos> + '_ {
        let all = self.open.iter().chain(self.past.iter().rev());
        all.take_while(move |episode| episode.until >= from)
            .filter(move |episode| episode.from <= until)
            .map(|episode| episode.lag)
    }

    /// How long the response to a request sent at `sent` may have lain unread before it was read at `done`.
    fn unread(&self, sent: RunTime, done: RunTime) -> Nanos {
        let held = self.held.filter(|(from, until)| *from <= done && done <= *until);
        held.map_or(Nanos::ZERO, |(from, _)| done.since(from.max(sent)))
    }

    /// What of a request's time may be lag.
    pub(super) fn within(&self, sample: &Sample) -> Nanos {
        let own = sample.sent.since(sample.intended);
        let sent_late = self.met(sample.intended, sample.done).fold(own, Nanos::max);
        sent_late + self.unread(sample.sent, sample.done)
    }

    /// What of a time over several requests may be lag: each of them may have met an episode of its own.
    pub(super) fn within_all(&self, sample: &Sample) -> Nanos {
        let own = sample.sent.since(sample.intended);
        let sent_late = self.met(sample.intended, sample.done).sum::<Nanos>().max(own);
        sent_late + self.unread(sample.sent, sample.done)
    }
}

/// A response time that may hold lag of the generator's.
#[derive(Debug, Clone, Copy)]
pub(super) struct LateTime {
    pub(super) is_failed: bool,
    /// As recorded.
    pub(super) upper: Nanos,
    /// Less the lag that may be in it.
    pub(super) lower: Nanos,
}

impl LateTime {
    /// Of a request that may hold `lag`; `None` where that is too little to count.
    pub(super) fn of(sample: &Sample, lag: Nanos) -> Option<Self> {
        let upper = sample.response_time();
        let is_failed = sample.outcome != Outcome::Ok;
        let lower = upper.saturating_sub(lag);
        counts(lag, upper).then_some(Self { is_failed, upper, lower })
    }
}

/// Whether a lag is worth a mention beside a response time.
fn counts(lag: Nanos, response_time: Nanos) -> bool {
    lag > LAG_MIN && lag.get() > response_time.get() / PART_MIN
}

#[cfg(test)]
mod tests;
