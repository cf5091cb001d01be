//! Which answers a cache holds: by key, with a time to live and a limit of memory.

use std::collections::HashMap;

use super::spec::CacheSpec;
use plimsoll_units::{Bytes, Nanos, RunTime};

/// A cache driven by the keys that are really asked for. The least recently used entry makes room.
#[derive(Debug)]
pub(super) struct Cache {
    capacity: usize,
    entry: Bytes,
    entries: HashMap<u64, CacheEntry>,
    /// Key and use, oldest use first; only the entry's own last use counts, older ones are skipped.
    uses: std::collections::VecDeque<(u64, u64)>,
    clock: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) evictions: u64,
}

#[derive(Debug)]
struct CacheEntry {
    fresh_until: RunTime,
    last_use: u64,
}

impl Cache {
    pub(super) fn new(spec: CacheSpec) -> Self {
        let capacity = spec.max_memory.get() / spec.entry.get().max(1);
        Self {
            capacity: (capacity as usize).max(1),
            entry: spec.entry,
            entries: HashMap::new(),
            uses: std::collections::VecDeque::new(),
            clock: 0,
            hits: 0,
            misses: 0,
            evictions: 0,
        }
    }

    /// Whether `key` is there and fresh at `now`.
    pub(super) fn lookup(&mut self, key: u64, now: RunTime) -> bool {
        self.clock += 1;
        let fresh = match self.entries.get_mut(&key) {
            Some(entry) if entry.fresh_until > now => {
                entry.last_use = self.clock;
                true
            }
            Some(_) => {
                self.entries.remove(&key);
                false
            }
            None => false,
        };
        if fresh {
            self.hits += 1;
            self.note_use(key);
        } else {
            self.misses += 1;
        }
        fresh
    }

    /// Keeps an answer.
    pub(super) fn keep(&mut self, key: u64, now: RunTime, ttl: Nanos) {
        self.clock += 1;
        self.entries.insert(key, CacheEntry { fresh_until: now + ttl, last_use: self.clock });
        self.note_use(key);
        while self.entries.len() > self.capacity {
            self.evict();
        }
    }

    /// Memory that entries take.
    pub(super) fn memory(&self) -> Bytes {
        Bytes::new(self.entry.get().saturating_mul(self.entries.len() as u64))
    }

    /// Entries that are held, stale ones included until they are asked for.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn note_use(&mut self, key: u64) {
        self.uses.push_back((key, self.clock));
        // Each live entry has exactly one valid use; when most are void, sweep them.
        if self.uses.len() > 64 + 4 * self.entries.len() {
            let entries = &self.entries;
            self.uses.retain(|(key, at)| entries.get(key).is_some_and(|e| e.last_use == *at));
        }
    }

    fn evict(&mut self) {
        while let Some((key, at)) = self.uses.pop_front() {
            if self.entries.get(&key).is_some_and(|entry| entry.last_use == at) {
                self.entries.remove(&key);
                self.evictions += 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: u64) -> Cache {
        Cache::new(CacheSpec { max_memory: Bytes::new(entries * 100), entry: Bytes::new(100) })
    }

    fn second(s: u64) -> RunTime {
        RunTime::ZERO + Nanos::from_secs(s)
    }

    #[test]
    fn answer_is_fresh_until_its_ttl_ends() {
        let mut cache = cache(10);
        assert!(!cache.lookup(1, second(0)));
        cache.keep(1, second(0), Nanos::from_secs(5));
        assert!(cache.lookup(1, second(4)));
        assert!(!cache.lookup(1, second(5)));
        assert_eq!((cache.hits, cache.misses), (1, 2));
    }

    #[test]
    fn full_cache_drops_what_was_used_longest_ago() {
        let mut cache = cache(2);
        cache.keep(1, second(0), Nanos::MAX);
        cache.keep(2, second(0), Nanos::MAX);
        assert!(cache.lookup(1, second(1)));
        cache.keep(3, second(1), Nanos::MAX);
        assert!(cache.lookup(1, second(2)) && !cache.lookup(2, second(2)));
        assert_eq!((cache.evictions, cache.memory()), (1, Bytes::new(200)));
    }

    #[test]
    fn record_of_uses_does_not_grow_with_lookups() {
        let mut cache = cache(10);
        cache.keep(1, second(0), Nanos::MAX);
        assert!((0..10_000).all(|_| cache.lookup(1, second(1))));
        assert!(cache.uses.len() <= 70);
    }
}
