//! Distributions whose buckets stay in the run log.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;

use super::codec;
use super::values::SparseValues;

/// A run log from which pieces can be read again.
pub trait LogSource: Debug + Send + Sync {
    /// The `length` bytes from `offset` on; `None` where they cannot be read any more, which it remembers.
    fn read(&self, offset: u64, length: usize) -> Option<String>;

    /// What was read is not what stood there before.
    fn changed(&self);
}

/// A distribution whose text stands in a log.
#[derive(Debug, Clone)]
pub(super) struct KeptValues {
    source: Arc<dyn LogSource>,
    offset: u64,
    length: u32,
    count: u32,
    sum_ns: u64,
}

/// The line that is being read.
#[derive(Debug)]
struct LineInLog {
    source: Arc<dyn LogSource>,
    /// Where it stands in the log.
    offset: u64,
    /// Where it stands in memory, so that a part of it tells its place.
    address: usize,
    length: usize,
}

thread_local! {
    static LINE: RefCell<Option<LineInLog>> = const { RefCell::new(None) };
}

/// Lets `read` take distributions out of `line`, which stands at `offset` of a log, without their buckets.
pub(crate) fn reading<T>(
    line: &str,
    offset: u64,
    source: &Arc<dyn LogSource>,
    read: impl FnOnce() -> T,
) -> T {
    let (address, length) = (line.as_ptr().addr(), line.len());
    LINE.set(Some(LineInLog { source: source.clone(), offset, address, length }));
    let found = read();
    LINE.set(None);
    found
}

impl KeptValues {
    /// `values` as their `text` tells them; `None` where that does not stand in a log that is being read.
    pub(super) fn of(text: &str, values: &SparseValues) -> Option<Self> {
        LINE.with_borrow(|line| {
            let line = line.as_ref()?;
            let within = text.as_ptr().addr().checked_sub(line.address)?;
            if values.buckets.is_empty() || within + text.len() > line.length {
                return None;
            }
            Some(Self {
                source: line.source.clone(),
                offset: line.offset + within as u64,
                length: u32::try_from(text.len()).ok()?,
                count: u32::try_from(values.count()).ok()?,
                sum_ns: u64::try_from(values.sum_ns).ok()?,
            })
        })
    }

    pub(super) fn count(&self) -> u64 {
        u64::from(self.count)
    }

    pub(super) fn sum_ns(&self) -> u128 {
        u128::from(self.sum_ns)
    }

    /// Reads the values again; none where the log has changed, which its source knows then.
    pub(super) fn read(&self) -> SparseValues {
        let text = self.source.read(self.offset, self.length as usize);
        let values = text.and_then(|text| codec::decode(&text)).unwrap_or_default();
        if values.count() != self.count() || values.sum_ns != self.sum_ns() {
            self.source.changed();
        }
        values
    }
}
