//! Names to addresses.
//!
//! The system's resolver is asked, once at a time for each name, however many users wait: it blocks a thread, and a
//! server of names would be loaded instead of the target. It does not tell how long an answer is good, so that is set.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use tokio::sync::Notify;

use plimsoll_metrics::ErrorClass;
use plimsoll_plan::{AddressChoice, DnsPlan};
use plimsoll_units::{Nanos, RunTime};

use super::address::Origin;
use super::{Clock, TransportError};

/// How long a failure stands, for those who waited for the same look-up.
const FAILURE_LIFETIME: Nanos = Nanos::from_secs(1);

type LookedUp = Result<Rc<[SocketAddr]>, TransportError>;

/// What is known of a name.
#[derive(Debug)]
enum Name {
    /// Somebody is asking.
    Asked,
    /// What came of it, and until when it is good.
    Known(LookedUp, RunTime),
}

/// Resolves names, and remembers them for a while.
#[derive(Debug)]
pub(super) struct Resolver {
    dns: DnsPlan,
    seed: u64,
    names: RefCell<HashMap<(String, u16), Name>>,
    changed: Notify,
    /// How many connections have been opened by name.
    turns: Cell<u64>,
    /// How often the system was asked.
    look_ups: Cell<u64>,
}

impl Resolver {
    /// A resolver that chooses among addresses as `dns` says.
    pub(super) fn new(dns: DnsPlan, seed: u64) -> Rc<Self> {
        Rc::new(Self {
            dns,
            seed,
            names: RefCell::default(),
            changed: Notify::new(),
            turns: Cell::default(),
            look_ups: Cell::default(),
        })
    }

    /// The addresses of an origin that is an address or was resolved lately.
    pub(super) fn known(&self, origin: &Origin, now: RunTime) -> Option<LookedUp> {
        if let Ok(address) = origin.host.parse::<IpAddr>() {
            return Some(Ok(Rc::new([SocketAddr::new(address, origin.port)])));
        }
        match self.names.borrow().get(&(origin.host.clone(), origin.port))? {
            Name::Known(addresses, until) if *until > now => Some(addresses.clone()),
            Name::Known(..) | Name::Asked => None,
        }
    }

    /// The addresses of an origin that is not known; asks the system's resolver unless somebody does already.
    pub(super) async fn look_up(self: &Rc<Self>, origin: &Origin, clock: Clock) -> LookedUp {
        loop {
            // Registered before the look, so that no change in between is missed.
            let changed = self.changed.notified();
            if let Some(known) = self.known(origin, clock.now()) {
                return known;
            }
            let key = (origin.host.clone(), origin.port);
            let is_asked = matches!(self.names.borrow().get(&key), Some(Name::Asked));
            if !is_asked {
                self.names.borrow_mut().insert(key.clone(), Name::Asked);
                // A user who waits no longer does not end the look-up: others wait for it too.
                tokio::task::spawn_local(ask(self.clone(), key, clock));
            }
            changed.await;
        }
    }

    /// The order in which a new connection tries `addresses`: from the one whose turn it is, families by turns
    /// (RFC 8305 §4).
    pub(super) fn in_order(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let turn = self.turns.get();
        self.turns.set(turn + 1);
        let count = addresses.len().max(1) as u64;
        let first = match self.dns.choice {
            AddressChoice::First => 0,
            AddressChoice::Rotate => turn % count,
            AddressChoice::Random => mixed(self.seed ^ turn) % count,
        };
        let mut order = addresses.to_vec();
        order.rotate_left((first as usize).min(addresses.len()));
        let Some(is_ipv4) = order.first().map(SocketAddr::is_ipv4) else { return order };
        let (same, other): (Vec<_>, Vec<_>) =
            order.into_iter().partition(|address| address.is_ipv4() == is_ipv4);
        let mut other = other.into_iter();
        let mut interleaved = vec![];
        for address in same {
            interleaved.push(address);
            interleaved.extend(other.next());
        }
        interleaved.extend(other);
        interleaved
    }
}

/// Asks the system, and tells all who wait.
async fn ask(resolver: Rc<Resolver>, key: (String, u16), clock: Clock) {
    resolver.look_ups.set(resolver.look_ups.get() + 1);
    let failed = |why: String| {
        TransportError::new(ErrorClass::Dns, format!("cannot resolve `{}`: {why}", key.0))
    };
    let found = match tokio::net::lookup_host((key.0.as_str(), key.1)).await {
        Ok(found) => Ok(found.collect::<Rc<[SocketAddr]>>()),
        Err(error) => Err(failed(error.to_string())),
    };
    let found = match found {
        Ok(addresses) if addresses.is_empty() => Err(failed("the name has no address".to_owned())),
        found => found,
    };
    let lifetime = if found.is_ok() { resolver.dns.lifetime } else { FAILURE_LIFETIME };
    let until = clock.now() + lifetime;
    resolver.names.borrow_mut().insert(key, Name::Known(found, until));
    resolver.changed.notify_waiters();
}

/// `SplitMix64`: a number that looks drawn by chance, and is the same for the same seed.
const fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(choice: AddressChoice) -> Rc<Resolver> {
        Resolver::new(DnsPlan { choice, lifetime: Nanos::from_secs(30) }, 7)
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    fn firsts(choice: AddressChoice, count: usize) -> Vec<u8> {
        let (resolver, known) =
            (resolver(choice), addresses(&["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]));
        let first = |_| match resolver.in_order(&known)[0].ip() {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        };
        (0..count).map(first).collect()
    }

    #[test]
    fn connections_take_turns_over_all_addresses() {
        assert_eq!(firsts(AddressChoice::Rotate, 4), [1, 2, 3, 1]);
        assert_eq!(firsts(AddressChoice::First, 3), [1, 1, 1]);
        let drawn = firsts(AddressChoice::Random, 300);
        assert_eq!(drawn, firsts(AddressChoice::Random, 300), "the same seed, the same choice");
        for address in 1..=3 {
            let count: u32 = drawn.iter().map(|found| u32::from(*found == address)).sum();
            assert!((70..=130).contains(&count), "{address}: {count} of 300");
        }
    }

    #[test]
    fn families_take_turns_within_one_connection() {
        let known = addresses(&["[fd00::1]:80", "[fd00::2]:80", "10.0.0.1:80", "10.0.0.2:80"]);
        let order = resolver(AddressChoice::First).in_order(&known);
        let expected = addresses(&["[fd00::1]:80", "10.0.0.1:80", "[fd00::2]:80", "10.0.0.2:80"]);
        assert_eq!(order, expected);
    }

    /// Goal: a hundred users who need a name at once cost one look-up, and its answer is kept for its time.
    #[tokio::test]
    async fn name_is_looked_up_once_at_a_time() {
        tokio::task::LocalSet::new().run_until(look_up_by_a_hundred()).await;
    }

    async fn look_up_by_a_hundred() {
        let resolver = resolver(AddressChoice::First);
        let clock = Clock::starting_in(Nanos::ZERO);
        let origin = Origin {
            tls: false,
            host: "localhost".to_owned(),
            port: 80,
            authority: "localhost".to_owned(),
        };
        let users = (0..100).map(|_| resolver.look_up(&origin, clock));
        let found = futures_util::future::join_all(users).await;
        assert!(found.iter().all(Result::is_ok), "{:?}", found[0]);
        assert_eq!(resolver.look_ups.get(), 1);
        let now = clock.now();
        assert!(resolver.known(&origin, now + Nanos::from_secs(29)).is_some());
        assert!(resolver.known(&origin, now + Nanos::from_secs(31)).is_none());
    }
}
