//! Closed networks: a fixed number of users who think, send, and wait for the answer.
//!
//! Exact mean value analysis for one class of customers (M. Reiser, S. Lavenberg, J. ACM 27, 1980),
//! with stations of several servers through their marginal probabilities, and the operational bounds of
//! P. Denning, J. Buzen (Computing Surveys 10, 1978). Times are in seconds, rates per second.

/// One station of a closed network, with its demand D = visits × service time in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClosedStation {
    /// First come, first served by `servers` equal servers.
    Queue {
        /// Seconds of one server that a customer needs in one cycle.
        demand: f64,
        /// At least 1.
        servers: u32,
    },
    /// Nobody waits for anybody: an external service, a network.
    Delay {
        /// Seconds that a customer spends there in one cycle.
        demand: f64,
    },
}

/// The steady state of a closed network.
#[derive(Debug, Clone, PartialEq)]
pub struct ClosedNetwork {
    /// X, cycles completed per second.
    pub throughput: f64,
    /// R, seconds from sending to the answer, without thinking.
    pub response: f64,
    /// Seconds spent in each station in one cycle.
    pub residence: Vec<f64>,
    /// Customers present in each station.
    pub queue: Vec<f64>,
}

/// Solves the network for `customers` who each think `think` seconds between an answer and the next
/// request. Grows with customers × stations × servers.
pub fn solve(stations: &[ClosedStation], think: f64, customers: u32) -> ClosedNetwork {
    let mut states: Vec<MvaState> = stations.iter().map(MvaState::empty).collect();
    let mut solution = ClosedNetwork {
        throughput: 0.0,
        response: 0.0,
        residence: vec![0.0; stations.len()],
        queue: vec![0.0; stations.len()],
    };
    for population in 1..=customers {
        solution.residence = states.iter().map(MvaState::residence).collect();
        solution.response = solution.residence.iter().sum();
        solution.throughput = f64::from(population) / (think + solution.response);
        for (state, residence) in states.iter_mut().zip(&solution.residence) {
            state.advance(solution.throughput, *residence);
        }
    }
    solution.queue = states.iter().map(|state| state.queue).collect();
    solution
}

/// What the recursion carries from one population to the next.
struct MvaState {
    demand: f64,
    /// 0 stands for infinitely many.
    servers: u32,
    queue: f64,
    /// P(j customers present) for j = 0..servers−1.
    present: Vec<f64>,
}

impl MvaState {
    fn empty(station: &ClosedStation) -> Self {
        let (demand, servers) = match *station {
            ClosedStation::Queue { demand, servers } => (demand, servers.max(1)),
            ClosedStation::Delay { demand } => (demand, 0),
        };
        let mut present = vec![0.0; servers as usize];
        if let Some(first) = present.first_mut() {
            *first = 1.0;
        }
        Self { demand, servers, queue: 0.0, present }
    }

    /// `R(n) = D/c · (1 + Q(n−1) + Σ_{j<c−1} (c−1−j)·p_j(n−1))`.
    fn residence(&self) -> f64 {
        if self.servers == 0 {
            return self.demand;
        }
        let idle: f64 = self
            .present
            .iter()
            .enumerate()
            .map(|(j, p)| (f64::from(self.servers) - 1.0 - j as f64) * p)
            .sum();
        self.demand / f64::from(self.servers) * (1.0 + self.queue + idle)
    }

    fn advance(&mut self, throughput: f64, residence: f64) {
        self.queue = throughput * residence;
        let busy = self.demand * throughput;
        let servers = f64::from(self.servers);
        for j in (1..self.present.len()).rev() {
            self.present[j] = busy / j as f64 * self.present[j - 1];
        }
        let rest: f64 =
            self.present.iter().enumerate().skip(1).map(|(j, p)| (servers - j as f64) * p).sum();
        if let Some(first) = self.present.first_mut() {
            // Rounding may carry the difference below zero near saturation; a probability cannot be.
            *first = (1.0 - (busy + rest) / servers).max(0.0);
        }
    }
}

