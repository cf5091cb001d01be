//! Control groups and processes on this machine: CPU and memory without any exporter.
//!
//! Sources: the kernel's `Documentation/admin-guide/cgroup-v1/*.rst`, `cgroup-v2.rst`, and proc(5).

use std::path::{Component, Path, PathBuf};

use super::error::ObserveError;
use super::mapping::{Formula, Mapping, SourceUnit};
use super::presets::{CORES, MEMORY_LIMIT, machine};
use super::series::{MetricSeries, Selector};

const CPU_SECONDS: &str = "cpu_seconds";
const MEMORY: &str = "memory_bytes";
/// v1 says "no limit" with a number of pages that no machine has: half of the address space and more.
const NO_LIMIT: f64 = (1_u64 << 60) as f64;

/// Where a group's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cgroup {
    /// Version 1: a directory in each controller's hierarchy; those not given are not read.
    V1 {
        /// Under the `cpu` controller: quota and throttling.
        cpu: Option<PathBuf>,
        /// Under the `cpuacct` controller: CPU time.
        cpuacct: Option<PathBuf>,
        /// Under the `memory` controller.
        memory: Option<PathBuf>,
    },
    /// Version 2: one directory.
    V2(PathBuf),
}

/// The metrics of a control group: `throttled` is the share of periods in which the quota ran out.
pub(super) fn mappings() -> Vec<Mapping> {
    let mut mappings = machine(&Selector::new(CPU_SECONDS), &Selector::new(MEMORY));
    let throttled = Formula::Growth(Selector::new("nr_throttled"), Selector::new("nr_periods"));
    mappings.push(Mapping::new("throttled", SourceUnit::Share, throttled));
    mappings
}

/// The metrics of a process.
pub(super) fn process_mappings() -> Vec<Mapping> {
    machine(&Selector::new(CPU_SECONDS), &Selector::new(MEMORY))
}

/// Where the hierarchies are mounted, on every distribution.
const MOUNT: &str = "/sys/fs/cgroup";

impl Cgroup {
    /// The group that `text` names: a path below the mount (`system.slice/api.service`), or an absolute one.
    /// Of version 1, the directory under any controller names the group under all of them.
    ///
    /// # Errors
    /// When the path leaves the mount by `..`.
    pub fn at(text: &str) -> Result<Self, ObserveError> {
        let below = Path::new(text.strip_prefix(MOUNT).unwrap_or(text));
        if below.components().any(|part| part == Component::ParentDir) {
            return Err(ObserveError::Address("a control group's path has no `..`"));
        }
        let parts: PathBuf =
            below.components().filter(|part| *part != Component::RootDir).collect();
        let is_version_2 = |mount: &Path| mount.join("cgroup.controllers").exists();
        let mount = Path::new(MOUNT);
        if is_version_2(mount) {
            return Ok(Self::V2(mount.join(parts)));
        }
        let mut names = parts.components();
        let group: PathBuf = match names.next().map(|first| mount.join(first)) {
            Some(hierarchy) if is_version_2(&hierarchy) => return Ok(Self::V2(mount.join(parts))),
            Some(hierarchy) if hierarchy.join("tasks").exists() => names.collect(),
            _ => parts,
        };
        let under = |controller: &str| {
            let hierarchy = mount.join(controller);
            hierarchy.join("tasks").exists().then(|| hierarchy.join(&group))
        };
        let all = ["cpu", "cpuacct", "memory"].map(under);
        // Not every controller need know the group; one that none knows may yet come.
        let is_known = |path: &PathBuf| path.is_dir();
        let any = all.iter().flatten().any(is_known);
        let [cpu, cpuacct, memory] = all.map(|path| path.filter(|path| !any || is_known(path)));
        Ok(Self::V1 { cpu, cpuacct, memory })
    }

    /// Reads the group's files; its limits come as the cores and bytes that it may use.
    ///
    /// # Errors
    /// When a file is missing (the group is gone) or does not read as documented.
    pub(super) fn read(&self) -> Result<Vec<MetricSeries>, ObserveError> {
        match self {
            Self::V1 { cpu, cpuacct, memory } => {
                let mut series = Vec::new();
                if let Some(directory) = cpu {
                    series.extend(quota_v1(directory)?);
                }
                if let Some(directory) = cpuacct {
                    let nanoseconds = number(&directory.join("cpuacct.usage"))?;
                    series.push(MetricSeries::plain(CPU_SECONDS, nanoseconds / 1e9));
                }
                if let Some(directory) = memory {
                    series.extend(memory_v1(directory)?);
                }
                Ok(series)
            }
            Self::V2(directory) => Ok([cpu_v2(directory)?, memory_v2(directory)?].concat()),
        }
    }
}

fn quota_v1(directory: &Path) -> Result<Vec<MetricSeries>, ObserveError> {
    let quota = number(&directory.join("cpu.cfs_quota_us"))?;
    let period = number(&directory.join("cpu.cfs_period_us"))?;
    let mut series = flat(&text(&directory.join("cpu.stat"))?);
    series.extend(cores(quota, period));
    Ok(series)
}

