//! Whether a leader lives.
//!
//! Until its run begins, an agent depends on its leader, and between the steps of a search again. The leader says every second
//! that it lives, so that nobody waits long for one that was killed; once a run goes on, agents finish it by the plan.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, Interval, interval};

use super::message::LeaderSign;

/// A leader says so often that it lives.
pub const SIGN_EVERY: Duration = Duration::from_secs(1);
/// A leader without a sign for so long is taken to be dead.
///
/// Where a NATS server crashes and comes back, an agent may be connected again at once, and its leader 6¼ s later: an attempt to
/// connect takes at most 5 s, the next comes after ¼ s, and the next sign within a second.
const SILENT: Duration = Duration::from_secs(10);
/// Without a server there is no sign of anybody, which says nothing of the leader, for so long.
const CUT_OFF: Duration = Duration::from_mins(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// Why a leader is not to be expected any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeaderLoss {
    /// It says that it is through.
    #[error("the leader is through")]
    Over,
    /// It gives no sign.
    #[error("the leader gave no sign for {} s", SILENT.as_secs())]
    Silent,
    /// Nothing can come.
    #[error("the NATS server was out of reach for {} min", CUT_OFF.as_secs() / 60)]
    CutOff,
}

/// The signs of one leader.
pub struct LeaderPresence {
    signs: BoxStream<'static, LeaderSign>,
    looks: Interval,
    last_sign: Instant,
    /// The last moment at which there was no connection to the server.
    unconnected: Option<Instant>,
}

impl std::fmt::Debug for LeaderPresence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaderPresence").field("last_sign", &self.last_sign).finish_non_exhaustive()
    }
}

impl LeaderPresence {
    /// Counts from now, when there was one.
    pub fn new(signs: BoxStream<'static, LeaderSign>) -> Self {
        Self { signs, looks: interval(LOOK), last_sign: Instant::now(), unconnected: None }
    }

    /// Counts from now: while the agent was busy, nobody has looked.
    pub fn count_anew(&mut self) {
        self.last_sign = Instant::now();
    }

    /// Waits until the leader is no longer to be expected. May be dropped while it waits, and goes on then.
    pub async fn lost(&mut self, is_connected: impl Fn() -> bool) -> LeaderLoss {
        loop {
            tokio::select! {
                biased;
                sign = self.signs.next() => match sign {
                    Some(LeaderSign::Alive) => self.last_sign = Instant::now(),
                    Some(LeaderSign::Over) => return LeaderLoss::Over,
                    None => return LeaderLoss::CutOff,
                },
                _ = self.looks.tick() => {
                    if let Some(loss) = self.look(is_connected()) {
                        return loss;
                    }
                }
            }
        }
    }

    /// Waits until the leader gives no sign any more. Where it is through, it has said more elsewhere, which is on its way.
    pub async fn silent(&mut self, is_connected: impl Fn() -> bool) -> LeaderLoss {
        loop {
            match self.lost(&is_connected).await {
                LeaderLoss::Over => {}
                loss @ (LeaderLoss::Silent | LeaderLoss::CutOff) => return loss,
            }
        }
    }

    fn look(&mut self, is_connected: bool) -> Option<LeaderLoss> {
        let now = Instant::now();
        if !is_connected {
            self.unconnected = Some(now);
            return (now - self.last_sign >= CUT_OFF).then_some(LeaderLoss::CutOff);
        }
        let since = self.unconnected.map_or(self.last_sign, |at| at.max(self.last_sign));
        (now - since >= SILENT).then_some(LeaderLoss::Silent)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// Signs at these moments of virtual time, in seconds.
    fn signs(moments: impl IntoIterator<Item = f64>, last: LeaderSign) -> LeaderPresence {
        let begin = Instant::now();
        let moments: Vec<f64> = moments.into_iter().collect();
        let count = moments.len();
        let sign = move |(at, moment): (usize, f64)| async move {
            tokio::time::sleep_until(begin + Duration::from_secs_f64(moment)).await;
            if at + 1 == count { last } else { LeaderSign::Alive }
        };
        let signs = stream::iter(moments.into_iter().enumerate()).then(sign);
        LeaderPresence::new(signs.chain(stream::pending()).boxed())
    }

    /// When the leader is taken to be lost, in seconds, and why. There is no connection within these spans.
    async fn lost(mut of: LeaderPresence, away: &[(f64, f64)]) -> (f64, LeaderLoss) {
        let begin = Instant::now();
        let is_connected = || {
            let now = begin.elapsed().as_secs_f64();
            !away.iter().any(|(from, to)| (*from..*to).contains(&now))
        };
        let loss = of.lost(is_connected).await;
        (begin.elapsed().as_secs_f64(), loss)
    }

    fn every_second(from: u32, to: u32) -> impl Iterator<Item = f64> {
        (from..to).map(f64::from)
    }

    /// Goal: prove that an agent is free again ten seconds after the last sign, and not before.
    #[tokio::test(start_paused = true)]
    async fn leader_without_a_sign_is_lost_after_ten_seconds() {
        for (moments, at) in [(0..0, 10.0), (0..1, 10.0), (0..121, 130.0)] {
            let of = signs(every_second(moments.start, moments.end), LeaderSign::Alive);
            let (lost_at, loss) = lost(of, &[]).await;
            assert_eq!(loss, LeaderLoss::Silent);
            assert!((at..=at + 0.25).contains(&lost_at), "after {lost_at} s, not {at}");
        }
    }

    /// Goal: prove that a NATS server that is away ends nobody's wait: a minute, and a leader that is back later than its agent.
    #[tokio::test(start_paused = true)]
    async fn server_that_is_away_is_no_dead_leader() {
        let moments = every_second(0, 5).chain(every_second(72, 80));
        let of = signs(moments, LeaderSign::Over);
        assert_eq!(lost(of, &[(5.0, 65.0)]).await, (79.0, LeaderLoss::Over));
        let (at, loss) = lost(signs(every_second(0, 5), LeaderSign::Alive), &[(5.0, 65.0)]).await;
        assert_eq!(loss, LeaderLoss::Silent, "it did not come back");
        assert!((74.5..=75.25).contains(&at), "{at}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_server_for_ever() {
        let of = signs(every_second(0, 5), LeaderSign::Alive);
        let (at, loss) = lost(of, &[(5.0, 1e9)]).await;
        assert_eq!(loss, LeaderLoss::CutOff);
        assert!((304.0..=304.25).contains(&at), "{at}");
    }

    /// Goal: prove that whoever looks in between, as other words come, does not begin to count again.
    #[tokio::test(start_paused = true)]
    async fn count_goes_on_where_the_wait_was_dropped() {
        let mut of = signs(every_second(0, 3), LeaderSign::Alive);
        let begin = Instant::now();
        let loss = loop {
            tokio::select! {
                loss = of.lost(|| true) => break loss,
                () = tokio::time::sleep(Duration::from_millis(300)) => {}
            }
        };
        assert_eq!(loss, LeaderLoss::Silent);
        let at = begin.elapsed().as_secs_f64();
        assert!((12.0..=12.5).contains(&at), "{at}");
        of.count_anew();
        assert_eq!(of.silent(|| true).await, LeaderLoss::Silent);
        assert!(begin.elapsed().as_secs_f64() >= at + 10.0);
    }
}
