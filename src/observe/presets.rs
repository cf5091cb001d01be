//! Ready-made mappings for the exporters that stacks have.
//!
//! `cpu` is a share of the cores that the subject may use and `cores` how many it used; `memory` is a share of
//! the limit and `memory_used` bytes. Where the source does not tell the cores or the limit, the stack file
//! does: they come as the series [`CORES`] and [`MEMORY_LIMIT`].

pub mod cloudwatch;
mod mongodb;
mod mysql;
mod rabbitmq;

pub use mongodb::mongodb_exporter;
pub use mysql::mysqld_exporter;
pub use rabbitmq::rabbitmq;

use super::mapping::{Formula, Mapping, SourceUnit};
use super::series::{MetricSeries, Selector};

/// The series that tells how many cores a subject may use.
pub const CORES: &str = "plimsoll_cores";
/// The series that tells how many bytes of memory a subject may use.
pub const MEMORY_LIMIT: &str = "plimsoll_memory_limit_bytes";

fn all(name: &str) -> Selector {
    Selector::new(name)
}

/// `cpu`, `cores`, `memory` and `memory_used` from a counter of CPU seconds and a gauge of bytes.
pub(super) fn machine(cpu_seconds: &Selector, memory_bytes: &Selector) -> Vec<Mapping> {
    use Formula::{PerSecond, PerSecondShare, Share, Sum};
    vec![
        Mapping::new("cpu", SourceUnit::Share, PerSecondShare(cpu_seconds.clone(), all(CORES))),
        Mapping::new("cores", SourceUnit::Count, PerSecond(cpu_seconds.clone())),
        Mapping::new("memory", SourceUnit::Share, Share(memory_bytes.clone(), all(MEMORY_LIMIT))),
        Mapping::new("memory_used", SourceUnit::Bytes, Sum(memory_bytes.clone())),
    ]
}

/// prom-client in Node.js, and every client library with the standard process metrics.
pub fn prom_client() -> Vec<Mapping> {
    let requests = all("http_request_duration_seconds");
    let mut mappings =
        machine(&all("process_cpu_seconds_total"), &all("process_resident_memory_bytes"));
    mappings.extend([
        Mapping::new(
            "event_loop_lag_p99",
            SourceUnit::Seconds,
            Formula::Sum(all("nodejs_eventloop_lag_p99_seconds")),
        ),
        Mapping::new(
            "requests",
            SourceUnit::PerSecond,
            Formula::PerSecond(requests.suffixed("_count")),
        ),
        Mapping::new("request_p95", SourceUnit::Seconds, Formula::Histogram(requests, 0.95)),
    ]);
    mappings
}

/// `node_exporter`: the whole machine.
pub fn node_exporter() -> Vec<Mapping> {
    let seconds = all("node_cpu_seconds_total");
    // Waiting for a disk and for the hypervisor is no work done.
    let busy = seconds.clone().not("mode", "idle").not("mode", "iowait").not("mode", "steal");
    let disks = |name: &str| all(name).not("fstype", "tmpfs").not("fstype", "ramfs");
    vec![
        Mapping::new("cpu", SourceUnit::Share, Formula::Growth(busy.clone(), seconds)),
        Mapping::new("cores", SourceUnit::Count, Formula::PerSecond(busy)),
        Mapping::new(
            "memory",
            SourceUnit::Share,
            Formula::Fullest(
                all("node_memory_MemAvailable_bytes"),
                all("node_memory_MemTotal_bytes"),
            ),
        ),
        Mapping::new(
            "disk",
            SourceUnit::Share,
            Formula::Fullest(
                disks("node_filesystem_avail_bytes"),
                disks("node_filesystem_size_bytes"),
            ),
        ),
        Mapping::new(
            "network_received",
            SourceUnit::PerSecond,
            Formula::PerSecond(all("node_network_receive_bytes_total").not("device", "lo")),
        ),
        Mapping::new(
            "network_sent",
            SourceUnit::PerSecond,
            Formula::PerSecond(all("node_network_transmit_bytes_total").not("device", "lo")),
        ),
    ]
}

