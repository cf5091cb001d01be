//! How hard the generator itself works.

use crate::transport::{process_cpu, thread_cpu};
use plimsoll_metrics::GeneratorLoad;
use plimsoll_units::{Nanos, Ratio, RunTime};

/// Measures CPU between cuts; one worker also speaks for the whole process.
#[derive(Debug)]
pub(super) struct LoadMeter {
    thread: Nanos,
    waited: Nanos,
    process: Option<Nanos>,
}

impl LoadMeter {
    /// A meter for the current thread.
    pub(super) fn new(speaks_for_process: bool) -> Self {
        let process = speaks_for_process.then(process_cpu);
        Self { thread: thread_cpu(), waited: waited_for_a_core(), process }
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
        let waited = waited_for_a_core();
        let mut load = GeneratorLoad {
            worker_cpu: share(self.thread, thread),
            waited: share(self.waited, waited),
            ..GeneratorLoad::default()
        };
        self.thread = thread;
        self.waited = waited;
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

/// How long this thread has been ready to run without a core, so far; zero where the system does not tell. The
/// second number of `schedstat` (Linux, `Documentation/scheduler/sched-stats`).
fn waited_for_a_core() -> Nanos {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited = text.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    Nanos::new(waited.unwrap_or(0))
}

/// Resident memory of this process in bytes; 0 where the system does not tell.
fn resident_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