/// Asymptotic bounds: what no closed network can exceed, whatever its distributions (Lazowska et al., Quantitative
/// System Performance, 1984, ch. 5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AsymptoticBounds {
    /// X ≤ min(1/max(D/c), N/(D+Z)).
    pub throughput_max: f64,
    /// R ≥ max(D, N·max(D/c) − Z).
    pub response_min: f64,
    /// N* = (D+Z)/max(D/c): from this population on, customers must wait for each other.
    pub knee: f64,
}

/// The asymptotic bounds of operational analysis.
pub fn bounds(stations: &[ClosedStation], think: f64, customers: u32) -> AsymptoticBounds {
    let (mut total, mut slowest) = (0.0, 0.0_f64);
    for station in stations {
        match *station {
            ClosedStation::Queue { demand, servers } => {
                total += demand;
                slowest = slowest.max(demand / f64::from(servers.max(1)));
            }
            ClosedStation::Delay { demand } => total += demand,
        }
    }
    let customers = f64::from(customers);
    AsymptoticBounds {
        throughput_max: (1.0 / slowest).min(customers / (total + think)),
        response_min: total.max(customers * slowest - think),
        knee: (total + think) / slowest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(demands: &[f64]) -> Vec<ClosedStation> {
        demands.iter().map(|&demand| ClosedStation::Queue { demand, servers: 1 }).collect()
    }

    fn close(found: f64, wanted: f64, absolute: f64) {
        assert!((found - wanted).abs() <= absolute, "{found} is not {wanted}");
    }

    /// R. Jain, *The Art of Computer Systems Performance Analysis*, p. 577.
    #[test]
    fn mva_equals_jains_table_at_printed_precision() {
        let network = solve(&single(&[16.0 * 0.125, 10.0 * 0.3, 5.0 * 0.2]), 4.0, 20);
        close(network.throughput, 0.333_247, 5e-7);
        for (found, wanted) in network.queue.iter().zip([1.991, 16.177, 0.500]) {
            close(*found, wanted, 6e-4);
        }
        let visits = [16.0, 10.0, 5.0];
        for ((found, visits), wanted) in
            network.residence.iter().zip(visits).zip([0.373, 4.854, 0.300])
        {
            close(found / visits, wanted, 6e-4);
        }
    }

    /// Lazowska et al., *Quantitative System Performance*, p. 117.
    #[test]
    fn mva_equals_lazowskas_table_at_printed_precision() {
        let network = solve(&single(&[0.605, 2.1, 1.35]), 15.0, 3);
        close(network.throughput, 0.151_516, 5e-7);
        close(network.response, 4.799_825, 5e-7);
    }

    /// The machine repairman: N customers think Z and share c servers; a birth–death chain with
    /// p(n+1)/p(n) = (N−n)/Z · S/min(n+1, c).
    #[test]
    fn mva_with_several_servers_equals_the_birth_death_chain() {
        let (think, demand) = (2.0, 0.5);
        for (customers, servers) in [(10_u32, 3_u32), (40, 4), (25, 8)] {
            let mut weights = vec![1.0];
            for n in 0..customers {
                let next = weights[n as usize] * f64::from(customers - n) / think * demand
                    / f64::from((n + 1).min(servers));
                weights.push(next);
            }
            let total: f64 = weights.iter().sum();
            let busy: f64 = weights
                .iter()
                .enumerate()
                .map(|(n, weight)| weight / total * (n as f64).min(f64::from(servers)))
                .sum();
            let network = solve(&[ClosedStation::Queue { demand, servers }], think, customers);
            close(network.throughput, busy / demand, 1e-6 * busy / demand);
        }
    }

    #[test]
    fn bounds_enclose_the_exact_solution() {
        let stations = [
            ClosedStation::Queue { demand: 0.2, servers: 2 },
            ClosedStation::Queue { demand: 0.05, servers: 1 },
            ClosedStation::Delay { demand: 0.3 },
        ];
        for customers in [1, 5, 20, 80] {
            let (exact, bound) =
                (solve(&stations, 1.0, customers), bounds(&stations, 1.0, customers));
            assert!(exact.throughput <= bound.throughput_max * (1.0 + 1e-9));
            assert!(exact.response >= bound.response_min * (1.0 - 1e-9));
        }
    }
}
