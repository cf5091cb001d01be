//! PromQL for the exporters that stacks have: the same metrics as [`super::presets`], computed by Prometheus.

use super::mapping::Unit;
use super::prometheus::Query;

/// Exporters that are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exporter {
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
pub struct Target {
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

impl Target {
    /// Fills a template: `$m` matchers, `$r` range, `$by` grouping.
    fn query(&self, metric: &str, unit: Unit, template: &str) -> Query {
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
            self.query("cores", Unit::Count, &cores),
            self.query("memory_used", Unit::Bytes, &memory),
        ];
        if let Some(allowed) = self.cores {
            queries.push(self.query("cpu", Unit::Share, &format!("{cores} / {allowed}")));
        }
        if let Some(limit) = self.memory_limit {
            queries.push(self.query("memory", Unit::Share, &format!("{memory} / {limit}")));
        }
        queries
    }
}

impl Exporter {
    /// The queries for a target.
    pub fn queries(self, target: &Target) -> Vec<Query> {
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

type Row = (&'static str, Unit, &'static str);

const PROM_CLIENT: &[Row] = &[
    ("event_loop_lag_p99", Unit::Seconds, "max $by (nodejs_eventloop_lag_p99_seconds{$m})"),
    ("requests", Unit::PerSecond, "sum $by (rate(http_request_duration_seconds_count{$m}[$r]))"),
];

const NODE: &[Row] = &[
    (
        "cpu",
        Unit::Share,
        "sum $by (rate(node_cpu_seconds_total{mode!~\"idle|iowait|steal\",$m}[$r])) / sum $by (rate(node_cpu_seconds_total{$m}[$r]))",
    ),
    (
        "cores",
        Unit::Count,
        "sum $by (rate(node_cpu_seconds_total{mode!~\"idle|iowait|steal\",$m}[$r]))",
    ),
    (
        "memory",
        Unit::Share,
        "1 - sum $by (node_memory_MemAvailable_bytes{$m}) / sum $by (node_memory_MemTotal_bytes{$m})",
    ),
    (
        "disk",
        Unit::Share,
        "max $by (1 - node_filesystem_avail_bytes{fstype!~\"tmpfs|ramfs\",$m} / (node_filesystem_size_bytes{fstype!~\"tmpfs|ramfs\",$m} > 0))",
    ),
    (
        "network_received",
        Unit::PerSecond,
        "sum $by (rate(node_network_receive_bytes_total{device!=\"lo\",$m}[$r]))",
    ),
    (
        "network_sent",
        Unit::PerSecond,
        "sum $by (rate(node_network_transmit_bytes_total{device!=\"lo\",$m}[$r]))",
    ),
];

const CADVISOR: &[Row] = &[(
    "throttled",
    Unit::Share,
    "sum $by (rate(container_cpu_cfs_throttled_periods_total{name!=\"\",$m}[$r])) / (sum $by (rate(container_cpu_cfs_periods_total{name!=\"\",$m}[$r])) > 0)",
)];

const POSTGRES: &[Row] = &[
    ("connections", Unit::Count, "sum $by (pg_stat_activity_count{$m})"),
    ("connections_active", Unit::Count, "sum $by (pg_stat_activity_count{state=\"active\",$m})"),
    (
        "connections_used",
        Unit::Share,
        "sum $by (pg_stat_activity_count{$m}) / sum $by (pg_settings_max_connections{$m})",
    ),
    (
        "hit_ratio",
        Unit::Share,
        "sum $by (rate(pg_stat_database_blks_hit{$m}[$r])) / (sum $by (rate(pg_stat_database_blks_hit{$m}[$r])) + sum $by (rate(pg_stat_database_blks_read{$m}[$r])) > 0)",
    ),
    ("transactions", Unit::PerSecond, "sum $by (rate(pg_stat_database_xact_commit{$m}[$r]))"),
    (
        "replication_lag",
        Unit::Seconds,
        "max $by (pg_replication_lag_seconds{$m}) or max $by (pg_replication_lag{$m})",
    ),
];

const REDIS: &[Row] = &[
    (
        "memory",
        Unit::Share,
        "sum $by (redis_memory_used_bytes{$m}) / (sum $by (redis_memory_max_bytes{$m}) > 0)",
    ),
    ("memory_used", Unit::Bytes, "sum $by (redis_memory_used_bytes{$m})"),
    (
        "hit_ratio",
        Unit::Share,
        "sum $by (rate(redis_keyspace_hits_total{$m}[$r])) / (sum $by (rate(redis_keyspace_hits_total{$m}[$r])) + sum $by (rate(redis_keyspace_misses_total{$m}[$r])) > 0)",
    ),
    ("clients", Unit::Count, "sum $by (redis_connected_clients{$m})"),
    ("commands", Unit::PerSecond, "sum $by (rate(redis_commands_processed_total{$m}[$r]))"),
    ("evictions", Unit::PerSecond, "sum $by (rate(redis_evicted_keys_total{$m}[$r]))"),
];

const NGINX: &[Row] = &[
    ("connections", Unit::Count, "sum $by (nginx_connections_active{$m})"),
    ("requests", Unit::PerSecond, "sum $by (rate(nginx_http_requests_total{$m}[$r]))"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_fills_matchers_range_and_grouping() {
        let target = Target {
            matchers: "job=\"api\"".into(),
            replica_label: Some("replica".into()),
            range: "10s".into(),
            cores: Some(0.2),
            memory_limit: None,
        };
        let queries = Exporter::PromClient.queries(&target);
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
        use Exporter::{Cadvisor, Nginx, Node, Postgres, PromClient, Redis};
        let target = Target { range: "1m".into(), ..Target::default() };
        for exporter in [PromClient, Node, Cadvisor, Postgres, Redis, Nginx] {
            for query in exporter.queries(&target) {
                assert!(!query.expression.contains('$'), "{}", query.expression);
            }
        }
    }
}
