//! The systems that the program brings along, so that `demo` needs no files.

use std::path::{Component, Path, PathBuf};

/// The folder under which they are found. No path on a disk begins like this.
const ROOT: &str = "demo:";

/// The folder of a system that the program brings along.
pub(super) fn folder(system: &str) -> PathBuf {
    Path::new(ROOT).join(system)
}

/// The content of a file below [`ROOT`].
pub(super) fn read(path: &Path) -> Option<&'static [u8]> {
    let mut parts = path.components().map(Component::as_os_str);
    if parts.next()? != ROOT {
        return None;
    }
    let rest: Vec<_> = parts.filter_map(|part| part.to_str()).collect();
    let wanted = rest.join("/");
    FILES.iter().chain(PROOFS).find(|(name, _)| *name == wanted).map(|(_, bytes)| *bytes)
}

/// The systems that are complete: those with a scenario.
#[cfg_attr(not(feature = "tui"), expect(dead_code, reason = "only the launcher lists them"))]
pub(super) fn systems() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(name, _)| name.strip_suffix("/scenario.yaml"))
}

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!($folder, $name)))),*]
    };
}

/// The stacks with known truth that `prove` plays.
static PROOFS: &[(&str, &[u8])] = files![
    "":
    "prove/constant/scenario.yaml",
    "prove/constant/simulation.yaml",
    "prove/saturation/scenario.yaml",
    "prove/saturation/simulation.yaml",
    "prove/freeze/scenario.yaml",
    "prove/freeze/simulation.yaml",
    "prove/queue/scenario.yaml",
    "prove/queue/simulation.yaml",
    "prove/offer/scenario.yaml",
    "prove/offer/simulation.yaml",
];

/// Every file of every system.
static FILES: &[(&str, &[u8])] = files![
    "../../scenarios/":
    "ais/scenario.yaml",
    "ais/stack.yaml",
    "ais/simulation.yaml",
    "ais/routes.csv",
    "ais/users.csv",
    "alawael/scenario.yaml",
    "alawael/stack.yaml",
    "alawael/simulation.yaml",
    "alawael/categories.csv",
    "alawael/users.csv",
    "running/scenario.yaml",
    "running/stack.yaml",
    "running/simulation.yaml",
    "running/races.csv",
    "running/users.csv",
    "travelsense/scenario.yaml",
    "travelsense/stack.yaml",
    "travelsense/simulation.yaml",
    "travelsense/places.csv",
    "travelsense/users.csv",
    "triple/scenario.yaml",
    "triple/stack.yaml",
    "triple/simulation.yaml",
    "triple/courses.csv",
    "triple/users.csv",
];
