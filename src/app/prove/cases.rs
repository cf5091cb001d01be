//! Stacks whose figures follow from arithmetic.

/// A stack with known truth: a folder that the program brings along.
pub(super) struct ProofCase {
    pub(super) name: &'static str,
    pub(super) folder: &'static str,
    pub(super) truths: &'static [KnownFigure],
}

/// A figure that is known.
pub(super) struct KnownFigure {
    /// Where `result.json` has it.
    pub(super) pointer: &'static str,
    /// What it is.
    pub(super) value: f64,
    /// In milliseconds where this says so, else a count.
    pub(super) unit: &'static str,
    /// How far off a report may be, as a share.
    pub(super) within: f64,
}

const fn ms(pointer: &'static str, value: f64, within: f64) -> KnownFigure {
    KnownFigure { pointer, value, unit: "ms", within }
}

/// The folder of a server that answers at once.
pub(super) const OFFER: &str = "prove/offer";

/// The rates that are tried against it, in requests a second.
pub(super) const RATES: [f64; 6] = [1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 40_000.0];

/// All cases, 53 s together.
pub(super) static CASES: [ProofCase; 4] = [
    ProofCase {
        // What sockets add, about 0.1 ms, is no error: a user waits for it as well.
        name: "every answer after 20 ms",
        folder: "prove/constant",
        truths: &[
            ms("/whole_run/response_time_ms/mean", 20.0, 0.05),
            ms("/whole_run/response_time_ms/p50", 20.0, 0.05),
            KnownFigure { pointer: "/load/requests", value: 2_500.0, unit: "", within: 0.0 },
        ],
    },
    ProofCase {
        // Two cores of 10 ms carry 200/s. At 300/s for 8 s the backlog grows by 100/s: the last arrival waits 4 s, the
        // mean is 2 s, and the quantiles are in proportion.
        name: "carries 200 req/s, offered 300 req/s",
        folder: "prove/saturation",
        truths: &[
            ms("/whole_run/response_time_ms/mean", 2_010.0, 0.03),
            ms("/whole_run/response_time_ms/p50", 2_010.0, 0.03),
            ms("/whole_run/response_time_ms/p99", 3_970.0, 0.03),
        ],
    },
    ProofCase {
        // P(response time > t) = (1 − t)/10 for t up to 1 s.
        name: "stands still 1 s in every 10 s",
        folder: "prove/freeze",
        truths: &[
            ms("/whole_run/response_time_ms/p95", 500.0, 0.02),
            ms("/whole_run/response_time_ms/p99", 900.0, 0.02),
            ms("/whole_run/response_time_ms/p999", 990.0, 0.02),
        ],
    },
    ProofCase {
        // Erlang's C for 16 servers at 70 %: a wait of 13.0 % × 4.17 ms. A run of 20 s has 11,200 arrivals, whose
        // mean is within 3 % of it, and whose p95 within 5 %, 95 times in 100.
        name: "16 cores, 70 % busy, exponential (M/M/16)",
        folder: "prove/queue",
        truths: &[
            ms("/whole_run/response_time_ms/mean", MMC_MEAN_MS, 0.04),
            ms("/whole_run/response_time_ms/p95", MMC_P95_MS, 0.06),
        ],
    },
];

/// Mean response time of M/M/16 at 560 arrivals a second and 20 ms of service; a test works it out.
const MMC_MEAN_MS: f64 = 20.5403;
/// Its 95th percentile.
const MMC_P95_MS: f64 = 60.5858;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::queueing::Mmc;

    #[test]
    fn truths_of_the_queue_are_erlangs() {
        let queue = Mmc { arrivals: 560.0, service: 50.0, servers: 16 };
        let near = |found: f64, told: f64| (found * 1e3 / told - 1.0).abs() < 1e-4;
        assert!(near(queue.response_mean(), MMC_MEAN_MS), "{}", queue.response_mean() * 1e3);
        let p95 = queue.response_quantile(0.95);
        assert!(near(p95, MMC_P95_MS), "{}", p95 * 1e3);
    }
}
