//! How hard the generator itself works.

use crate::metrics::GeneratorLoad;
use crate::transport::{process_cpu, thread_cpu};
use crate::units::{Nanos, Ratio, RunTime};

/// Measures CPU between cuts; one worker also speaks for the whole process.
#[derive(Debug)]
pub(super) struct LoadMeter {
    thread: Nanos,
    process: Option<Nanos>,
}

impl LoadMeter {
    /// A meter for the current thread.
    pub(super) fn new(speaks_for_process: bool) -> Self {
        Self { thread: thread_cpu(), process: speaks_for_process.then(process_cpu) }
    }

    /// The load between `start` and `end`; none for a last interval too short to tell.
    pub(super) fn measure(&mut self, start: RunTime, end: RunTime) -> GeneratorLoad {
        let span = end.since(start);
        if span < SHORTEST {
            return GeneratorLoad { memory: resident_memory(), ..GeneratorLoad::default() };
        }
        let span = span.as_secs_f64();
        let share =
            |from: Nanos, to: Nanos| Ratio::new(to.saturating_sub(from).as_secs_f64() / span);
        let thread = thread_cpu();
        let mut load =
            GeneratorLoad { worker_cpu: share(self.thread, thread), ..GeneratorLoad::default() };
        self.thread = thread;
        if let Some(before) = self.process {
            let now = process_cpu();
            load.process_cpu = share(before, now);
            load.memory = resident_memory();
            self.process = Some(now);
        }
        load
    }
}

/// In a shorter interval, the work of closing it would count for more than the load.
const SHORTEST: Nanos = Nanos::from_millis(200);

/// Resident memory of this process in bytes; 0 where the system does not tell.
fn resident_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
