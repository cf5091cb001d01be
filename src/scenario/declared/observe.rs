//! Where the stack's own metrics are read.

use crate::format::{Declaration, Grammar, Others, Property, optional, required};

pub(super) const EVERY: Property =
    optional("every", Grammar::Duration, "How often it is asked.").default("1s");
pub(super) const TIMEOUT: Property =
    optional("timeout", Grammar::Duration, "How long an answer may take.").default("1s");

pub(crate) static OBSERVE: Declaration = Declaration {
    name: "observe",
    place: "`observe`",
    about: "Where metrics are read, for the stack as a whole.",
    groups: &[&[
        optional(
            "prometheus",
            Grammar::Text("URL"),
            "The base URL of Prometheus; the queries stand at the tiers.",
        )
        .example("http://127.0.0.1:9090"),
        EVERY,
        TIMEOUT,
    ]],
    others: None,
    rules: &[],
    example: "
tiers: { api: { kind: api } }
observe: { prometheus: '${PROMETHEUS_URL:-}', every: 1s, timeout: 1s }
",
};

pub(crate) static TIER_OBSERVE: Declaration = Declaration {
    name: "tier_observe",
    place: "a tier's `observe`",
    about: "Where a tier's metrics are read. Where several sources give one metric, one is settled on; an empty \
            address is left out. See [observe.md](../observe.md).",
    groups: &[&[
        optional(
            "prometheus",
            Grammar::Mapping(&QUERIES),
            "Metrics by PromQL query; needs `observe.prometheus` of the stack.",
        ),
        optional(
            "exporter",
            Grammar::OneOrMany(&Grammar::AnyOf(&[
                Grammar::Text("URL"),
                Grammar::Mapping(&EXPORTER),
            ])),
            "Pages in Prometheus' text format, one a replica or one for all.",
        )
        .example("http://127.0.0.1:9100/metrics"),
        optional(
            "http",
            Grammar::OneOrMany(&Grammar::Mapping(&HTTP_SOURCE)),
            "Documents in JSON, one a replica or one for all: what no other source reads.",
        ),
        optional(
            "command",
            Grammar::OneOrMany(&Grammar::Mapping(&COMMAND_SOURCE)),
            "Programs that print lines of JSON: what no other source reaches. Never started by agents of a fleet.",
        ),
        optional(
            "postgres",
            Grammar::Text("connection string"),
            "PostgreSQL; needs the role `pg_monitor`.",
        )
        .example("${DATABASE_URL:-}"),
        optional("redis", Grammar::Text("URL"), "Redis; `rediss://` for TLS.")
            .example("${REDIS_URL:-}"),
        optional(
            "cgroup",
            Grammar::OneOrMany(&Grammar::Text("path")),
            "Control groups (v1 or v2), below `/sys/fs/cgroup` or absolute; one a replica.",
        )
        .example("shop/api-1"),
        optional(
            "process",
            Grammar::OneOrMany(&Grammar::Text("path or process id")),
            "Processes on this machine, by id or by a file that holds it, named from this file's folder; one a replica.",
        )
        .example("/run/api.pid"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api:
    kind: api
    observe:
      process: /run/api.pid
      exporter: { url: '${API_METRICS:-}', preset: nodejs }
      prometheus: { preset: nodejs, match: 'job=\"api\"', replica_label: replica, range: 10s }
",
};

pub(crate) static QUERIES: Declaration = Declaration {
    name: "queries",
    place: "a mapping of metrics to queries",
    about: "Metrics by PromQL query, and ready-made ones.",
    groups: &[&[
        optional("preset", Grammar::Text("preset"), "The ready-made queries of an exporter: `nodejs`, `node`, `cadvisor`, `postgres`, `mysql`, `mongodb`, `redis`, `rabbitmq` or `nginx`.")
            .example("nodejs"),
        optional("match", Grammar::Text("label matchers"), "Which series the ready-made queries look at.")
            .example("job=\"api\""),
        optional("replica_label", Grammar::Text("label"), "The label that tells replicas apart.")
            .example("instance"),
        optional("range", Grammar::Text("duration as Prometheus writes it"), "The range of rates in ready-made queries.")
            .default("1m"),
    ]],
    others: Some(Others {
        key: "metric",
        value: Grammar::Text("PromQL query"),
        about: "A metric of the tier; the unit follows from its name.",
    }),
    rules: &[],
    example: "
tiers:
  api:
    kind: api
    observe:
      prometheus: { preset: nodejs, queue_lag: max(worker_queue_lag_seconds) }
",
};

pub(crate) static EXPORTER: Declaration = Declaration {
    name: "exporter",
    place: "an exporter",
    about: "A page in Prometheus' text format.",
    groups: &[&[
        required("url", Grammar::Text("URL"), "Its address; several, parted by blanks, are one a replica.")
            .example("http://127.0.0.1:9100/metrics"),
        optional(
            "preset",
            Grammar::Text("preset"),
            "Which ready-made mapping it gets: `node`, `postgres`, `mysql`, `mongodb`, `redis`, `rabbitmq`, `nginx`, `nodejs`, \
             `cadvisor` or `simulator`; told by the page where none is given. `cloudwatch_alb`, `cloudwatch_rds`, \
             `cloudwatch_elasticache` and `cloudwatch_ec2` are given always.",
        )
        .example("nodejs"),
        optional(
            "metrics",
            Grammar::Texts("metric", &Grammar::Text("series")),
            "Further metrics: name here → series there, with labels if needed.",
        )
        .example("{ pool_waiting: 'db_pool_connections{state=\"waiting\"}' }"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  api:
    kind: api
    observe:
      exporter:
        url: http://127.0.0.1:9100/metrics
        preset: nodejs
        metrics: { pool_waiting: 'db_pool_connections{state=\"waiting\"}' }
",
};

pub(crate) static HTTP_SOURCE: Declaration = Declaration {
    name: "http_source",
    place: "a document of metrics",
    about: "A document in JSON that is asked for at each reading: of a cloud's monitoring, of analytics of real users, of a \
            service itself. Values are in base units: seconds, bytes, events per second, shares from 0 to 1.",
    groups: &[&[
        required("url", Grammar::Text("URL"), "Its address; several, parted by blanks, are one a replica.")
            .example("https://monitor.example/api/frontend?window=1m"),
        optional(
            "headers",
            Grammar::Texts("header", &Grammar::Text("text")),
            "What is asked with it; secrets come from the environment.",
        )
        .example("{ authorization: 'Bearer ${MONITOR_TOKEN}' }"),
        required(
            "metrics",
            Grammar::Texts("metric", &Grammar::Text("JSON path")),
            "Where each metric stands: the first match counts, a number or a text that is one; anything else is no data.",
        )
        .example("{ largest_contentful_paint: $.lcp.p75_s }"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  frontend:
    kind: external
    observe:
      http:
        url: '${MONITOR_URL:-}'
        headers: { authorization: 'Bearer ${MONITOR_TOKEN:-}' }
        metrics: { largest_contentful_paint: $.lcp.p75_s }
",
};

pub(crate) static COMMAND_SOURCE: Declaration = Declaration {
    name: "command_source",
    place: "a command of metrics",
    about: "A program that is started again and again beside the run and prints lines of JSON: for CloudWatch, Azure Monitor, \
            Datadog, anything with a command line. Of each metric the last line that has it counts. Values are in base units: \
            seconds, bytes, events per second, shares from 0 to 1. A value is reported once, in the second in which the \
            program has ended; until the next one there is none.",
    groups: &[&[
        required(
            "run",
            Grammar::OneOrMany(&Grammar::Text("argument")),
            "The program and its arguments, run in this file's folder, from where a path to it is named. A text is split at \
             blanks; no shell reads it unless asked for: `[sh, -c, 'a | b']`. An empty one is left out.",
        )
        .example("[./queue-depth, --queue, orders]"),
        optional("every", Grammar::PositiveDuration, "From one start to the next.").default("10s"),
        optional(
            "timeout",
            Grammar::PositiveDuration,
            "How long it may take; then it is killed with all that it started.",
        )
        .default("10s"),
        optional(
            "env",
            Grammar::Texts("variable", &Grammar::Text("text")),
            "Its environment, beside `PATH`, `HOME`, `USER`, `LANG`, `TZ` and `TMPDIR`: nothing else is passed on.",
        )
        .example("{ AWS_PROFILE: '${AWS_PROFILE}' }"),
        optional(
            "replica",
            Grammar::Text("JSON path"),
            "Where a line says which replica it is about; without it, lines are about the tier.",
        )
        .example("$.instance"),
        required(
            "metrics",
            Grammar::Texts("metric", &Grammar::Text("JSON path")),
            "Where each metric stands in a line: the first match counts, a number or a text that is one; anything else is \
             no data.",
        )
        .example("{ queue_depth: $.depth }"),
    ]],
    others: None,
    rules: &[],
    example: "
tiers:
  queue:
    kind: queue
    observe:
      command:
        run: [./queue-depth, --queue, orders]
        every: 10s
        timeout: 5s
        env: { QUEUE_TOKEN: '${QUEUE_TOKEN:-}' }
        metrics: { queue_depth: $.depth, queue_lag: $.oldest_s }
",
};
