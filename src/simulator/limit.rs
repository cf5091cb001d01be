//! Rate limits of each client address.

use std::collections::HashMap;
use std::net::IpAddr;

use http::StatusCode;

use plimsoll_units::{Nanos, Rate, RunTime};

/// A limit, as the file describes it.
#[derive(Debug, Clone)]
pub(super) struct LimitSpec {
    pub(super) name: String,
    pub(super) law: LimitLaw,
    /// What a refused client is answered.
    pub(super) status: StatusCode,
}

/// How requests are counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum LimitLaw {
    /// A leaky bucket as in nginx's `limit_req`.
    Bucket(LeakyBucket),
    /// So many requests in a window that begins with the first one.
    Window {
        /// How many.
        requests: u32,
        /// In which time.
        per: Nanos,
    },
}

/// A leaky bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeakyBucket {
    /// Drains at this rate.
    pub(super) rate: Rate,
    /// Holds this many beyond the rate.
    pub(super) burst: u32,
    /// Requests within the burst pass at once; otherwise they are delayed to the rate.
    pub(super) nodelay: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitDecision {
    /// It passes after this delay, mostly none.
    Pass(Nanos),
    /// It is refused; trying again makes sense after this long.
    Refuse(Nanos),
}

/// One limit at work.
#[derive(Debug)]
pub(super) struct RateLimiter {
    law: LimitLaw,
    clients: HashMap<IpAddr, ClientCount>,
    sweep_at: usize,
    pub(super) refused: u64,
}

/// What is known of a client: for a bucket its level in billionths of a request, for a window its requests.
#[derive(Debug, Clone, Copy)]
struct ClientCount {
    level: u64,
    since: RunTime,
}

/// One request, in the unit of a bucket's level.
const REQUEST: u64 = 1_000_000_000;

impl RateLimiter {
    pub(super) fn new(law: LimitLaw) -> Self {
        Self { law, clients: HashMap::new(), sweep_at: 10_000, refused: 0 }
    }

    /// Counts a request of `client` at `now`.
    pub(super) fn judge(&mut self, client: IpAddr, now: RunTime) -> LimitDecision {
        let verdict = match self.law {
            LimitLaw::Bucket(bucket) => self.pour(client, now, bucket),
            LimitLaw::Window { requests, per } => self.count(client, now, requests, per),
        };
        self.refused += u64::from(matches!(verdict, LimitDecision::Refuse(_)));
        if self.clients.len() > self.sweep_at {
            self.sweep(now);
        }
        verdict
    }

    /// `limit_req`: excess = max(0, excess − rate·Δt + 1), the first request of a client leaves excess 0;
    /// refused when the excess would go beyond the burst, and then the bucket stays as it was.
    fn pour(&mut self, client: IpAddr, now: RunTime, bucket: LeakyBucket) -> LimitDecision {
        let LeakyBucket { rate, burst, nodelay } = bucket;
        let Some(count) = self.clients.get_mut(&client) else {
            self.clients.insert(client, ClientCount { level: 0, since: now });
            return LimitDecision::Pass(Nanos::ZERO);
        };
        let leaked = (rate.get() * now.since(count.since).get() as f64) as u64;
        let level = (count.level + REQUEST).saturating_sub(leaked);
        let time_for =
            |level: u64| Nanos::from_secs_f64(level as f64 / REQUEST as f64 / rate.get());
        let room = u64::from(burst) * REQUEST;
        if level > room {
            return LimitDecision::Refuse(time_for(level - room));
        }
        *count = ClientCount { level, since: now };
        LimitDecision::Pass(if nodelay { Nanos::ZERO } else { time_for(level) })
    }

    fn count(&mut self, client: IpAddr, now: RunTime, requests: u32, per: Nanos) -> LimitDecision {
        let count = self.clients.entry(client).or_insert(ClientCount { level: 0, since: now });
        if now.since(count.since) >= per {
            *count = ClientCount { level: 0, since: now };
        }
        count.level += 1;
        if count.level > u64::from(requests) {
            return LimitDecision::Refuse((count.since + per).since(now));
        }
        LimitDecision::Pass(Nanos::ZERO)
    }

    /// Forgets clients of whom nothing is left, so that memory does not grow with the length of a run.
    fn sweep(&mut self, now: RunTime) {
        let law = self.law;
        self.clients.retain(|_, count| match law {
            LimitLaw::Bucket(LeakyBucket { rate, .. }) => {
                let leaked = rate.get() * now.since(count.since).get() as f64;
                leaked < (count.level + REQUEST) as f64
            }
            LimitLaw::Window { per, .. } => now.since(count.since) < per,
        });
        self.sweep_at = (2 * self.clients.len()).max(10_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 1, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 1, 2));

    fn ms(ms: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_millis(ms)
    }

    fn bucket(nodelay: bool) -> RateLimiter {
        let rate = Rate::per_second(10.0);
        RateLimiter::new(LimitLaw::Bucket(LeakyBucket { rate, burst: 20, nodelay }))
    }

    fn passes(limit: &mut RateLimiter, client: IpAddr, now: RunTime) -> bool {
        matches!(limit.judge(client, now), LimitDecision::Pass(_))
    }

    #[test]
    fn burst_and_one_pass_at_once_then_the_rate_rules() {
        let mut limit = bucket(true);
        let at_once = (0..50).filter(|_| passes(&mut limit, CLIENT, ms(0))).count();
        assert_eq!(at_once, 21, "nginx lets burst + 1 through");
        let later = (1..=1_000).filter(|i| passes(&mut limit, CLIENT, ms(i * 10))).count();
        assert_eq!(later, 100, "then 10/s for 10 s, however often it tries");
        assert_eq!(limit.refused, 29 + 900);
    }

    #[test]
    fn clients_do_not_share_a_bucket() {
        let mut limit = bucket(true);
        for _ in 0..30 {
            limit.judge(CLIENT, ms(0));
        }
        assert_eq!(limit.judge(OTHER, ms(0)), LimitDecision::Pass(Nanos::ZERO));
    }

    #[test]
    fn without_nodelay_the_burst_waits_for_the_rate() {
        let mut limit = bucket(false);
        let delays: Vec<LimitDecision> = (0..22).map(|_| limit.judge(CLIENT, ms(0))).collect();
        assert_eq!(delays[0], LimitDecision::Pass(Nanos::ZERO));
        assert_eq!(delays[3], LimitDecision::Pass(Nanos::from_millis(300)));
        assert_eq!(delays[20], LimitDecision::Pass(Nanos::from_secs(2)));
        assert_eq!(delays[21], LimitDecision::Refuse(Nanos::from_millis(100)));
    }

    #[test]
    fn window_counts_anew_when_it_is_over() {
        let per = Nanos::from_secs(900);
        let mut limit = RateLimiter::new(LimitLaw::Window { requests: 100, per });
        let first = (0..120).filter(|i| passes(&mut limit, CLIENT, ms(i * 1_000))).count();
        assert_eq!(first, 100);
        assert_eq!(limit.judge(CLIENT, ms(600_000)), LimitDecision::Refuse(Nanos::from_secs(300)));
        assert!(passes(&mut limit, CLIENT, ms(900_000)));
    }

    #[test]
    fn forgotten_clients_take_no_memory() {
        let mut limit = bucket(true);
        for number in 0..30_000_u32 {
            let client = IpAddr::V4(std::net::Ipv4Addr::from(0x0a00_0000 + number));
            limit.judge(client, ms(u64::from(number)));
        }
        assert!(limit.clients.len() <= 10_001, "{}", limit.clients.len());
    }
}
