//! A control group with a CPU quota, v1 or v2, for a server that works in earnest.

use std::fs;
use std::path::{Path, PathBuf};

use super::law::CpuQuota;

/// A group that is removed with its owner, once its processes have ended.
pub(super) struct QuotaGroup(PathBuf);

impl QuotaGroup {
    /// A new group; `None` where this machine does not let us make one.
    pub(super) fn of(quota: CpuQuota) -> Option<Self> {
        let period = quota.period_ms * 1e3;
        let share = quota.cores * period;
        let made = |parent: &Path, settings: &[(&str, String)]| {
            let folder = parent.join(format!("plimsoll-servers-{}", std::process::id()));
            fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            let all =
                settings.iter().all(|(file, text)| fs::write(group.0.join(file), text).is_ok());
            all.then_some(group)
        };
        let v1 = [
            ("cpu.cfs_period_us", format!("{period:.0}")),
            ("cpu.cfs_quota_us", format!("{share:.0}")),
            // Beside all else that this machine does.
            ("cpu.shares", "65536".to_owned()),
        ];
        let v2 =
            [("cpu.max", format!("{share:.0} {period:.0}")), ("cpu.weight", "10000".to_owned())];
        made(Path::new("/sys/fs/cgroup/cpu"), &v1)
            .or_else(|| made(Path::new("/sys/fs/cgroup"), &v2))
    }

    /// Puts a process into it.
    pub(super) fn take(&self, process: u32) -> bool {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).is_ok()
    }
}

impl Drop for QuotaGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
