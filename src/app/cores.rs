//! Which cores browsers get, so that they do not disturb the generator.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this process may use, dealt out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CoreSplit {
    /// For the load and all that goes with it.
    pub(super) generator: Vec<usize>,
    /// For browsers.
    pub(super) browsers: Vec<usize>,
}

/// Keeps the thread that made it, and all threads that it starts, on some cores; dropped, on those it had before.
#[derive(Debug)]
pub(super) struct OnCores(CpuSet);

impl CoreSplit {
    /// Deals out the cores of this thread; none where the generator needs them all, or the system does not tell them.
    pub(super) fn of_machine(workers: u32) -> Option<Self> {
        let allowed = sched_getaffinity(None).ok()?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        Self::of(&cores, workers)
    }

    /// The generator gets the first half and at least a core a worker, browsers the others.
    fn of(cores: &[usize], workers: u32) -> Option<Self> {
        let first = (workers as usize).max(cores.len() / 2).max(1);
        let (generator, browsers) = cores.split_at_checked(first)?;
        let split = Self { generator: generator.to_vec(), browsers: browsers.to_vec() };
        (!browsers.is_empty()).then_some(split)
    }
}

impl OnCores {
    /// None where the system does not let it.
    pub(super) fn only(cores: &[usize]) -> Option<Self> {
        let before = sched_getaffinity(None).ok()?;
        let mut wanted = CpuSet::new();
        for core in cores {
            wanted.set(*core);
        }
        sched_setaffinity(None, &wanted).ok()?;
        Some(Self(before))
    }
}

impl Drop for OnCores {
    fn drop(&mut self) {
        // These were its cores before; where they are not any more, it stays where it is.
        let _ = sched_setaffinity(None, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_cores_that_the_generator_does_not_need() {
        let of = |cores: &[usize], workers| {
            CoreSplit::of(cores, workers).map(|split| (split.generator, split.browsers))
        };
        assert_eq!(of(&[0, 1], 1), Some((vec![0], vec![1])));
        assert_eq!(of(&[2, 3, 5, 7], 1), Some((vec![2, 3], vec![5, 7])));
        assert_eq!(of(&[0, 1, 2, 3], 3), Some((vec![0, 1, 2], vec![3])));
        assert_eq!(of(&[0, 1], 2), None, "a worker each");
        assert_eq!(of(&[4], 1), None);
        assert_eq!(of(&[], 1), None);
    }

    #[test]
    fn thread_is_kept_on_its_cores_and_gets_the_others_back() {
        let before = sched_getaffinity(None).expect("cores");
        let first = (0..CpuSet::MAX_CPU).find(|core| before.is_set(*core)).expect("a core");
        let kept = OnCores::only(&[first]).expect("a core of its own");
        assert_eq!(sched_getaffinity(None).expect("cores").count(), 1);
        let started = std::thread::spawn(|| sched_getaffinity(None).expect("cores").count());
        assert_eq!(started.join().expect("ended"), 1, "what it starts stays there, too");
        drop(kept);
        assert!(sched_getaffinity(None).expect("cores") == before);
    }
}
