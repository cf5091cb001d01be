//! Verdicts of a generator that is held up, in virtual time: what `cargo bench --bench lag` plays at length.

#[path = "../../benches/lag/simulated.rs"]
mod simulated;

use simulated::{CellCounts, LIMITS, LOADS, Outcomes, STACKS, STOLEN, Truth, wilson_upper};

/// Goal: prove that no verdict is wrong because the generator was late.
/// Method: a generator from which 0, 5 and 20 % of its time are taken, in front of queues at 30, 60 and 90 % of their
/// capacity for a minute, with a max of p95 below, at and above the truth; one run each. (`cargo bench --bench lag`
/// plays more, and prints the table.)
#[test]
fn verdicts_hold_whatever_is_taken_from_the_generator() {
    for stolen in STOLEN {
        let mut counts = CellCounts::default();
        for (stack, load) in STACKS.iter().flat_map(|stack| LOADS.map(|load| (stack, load))) {
            let outcomes = Outcomes::play(stack, &Truth::of(stack, load, 200_000), stolen, 1);
            let rows = outcomes.rows.iter().zip(LIMITS);
            rows.for_each(|(row, limit)| counts.add(limit, (row, outcomes.covers)));
            assert_eq!(counts.new[..2], [0, 0], "{stolen}: {} and those before", stack.name);
        }
        // Whatever is right at the truth cannot be told; of the rest, most can where nothing is taken.
        assert!(stolen > 0.0 || counts.new[2] * 3 < counts.rows * 2, "{}", counts.line("all"));
    }
}

/// R: `prop.test(3, 100, correct = FALSE)$conf.int` ends at 0.0845.
#[test]
fn wrong_answers_are_bounded_by_wilsons_interval() {
    assert!((wilson_upper(3, 100) - 0.084_52).abs() < 1e-4, "{}", wilson_upper(3, 100));
    assert!((wilson_upper(0, 1_080) - 0.003_544).abs() < 1e-5, "{}", wilson_upper(0, 1_080));
}
