//! Percona's `mongodb_exporter`.

use crate::mapping::{Formula, Mapping, SourceUnit};
use crate::series::Selector;

/// The metrics of a server; needs `--collector.diagnosticdata`, and `--collector.replicasetstatus` for the lag.
pub fn mongodb_exporter() -> Vec<Mapping> {
    use Formula::{Any, Behind, Growth, Part, PerSecond, Rest, Scaled, Share, Sum};
    let all = |name: &str| Selector::new(name);
    let connections = |kind| all("mongodb_ss_connections").is("conn_type", kind);
    let cache = |name: &str| Selector::new(format!("mongodb_ss_wt_cache_{name}"));
    let member = |state| all("mongodb_rs_members_optimeDate").is("member_state", state);
    // Microseconds, by the server's manual.
    let time = |kind| {
        let of = |name| all(name).is("op_type", kind);
        let mean = Growth(of("mongodb_ss_opLatencies_latency"), of("mongodb_ss_opLatencies_ops"));
        Scaled(Box::new(mean), 1e-6)
    };
    let missed = Growth(cache("pages_read_into_cache"), cache("pages_requested_from_the_cache"));
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    vec![
        row("available", SourceUnit::Share, Any(all("mongodb_up"))),
        row("connections", SourceUnit::Count, Sum(connections("current"))),
        row("connections_active", SourceUnit::Count, Sum(connections("active"))),
        row(
            "connections_used",
            SourceUnit::Share,
            Part(connections("current"), connections("available")),
        ),
        row("operations", SourceUnit::PerSecond, PerSecond(all("mongodb_ss_opcounters"))),
        row("read_mean", SourceUnit::Seconds, time("reads")),
        row("write_mean", SourceUnit::Seconds, time("writes")),
        row("command_mean", SourceUnit::Seconds, time("commands")),
        row("hit_ratio", SourceUnit::Share, Rest(Box::new(missed))),
        row(
            "cache",
            SourceUnit::Share,
            Share(cache("bytes_currently_in_the_cache"), cache("maximum_bytes_configured")),
        ),
        row(
            "locks_waiting",
            SourceUnit::Count,
            Sum(all("mongodb_ss_globalLock_currentQueue").is("count_type", "total")),
        ),
        // Milliseconds of Unix time.
        row(
            "replication_lag",
            SourceUnit::Seconds,
            Scaled(Box::new(Behind(member("PRIMARY"), member("SECONDARY"))), 1e-3),
        ),
    ]
}
