//! The stack's own metrics of one second, packed.
//!
//! Second for second the same sources tell the same metrics: seconds share the list of what is told, and each keeps eight
//! bytes a value, so that the log of a long run with many metrics fits into memory.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use plimsoll_units::{Bytes, Money, Nanos, Quantity, Rate, Ratio};

/// One value of the stack's own metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The tier it speaks of.
    pub tier: String,
    /// The metric: `cpu`, `memory`, `connections`, …
    pub metric: String,
    /// The replica, where the source tells replicas apart; empty otherwise.
    pub replica: String,
    /// The value, or `None` where the source had none: missing data is never zero.
    pub value: Option<Quantity>,
}

impl Reading {
    /// The tier under which health probes are filed; the replica is the endpoint's path. 1 is up, 0 is down.
    pub const HEALTH: &str = "health";
}

/// All readings of one second, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    keys: Arc<Vec<ReadingKey>>,
    /// One a key, as its kind packs it.
    words: Box<[u64]>,
}

/// What a reading speaks of.
#[derive(Debug, Clone, PartialEq)]
struct ReadingKey {
    tier: Box<str>,
    metric: Box<str>,
    replica: Box<str>,
    /// The kind of its value, as zero of that kind; none where there was no data.
    kind: Option<Quantity>,
}

/// One of the readings of a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadingRef<'a> {
    /// The tier it speaks of.
    pub tier: &'a str,
    /// The metric: `cpu`, `memory`, `connections`, …
    pub metric: &'a str,
    /// The replica, where the source tells replicas apart; empty otherwise.
    pub replica: &'a str,
    /// The value, or `None` where the source had none: missing data is never zero.
    pub value: Option<Quantity>,
}

impl ReadingRef<'_> {
    /// The reading on its own.
    pub fn to_reading(self) -> Reading {
        Reading {
            tier: self.tier.to_owned(),
            metric: self.metric.to_owned(),
            replica: self.replica.to_owned(),
            value: self.value,
        }
    }

    /// Whether it is of the same metric of the same tier as `reading`, of whatever replica.
    pub fn is_metric_of(self, reading: &Reading) -> bool {
        self.tier == reading.tier && self.metric == reading.metric
    }
}

impl Readings {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = ReadingRef<'_>> {
        self.keys.iter().zip(&self.words).map(|(key, &word)| ReadingRef {
            tier: &key.tier,
            metric: &key.metric,
            replica: &key.replica,
            value: key.kind.map(|kind| unpacked(kind, word)),
        })
    }

    /// Adds one more.
    pub fn push(&mut self, reading: Reading) {
        let mut all: Vec<Reading> = self.iter().map(ReadingRef::to_reading).collect();
        all.push(reading);
        *self = all.into();
    }

    /// Adds what was reported `late` where there is no such reading, or one of "no data". What was read in time stays.
    pub(super) fn fill(&mut self, late: &Self) {
        let mut filled: Vec<Reading> = self.iter().map(ReadingRef::to_reading).collect();
        for reading in late.iter() {
            // A source that failed had "no data" for the tier as a whole.
            filled.retain(|known| known.value.is_some() || !reading.is_metric_of(known));
            let is_known =
                |known: &Reading| reading.is_metric_of(known) && known.replica == reading.replica;
            if !filled.iter().any(is_known) {
                filled.push(reading.to_reading());
            }
        }
        *self = filled.into();
    }

    /// Leaves only those that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(ReadingRef<'_>) -> bool) {
        if self.iter().all(&keep) {
            return;
        }
        let kept = self.iter().filter(|reading| keep(*reading)).map(ReadingRef::to_reading);
        *self = kept.collect();
    }
}

impl From<Vec<Reading>> for Readings {
    fn from(readings: Vec<Reading>) -> Self {
        let words = readings.iter().map(|reading| reading.value.map_or(0, packed)).collect();
        let keys = readings.into_iter().map(|reading| ReadingKey {
            tier: reading.tier.into(),
            metric: reading.metric.into(),
            replica: reading.replica.into(),
            kind: reading.value.map(|value| unpacked(value, 0)),
        });
        Self { keys: shared(keys.collect()), words }
    }
}

impl FromIterator<Reading> for Readings {
    fn from_iter<I: IntoIterator<Item = Reading>>(readings: I) -> Self {
        readings.into_iter().collect::<Vec<_>>().into()
    }
}

