//! The server of a simulated world: a queue with `c` servers, and all the ways in which a server can fail.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::transport::simulated::{Delivery, Dialling, Peer, Received, Reply};
use plimsoll_units::Nanos;

use super::ledger::{Ledger, Receipt};

/// How a server behaves; shares of all dials or requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ServerProfile {
    /// How many requests are served at once.
    pub(super) servers: usize,
    /// The mean service time, exponential.
    pub(super) service: Nanos,
    /// The most that opening a connection takes.
    pub(super) dialling: Nanos,
    pub(super) refused: f64,
    pub(super) silent: f64,
    pub(super) no_port: f64,
    /// Reset without an answer.
    pub(super) reset: f64,
    /// Reset or closed in the middle of an answer.
    pub(super) cut: f64,
    /// Never answered.
    pub(super) mute: f64,
    /// Answered as long as a timeout later.
    pub(super) slow: f64,
    /// Answered in pieces.
    pub(super) pieces: f64,
    /// Answered with status 503.
    pub(super) unavailable: f64,
    /// Closed some time after the answer, while it is idle or while the next request is on its way.
    pub(super) closing: f64,
    /// The number of the request whose answer makes the client panic.
    pub(super) panic_at: Option<u64>,
}

impl ServerProfile {
    /// Nothing fails.
    pub(super) const GOOD: Self = Self {
        servers: 2,
        service: Nanos::from_millis(5),
        dialling: Nanos::ZERO,
        refused: 0.0,
        silent: 0.0,
        no_port: 0.0,
        reset: 0.0,
        cut: 0.0,
        mute: 0.0,
        slow: 0.0,
        pieces: 0.0,
        unavailable: 0.0,
        closing: 0.0,
        panic_at: None,
    };
}

/// How long a slow answer takes: around the timeout of a request, so that both can be first.
const SLOW: Nanos = Nanos::from_millis(180);

/// The server.
pub(super) struct Server {
    profile: ServerProfile,
    chance: Pcg64Mcg,
    /// When each server is free again.
    free: BinaryHeap<Reverse<Nanos>>,
    pub(super) ledger: Rc<RefCell<Ledger>>,
}

impl Server {
    pub(super) fn new(profile: ServerProfile, chance: Pcg64Mcg) -> Self {
        let free = std::iter::repeat_n(Reverse(Nanos::ZERO), profile.servers).collect();
        let ledger = Ledger { all_well: true, ..Ledger::default() };
        Self { profile, chance, free, ledger: Rc::new(RefCell::new(ledger)) }
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.chance.random::<f64>() < share
    }

    fn up_to(&mut self, most: Nanos) -> Nanos {
        Nanos::new(self.chance.random_range(0..=most.get()))
    }

    /// Time in the queue and at a server, for a request that comes now: first come, first served.
    fn sojourn(&mut self, at: Nanos) -> Nanos {
        let drawn = -(1.0 - self.chance.random::<f64>()).ln();
        let service = Nanos::from_secs_f64(self.profile.service.as_secs_f64() * drawn);
        let Reverse(free) = self.free.pop().unwrap_or_default();
        let done = free.max(at) + service;
        self.free.push(Reverse(done));
        done.saturating_sub(at)
    }

    /// How the request is answered; with whether that is well, in full and in order.
    fn answer(&mut self, body: &str, took: Nanos) -> (Vec<Reply>, bool) {
        let ServerProfile { reset, cut, mute, slow, pieces, unavailable, closing, .. } =
            self.profile;
        let reply = |after, what| Reply { after, what };
        if self.happens(mute) {
            return (vec![], false);
        }
        if self.happens(reset) {
            return (vec![reply(took, Delivery::Reset)], false);
        }
        let took = if self.happens(slow) { took + self.up_to(SLOW * 2) } else { took };
        let status = if self.happens(unavailable) { "503 Service Unavailable" } else { "200 OK" };
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let bytes = text.into_bytes();
        let part = |bytes: &[u8], is_last| Delivery::Bytes { bytes: bytes.to_vec(), is_last };
        if self.happens(cut) {
            let end = if self.happens(0.5) { Delivery::Reset } else { Delivery::Close };
            let at = self.chance.random_range(1..bytes.len());
            return (vec![reply(took, part(&bytes[..at], false)), reply(took, end)], false);
        }
        let mut replies = if self.happens(pieces) {
            let at = self.chance.random_range(1..bytes.len());
            let later = took + self.up_to(Nanos::from_millis(10));
            vec![reply(took, part(&bytes[..at], false)), reply(later, part(&bytes[at..], true))]
        } else {
            vec![reply(took, part(&bytes, true))]
        };
        if self.happens(closing) {
            let end = if self.happens(0.3) { Delivery::Reset } else { Delivery::Close };
            let idle = self.up_to(Nanos::from_millis(80));
            let last = replies.last().map_or(took, |reply| reply.after);
            replies.push(reply(last + idle, end));
        }
        (replies, status.starts_with("200"))
    }

    /// What stands in the query of a path: `i` is the iteration, `u` the user, `t` the token of the answer before.
    fn number(path: &str, name: &str) -> Option<u64> {
        let query = path.split_once('?')?.1;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name)?.1.parse().ok()
    }
}

impl Peer for Server {
    fn on_dial(&mut self, from: Option<IpAddr>, _: SocketAddr) -> Dialling {
        self.ledger.borrow_mut().sources.insert(from);
        let after = self.up_to(self.profile.dialling);
        if self.happens(self.profile.refused) {
            return Dialling::Refused(after);
        }
        if self.happens(self.profile.silent) {
            return Dialling::Silent;
        }
        if self.happens(self.profile.no_port) {
            return Dialling::OutOfPorts;
        }
        Dialling::Opens(after)
    }

    fn on_request(&mut self, request: &Received<'_>, at: Nanos) -> Vec<Reply> {
        let iteration = Self::number(request.path, "i");
        // Scenarios count users from 1.
        let user = Self::number(request.path, "u").map_or(0, |user| user - 1);
        let took = self.sojourn(at);
        let number = {
            let mut ledger = self.ledger.borrow_mut();
            ledger.received += 1;
            ledger.received
        };
        if self.profile.panic_at == Some(number) {
            self.ledger.borrow_mut().all_well = false;
            return vec![Reply { after: took, what: Delivery::Panic }];
        }
        let body = format!("{{\"token\":\"{}\"}}", iteration.unwrap_or(0));
        let (replies, is_well) = self.answer(&body, took);
        let mut ledger = self.ledger.borrow_mut();
        ledger.all_well &= is_well;
        let took = is_well.then(|| replies.last().map_or(took, |reply| reply.after));
        ledger.took += took.unwrap_or_default();
        let Some(iteration) = iteration else { return replies };
        if let Some(token) = Self::number(request.path, "t")
            && token != iteration
        {
            ledger.mixed_up.push(format!("iteration {iteration} was given the token of {token}"));
        }
        let step = request.path.split('?').next().unwrap_or_default().to_owned();
        ledger.requests.entry((step, iteration)).or_default().push(Receipt {
            at,
            connection: request.connection,
            number: request.number,
            from: request.from,
            to: request.to,
            is_idempotent: request.method == "GET",
            user,
        });
        replies
    }
}
