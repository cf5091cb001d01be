//! PromQL for the exporters that stacks have: the same metrics as [`super::presets`], computed by Prometheus.

use super::mapping::SourceUnit;
use super::prometheus::Query;

/// Exporters that are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExporterKind {
    /// prom-client, or any client library with the standard process metrics.
    PromClient,
    /// `node_exporter`.
    Node,
    /// cAdvisor.
    Cadvisor,
    /// `postgres_exporter`.
    Postgres,
    /// `redis_exporter`.
    Redis,
    /// nginx-prometheus-exporter.
    Nginx,
}

/// Which of an exporter's series are a tier's, and what the tier may use.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExporterTarget {
    /// Label matchers as in PromQL: `job="api",env="staging"`; may be empty.
    pub matchers: String,
    /// The label that tells replicas apart, if one does.
    pub replica_label: Option<String>,
    /// The range of rates, as in PromQL: at least four scrape intervals.
    pub range: String,
    /// Cores of one replica, where known.
    pub cores: Option<f64>,
    /// Bytes of memory of one replica, where known.
    pub memory_limit: Option<f64>,
}

impl ExporterTarget {
    /// Fills a template: `$m` matchers, `$r` range, `$by` grouping.
    fn query(&self, metric: &str, unit: SourceUnit, template: &str) -> Query {
        let by =
            self.replica_label.as_ref().map_or(String::new(), |label| format!("by ({label}) "));
        let expression =
            template.replace("$m", &self.matchers).replace("$r", &self.range).replace("$by ", &by);
        Query { metric: metric.to_owned(), unit, expression }
    }

    fn machine(&self, cpu_seconds: &str, memory_bytes: &str) -> Vec<Query> {
        let cores = format!("sum $by (rate({cpu_seconds}[$r]))");
        let memory = format!("sum $by ({memory_bytes})");
        let mut queries = vec![
            self.query("cores", SourceUnit::Count, &cores),
            self.query("memory_used", SourceUnit::Bytes, &memory),
        ];
        if let Some(allowed) = self.cores {
            queries.push(self.query("cpu", SourceUnit::Share, &format!("{cores} / {allowed}")));
        }
        if let Some(limit) = self.memory_limit {
            queries.push(self.query("memory", SourceUnit::Share, &format!("{memory} / {limit}")));
        }
        queries
    }
}

impl ExporterKind {
    /// The queries for a target.
    pub fn queries(self, target: &ExporterTarget) -> Vec<Query> {
        let table = match self {
            Self::PromClient => PROM_CLIENT,
            Self::Node => NODE,
            Self::Cadvisor => CADVISOR,
            Self::Postgres => POSTGRES,
            Self::Redis => REDIS,
            Self::Nginx => NGINX,
        };
        let rows =
            table.iter().map(|(metric, unit, template)| target.query(metric, *unit, template));
        let machine = match self {
            Self::PromClient => {
                target.machine("process_cpu_seconds_total{$m}", "process_resident_memory_bytes{$m}")
            }
            Self::Cadvisor => target.machine(
                "container_cpu_usage_seconds_total{name!=\"\",$m}",
                "container_memory_working_set_bytes{name!=\"\",$m}",
            ),
            Self::Node | Self::Postgres | Self::Redis | Self::Nginx => Vec::new(),
        };
        machine.into_iter().chain(rows).collect()
    }
}

type ExporterRow = (&'static str, SourceUnit, &'static str);

const PROM_CLIENT: &[ExporterRow] = &[
    ("event_loop_lag_p99", SourceUnit::Seconds, "max $by (nodejs_eventloop_lag_p99_seconds{$m})"),
    (
        "requests",
        SourceUnit::PerSecond,
        "sum $by (rate(http_request_duration_seconds_count{$m}[$r]))",
    ),
];

const NODE: &[ExporterRow] = &[
    (
        "cpu",
        SourceUnit::Share,
        "sum $by (rate(node_cpu_seconds_total{mode!~\"idle|iowait|steal\",$m}[$r])) / sum $by (rate(node_cpu_seconds_total{$m}[$r]))",
    ),
    (
        "cores",
        SourceUnit::Count,
        "sum $by (rate(node_cpu_seconds_total{mode!~\"idle|iowait|steal\",$m}[$r]))",
    ),
    (
        "memory",
        SourceUnit::Share,
        "1 - sum $by (node_memory_MemAvailable_bytes{$m}) / sum $by (node_memory_MemTotal_bytes{$m})",
    ),
    (
        "disk",
        SourceUnit::Share,
        "max $by (1 - node_filesystem_avail_bytes{fstype!~\"tmpfs|ramfs\",$m} / (node_filesystem_size_bytes{fstype!~\"tmpfs|ramfs\",$m} > 0))",
    ),
    (
        "network_received",
        SourceUnit::PerSecond,
        "sum $by (rate(node_network_receive_bytes_total{device!=\"lo\",$m}[$r]))",
    ),
    (
        "network_sent",
        SourceUnit::PerSecond,
        "sum $by (rate(node_network_transmit_bytes_total{device!=\"lo\",$m}[$r]))",
    ),
];

