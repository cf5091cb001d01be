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
    /// `mysqld_exporter`.
    Mysql,
    /// Percona's `mongodb_exporter`.
    Mongodb,
    /// `RabbitMQ`'s own plugin.
    Rabbitmq,
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
            Self::Mysql => MYSQL,
            Self::Mongodb => MONGODB,
            Self::Rabbitmq => RABBITMQ,
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
            Self::Node
            | Self::Postgres
            | Self::Redis
            | Self::Nginx
            | Self::Mysql
            | Self::Mongodb
            | Self::Rabbitmq => Vec::new(),
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

const MYSQL: &[ExporterRow] = &[
    ("connections", SourceUnit::Count, "sum $by (mysql_global_status_threads_connected{$m})"),
    ("connections_active", SourceUnit::Count, "sum $by (mysql_global_status_threads_running{$m})"),
    (
        "connections_used",
        SourceUnit::Share,
        "sum $by (mysql_global_status_threads_connected{$m}) / sum $by (mysql_global_variables_max_connections{$m})",
    ),
    ("queries", SourceUnit::PerSecond, "sum $by (rate(mysql_global_status_queries{$m}[$r]))"),
    (
        "slow_queries",
        SourceUnit::PerSecond,
        "sum $by (rate(mysql_global_status_slow_queries{$m}[$r]))",
    ),
    (
        "transactions",
        SourceUnit::PerSecond,
        "sum $by (rate(mysql_global_status_commands_total{command=\"commit\",$m}[$r]))",
    ),
    (
        "query_mean",
        SourceUnit::Seconds,
        "sum $by (rate(mysql_perf_schema_events_statements_sum_timer_wait{$m}[$r])) / (sum $by (rate(mysql_perf_schema_events_statements_sum_total{$m}[$r])) > 0)",
    ),
    (
        "hit_ratio",
        SourceUnit::Share,
        "1 - sum $by (rate(mysql_global_status_innodb_buffer_pool_reads{$m}[$r])) / (sum $by (rate(mysql_global_status_innodb_buffer_pool_read_requests{$m}[$r])) > 0)",
    ),
    (
        "locks_waiting",
        SourceUnit::Count,
        "sum $by (mysql_global_status_innodb_row_lock_current_waits{$m})",
    ),
    (
        "lock_waits",
        SourceUnit::PerSecond,
        "sum $by (rate(mysql_global_status_innodb_row_lock_waits{$m}[$r]))",
    ),
    (
        "replication_lag",
        SourceUnit::Seconds,
        "max $by (mysql_slave_status_seconds_behind_source{$m}) or max $by (mysql_slave_status_seconds_behind_master{$m})",
    ),
];

const MONGODB: &[ExporterRow] = &[
    (
        "connections",
        SourceUnit::Count,
        "sum $by (mongodb_ss_connections{conn_type=\"current\",$m})",
    ),
    (
        "connections_active",
        SourceUnit::Count,
        "sum $by (mongodb_ss_connections{conn_type=\"active\",$m})",
    ),
    (
        "connections_used",
        SourceUnit::Share,
        "sum $by (mongodb_ss_connections{conn_type=\"current\",$m}) / sum $by (mongodb_ss_connections{conn_type=~\"current|available\",$m})",
    ),
    ("operations", SourceUnit::PerSecond, "sum $by (rate(mongodb_ss_opcounters{$m}[$r]))"),
    (
        "read_mean",
        SourceUnit::Seconds,
        "sum $by (rate(mongodb_ss_opLatencies_latency{op_type=\"reads\",$m}[$r])) / (sum $by (rate(mongodb_ss_opLatencies_ops{op_type=\"reads\",$m}[$r])) > 0) / 1e6",
    ),
    (
        "write_mean",
        SourceUnit::Seconds,
        "sum $by (rate(mongodb_ss_opLatencies_latency{op_type=\"writes\",$m}[$r])) / (sum $by (rate(mongodb_ss_opLatencies_ops{op_type=\"writes\",$m}[$r])) > 0) / 1e6",
    ),
    (
        "hit_ratio",
        SourceUnit::Share,
        "1 - sum $by (rate(mongodb_ss_wt_cache_pages_read_into_cache{$m}[$r])) / (sum $by (rate(mongodb_ss_wt_cache_pages_requested_from_the_cache{$m}[$r])) > 0)",
    ),
    (
        "cache",
        SourceUnit::Share,
        "sum $by (mongodb_ss_wt_cache_bytes_currently_in_the_cache{$m}) / sum $by (mongodb_ss_wt_cache_maximum_bytes_configured{$m})",
    ),
    (
        "locks_waiting",
        SourceUnit::Count,
        "sum $by (mongodb_ss_globalLock_currentQueue{count_type=\"total\",$m})",
    ),
];

const RABBITMQ: &[ExporterRow] = &[
    ("queue_depth", SourceUnit::Count, "sum $by (rabbitmq_queue_messages{$m})"),
    ("queue_ready", SourceUnit::Count, "sum $by (rabbitmq_queue_messages_ready{$m})"),
    ("queue_unacknowledged", SourceUnit::Count, "sum $by (rabbitmq_queue_messages_unacked{$m})"),
    (
        "queue_lag",
        SourceUnit::Seconds,
        "sum $by (rabbitmq_queue_messages_ready{$m}) / (sum $by (rate(rabbitmq_global_messages_delivered_total{$m}[$r])) > 0)",
    ),
    ("consumers", SourceUnit::Count, "sum $by (rabbitmq_consumers{$m})"),
    (
        "published",
        SourceUnit::PerSecond,
        "sum $by (rate(rabbitmq_global_messages_received_total{$m}[$r]))",
    ),
    (
        "delivered",
        SourceUnit::PerSecond,
        "sum $by (rate(rabbitmq_global_messages_delivered_total{$m}[$r]))",
    ),
    ("connections", SourceUnit::Count, "sum $by (rabbitmq_connections{$m})"),
    (
        "memory",
        SourceUnit::Share,
        "sum $by (rabbitmq_process_resident_memory_bytes{$m}) / sum $by (rabbitmq_resident_memory_limit_bytes{$m})",
    ),
    ("memory_used", SourceUnit::Bytes, "sum $by (rabbitmq_process_resident_memory_bytes{$m})"),
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
        use ExporterKind::{
            Cadvisor, Mongodb, Mysql, Nginx, Node, Postgres, PromClient, Rabbitmq, Redis,
        };
        let target = ExporterTarget { range: "1m".into(), ..ExporterTarget::default() };
        let all = [PromClient, Node, Cadvisor, Postgres, Redis, Nginx, Mysql, Mongodb, Rabbitmq];
        for exporter in all {
            for query in exporter.queries(&target) {
                assert!(!query.expression.contains('$'), "{}", query.expression);
            }
        }
    }
}