fn memory_v1(directory: &Path) -> Result<Vec<MetricSeries>, ObserveError> {
    let usage = number(&directory.join("memory.usage_in_bytes"))?;
    let limit = number(&directory.join("memory.limit_in_bytes"))?;
    let stat = flat(&text(&directory.join("memory.stat"))?);
    Ok(working_set(usage, Some(limit), &stat, "total_inactive_file"))
}

/// `cpu.max` is `quota period`, or `max period` for no quota.
fn cpu_v2(directory: &Path) -> Result<Vec<MetricSeries>, ObserveError> {
    let mut series = flat(&text(&directory.join("cpu.stat"))?);
    let used = series.iter().find(|one| one.name == "usage_usec").map(|one| one.value / 1e6);
    series.extend(used.map(|seconds| MetricSeries::plain(CPU_SECONDS, seconds)));
    let max = text(&directory.join("cpu.max"))?;
    let allowed = max
        .trim()
        .split_once(' ')
        .and_then(|(quota, period)| cores(quota.parse().ok()?, period.parse().ok()?));
    series.extend(allowed);
    Ok(series)
}

/// `memory.max` is a number, or `max` for no limit.
fn memory_v2(directory: &Path) -> Result<Vec<MetricSeries>, ObserveError> {
    let usage = number(&directory.join("memory.current"))?;
    let limit = text(&directory.join("memory.max"))?.trim().parse().ok();
    let stat = flat(&text(&directory.join("memory.stat"))?);
    Ok(working_set(usage, limit, &stat, "inactive_file"))
}

/// Reads `name number` lines, as cpu.stat and memory.stat have them; others are left out.
fn flat(text: &str) -> Vec<MetricSeries> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .filter_map(|(name, value)| Some(MetricSeries::plain(name, value.trim().parse().ok()?)))
        .collect()
}

/// The cores that a quota allows; v1 writes -1 for no quota.
fn cores(quota: f64, period: f64) -> Option<MetricSeries> {
    (quota > 0.0 && period > 0.0).then(|| MetricSeries::plain(CORES, quota / period))
}

/// Memory in use as the kernel counts against the limit, less the file cache that it would drop first:
/// what Kubernetes calls the working set.
fn working_set(
    usage: f64,
    limit: Option<f64>,
    stat: &[MetricSeries],
    droppable: &str,
) -> Vec<MetricSeries> {
    let cache = stat.iter().find(|one| one.name == droppable).map_or(0.0, |one| one.value);
    let mut series = vec![MetricSeries::plain(MEMORY, (usage - cache).max(0.0))];
    if let Some(limit) = limit.filter(|limit| *limit < NO_LIMIT) {
        series.push(MetricSeries::plain(MEMORY_LIMIT, limit));
    }
    series
}

/// The number of a process that stands in a file.
///
/// # Errors
/// When the file cannot be read or holds no number.
pub(super) fn process_id(path: &Path) -> Result<u32, ObserveError> {
    text(path)?.trim().parse().map_err(|_| ObserveError::FileFormat(path.display().to_string()))
}

/// Reads the CPU time and resident memory of a process.
///
/// # Errors
/// When there is no such process.
pub(super) fn read_process(pid: u32) -> Result<Vec<MetricSeries>, ObserveError> {
    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    let ticks = rustix::param::clock_ticks_per_second();
    let page = rustix::param::page_size();
    process_series(&text(&path)?, ticks, page)
        .ok_or_else(|| ObserveError::FileFormat(path.display().to_string()))
}

/// Takes fields 14 and 15 (user and system ticks) and 24 (resident pages) of proc(5)'s `stat`; the name in
/// field 2 may hold anything, so fields count from its closing parenthesis.
fn process_series(
    stat: &str,
    ticks_per_second: u64,
    page_size: usize,
) -> Option<Vec<MetricSeries>> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let seconds = (field(14)? + field(15)?) / ticks_per_second as f64;
    let bytes = field(24)? * page_size as f64;
    Some(vec![MetricSeries::plain(CPU_SECONDS, seconds), MetricSeries::plain(MEMORY, bytes)])
}

fn text(path: &Path) -> Result<String, ObserveError> {
    std::fs::read_to_string(path).map_err(|error| ObserveError::File {
        path: path.display().to_string(),
        kind: error.kind(),
    })
}

