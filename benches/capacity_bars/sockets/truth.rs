//! The greatest rate at which a law keeps its objectives: a long simulation in virtual time, without anything of the
//! program's own capacity engine.

use plimsoll::units::{RandomStream, Seed};
use rand::RngExt;

use super::kinds::SocketServer;
use super::law::{KnownState, RequestFate};

/// Requests of the last, longest simulations.
const REQUESTS: u64 = 1_500_000;

/// The greatest rate within `server`'s objectives, a second, to about 0.2 %.
pub(super) fn truth(server: &SocketServer) -> f64 {
    let (mut low, mut high) = (1.0, 2.0);
    while is_within(server, high, REQUESTS / 32) {
        (low, high) = (high, 2.0 * high);
    }
    for requests in [32, 32, 32, 32, 8, 8, 2, 2, 1, 1, 1] {
        let middle = f64::midpoint(low, high);
        if is_within(server, middle, REQUESTS / requests) {
            low = middle;
        } else {
            high = middle;
        }
        // Short simulations may have erred.
        if requests > 1 && high / low < 1.02 {
            (low, high) = (low / 1.005, high * 1.005);
        }
    }
    f64::midpoint(low, high)
}

/// Whether Poisson arrivals at `rate` are within the objectives, seen over so many `requests`.
fn is_within(server: &SocketServer, rate: f64, requests: u64) -> bool {
    let seed = Seed::new(2_026);
    let mut state = KnownState::new(server.law, seed);
    let mut random = seed.stream(RandomStream::Arrivals, 0);
    let limit = (server.p95_ms * 1e6) as u64;
    let (mut at, mut slow, mut answered, mut refused) = (0.0, 0_u64, 0_u64, 0_u64);
    for index in 0..requests {
        at += -1e9 * (1.0 - random.random::<f64>()).ln() / rate;
        let fate = state.arrive(at as u64);
        if index < requests / 20 {
            continue;
        }
        match fate {
            RequestFate::Answered(end) => {
                answered += 1;
                slow += u64::from(end - at as u64 > limit);
            }
            RequestFate::Refused(_) => refused += 1,
        }
    }
    slow as f64 <= 0.05 * answered as f64
        && refused as f64 <= server.errors_max * (answered + refused) as f64
}
