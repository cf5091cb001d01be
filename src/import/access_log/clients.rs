//! Who asked: visits, how many of them at once, and the time between the requests of one.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A longer silence ends a visit, in microseconds: half an hour, as web analytics count it.
const VISIT_GAP: i64 = 1_800_000_000;

/// Visits by client. What is held grows with the number of clients.
#[derive(Debug, Default)]
pub(super) struct ClientVisits {
    /// Start and last request of the visit of each client.
    open: HashMap<u64, (i64, i64)>,
    visits: u64,
    /// Time within closed visits, in microseconds.
    time: i64,
    /// Requests that followed another one of their visit.
    followed: u64,
}

impl ClientVisits {
    /// Counts a request of `client` at `micros` since 1970.
    pub(super) fn add(&mut self, client: &str, micros: i64) {
        let mut hasher = DefaultHasher::new();
        client.hash(&mut hasher);
        match self.open.get_mut(&hasher.finish()) {
            Some((_, last)) if micros - *last <= VISIT_GAP => {
                // Lines of one moment may stand in any order.
                *last = micros.max(*last);
                self.followed += 1;
            }
            Some(visit) => {
                self.time += visit.1 - visit.0;
                self.visits += 1;
                *visit = (micros, micros);
            }
            None => {
                self.visits += 1;
                self.open.insert(hasher.finish(), (micros, micros));
            }
        }
    }

    fn whole_time(&self) -> f64 {
        let open: i64 = self.open.values().map(|(start, last)| last - start).sum();
        (self.time + open) as f64 / 1e6
    }

    /// Visits at once on average over `span` seconds; none where nobody came twice.
    pub(super) fn at_once(&self, span: f64) -> Option<f64> {
        (self.followed > 0 && span > 0.0).then(|| self.whole_time() / span)
    }

    /// Seconds from one request of a visit to the next, on average.
    pub(super) fn gap(&self) -> Option<f64> {
        (self.followed > 0).then(|| self.whole_time() / self.followed as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_end_with_half_an_hour_of_silence() {
        let mut visits = ClientVisits::default();
        for (client, second) in
            [("a", 0), ("b", 5), ("a", 10), ("a", 20), ("a", 4_000), ("a", 4_030), ("b", 15)]
        {
            visits.add(client, second * 1_000_000);
        }
        assert_eq!(visits.visits, 3);
        // Visits of 20, 30 and 10 s, in which 4 requests followed another.
        assert_eq!(visits.gap(), Some(15.0));
        assert_eq!(visits.at_once(4_031.0), Some(60.0 / 4_031.0));
    }
}
