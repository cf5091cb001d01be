//! Every so many URLs of a kind of requests: what is popular stays popular.

/// How many are held at most; twice as many as are written, so that thinning leaves enough.
const HELD_MAX: usize = 4_096;

/// URLs with the numbers of their lines, every `stride`-th of all.
#[derive(Debug, Clone)]
pub(super) struct UrlSample {
    rows: Vec<(u64, Box<str>)>,
    /// A power of two.
    stride: u64,
    /// How many were offered.
    offered: u64,
}

impl Default for UrlSample {
    fn default() -> Self {
        Self { rows: vec![], stride: 1, offered: 0 }
    }
}

impl UrlSample {
    /// Takes a URL in, if it is its turn; returns how many bytes more are held.
    pub(super) fn put(&mut self, line: u64, url: &str) -> usize {
        let turn = self.offered.is_multiple_of(self.stride);
        self.offered += 1;
        if !turn {
            return 0;
        }
        self.rows.push((line, url.into()));
        if self.rows.len() > HELD_MAX {
            self.halve();
        }
        url.len() + size_of::<(u64, Box<str>)>()
    }

    /// Keeps every second.
    pub(super) fn halve(&mut self) {
        let mut index = 0;
        self.rows.retain(|_| {
            index += 1;
            index % 2 == 1
        });
        self.stride *= 2;
    }

    /// Puts another sample beside this one, at the wider stride of the two.
    pub(super) fn absorb(&mut self, mut other: Self) {
        while self.stride < other.stride {
            self.halve();
        }
        while other.stride < self.stride {
            other.halve();
        }
        self.offered += other.offered;
        self.rows.append(&mut other.rows);
        self.rows.sort_by_key(|(line, _)| *line);
        while self.rows.len() > HELD_MAX {
            self.halve();
        }
    }

    /// How many bytes it holds, about.
    pub(super) fn bytes(&self) -> usize {
        self.rows.iter().map(|(_, url)| url.len() + size_of::<(u64, Box<str>)>()).sum()
    }

    /// The URLs, in the order of the log.
    pub(super) fn urls(&self) -> Vec<&str> {
        self.rows.iter().map(|(_, url)| &**url).collect()
    }

    /// Whether all that was offered is there.
    pub(super) fn is_whole(&self) -> bool {
        self.stride == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_is_spread_over_the_log_and_bounded() {
        let mut sample = UrlSample::default();
        for line in 0..100_000 {
            sample.put(line, &format!("/{line}"));
        }
        let urls = sample.urls();
        assert!(urls.len() <= HELD_MAX && urls.len() > HELD_MAX / 4, "{}", urls.len());
        let last: u64 = urls[urls.len() - 1][1..].parse().expect("a number");
        assert!(urls[0] == "/0" && last > 95_000, "{last}");
    }
}