fn number(path: &Path) -> Result<f64, ObserveError> {
    text(path)?.trim().parse().map_err(|_| ObserveError::FileFormat(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Scrape, ScrapeWindow};
    use plimsoll_units::{Quantity, RunTime};

    macro_rules! data {
        ($name:literal) => {
            include_str!(concat!("../../tests/data/observe/", $name))
        };
    }

    fn write(directory: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            std::fs::write(directory.join(name), text).expect("a temporary file");
        }
    }

    fn v1_files(directory: &Path, stat: &str, usage: &str) {
        write(
            directory,
            &[
                ("cpu.stat", stat),
                ("cpuacct.usage", usage),
                ("cpu.cfs_quota_us", data!("cgroup1_quota.txt")),
                ("cpu.cfs_period_us", data!("cgroup1_period.txt")),
                ("memory.usage_in_bytes", data!("cgroup1_memory_usage.1.txt")),
                ("memory.limit_in_bytes", data!("cgroup1_memory_limit.txt")),
                ("memory.stat", data!("cgroup1_memory_stat.1.txt")),
            ],
        );
    }

    fn metric(before: Vec<MetricSeries>, now: Vec<MetricSeries>, metric: &str) -> Option<f64> {
        let [before, now] = [(0, before), (2, now)]
            .map(|(seconds, series)| Scrape { at: RunTime::new(seconds * 1_000_000_000), series });
        let mapping = mappings().into_iter().find(|one| one.metric == metric).expect("known");
        mapping.quantity(ScrapeWindow { before: Some(&before), now: &now }).map(Quantity::base)
    }

    #[test]
    fn real_group_of_version_1_at_its_quota_reads_full_and_throttled() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = Some(directory.path().to_owned());
        let group = Cgroup::V1 { cpu: path.clone(), cpuacct: path.clone(), memory: path };
        v1_files(
            directory.path(),
            data!("cgroup1_cpu_stat.1.txt"),
            data!("cgroup1_cpuacct_usage.1.txt"),
        );
        let before = group.read().expect("read");
        v1_files(
            directory.path(),
            data!("cgroup1_cpu_stat.2.txt"),
            data!("cgroup1_cpuacct_usage.2.txt"),
        );
        let now = group.read().expect("read");
        let value = |name| metric(before.clone(), now.clone(), name).expect("told");
        // Captured at a quota of 0.2 cores under full load, not exactly 2 s apart.
        assert!((0.9..1.3).contains(&value("cpu")), "{}", value("cpu"));
        assert!((value("cpu") * 0.2 - value("cores")).abs() < 1e-9);
        assert!(value("throttled") > 0.9);
        assert!((value("memory_used") - f64::from(36_769_792 - 176_128)).abs() < 1.0);
        assert!((value("memory") - value("memory_used") / 536_870_912.0).abs() < 1e-9);
    }

    #[test]
    fn group_of_version_2_without_limits_has_no_shares() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = |usec: &str, max: &str, limit: &str| {
            write(
                directory.path(),
                &[
                    (
                        "cpu.stat",
                        &format!(
                            "usage_usec {usec}\nuser_usec 1\nnr_periods 10\nnr_throttled 0\nthrottled_usec 0\n"
                        ),
                    ),
                    ("cpu.max", max),
                    ("memory.current", "1000\n"),
                    ("memory.max", limit),
                    ("memory.stat", "anon 700\ninactive_file 200\n"),
                ],
            );
        };
        let group = Cgroup::V2(directory.path().to_owned());
        files("1000000", "max 100000\n", "max\n");
        let before = group.read().expect("read");
        files("2000000", "max 100000\n", "max\n");
        let now = group.read().expect("read");
        assert_eq!(metric(before.clone(), now.clone(), "cores"), Some(0.5));
        assert_eq!(metric(before.clone(), now.clone(), "memory_used"), Some(800.0));
        assert_eq!(metric(before.clone(), now.clone(), "cpu"), None);
        assert_eq!(metric(before.clone(), now, "memory"), None);
        files("2000000", "100000 100000\n", "1600\n");
        let limited = group.read().expect("read");
        assert_eq!(metric(before.clone(), limited.clone(), "cpu"), Some(0.5));
        assert_eq!(metric(before, limited, "memory"), Some(0.5));
    }

    #[test]
    fn group_that_is_gone_is_an_error_with_its_path() {
        let error = Cgroup::V2(PathBuf::from("/sys/fs/cgroup/never")).read().expect_err("gone");
        assert!(
            error.to_string().starts_with("cannot read `/sys/fs/cgroup/never/cpu.stat`"),
            "{error}"
        );
    }

    #[test]
    fn real_process_tells_cpu_and_memory_whatever_its_name() {
        let stat = data!("proc_stat.1.txt");
        let series = process_series(stat, 100, 4096).expect("a real line");
        assert_eq!(series[0], MetricSeries::plain(CPU_SECONDS, 0.98));
        assert_eq!(series[1], MetricSeries::plain(MEMORY, 19_374.0 * 4096.0));
        let odd = stat.replace("(node)", "(a) b (c)");
        assert_eq!(process_series(&odd, 100, 4096), Some(series));
        assert_eq!(process_series("1 (a) R", 100, 4096), None);
    }

    #[test]
    fn own_process_can_be_read_and_a_missing_one_cannot() {
        assert!(read_process(std::process::id()).expect("we run")[1].value > 0.0);
        assert!(matches!(read_process(u32::MAX), Err(ObserveError::File { .. })));
    }
}