/// cAdvisor: containers.
pub fn cadvisor() -> Vec<Mapping> {
    // Series without a name are sums over the whole tree.
    let named = |name: &str| all(name).not("name", "");
    let mut mappings = machine(
        &named("container_cpu_usage_seconds_total"),
        &named("container_memory_working_set_bytes"),
    );
    mappings.push(Mapping::new(
        "throttled",
        SourceUnit::Share,
        Formula::Growth(
            named("container_cpu_cfs_throttled_periods_total"),
            named("container_cpu_cfs_periods_total"),
        ),
    ));
    mappings
}

/// Whether an exporter reaches its service: its page is there even where the service is not.
fn available(up: &str) -> Mapping {
    Mapping::new("available", SourceUnit::Share, Formula::Any(all(up)))
}

/// `postgres_exporter`; background processes have no state and are not in `pg_stat_activity_count`.
pub fn postgres_exporter() -> Vec<Mapping> {
    let connections = all("pg_stat_activity_count");
    let hits = all("pg_stat_database_blks_hit");
    vec![
        available("pg_up"),
        Mapping::new("connections", SourceUnit::Count, Formula::Sum(connections.clone())),
        Mapping::new(
            "connections_active",
            SourceUnit::Count,
            Formula::Sum(connections.clone().is("state", "active")),
        ),
        Mapping::new(
            "connections_used",
            SourceUnit::Share,
            Formula::Share(connections, all("pg_settings_max_connections")),
        ),
        Mapping::new(
            "transactions",
            SourceUnit::PerSecond,
            Formula::PerSecond(all("pg_stat_database_xact_commit")),
        ),
        Mapping::new(
            "hit_ratio",
            SourceUnit::Share,
            Formula::Among(hits, all("pg_stat_database_blks_read")),
        ),
        Mapping::new(
            "replication_lag",
            SourceUnit::Seconds,
            Formula::FirstOf(vec![
                Formula::Sum(all("pg_replication_lag_seconds")),
                Formula::Sum(all("pg_replication_lag")), // before 0.12
            ]),
        ),
    ]
}

/// `redis_exporter`.
pub fn redis_exporter() -> Vec<Mapping> {
    let used = all("redis_memory_used_bytes");
    vec![
        available("redis_up"),
        Mapping::new(
            "memory",
            SourceUnit::Share,
            Formula::Share(used.clone(), all("redis_memory_max_bytes")),
        ),
        Mapping::new("memory_used", SourceUnit::Bytes, Formula::Sum(used)),
        Mapping::new(
            "hit_ratio",
            SourceUnit::Share,
            Formula::Among(all("redis_keyspace_hits_total"), all("redis_keyspace_misses_total")),
        ),
        Mapping::new(
            "evictions_share",
            SourceUnit::Share,
            Formula::GrowthOf(
                all("redis_evicted_keys_total"),
                vec![all("redis_keyspace_hits_total"), all("redis_keyspace_misses_total")],
            ),
        ),
        Mapping::new("clients", SourceUnit::Count, Formula::Sum(all("redis_connected_clients"))),
        Mapping::new(
            "commands",
            SourceUnit::PerSecond,
            Formula::PerSecond(all("redis_commands_processed_total")),
        ),
        Mapping::new(
            "evictions",
            SourceUnit::PerSecond,
            Formula::PerSecond(all("redis_evicted_keys_total")),
        ),
    ]
}

/// nginx-prometheus-exporter.
pub fn nginx_exporter() -> Vec<Mapping> {
    vec![
        available("nginx_up"),
        Mapping::new(
            "connections",
            SourceUnit::Count,
            Formula::Sum(all("nginx_connections_active")),
        ),
        Mapping::new(
            "requests",
            SourceUnit::PerSecond,
            Formula::PerSecond(all("nginx_http_requests_total")),
        ),
    ]
}

