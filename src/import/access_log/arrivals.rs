//! How many requests came in each second of a log.

use std::collections::BTreeMap;

/// Seconds of a minute.
const MINUTE: i64 = 60;

/// Counts by second. Minutes without requests cost nothing.
#[derive(Debug, Default)]
pub(super) struct SecondCounts {
    minutes: BTreeMap<i64, Box<[u32; MINUTE as usize]>>,
}

/// The busiest stretch of a log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BusiestWindow {
    /// Its first second, since 1970.
    pub(super) start: i64,
    /// Seconds.
    pub(super) length: i64,
    /// Requests a second, on average over it.
    pub(super) rate: f64,
}

impl SecondCounts {
    /// Counts a request at `micros` since 1970.
    pub(super) fn add(&mut self, micros: i64) {
        let second = micros.div_euclid(1_000_000);
        let minute = self.minutes.entry(second.div_euclid(MINUTE));
        let minute = minute.or_insert_with(|| Box::new([0; MINUTE as usize]));
        minute[second.rem_euclid(MINUTE) as usize] += 1;
    }

    /// The first and the last second with a request.
    pub(super) fn span(&self) -> (i64, i64) {
        let mut seconds = self.counted().map(|(second, _)| second);
        let first = seconds.next().unwrap_or(0);
        (first, seconds.last().unwrap_or(first))
    }

    /// Seconds with requests, in order, each with their number.
    pub(super) fn counted(&self) -> impl Iterator<Item = (i64, u32)> {
        self.minutes.iter().flat_map(|(minute, counts)| {
            let seconds = (0..MINUTE).zip(counts.iter());
            seconds
                .filter(|(_, count)| **count > 0)
                .map(move |(second, count)| (minute * MINUTE + second, *count))
        })
    }

    /// Requests from `start` on, in pieces of `length` seconds.
    pub(super) fn pieces(&self, start: i64, length: i64, pieces: usize) -> Vec<u64> {
        let mut counts = vec![0; pieces];
        for (second, count) in self.counted() {
            let piece = (second - start).div_euclid(length);
            if let Some(sum) = usize::try_from(piece).ok().and_then(|piece| counts.get_mut(piece)) {
                *sum += u64::from(count);
            }
        }
        counts
    }

    /// The stretch of `length` seconds with most requests, wherever it begins.
    pub(super) fn busiest(&self, length: i64) -> BusiestWindow {
        let mut window = std::collections::VecDeque::new();
        let (mut sum, mut most) = (0_u64, (0_u64, 0_i64));
        for (second, count) in self.counted() {
            window.push_back((second, count));
            sum += u64::from(count);
            while let Some((first, count)) = window.front().copied()
                && first <= second - length
            {
                sum -= u64::from(count);
                window.pop_front();
            }
            if sum > most.0 {
                most = (sum, window.front().map_or(second, |(first, _)| *first));
            }
        }
        BusiestWindow { start: most.1, length, rate: most.0 as f64 / length as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busiest_minute_of_a_quiet_day_is_found() {
        let mut counts = SecondCounts::default();
        for minute in 0..1_440 {
            counts.add(minute * 60_000_000);
        }
        for request in 0..3_000 {
            counts.add(43_230_000_000 + request * 20_000);
        }
        let busiest = counts.busiest(60);
        // The minute's own request falls into it.
        assert_eq!((busiest.start, busiest.rate), (43_230, 3_001.0 / 60.0));
        assert_eq!(counts.span(), (0, 86_340));
        assert_eq!(counts.pieces(0, 3_600, 24).iter().sum::<u64>(), 4_440);
    }
}
