//! Open queues: how long a request waits at a station of `c` servers.
//!
//! Rates are per second and times in seconds, as the formulas in the literature have them.
//! Sources: D. Gross et al., *Fundamentals of Queueing Theory*, 4th ed., §2.3 (M/M/c);
//! A. Allen, *Probability, Statistics, and Queueing Theory*, 2nd ed., §5.3 (G/G/c).

use plimsoll_units::{Nanos, Rate, Ratio};

/// Erlang C: the probability that an arrival at an M/M/c station has to wait.
///
/// `servers` is c; `utilisation` is ρ = λ/(cμ). From 1 upwards everyone waits. Built on the recurrence
/// of Erlang B, B(k) = aB(k−1)/(k + aB(k−1)), which neither overflows nor cancels.
pub fn erlang_c(servers: u32, utilisation: f64) -> f64 {
    if utilisation >= 1.0 || servers == 0 {
        return 1.0;
    }
    let offered = utilisation.max(0.0) * f64::from(servers);
    let blocking = (1..=servers).fold(1.0, |blocking, k| {
        let busy = offered * blocking;
        busy / (f64::from(k) + busy)
    });
    blocking / (1.0 - utilisation * (1.0 - blocking))
}

/// A station with Poisson arrivals, exponential service and `servers` equal servers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmc {
    /// λ, arrivals per second.
    pub arrivals: f64,
    /// μ, services per second of one server.
    pub service: f64,
    /// c, at least 1.
    pub servers: u32,
}

impl Mmc {
    /// ρ = λ/(cμ), the share of the servers that is busy; 1 or more means the queue grows without end.
    pub fn utilisation(&self) -> f64 {
        self.arrivals / (self.service * f64::from(self.servers))
    }

    /// The probability that an arrival waits.
    pub fn wait_probability(&self) -> f64 {
        erlang_c(self.servers, self.utilisation())
    }

    /// Wq, the mean wait in seconds before service; infinite from ρ = 1 upwards.
    pub fn wait_mean(&self) -> f64 {
        if self.utilisation() >= 1.0 {
            return f64::INFINITY;
        }
        self.wait_probability() / self.drain()
    }

    /// R, the mean response time in seconds.
    pub fn response_mean(&self) -> f64 {
        self.wait_mean() + 1.0 / self.service
    }

    /// P(R > t), `t` in seconds.
    ///
    /// (1−C)e^{−μt} + C[θe^{−μt} − μe^{−θt}]/(θ−μ) with θ = cμ−λ; its limit e^{−μt}(1+Cμt) at θ = μ.
    pub fn response_tail(&self, t: f64) -> f64 {
        if self.utilisation() >= 1.0 {
            return 1.0;
        }
        let (waits, drain) = (self.wait_probability(), self.drain());
        let served = (-self.service * t).exp();
        let gap = drain - self.service;
        if gap.abs() < 1e-9 * self.service {
            return served * (1.0 + waits * self.service * t);
        }
        let both = (drain * served - self.service * (-drain * t).exp()) / gap;
        (1.0 - waits) * served + waits * both
    }

    /// The response time in seconds that a share `p` of the requests does not exceed; infinite from ρ = 1.
    pub fn response_quantile(&self, p: f64) -> f64 {
        if self.utilisation() >= 1.0 {
            return f64::INFINITY;
        }
        let mut high = 1.0 / self.service;
        while self.response_tail(high) > 1.0 - p {
            high *= 2.0;
        }
        bisect(0.0, high, |t| self.response_tail(t) > 1.0 - p)
    }

    /// θ = cμ − λ, how fast a queue drains.
    fn drain(&self) -> f64 {
        self.service * f64::from(self.servers) - self.arrivals
    }
}

/// The highest arrival rate at which a share `p` of the response times at an M/M/c station stays within
/// `limit`; `service` is the rate of one server. `None` where even an idle station is too slow.
pub fn slo_max_mmc(service: Rate, servers: u32, p: Ratio, limit: Nanos) -> Option<Rate> {
    let (mu, limit, allowed) = (service.get(), limit.as_secs_f64(), 1.0 - p.get());
    if mu <= 0.0 || (-mu * limit).exp() > allowed {
        return None;
    }
    let holds =
        |arrivals: f64| Mmc { arrivals, service: mu, servers }.response_tail(limit) <= allowed;
    Some(Rate::per_second(bisect(0.0, mu * f64::from(servers), holds)))
}

