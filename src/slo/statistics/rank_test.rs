//! Mann and Whitney's rank test, exact also where values are tied.
//!
//! With a handful of runs a side the normal approximation is too coarse to hold a false-alarm rate of
//! 2 %, so the null distribution is counted out: every way to deal the pooled ranks to the two sides.

use super::laws::normal_tail;

/// The most steps of counting before the normal approximation takes over: some 50 runs a side.
const COUNTING_LIMIT: usize = 20_000_000;

/// Whether one sample tends to be greater than another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// Pairs in which the candidate is greater; ties count half.
    pub u: f64,
    /// One-sided p: how often chance alone makes the candidate at least this much greater.
    pub p_greater: f64,
    /// One-sided p in the other direction.
    pub p_less: f64,
    /// Whether the p values were counted out rather than approximated.
    pub exact: bool,
}

impl RankTest {
    /// Two-sided p: twice the smaller one, at most 1.
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_greater.min(self.p_less)).min(1.0)
    }
}

/// Tests whether `candidate` tends to be greater than `baseline`. Both p are 1 where a side is empty.
///
/// H. Mann and D. Whitney 1947; ties by the shift algorithm of B. Streitberg and J. Röhmel 1986, which
/// counts subsets of the doubled midranks by their sum.
pub fn compare(baseline: &[f64], candidate: &[f64]) -> RankTest {
    let (m, n) = (baseline.len(), candidate.len());
    if m == 0 || n == 0 {
        return RankTest { u: 0.0, p_greater: 1.0, p_less: 1.0, exact: true };
    }
    let pooled: Vec<f64> = baseline.iter().chain(candidate).copied().collect();
    let mut ranks = doubled_midranks(&pooled);
    let doubled: usize = ranks[m..].iter().sum();
    let u = (doubled - n * (n + 1)) as f64 / 2.0;
    if ranks.iter().all(|rank| rank % 2 == 0) {
        // No half ranks: half as many sums to count.
        for rank in &mut ranks {
            *rank /= 2;
        }
    }
    let sum: usize = ranks[m..].iter().sum();
    let total: usize = ranks.iter().sum();
    if ranks.len() * n.min(m) * total > COUNTING_LIMIT {
        return approximate(u, &ranks, m, n);
    }
    // Count the smaller side; its sum and the other's add up to the total.
    let (size, observed, flipped) = if n <= m { (n, sum, false) } else { (m, total - sum, true) };
    let counts = subset_sums(&ranks, size);
    let all: f64 = counts.iter().sum();
    let at_most = counts[..=observed].iter().sum::<f64>() / all;
    let at_least = counts[observed..].iter().sum::<f64>() / all;
    let (p_greater, p_less) = if flipped { (at_most, at_least) } else { (at_least, at_most) };
    RankTest { u, p_greater, p_less, exact: true }
}

/// P(U ≤ u) for samples of `m` and `n` values without ties, for u = 0, 1, … m·n.
pub fn null_distribution(m: usize, n: usize) -> Vec<f64> {
    let ranks: Vec<usize> = (1..=m + n).collect();
    let counts = subset_sums(&ranks, n);
    let all: f64 = counts.iter().sum();
    let mut below = 0.0;
    counts[n * (n + 1) / 2..=n * (n + 1) / 2 + m * n]
        .iter()
        .map(|count| {
            below += count;
            below / all
        })
        .collect()
}

/// How many subsets of `size` ranks have each sum.
fn subset_sums(ranks: &[usize], size: usize) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; total + 1]; size + 1];
    ways[0][0] = 1.0;
    let mut reached = 0;
    for (taken, &rank) in ranks.iter().enumerate() {
        reached += rank;
        for chosen in (1..=size.min(taken + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(chosen);
            let (from, to) = (&fewer[chosen - 1], &mut more[0]);
            for sum in (rank..=reached).rev() {
                to[sum] += from[sum - rank];
            }
        }
    }
    ways.swap_remove(size)
}