/// Ready-made metrics of one kind of page.
pub type Preset = fn() -> Vec<Mapping>;

/// The ready-made metrics of a page, told by the names on it; none where it is of no known kind.
///
/// Exporters tell about their own process as well, so that is looked at last.
pub fn recognise(series: &[MetricSeries]) -> Vec<Mapping> {
    let has = |start: &str| series.iter().any(|one| one.name.starts_with(start));
    let kinds: [(&str, Preset); 9] = [
        ("pg_stat_", postgres_exporter),
        ("mysql_global_status_", mysqld_exporter),
        ("mongodb_ss_", mongodb_exporter),
        ("rabbitmq_queue", rabbitmq),
        ("redis_", redis_exporter),
        ("nginx_connections_", nginx_exporter),
        ("node_cpu_seconds_total", node_exporter),
        ("container_cpu_usage_seconds_total", cadvisor),
        ("process_cpu_seconds_total", prom_client),
    ];
    kinds.iter().find(|(start, _)| has(start)).map(|(_, preset)| preset()).unwrap_or_default()
}

/// The metrics of `plimsoll simulate` for a tier as a whole: one page has all tiers, so the tier's name
/// chooses among them. `memory` is a cache's share of its own limit.
pub fn simulator_tier(tier: &str) -> Vec<Mapping> {
    let own = |name: &str| all(name).is("tier", tier);
    let hits = Formula::Among(own("sim_cache_hits_total"), own("sim_cache_misses_total"));
    let memory = Formula::Share(own("sim_cache_memory_bytes"), own("sim_cache_memory_limit_bytes"));
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    vec![
        row("replicas", SourceUnit::Count, Formula::Sum(own("sim_replicas"))),
        row("connections", SourceUnit::Count, Formula::Sum(own("sim_connections"))),
        row("pool_waiting", SourceUnit::Count, Formula::Sum(own("sim_pool_waiting"))),
        row(
            "pool_used",
            SourceUnit::Share,
            Formula::Share(own("sim_pool_in_use"), own("sim_pool_size")),
        ),
        row(
            "replication_lag",
            SourceUnit::Seconds,
            Formula::Sum(own("sim_replication_lag_seconds")),
        ),
        row("available", SourceUnit::Share, Formula::Any(own("sim_replicas"))),
        row("query_p95", SourceUnit::Seconds, Formula::Histogram(own("sim_visit_seconds"), 0.95)),
        row(
            "latency",
            SourceUnit::Seconds,
            Formula::Growth(own("sim_visit_seconds_sum"), own("sim_visit_seconds_count")),
        ),
        row("memory", SourceUnit::Share, memory),
        row("hit_ratio", SourceUnit::Share, hits),
        row(
            "evictions",
            SourceUnit::PerSecond,
            Formula::PerSecond(own("sim_cache_evictions_total")),
        ),
        row(
            "evictions_share",
            SourceUnit::Share,
            Formula::GrowthOf(
                own("sim_cache_evictions_total"),
                vec![own("sim_cache_hits_total"), own("sim_cache_misses_total")],
            ),
        ),
    ]
}

