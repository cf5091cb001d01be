//! What the browsers of a run take of the machine, watched while they play.
//!
//! Source: proc(5), `/proc/stat`: the time of each core by what it did.

use std::time::Duration;

use crate::browser::{Browser, BrowserError, ProcessTreeUse};
use crate::metrics::BrowserUse;
use crate::units::{Nanos, Ratio};

/// How often memory is looked at: it costs some milliseconds of CPU.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// A browser is ended that takes more than this in bytes, and so much for each of its users: many times what pages take.
const MEMORY: u64 = 2 << 30;
const MEMORY_OF_USER: u64 = 512 << 20;

/// Adds up what browsers take, one after the other.
#[derive(Debug)]
pub(super) struct BrowserMeter {
    used: BrowserUse,
    /// Of those that are gone.
    gone: Nanos,
    /// Of the one that plays, when it was ready.
    first: Nanos,
    began: CoreTime,
}

impl BrowserMeter {
    /// For browsers on these cores, on any where none is told.
    pub(super) fn new(cores: &[usize]) -> Self {
        let cores: Vec<u32> = cores.iter().map(|core| *core as u32).collect();
        let began = CoreTime::read(&cores);
        let used = BrowserUse { cores, ..BrowserUse::default() };
        Self { used, gone: Nanos::ZERO, first: Nanos::ZERO, began }
    }

    /// A browser is ready.
    pub(super) fn begin(&mut self, browser: &Browser) {
        self.gone = self.used.cpu;
        self.first = browser.process_use().unwrap_or_default().cpu;
    }

    /// The one before is gone, and this one is ready.
    pub(super) fn begin_again(&mut self, browser: &Browser) {
        self.used.restarts += 1;
        self.begin(browser);
    }

    /// The load begins: how busy the cores were before says nothing.
    pub(super) fn load_begins(&mut self) {
        self.began = CoreTime::read(&self.used.cores);
    }

    /// Looks at the browser that plays.
    ///
    /// # Errors
    /// It takes more memory than so many users may: a page eats it up.
    pub(super) fn look(&mut self, browser: &Browser, users: usize) -> Result<(), BrowserError> {
        let Some(now) = browser.process_use() else { return Ok(()) };
        self.note(now);
        let most = MEMORY + MEMORY_OF_USER * users as u64;
        if now.memory.get() > most { Err(BrowserError::Memory(now.memory)) } else { Ok(()) }
    }

    fn note(&mut self, now: ProcessTreeUse) {
        let cpu = self.gone + now.cpu.saturating_sub(self.first);
        // What a browser that has crashed took is what was seen of it last.
        self.used.cpu = self.used.cpu.max(cpu);
        if now.memory > self.used.memory {
            (self.used.memory, self.used.processes) = (now.memory, now.processes);
        }
    }

    /// All in all, of so many page loads and so many flows that were due and not played.
    pub(super) fn finish(self, loads: u64, left_out: u64) -> BrowserUse {
        let cores_busy = CoreTime::read(&self.used.cores).busy_since(self.began);
        BrowserUse { loads, left_out, cores_busy, ..self.used }
    }
}

/// The time of some cores, in clock ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct CoreTime {
    all: u64,
    idle: u64,
}

impl CoreTime {
    /// Of these cores; of all where none is told.
    fn read(cores: &[u32]) -> Self {
        Self::parsed(&std::fs::read_to_string("/proc/stat").unwrap_or_default(), cores)
    }

    fn parsed(stat: &str, cores: &[u32]) -> Self {
        let mut time = Self::default();
        for line in stat.lines() {
            let mut fields = line.split_ascii_whitespace();
            let Some(core) = fields.next().and_then(|name| name.strip_prefix("cpu")) else {
                continue;
            };
            let is_meant = match core.parse::<u32>() {
                Ok(core) => cores.contains(&core),
                Err(_) => cores.is_empty() && core.is_empty(),
            };
            if is_meant {
                // user nice system idle iowait irq softirq steal; what guests take is in user.
                let spans: Vec<u64> =
                    fields.take(8).filter_map(|ticks| ticks.parse().ok()).collect();
                time.all += spans.iter().sum::<u64>();
                time.idle += spans.iter().skip(3).take(2).sum::<u64>();
            }
        }
        time
    }

    fn busy_since(self, before: Self) -> Ratio {
        let all = self.all.saturating_sub(before.all);
        let idle = self.idle.saturating_sub(before.idle);
        Ratio::of(all.saturating_sub(idle), all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    fn used(cpu_s: u64, memory: u64, processes: u32) -> ProcessTreeUse {
        ProcessTreeUse { cpu: Nanos::from_secs(cpu_s), memory: Bytes::new(memory), processes }
    }

    #[test]
    fn browsers_are_added_up_without_what_their_starts_took() {
        let mut meter = BrowserMeter::new(&[]);
        meter.first = Nanos::from_secs(2);
        meter.note(used(10, 400, 11));
        meter.note(used(12, 300, 9));
        // Another one that took a second to start.
        (meter.gone, meter.first) = (meter.used.cpu, Nanos::from_secs(1));
        meter.note(used(4, 350, 8));
        let all = meter.finish(13, 3);
        assert_eq!((all.cpu, all.cpu_per_load()), (Nanos::from_secs(13), Nanos::from_secs(1)));
        assert_eq!((all.memory, all.processes, all.left_out), (Bytes::new(400), 11, 3));
    }

    #[test]
    fn cores_of_browsers_are_busy_by_their_own_time() {
        let before =
            "cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 5 0 5 40 0 0 0 0 0 0\ncpu1 5 0 5 40 0 0 0 0 0 0\n";
        let after = "cpu  90 5 15 180 10 0 0 0 0 0\ncpu0 5 0 5 140 0 0 0 0 0 0\ncpu1 85 5 10 40 10 0 0 0 7 7\nctxt 9\n";
        let busy = |cores: &[u32]| {
            CoreTime::parsed(after, cores).busy_since(CoreTime::parsed(before, cores)).get()
        };
        assert!((busy(&[1]) - 0.9).abs() < 1e-9, "{}", busy(&[1]));
        assert!(busy(&[0]).abs() < 1e-9);
        assert!((busy(&[]) - 0.45).abs() < 1e-9, "{}", busy(&[]));
        assert_eq!(CoreTime::parsed("", &[1]).busy_since(CoreTime::default()), Ratio::new(0.0));
    }
}
