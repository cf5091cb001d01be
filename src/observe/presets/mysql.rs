//! `mysqld_exporter`: `MySQL` and `MariaDB`.

use crate::mapping::{Formula, Mapping, SourceUnit};
use crate::series::Selector;

/// The metrics of a server; times of statements need `--collect.perf_schema.eventsstatementssum`.
pub fn mysqld_exporter() -> Vec<Mapping> {
    use Formula::{Any, FirstOf, Growth, PerSecond, Rest, Scaled, Share, Sum};
    let all = |name: &str| Selector::new(name);
    let status = |name: &str| Selector::new(format!("mysql_global_status_{name}"));
    let replica =
        |name: &str| Sum(Selector::new(format!("mysql_slave_status_seconds_behind_{name}")));
    let statements = |name| Selector::new(format!("mysql_perf_schema_events_statements_{name}"));
    // Milliseconds, by the server's manual.
    let lock_time = Growth(status("innodb_row_lock_time"), status("innodb_row_lock_waits"));
    let missed =
        Growth(status("innodb_buffer_pool_reads"), status("innodb_buffer_pool_read_requests"));
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    vec![
        row("available", SourceUnit::Share, Any(all("mysql_up"))),
        row("connections", SourceUnit::Count, Sum(status("threads_connected"))),
        row("connections_active", SourceUnit::Count, Sum(status("threads_running"))),
        row(
            "connections_used",
            SourceUnit::Share,
            Share(status("threads_connected"), all("mysql_global_variables_max_connections")),
        ),
        row("queries", SourceUnit::PerSecond, PerSecond(status("queries"))),
        row("slow_queries", SourceUnit::PerSecond, PerSecond(status("slow_queries"))),
        row(
            "transactions",
            SourceUnit::PerSecond,
            PerSecond(status("commands_total").is("command", "commit")),
        ),
        row(
            "query_mean",
            SourceUnit::Seconds,
            Growth(statements("sum_timer_wait"), statements("sum_total")),
        ),
        row("hit_ratio", SourceUnit::Share, Rest(Box::new(missed))),
        row("locks_waiting", SourceUnit::Count, Sum(status("innodb_row_lock_current_waits"))),
        row("lock_waits", SourceUnit::PerSecond, PerSecond(status("innodb_row_lock_waits"))),
        row("lock_wait_mean", SourceUnit::Seconds, Scaled(Box::new(lock_time), 1e-3)),
        // Since MySQL 8.0.22 the column has another name.
        row(
            "replication_lag",
            SourceUnit::Seconds,
            FirstOf(vec![replica("source"), replica("master")]),
        ),
    ]
}