impl Serialize for Readings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(ReadingRef::to_reading))
    }
}

impl<'de> Deserialize<'de> for Readings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Reading>::deserialize(deserializer).map(Self::from)
    }
}

/// So many lists are remembered: sources that are read every few seconds, and values that come and go, make some.
const REMEMBERED: usize = 32;

thread_local! {
    static LISTS: RefCell<Vec<Weak<Vec<ReadingKey>>>> = const { RefCell::new(Vec::new()) };
}

/// `keys`, as another second has them if one does.
fn shared(keys: Vec<ReadingKey>) -> Arc<Vec<ReadingKey>> {
    LISTS.with_borrow_mut(|lists| {
        let is_same = |list: &Weak<Vec<ReadingKey>>| list.upgrade().is_some_and(|it| *it == keys);
        let known = lists.iter().position(is_same);
        if let Some(list) = known.and_then(|at| lists[at].upgrade()) {
            // What was seen last is looked at first.
            lists[..=known.unwrap_or(0)].rotate_right(1);
            return list;
        }
        let list = Arc::new(keys);
        lists.insert(0, Arc::downgrade(&list));
        lists.truncate(REMEMBERED);
        list
    })
}

/// The value without its kind.
fn packed(value: Quantity) -> u64 {
    match value {
        Quantity::Time(span) => span.get(),
        Quantity::Share(share) => share.get().to_bits(),
        Quantity::Rate(rate) => rate.get().to_bits(),
        Quantity::Size(size) => size.get(),
        Quantity::Count(count) => count.to_bits(),
        Quantity::Money(money) => money.cents(),
    }
}

/// The value that `word` is of the kind that `kind` has.
fn unpacked(kind: Quantity, word: u64) -> Quantity {
    let real = f64::from_bits(word);
    match kind {
        Quantity::Time(_) => Quantity::Time(Nanos::new(word)),
        Quantity::Share(_) => Quantity::Share(Ratio::new(real)),
        Quantity::Rate(_) => Quantity::Rate(Rate::per_second(real)),
        Quantity::Size(_) => Quantity::Size(Bytes::new(word)),
        Quantity::Count(_) => Quantity::Count(real),
        Quantity::Money(_) => Quantity::Money(Money::from_cents(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(metric: &str, replica: &str, value: Option<Quantity>) -> Reading {
        let (tier, metric, replica) = ("api".into(), metric.into(), replica.into());
        Reading { tier, metric, replica, value }
    }

    fn second(n: u64) -> Vec<Reading> {
        vec![
            reading("cpu", "1", Some(Quantity::Share(Ratio::new(0.1 + n as f64 / 7.0)))),
            reading("wait", "1", Some(Quantity::Time(Nanos::new(u64::MAX - n)))),
            reading("memory", "2", Some(Quantity::Size(Bytes::new((1 << 60) + n)))),
            reading("cost", "", Some(Quantity::Money(Money::from_cents(n)))),
            reading("queries", "", Some(Quantity::Rate(Rate::per_second(n as f64)))),
            reading("connections", "", Some(Quantity::Count(-0.5 * n as f64))),
            reading("gone", "", None),
        ]
    }

    #[test]
    fn readings_come_out_as_they_went_in() {
        let packed: Readings = second(3).into();
        let back: Vec<Reading> = packed.iter().map(ReadingRef::to_reading).collect();
        assert_eq!(back, second(3));
        let text = serde_json::to_string(&packed).expect("JSON");
        assert_eq!(
            text,
            serde_json::to_string(&second(3)).expect("JSON"),
            "logs stay as they were"
        );
        assert_eq!(serde_json::from_str::<Readings>(&text).expect("readings"), packed);
    }

    /// Goal: what is told second for second takes the room of its values.
    #[test]
    fn seconds_share_what_their_readings_speak_of() {
        let (first, other): (Readings, Readings) = (second(1).into(), second(2).into());
        assert!(Arc::ptr_eq(&first.keys, &other.keys));
        let mut fewer = other.clone();
        fewer.retain(|reading| reading.value.is_some());
        assert_eq!((fewer.len(), other.len()), (6, 7));
        assert!(!Arc::ptr_eq(&first.keys, &fewer.keys));
        fewer.push(reading("gone", "", None));
        assert!(Arc::ptr_eq(&first.keys, &fewer.keys), "the same list again");
        assert_eq!(fewer, other);
    }
}
