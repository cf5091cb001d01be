//! What browsers took of the machine, and what they left out.

use serde::{Deserialize, Serialize};

use plimsoll_units::{Bytes, Nanos, Ratio};

/// What the browsers of a run took of the machine. Sums and maxima over all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BrowserUse {
    /// Page loads, those before the first arrival included.
    pub loads: u64,
    /// Flows that were due by a `rate` while all users were busy, and were not played.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// How often a browser that was gone was started again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restarts: u64,
    /// CPU time of all processes of the browser from its first answer on.
    pub cpu: Nanos,
    /// The most memory that they had at once: the sum of their proportional set sizes (proc(5), `Pss`).
    pub memory: Bytes,
    /// How many processes they were then.
    pub processes: u32,
    /// How much of the time the cores of the browsers worked, for whatever process.
    pub cores_busy: Ratio,
    /// The cores that browsers had to themselves; empty where they shared all with the generator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cores: Vec<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl BrowserUse {
    /// Browsers whose cores are busier than this share of the time wait for them.
    const CORES_BUSY: f64 = 0.8;

    /// Whether pages may have waited for the cores of the browsers rather than for the stack.
    pub fn is_short_of_cores(&self) -> bool {
        self.cores_busy.get() > Self::CORES_BUSY
    }

    /// CPU time a page load; zero where none was.
    pub fn cpu_per_load(&self) -> Nanos {
        Nanos::new(self.cpu.get().checked_div(self.loads).unwrap_or_default())
    }

    /// Adds what the browsers of another shard took, on a machine of its own.
    pub fn absorb(&mut self, other: &Self) {
        self.loads += other.loads;
        self.left_out += other.left_out;
        self.restarts += other.restarts;
        self.cpu += other.cpu;
        self.processes = self.processes.max(other.processes);
        self.memory = self.memory.max(other.memory);
        self.cores_busy = Ratio::new(self.cores_busy.get().max(other.cores_busy.get()));
        if self.cores != other.cores {
            self.cores.clear();
        }
    }
}