/// Twice the rank of each value; tied values share their mean rank.
fn doubled_midranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let value = values[order[first]];
        let tied = order[first..].iter().take_while(|&&index| values[index] <= value).count();
        for &index in &order[first..first + tied] {
            ranks[index] = 2 * first + tied + 1; // (first + 1) + (first + tied)
        }
        first += tied;
    }
    ranks
}

/// Normal approximation with tie and continuity correction.
fn approximate(u: f64, ranks: &[usize], m: usize, n: usize) -> RankTest {
    let (m, n, all) = (m as f64, n as f64, ranks.len() as f64);
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let ties: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|group| (group.len() as f64).powi(3) - group.len() as f64)
        .sum();
    let variance = m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    let deviation = variance.max(f64::MIN_POSITIVE).sqrt();
    let centred = u - m * n / 2.0;
    RankTest {
        u,
        p_greater: normal_tail((centred - 0.5) / deviation),
        p_less: normal_tail((-centred - 0.5) / deviation),
        exact: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        x: Vec<f64>,
        y: Vec<f64>,
        u: f64,
        p_two_sided: Option<f64>,
        p_greater: Option<f64>,
    }

    #[test]
    fn exact_p_matches_the_published_examples() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../../tests/data/mann_whitney.json"))
                .expect("valid");
        for case in cases {
            let found = compare(&case.y, &case.x);
            assert!(found.exact);
            assert!((found.u - case.u).abs() < 1e-12);
            for (p, expected) in
                [(found.p_two_sided(), case.p_two_sided), (found.p_greater, case.p_greater)]
            {
                assert!(expected.is_none_or(|expected| (p - expected).abs() < 1e-12), "{p}");
            }
            // Seen from the other side everything is mirrored.
            let mirrored = compare(&case.x, &case.y);
            assert!((mirrored.p_less - found.p_greater).abs() < 1e-12);
        }
    }

    /// Goal: prove the tie handling against brute force.
    /// Method: deal the pooled values to the sides in all C(7, 3) ways and count.
    #[test]
    fn exact_p_with_ties_equals_brute_force() {
        let (baseline, candidate) = ([1.0, 2.0, 2.0, 3.0], [2.0, 3.0, 4.0]);
        let pooled: Vec<f64> = baseline.iter().chain(&candidate).copied().collect();
        let pairs = |chosen: u32| {
            let (mut ins, mut outs) = (vec![], vec![]);
            for (index, value) in pooled.iter().enumerate() {
                if chosen >> index & 1 == 1 { ins.push(*value) } else { outs.push(*value) }
            }
            let score = |a: f64, b: f64| {
                if a > b {
                    1.0
                } else if a < b {
                    0.0
                } else {
                    0.5
                }
            };
            ins.iter().flat_map(|&a| outs.iter().map(move |&b| score(a, b))).sum::<f64>()
        };
        let observed = pairs(0b111_0000);
        let deals: Vec<u32> = (0..1_u32 << 7).filter(|deal| deal.count_ones() == 3).collect();
        let greater = deals.iter().filter(|&&deal| pairs(deal) >= observed - 1e-9).count();
        let found = compare(&baseline, &candidate);
        assert!((found.u - observed).abs() < 1e-12);
        assert!((found.p_greater - greater as f64 / deals.len() as f64).abs() < 1e-12);
    }

    #[test]
    fn three_runs_a_side_can_never_reach_five_per_cent_two_sided() {
        let found = compare(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]);
        assert!((found.p_greater - 0.05).abs() < 1e-12);
        assert!(found.p_two_sided() > 0.05);
    }

    #[test]
    fn many_values_use_the_approximation_and_agree_with_it() {
        let baseline: Vec<f64> = (0..120).map(|i| f64::from(i * 37 % 121)).collect();
        let candidate: Vec<f64> = baseline.iter().map(|value| value + 9.0).collect();
        let found = compare(&baseline, &candidate);
        assert!(!found.exact);
        assert!(found.p_greater > 0.005 && found.p_greater < 0.05, "{}", found.p_greater);
    }
}
