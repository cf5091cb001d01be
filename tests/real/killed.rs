//! A few moments of those at which the benchmark `fleet` kills parts of a fleet.

use super::kills::play;

/// Goal: prove that whichever part of a fleet is killed at whatever moment, nothing is lost that is not told, and nothing hangs.
#[test]
fn parts_that_are_killed_at_any_moment_lose_nothing_in_silence() {
    let wrong = play(3, 1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
