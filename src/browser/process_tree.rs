//! What a process and all its descendants take of the machine.
//!
//! Source: proc(5), `/proc/PID/stat` and `/proc/PID/smaps_rollup`.

use std::fs;

use plimsoll_units::{Bytes, Nanos};

/// What a browser takes, over all its processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessTreeUse {
    /// CPU time of those that live, and of their children that have ended.
    pub cpu: Nanos,
    /// Sum of proportional set sizes.
    pub memory: Bytes,
    /// How many live.
    pub processes: u32,
}

/// A process, as its `stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: u32,
    parent: u32,
    /// In clock ticks.
    cpu: u64,
}

/// What `root` and its descendants take; nothing of what cannot be read any more.
pub(super) fn of(root: u32) -> ProcessTreeUse {
    let all: Vec<Process> = processes();
    let mut family: Vec<Process> = all.iter().filter(|one| one.pid == root).copied().collect();
    let mut next = 0;
    while let Some(parent) = family.get(next).map(|one| one.pid) {
        family.extend(all.iter().filter(|one| one.parent == parent));
        next += 1;
    }
    let ticks: u64 = family.iter().map(|one| one.cpu).sum();
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    ProcessTreeUse {
        cpu: Nanos::from_secs_f64(ticks as f64 / per_second as f64),
        memory: Bytes::new(family.iter().map(|one| proportional_set(one.pid)).sum()),
        processes: family.len() as u32,
    }
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let stat = |pid| parsed(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    numbers.filter_map(stat).collect()
}

/// A program's name may hold blanks and brackets: what counts stands behind the last one.
fn parsed(pid: u32, stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // Fields 14 to 17: of itself in user and kernel mode, and of children that it has waited for.
    let cpu = (11..=14).map(number).sum::<Option<u64>>()?;
    Some(Process { pid, parent: u32::try_from(number(1)?).ok()?, cpu })
}

/// In bytes; 0 of a process that is gone.
fn proportional_set(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_a_program_with_brackets_in_its_name_is_read() {
        let stat = "77 (a (b) c) S 12 77 77 0 -1 4194560 100 0 0 0 5 6 700 800 20 0 1 0";
        assert_eq!(parsed(77, stat), Some(Process { pid: 77, parent: 12, cpu: 1_511 }));
        assert_eq!(parsed(77, "77 (cut"), None);
    }

    /// Goal: prove that children count: a shell that waits for a child which keeps a core busy until it is told to end.
    #[test]
    fn processes_below_a_process_are_part_of_what_it_takes() {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", "(while :; do :; done) & wait"]).stdin(std::process::Stdio::null());
        let mut shell = std::os::unix::process::CommandExt::process_group(&mut shell, 0)
            .spawn()
            .expect("a shell");
        let pid = shell.id();
        let enough =
            |found: &ProcessTreeUse| found.processes == 2 && found.cpu >= Nanos::from_millis(50);
        let found = (0..100_000).map(|_| of(pid)).find(enough);
        let group = rustix::process::Pid::from_child(&shell);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).expect("ended");
        shell.wait().expect("ended");
        assert!(found.expect("two processes, one of them busy").memory > Bytes::new(100_000));
    }
}