const CADVISOR: &[ExporterRow] = &[(
    "throttled",
    SourceUnit::Share,
    "sum $by (rate(container_cpu_cfs_throttled_periods_total{name!=\"\",$m}[$r])) / (sum $by (rate(container_cpu_cfs_periods_total{name!=\"\",$m}[$r])) > 0)",
)];

const POSTGRES: &[ExporterRow] = &[
    ("connections", SourceUnit::Count, "sum $by (pg_stat_activity_count{$m})"),
    (
        "connections_active",
        SourceUnit::Count,
        "sum $by (pg_stat_activity_count{state=\"active\",$m})",
    ),
    (
        "connections_used",
        SourceUnit::Share,
        "sum $by (pg_stat_activity_count{$m}) / sum $by (pg_settings_max_connections{$m})",
    ),
    (
        "hit_ratio",
        SourceUnit::Share,
        "sum $by (rate(pg_stat_database_blks_hit{$m}[$r])) / (sum $by (rate(pg_stat_database_blks_hit{$m}[$r])) + sum $by (rate(pg_stat_database_blks_read{$m}[$r])) > 0)",
    ),
    ("transactions", SourceUnit::PerSecond, "sum $by (rate(pg_stat_database_xact_commit{$m}[$r]))"),
    (
        "replication_lag",
        SourceUnit::Seconds,
        "max $by (pg_replication_lag_seconds{$m}) or max $by (pg_replication_lag{$m})",
    ),
];

const REDIS: &[ExporterRow] = &[
    (
        "memory",
        SourceUnit::Share,
        "sum $by (redis_memory_used_bytes{$m}) / (sum $by (redis_memory_max_bytes{$m}) > 0)",
    ),
    ("memory_used", SourceUnit::Bytes, "sum $by (redis_memory_used_bytes{$m})"),
    (
        "hit_ratio",
        SourceUnit::Share,
        "sum $by (rate(redis_keyspace_hits_total{$m}[$r])) / (sum $by (rate(redis_keyspace_hits_total{$m}[$r])) + sum $by (rate(redis_keyspace_misses_total{$m}[$r])) > 0)",
    ),
    ("clients", SourceUnit::Count, "sum $by (redis_connected_clients{$m})"),
    ("commands", SourceUnit::PerSecond, "sum $by (rate(redis_commands_processed_total{$m}[$r]))"),
    ("evictions", SourceUnit::PerSecond, "sum $by (rate(redis_evicted_keys_total{$m}[$r]))"),
];

const NGINX: &[ExporterRow] = &[
    ("connections", SourceUnit::Count, "sum $by (nginx_connections_active{$m})"),
    ("requests", SourceUnit::PerSecond, "sum $by (rate(nginx_http_requests_total{$m}[$r]))"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_fills_matchers_range_and_grouping() {
        let target = ExporterTarget {
            matchers: "job=\"api\"".into(),
            replica_label: Some("replica".into()),
            range: "10s".into(),
            cores: Some(0.2),
            memory_limit: None,
        };
        let queries = ExporterKind::PromClient.queries(&target);
        let expression = |metric: &str| {
            queries
                .iter()
                .find(|query| query.metric == metric)
                .map(|query| query.expression.as_str())
        };
        let cores = "sum by (replica) (rate(process_cpu_seconds_total{job=\"api\"}[10s]))";
        assert_eq!(expression("cores"), Some(cores));
        assert_eq!(expression("cpu"), Some(format!("{cores} / 0.2").as_str()));
        assert_eq!(expression("memory"), None);
    }

    #[test]
    fn no_template_leaves_a_placeholder() {
        use ExporterKind::{Cadvisor, Nginx, Node, Postgres, PromClient, Redis};
        let target = ExporterTarget { range: "1m".into(), ..ExporterTarget::default() };
        for exporter in [PromClient, Node, Cadvisor, Postgres, Redis, Nginx] {
            for query in exporter.queries(&target) {
                assert!(!query.expression.contains('$'), "{}", query.expression);
            }
        }
    }
}
