//! What the hypervisor took of the machine that the generator runs on.
//!
//! On a shared host a virtual machine is late without any of its programs being the cause. It is read where intervals are
//! handed on and not by a worker: on a machine of many cores `/proc/stat` takes a millisecond to read.

use super::message::RunEvent;
use plimsoll_units::Ratio;

/// Tells each interval what was stolen since the one before.
#[derive(Debug)]
pub(super) struct StealMeter {
    before: MachineTime,
}

impl StealMeter {
    pub(super) fn new() -> Self {
        Self { before: MachineTime::read() }
    }

    /// Fills in what was stolen during the intervals among `events`.
    pub(super) fn tell(&mut self, events: &mut [RunEvent]) {
        if !events.iter().any(|event| matches!(event, RunEvent::Interval(_))) {
            return;
        }
        let now = MachineTime::read();
        let stolen = now.stolen_since(self.before);
        self.before = now;
        for event in events {
            if let RunEvent::Interval(interval) = event {
                interval.generator.stolen = stolen;
            }
        }
    }
}

/// The time of all cores of the machine so far, in clock ticks; nothing where the system does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct MachineTime {
    all: u64,
    /// What the hypervisor gave to others while this machine had work.
    stolen: u64,
}

impl MachineTime {
    fn read() -> Self {
        Self::parsed(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// The first line of `/proc/stat` (Linux, proc(5)): user nice system idle iowait irq softirq steal; what guests take is
    /// in user.
    fn parsed(stat: &str) -> Self {
        let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu "));
        let ticks = line.unwrap_or_default().split_ascii_whitespace().take(8);
        let ticks: Vec<u64> = ticks.filter_map(|ticks| ticks.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    fn stolen_since(self, before: Self) -> Ratio {
        let all = self.all.saturating_sub(before.all);
        Ratio::of(self.stolen.saturating_sub(before.stolen).min(all), all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_a_share_of_all_cores() {
        let before =
            MachineTime::parsed("cpu  100 100 0 700 50 0 50 20 7 7\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
        let now = MachineTime::parsed("cpu  200 100 0 780 50 0 50 40 9 9\n");
        assert_eq!((now.all - before.all, now.stolen), (200, 40));
        assert!((now.stolen_since(before).get() - 0.1).abs() < 1e-12);
        // A counter that went back, a system that does not tell, one that tells less.
        assert_eq!(before.stolen_since(now), Ratio::of(0, 1));
        assert_eq!(MachineTime::parsed(""), MachineTime::default());
        assert_eq!(MachineTime::parsed("cpu0 1 2 3 4\n"), MachineTime::default());
        assert_eq!(MachineTime::parsed("cpu  1 2 3 4\n"), MachineTime { all: 10, stolen: 0 });
    }

    #[test]
    fn every_interval_is_told_what_was_stolen() {
        let mut meter = StealMeter { before: MachineTime::default() };
        let mut events = [RunEvent::Interval(Box::default())];
        meter.tell(&mut events);
        let now = MachineTime::read();
        let share = now.stolen as f64 / now.all.max(1) as f64;
        let [RunEvent::Interval(interval)] = &events else { panic!("{events:?}") };
        assert!((interval.generator.stolen.get() - share).abs() < 0.01, "{share}");
        assert_ne!(meter.before, MachineTime::default());
    }
}
