//! What `cloudwatch_exporter` and YACE pass on of `CloudWatch`. Both name series `aws_<service>_<metric>_<statistic>`.
//!
//! A value is about a minute that is over. Percentages become shares, and sums over the minute become rates.

use crate::mapping::{Formula, Mapping, SourceUnit};
use crate::series::Selector;

/// The period that the exporters ask for unless told otherwise.
const SECONDS: f64 = 60.0;

/// Those that name an instance's own CPU first: of the service, of the machine below it.
fn highest(names: &[&str], factor: f64) -> Formula {
    let one = |name: &&str| Formula::Highest(Selector::new(*name));
    Formula::Scaled(Box::new(Formula::FirstOf(names.iter().map(one).collect())), factor)
}

fn sum(names: &[&str], factor: f64) -> Formula {
    let one = |name: &&str| Formula::Sum(Selector::new(*name));
    Formula::Scaled(Box::new(Formula::FirstOf(names.iter().map(one).collect())), factor)
}

/// An application load balancer.
pub fn load_balancer() -> Vec<Mapping> {
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    let per_second = 1.0 / SECONDS;
    let targets = [
        "aws_applicationelb_httpcode_target_5_xx_count_sum",
        "aws_applicationelb_httpcode_target_5xx_count_sum",
    ];
    vec![
        row(
            "requests",
            SourceUnit::PerSecond,
            sum(&["aws_applicationelb_request_count_sum"], per_second),
        ),
        row(
            "latency",
            SourceUnit::Seconds,
            highest(&["aws_applicationelb_target_response_time_average"], 1.0),
        ),
        row(
            "p99",
            SourceUnit::Seconds,
            highest(&["aws_applicationelb_target_response_time_p99"], 1.0),
        ),
        row(
            "connections",
            SourceUnit::Count,
            sum(&["aws_applicationelb_active_connection_count_sum"], 1.0),
        ),
        row(
            "connections_rejected",
            SourceUnit::PerSecond,
            sum(&["aws_applicationelb_rejected_connection_count_sum"], per_second),
        ),
        row("errors", SourceUnit::PerSecond, sum(&targets, per_second)),
    ]
}

/// A database of RDS.
pub fn database() -> Vec<Mapping> {
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    let cpu = ["aws_rds_cpuutilization_maximum", "aws_rds_cpuutilization_average"];
    let connections = [
        "aws_rds_database_connections_maximum",
        "aws_rds_database_connections_average",
        "aws_rds_database_connections_sum",
    ];
    let lag = ["aws_rds_replica_lag_maximum", "aws_rds_replica_lag_average"];
    vec![
        row("cpu", SourceUnit::Share, highest(&cpu, 0.01)),
        row("connections", SourceUnit::Count, sum(&connections, 1.0)),
        row("read_mean", SourceUnit::Seconds, highest(&["aws_rds_read_latency_average"], 1.0)),
        row("write_mean", SourceUnit::Seconds, highest(&["aws_rds_write_latency_average"], 1.0)),
        row("replication_lag", SourceUnit::Seconds, highest(&lag, 1.0)),
    ]
}

/// Redis or Memcached of `ElastiCache`.
pub fn cache() -> Vec<Mapping> {
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    let cpu = [
        "aws_elasticache_engine_cpuutilization_maximum",
        "aws_elasticache_engine_cpuutilization_average",
        "aws_elasticache_cpuutilization_maximum",
        "aws_elasticache_cpuutilization_average",
    ];
    let connections = [
        "aws_elasticache_curr_connections_maximum",
        "aws_elasticache_curr_connections_average",
        "aws_elasticache_curr_connections_sum",
    ];
    let memory = [
        "aws_elasticache_database_memory_usage_percentage_maximum",
        "aws_elasticache_database_memory_usage_percentage_average",
    ];
    let lag =
        ["aws_elasticache_replication_lag_maximum", "aws_elasticache_replication_lag_average"];
    let hits = |name: &str| Selector::new(format!("aws_elasticache_cache_{name}_sum"));
    vec![
        row("cpu", SourceUnit::Share, highest(&cpu, 0.01)),
        row("memory", SourceUnit::Share, highest(&memory, 0.01)),
        row("connections", SourceUnit::Count, sum(&connections, 1.0)),
        row("hit_ratio", SourceUnit::Share, Formula::Part(hits("hits"), hits("misses"))),
        row(
            "evictions",
            SourceUnit::PerSecond,
            sum(&["aws_elasticache_evictions_sum"], 1.0 / SECONDS),
        ),
        row("replication_lag", SourceUnit::Seconds, highest(&lag, 1.0)),
    ]
}

/// Machines of EC2.
pub fn machine() -> Vec<Mapping> {
    let cpu = ["aws_ec2_cpuutilization_maximum", "aws_ec2_cpuutilization_average"];
    vec![Mapping::new("cpu", SourceUnit::Share, highest(&cpu, 0.01))]
}