/// The metrics of `plimsoll simulate` for a tier's replicas.
///
/// Read with `replica` as the label of replicas, it gives `cpu`, `cores` and memory of each of them.
pub fn simulator(tier: &str) -> Vec<Mapping> {
    let own = |name: &str| all(name).is("tier", tier);
    let memory = own("sim_memory_bytes");
    let share = Formula::FirstOf(vec![
        Formula::Share(own("sim_cache_memory_bytes"), own("sim_cache_memory_limit_bytes")),
        Formula::Share(memory.clone(), own("sim_memory_limit_bytes")),
        Formula::Share(memory.clone(), all(MEMORY_LIMIT)),
    ]);
    let hits = Formula::Among(own("sim_cache_hits_total"), own("sim_cache_misses_total"));
    let cpu = own("sim_cpu_seconds_total");
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    vec![
        row("cpu", SourceUnit::Share, Formula::PerSecondShare(cpu.clone(), own("sim_cores"))),
        row("cores", SourceUnit::Count, Formula::PerSecond(cpu)),
        row("memory", SourceUnit::Share, share),
        row("memory_used", SourceUnit::Bytes, Formula::Sum(memory)),
        row("replicas", SourceUnit::Count, Formula::Sum(own("sim_replicas"))),
        row("connections", SourceUnit::Count, Formula::Sum(own("sim_connections"))),
        row(
            "disk",
            SourceUnit::Share,
            Formula::Share(own("sim_disk_bytes"), own("sim_disk_size_bytes")),
        ),
        row(
            "network",
            SourceUnit::Share,
            Formula::PerSecondShare(
                own("sim_network_sent_bytes_total"),
                own("sim_network_limit_bytes"),
            ),
        ),
        row("queue", SourceUnit::Count, Formula::Sum(own("sim_queue_length"))),
        row("requests", SourceUnit::PerSecond, Formula::PerSecond(own("sim_visits_total"))),
        row("in_flight", SourceUnit::Count, Formula::Sum(own("sim_open_requests"))),
        row("query_p95", SourceUnit::Seconds, Formula::Histogram(own("sim_visit_seconds"), 0.95)),
        row("hit_ratio", SourceUnit::Share, hits),
        row(
            "evictions",
            SourceUnit::PerSecond,
            Formula::PerSecond(own("sim_cache_evictions_total")),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition;
    use crate::mapping::ReadingSubject;
    use crate::series::{Scrape, ScrapeWindow};
    use plimsoll_metrics::Reading;
    use plimsoll_units::{Quantity, RunTime};

    /// The pages of an exporter two seconds apart, read from the real stack under load.
    macro_rules! pages {
        ($name:literal) => {
            [
                include_str!(concat!("../../tests/data/observe/", $name, ".1.txt")),
                include_str!(concat!("../../tests/data/observe/", $name, ".2.txt")),
            ]
        };
    }

    fn readings(pages: [&str; 2], mappings: &[Mapping], given: &[MetricSeries]) -> Vec<Reading> {
        let [before, now] = [(0, pages[0]), (2, pages[1])].map(|(seconds, page)| {
            let mut series = exposition::parse(page).expect("a real page");
            series.extend(given.iter().cloned());
            Scrape { at: RunTime::new(seconds * 1_000_000_000), series }
        });
        let subject =
            ReadingSubject { tier: "t".into(), replica: String::new(), replica_label: None };
        subject.readings(mappings, ScrapeWindow { before: Some(&before), now: &now })
    }

    fn value(readings: &[Reading], metric: &str) -> Option<Quantity> {
        readings.iter().find(|one| one.metric == metric).expect("the preset has it").value
    }

    fn base(readings: &[Reading], metric: &str) -> f64 {
        value(readings, metric).unwrap_or_else(|| panic!("no data for {metric}")).base()
    }

    #[test]
    fn prom_client_tells_cpu_memory_and_requests_of_a_replica() {
        let given =
            [MetricSeries::plain(CORES, 0.2), MetricSeries::plain(MEMORY_LIMIT, 536_870_912.0)];
        let readings = readings(pages!("prom_client"), &prom_client(), &given);
        let cores = base(&readings, "cores");
        assert!((base(&readings, "cpu") - cores / 0.2).abs() < 1e-9);
        // The replica was saturated at its quota of 0.2 cores; the pages are not exactly 2 s apart.
        assert!((0.15..=0.25).contains(&cores), "{cores}");
        assert!(base(&readings, "requests") > 100.0);
        assert!((0.001..0.05).contains(&base(&readings, "request_p95")));
        let used = base(&readings, "memory_used");
        assert!((base(&readings, "memory") - used / 536_870_912.0).abs() < 1e-9);
    }

    #[test]
    fn prom_client_without_given_cores_has_no_share() {
        let readings = readings(pages!("prom_client"), &prom_client(), &[]);
        assert_eq!((value(&readings, "cpu"), value(&readings, "memory")), (None, None));
        assert!(value(&readings, "cores").is_some());
    }

    #[test]
    fn node_exporter_tells_shares_of_the_machine() {
        let readings = readings(pages!("node_exporter"), &node_exporter(), &[]);
        for metric in ["cpu", "memory", "disk"] {
            let share = base(&readings, metric);
            assert!((0.0..=1.0).contains(&share), "{metric} {share}");
        }
        assert!(base(&readings, "cores") <= 2.1);
    }

    #[test]
    fn postgres_exporter_tells_connections_against_their_limit() {
        let readings = readings(pages!("postgres_exporter"), &postgres_exporter(), &[]);
        let connections = base(&readings, "connections");
        assert!(connections >= 1.0);
        assert!((base(&readings, "connections_used") - connections / 200.0).abs() < 1e-9);
        assert!(base(&readings, "hit_ratio") > 0.9);
    }

    #[test]
    fn redis_exporter_tells_memory_and_hits() {
        let readings = readings(pages!("redis_exporter"), &redis_exporter(), &[]);
        assert!(
            (base(&readings, "memory") - base(&readings, "memory_used") / 67_108_864.0).abs()
                < 1e-9
        );
        assert!(base(&readings, "hit_ratio") > 0.9);
        assert!(base(&readings, "commands") > 100.0);
        assert!(base(&readings, "evictions").abs() < f64::EPSILON);
    }

    #[test]
    fn exporters_tell_whether_their_service_answers() {
        let one =
            |page, preset: fn() -> Vec<Mapping>| base(&readings(page, &preset(), &[]), "available");
        let up = [
            one(pages!("postgres_exporter"), postgres_exporter),
            one(pages!("redis_exporter"), redis_exporter),
            one(pages!("nginx_exporter"), nginx_exporter),
        ];
        assert_eq!(up.map(|share| share > 0.5), [true; 3]);
        let down = pages!("postgres_exporter").map(|page| page.replace("\npg_up 1", "\npg_up 0"));
        let down = readings([&down[0], &down[1]], &postgres_exporter(), &[]);
        assert!(base(&down, "available") < 0.5);
    }

    /// Each metric of a preset in base units, to six digits.
    fn table(pages: [&str; 2], preset: Preset) -> Vec<(String, Option<f64>)> {
        let rounded = |value: Quantity| (value.base() * 1e6).round() / 1e6;
        let readings = readings(pages, &preset(), &[]).into_iter();
        readings.map(|one| (one.metric, one.value.map(rounded))).collect()
    }

    fn expected(rows: &[(&str, f64)]) -> Vec<(String, Option<f64>)> {
        rows.iter().map(|(metric, value)| ((*metric).to_owned(), Some(*value))).collect()
    }

    #[test]
    fn mysqld_exporter_tells_connections_queries_and_locks() {
        let rows = [
            ("available", 1.0),
            ("connections", 38.0),
            ("connections_active", 7.0),
            ("connections_used", 0.251_656),
            ("queries", 1_200.0),
            ("slow_queries", 1.0),
            ("transactions", 50.0),
            ("query_mean", 0.002),
            ("hit_ratio", 0.99),
            ("locks_waiting", 3.0),
            ("lock_waits", 10.0),
            ("lock_wait_mean", 0.025),
            ("replication_lag", 4.0),
        ];
        assert_eq!(table(pages!("mysqld_exporter"), mysqld_exporter), expected(&rows));
    }

    #[test]
    fn mongodb_exporter_tells_operations_cache_and_the_last_secondary() {
        let rows = [
            ("available", 1.0),
            ("connections", 40.0),
            ("connections_active", 5.0),
            ("connections_used", 0.000_048),
            ("operations", 205.0),
            ("read_mean", 0.002),
            ("write_mean", 0.001),
            ("command_mean", 0.000_3),
            ("hit_ratio", 0.95),
            ("cache", 0.5),
            ("locks_waiting", 4.0),
            ("replication_lag", 2.5),
        ];
        assert_eq!(table(pages!("mongodb_exporter"), mongodb_exporter), expected(&rows));
    }

    #[test]
    fn rabbitmq_tells_depth_and_how_long_a_message_waits() {
        let rows = [
            ("queue_depth", 320.0),
            ("queue_ready", 300.0),
            ("queue_unacknowledged", 20.0),
            ("queue_lag", 3.0),
            ("consumers", 4.0),
            ("published", 200.0),
            ("delivered", 100.0),
            ("redelivered", 1.0),
            ("connections", 12.0),
            ("connections_used", 0.000_061),
            ("memory", 0.1),
            ("memory_used", 160_000_000.0),
        ];
        assert_eq!(table(pages!("rabbitmq"), rabbitmq), expected(&rows));
    }

    /// A page of `CloudWatch` as YACE prints it, of an hour in which nothing changed.
    #[test]
    fn cloudwatch_tells_shares_and_rates_of_a_minute() {
        let page = "\
aws_applicationelb_request_count_sum{dimension_LoadBalancer=\"app/shop/50dc6c495c0c9188\",region=\"eu-west-1\"} 12000 1600000000000
aws_applicationelb_target_response_time_average{dimension_LoadBalancer=\"app/shop/50dc6c495c0c9188\",region=\"eu-west-1\"} 0.042 1600000000000
aws_applicationelb_target_response_time_p99{dimension_LoadBalancer=\"app/shop/50dc6c495c0c9188\",region=\"eu-west-1\"} 0.31 1600000000000
aws_ec2_cpuutilization_maximum{dimension_InstanceId=\"i-1\",region=\"eu-west-1\"} 57.5 1600000000000
aws_ec2_cpuutilization_maximum{dimension_InstanceId=\"i-2\",region=\"eu-west-1\"} 20 1600000000000
aws_elasticache_cache_hits_sum{dimension_CacheClusterId=\"c\"} 900 1600000000000
aws_elasticache_cache_misses_sum{dimension_CacheClusterId=\"c\"} 100 1600000000000
aws_elasticache_engine_cpuutilization_average{dimension_CacheClusterId=\"c\"} 12.5 1600000000000
";
        let told = |preset| {
            let all = table([page, page], preset).into_iter();
            all.filter_map(|(metric, value)| Some((metric, value?))).collect::<Vec<_>>()
        };
        let row = |metric: &str, value| (metric.to_owned(), value);
        let balancer = [row("requests", 200.0), row("latency", 0.042), row("p99", 0.31)];
        assert_eq!(told(cloudwatch::load_balancer), balancer);
        assert_eq!(told(cloudwatch::machine), [row("cpu", 0.575)]);
        assert_eq!(told(cloudwatch::cache), [row("cpu", 0.125), row("hit_ratio", 0.9)]);
        assert_eq!(told(cloudwatch::database), []);
    }

    #[test]
    fn nginx_exporter_tells_requests_and_connections() {
        let readings = readings(pages!("nginx_exporter"), &nginx_exporter(), &[]);
        assert!(base(&readings, "requests") > 100.0 && base(&readings, "connections") >= 6.0);
    }

    #[test]
    fn cadvisor_leaves_out_the_sums_over_the_tree() {
        let page = |seconds: u32| {
            format!(
                "container_cpu_usage_seconds_total{{name=\"\"}} {}\ncontainer_cpu_usage_seconds_total{{name=\"api\"}} {}\n",
                seconds * 9,
                seconds,
            )
        };
        let readings = readings([&page(1), &page(2)], &cadvisor(), &[]);
        assert_eq!(value(&readings, "cores"), Some(Quantity::Count(0.5)));
    }
}
