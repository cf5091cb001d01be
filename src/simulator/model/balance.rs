//! Which replica gets a request.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::replica::ModelReplica;
use super::spec::ModelBalancing;

/// Chooses among the replicas that are `eligible`; `turn` is where round robin stands.
pub(super) fn pick(
    balancing: ModelBalancing,
    replicas: &[ModelReplica],
    eligible: impl Fn(&ModelReplica) -> bool,
    turn: &mut usize,
    chance: &mut Pcg64Mcg,
) -> Option<usize> {
    let count = replicas.len();
    let chosen = match balancing {
        // A client that a sticky tier does not know yet goes round.
        ModelBalancing::RoundRobin | ModelBalancing::Sticky => {
            round(count, *turn).find(|at| eligible(&replicas[*at]))?
        }
        // min_by_key keeps the first of equals, so beginning at `turn` lets ties go round.
        ModelBalancing::LeastConnections => round(count, *turn)
            .filter(|at| eligible(&replicas[*at]))
            .min_by_key(|at| replicas[*at].open.level())?,
        ModelBalancing::Random => {
            let candidates = replicas.iter().filter(|replica| eligible(replica)).count();
            if candidates == 0 {
                return None;
            }
            let skip = chance.random_range(0..candidates);
            (0..count).filter(|at| eligible(&replicas[*at])).nth(skip)?
        }
    };
    *turn = (chosen + 1) % count;
    Some(chosen)
}

fn round(count: usize, turn: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |step| (turn + step) % count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_units::{RandomStream, RunTime, Seed};

    fn replicas(open: &[u32]) -> Vec<ModelReplica> {
        let with = |level: &u32| {
            let mut replica = ModelReplica::serving();
            replica.open.set(RunTime::ZERO, *level);
            replica
        };
        open.iter().map(with).collect()
    }

    fn picks(balancing: ModelBalancing, open: &[u32], times: usize) -> Vec<usize> {
        let (mut turn, mut chance) = (0, Seed::new(7).stream(RandomStream::Simulator, 0));
        let replicas = replicas(open);
        (0..times)
            .filter_map(|_| pick(balancing, &replicas, |r| r.listed, &mut turn, &mut chance))
            .collect()
    }

    #[test]
    fn round_robin_takes_turns() {
        assert_eq!(picks(ModelBalancing::RoundRobin, &[5, 0, 9], 4), [0, 1, 2, 0]);
    }

    #[test]
    fn least_connections_prefers_the_idle_and_lets_ties_go_round() {
        assert_eq!(picks(ModelBalancing::LeastConnections, &[5, 1, 9], 2), [1, 1]);
        assert_eq!(picks(ModelBalancing::LeastConnections, &[3, 3, 3], 4), [0, 1, 2, 0]);
    }

    #[test]
    fn random_reaches_every_replica_alike() {
        let picks = picks(ModelBalancing::Random, &[0, 0, 0], 30_000);
        for replica in 0..3 {
            let share = picks.iter().filter(|at| **at == replica).count() as f64 / 30_000.0;
            assert!((share - 1.0 / 3.0).abs() < 0.01, "replica {replica} got {share}");
        }
    }

    #[test]
    fn unlisted_replicas_get_nothing() {
        let mut replicas = replicas(&[0, 0]);
        replicas[0].listed = false;
        let (mut turn, mut chance) = (0, Seed::new(7).stream(RandomStream::Simulator, 0));
        for balancing in
            [ModelBalancing::RoundRobin, ModelBalancing::LeastConnections, ModelBalancing::Random]
        {
            let picked = pick(balancing, &replicas, |r| r.listed, &mut turn, &mut chance);
            assert_eq!(picked, Some(1));
        }
        let nobody = pick(ModelBalancing::Random, &replicas, |_| false, &mut turn, &mut chance);
        assert_eq!(nobody, None);
    }
}