/// A station of a real stack: neither its arrivals nor its services need to be exponential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// Arrivals per second.
    pub arrivals: f64,
    /// Mean service time in seconds.
    pub service_time: f64,
    /// Servers.
    pub servers: u32,
    /// ca², the squared coefficient of variation of the gaps between arrivals; Poisson has 1.
    pub arrivals_cv2: f64,
    /// cs², the squared coefficient of variation of the service times; exponential has 1.
    pub service_cv2: f64,
}

/// How long a request waits: not at all with probability 1 − `probability`, else exponentially.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaitLaw {
    /// The probability of having to wait.
    pub probability: f64,
    /// The mean wait in seconds over all requests, those that do not wait included.
    pub mean: f64,
}

impl Station {
    /// The wait by Allen–Cunneen: Wq = (ca²+cs²)/2 · Wq of the M/M/c station, P(W>t) = C·e^{−Ct/Wq}.
    pub fn wait(&self) -> WaitLaw {
        let queue = Mmc {
            arrivals: self.arrivals,
            service: 1.0 / self.service_time,
            servers: self.servers,
        };
        let spread = f64::midpoint(self.arrivals_cv2, self.service_cv2);
        WaitLaw { probability: queue.wait_probability(), mean: spread * queue.wait_mean() }
    }
}

impl WaitLaw {
    /// Nobody waits.
    pub const NONE: Self = Self { probability: 0.0, mean: 0.0 };

    /// P(W > t), `t` in seconds.
    pub fn tail(&self, t: f64) -> f64 {
        if self.mean <= 0.0 {
            return 0.0;
        }
        self.probability * (-self.probability * t / self.mean).exp()
    }
}

/// The point between `low` and `high` where `holds` turns from true to false, to 52 bits.
pub(super) fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn truth() -> Value {
        let text = include_str!("../../tests/data/capacity/ground_truth.json");
        serde_json::from_str(text).expect("the ground truth is JSON")
    }

    fn number(value: &Value, key: &str) -> f64 {
        value[key].as_f64().expect(key)
    }

    fn close(found: f64, wanted: f64, relative: f64) {
        assert!((found - wanted).abs() <= relative * wanted.abs(), "{found} is not {wanted}");
    }

    #[test]
    fn erlang_c_equals_exact_fractions_up_to_a_hundred_servers() {
        for row in truth()["erlang_c"].as_array().expect("rows") {
            let servers = number(row, "c") as u32;
            close(erlang_c(servers, number(row, "rho")), number(row, "C"), 1e-11);
        }
    }

    #[test]
    fn mmc_means_and_quantiles_equal_the_exact_ones() {
        for row in truth()["mmc"].as_array().expect("rows") {
            let queue = Mmc {
                arrivals: number(row, "lam"),
                service: number(row, "mu"),
                servers: number(row, "c") as u32,
            };
            close(queue.wait_mean(), number(row, "Wq"), 1e-12);
            close(queue.response_mean(), number(row, "R"), 1e-12);
            for (p, wanted) in row["R_q"].as_object().expect("quantiles") {
                let p = p.parse().expect("a share");
                close(queue.response_quantile(p), wanted.as_f64().expect("a time"), 1e-9);
            }
        }
    }

    #[test]
    fn slo_max_of_mmc_equals_the_exact_root() {
        for row in truth()["slo_max_mmc"].as_array().expect("rows") {
            let rate = slo_max_mmc(
                Rate::per_second(number(row, "mu")),
                number(row, "c") as u32,
                Ratio::new(number(row, "p")),
                Nanos::from_secs_f64(number(row, "T")),
            );
            close(rate.expect("reachable").get(), number(row, "lam"), 1e-9);
        }
    }

    #[test]
    fn slo_max_of_a_station_slower_than_its_limit_is_none() {
        let limit = Nanos::from_millis(100);
        assert_eq!(slo_max_mmc(Rate::per_second(20.0), 4, Ratio::new(0.95), limit), None);
    }

    #[test]
    fn allen_cunneen_equals_the_published_waits() {
        let wait = |arrivals, service_time, servers, arrivals_cv2, service_cv2| {
            Station { arrivals, service_time, servers, arrivals_cv2, service_cv2 }.wait().mean
        };
        for (cv2, wanted) in [(0.0, 0.2), (0.25, 0.25), (1.0, 0.4), (4.0, 1.0)] {
            close(wait(8.0, 0.1, 1, 1.0, cv2), wanted, 1e-12);
        }
        close(wait(9.0, 0.2, 2, 1.0, 1.0), 0.852_631_58, 1e-8);
        close(wait(9.0, 0.2, 2, 1.0, 0.0), 0.426_315_79, 1e-8);
        close(wait(9.0, 0.2, 2, 1.0, 4.0), 2.131_578_95, 1e-8);
    }
}
