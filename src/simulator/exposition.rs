//! The stack's own metrics, in Prometheus' text format.
//!
//! They come from the model, so they agree with it exactly: rates of `sim_cpu_seconds_total` are the cores
//! used, and demands computed from them are the demands that `simulation.yaml` asks for.

use std::fmt::Write;

use super::model::{ReplicaState, TierState};
use super::play::Serving;
use plimsoll_units::Nanos;

/// The content type of the format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One metric of each replica: name, type, help, value.
type ReplicaMetric = (&'static str, &'static str, &'static str, fn(&ReplicaState) -> Option<f64>);

const REPLICA_METRICS: [ReplicaMetric; 14] = [
    ("sim_up", "gauge", "Whether the replica answers.", |r| Some(f64::from(u8::from(r.up)))),
    ("sim_cores", "gauge", "Cores of the replica.", |r| r.cores.filter(|_| r.up).map(f64::from)),
    ("sim_cpu_seconds_total", "counter", "Core time used.", |r| Some(r.busy.as_secs_f64())),
    ("sim_busy_cores", "gauge", "Cores busy now.", |r| Some(f64::from(r.busy_cores))),
    ("sim_queue_length", "gauge", "Visits that wait for a core.", |r| Some(f64::from(r.waiting))),
    ("sim_queue_seconds_total", "counter", "Time that visits waited for a core.", |r| {
        Some(r.waited.as_secs_f64())
    }),
    ("sim_open_requests", "gauge", "Requests held.", |r| Some(f64::from(r.open))),
    ("sim_visits_total", "counter", "Visits finished.", |r| Some(r.served as f64)),
    ("sim_memory_bytes", "gauge", "Memory in use.", |r| Some(r.memory.get() as f64)),
    ("sim_memory_limit_bytes", "gauge", "Memory that the replica has.", |r| {
        r.memory_limit.map(|limit| limit.get() as f64)
    }),
    ("sim_disk_bytes", "gauge", "What is on the disk.", |r| r.disk.map(|d| d.0.get() as f64)),
    ("sim_disk_size_bytes", "gauge", "What the disk holds.", |r| {
        r.disk.map(|disk| disk.1.get() as f64)
    }),
    ("sim_network_sent_bytes_total", "counter", "What was sent.", |r| {
        r.network.map(|network| network.0.get() as f64)
    }),
    ("sim_network_limit_bytes", "gauge", "What can be sent in a second.", |r| {
        r.network.map(|network| network.1.get() as f64)
    }),
];

/// One metric of each tier.
type TierMetric = (&'static str, &'static str, &'static str, fn(&TierState<'_>) -> Option<f64>);

const TIER_METRICS: [TierMetric; 13] = [
    ("sim_replicas", "gauge", "Replicas that get requests.", |t| {
        Some(t.replicas.iter().filter(|r| r.up && r.listed).count() as f64)
    }),
    ("sim_connections", "gauge", "Connections open to the tier.", |t| {
        Some(f64::from(t.connections))
    }),
    ("sim_pool_waiting", "gauge", "Visits that wait for a connection.", |t| {
        Some(f64::from(t.pool_waiting))
    }),
    ("sim_pool_in_use", "gauge", "Connections of the pools that are in use.", |t| {
        t.pool.map(|(used, _)| f64::from(used))
    }),
    ("sim_pool_size", "gauge", "Connections that the pools may have.", |t| {
        t.pool.map(|(_, size)| f64::from(size))
    }),
    ("sim_replication_lag_seconds", "gauge", "How far the standby is behind.", |t| {
        t.replication_lag.map(Nanos::as_secs_f64)
    }),
    ("sim_failed_total", "counter", "Visits refused or broken off.", |t| Some(t.failed as f64)),
    ("sim_cache_hits_total", "counter", "Lookups that found an answer.", |t| {
        t.cache.map(|cache| cache.hits as f64)
    }),
    ("sim_cache_misses_total", "counter", "Lookups that found none.", |t| {
        t.cache.map(|cache| cache.misses as f64)
    }),
    ("sim_cache_evictions_total", "counter", "Entries dropped to make room.", |t| {
        t.cache.map(|cache| cache.evictions as f64)
    }),
    ("sim_cache_entries", "gauge", "Entries held.", |t| t.cache.map(|c| c.entries as f64)),
    ("sim_cache_memory_bytes", "gauge", "Memory that entries take.", |t| {
        t.cache.map(|cache| cache.memory.get() as f64)
    }),
    ("sim_cache_memory_limit_bytes", "gauge", "Memory that entries may take.", |t| {
        t.cache.map(|cache| cache.memory_limit.get() as f64)
    }),
];

/// All metrics, as of now.
pub(super) fn text(play: &Serving) -> String {
    let mut out = String::with_capacity(8_192);
    play.observe(|model, lateness| {
        let tiers: Vec<TierState<'_>> = model.tiers().collect();
        for (name, kind, help, value) in REPLICA_METRICS {
            head(&mut out, name, kind, help);
            for tier in &tiers {
                for (number, replica) in tier.replicas.iter().enumerate() {
                    if let Some(value) = value(replica) {
                        let (tier, kind, replica) = (tier.name, tier.kind.word(), number + 1);
                        let labels =
                            format!("tier=\"{tier}\",kind=\"{kind}\",replica=\"{replica}\"");
                        line(&mut out, name, &labels, value);
                    }
                }
            }
        }
        for (name, kind, help, value) in TIER_METRICS {
            head(&mut out, name, kind, help);
            for tier in &tiers {
                if let Some(value) = value(tier) {
                    let labels = format!("tier=\"{}\",kind=\"{}\"", tier.name, tier.kind.word());
                    line(&mut out, name, &labels, value);
                }
            }
        }
        durations(&mut out, &tiers);
        let late = "sim_completion_lateness_seconds";
        head(&mut out, late, "gauge", "How late the simulator itself was with answers.");
        for quantile in [0.5, 0.99, 1.0] {
            let value = lateness.value_at_quantile(quantile) as f64 / 1e9;
            line(&mut out, late, &format!("quantile=\"{quantile}\""), value);
        }
    });
    requests(&mut out, play);
    out
}

fn durations(out: &mut String, tiers: &[TierState<'_>]) {
    let name = "sim_visit_seconds";
    head(out, name, "histogram", "From asking for a connection or a core until the core was done.");
    for tier in tiers {
        let label = format!("tier=\"{}\",kind=\"{}\"", tier.name, tier.kind.word());
        let bucket = format!("{name}_bucket");
        for (bound, count) in tier.durations.cumulative() {
            let labels = format!("{label},le=\"{}\"", bound.as_secs_f64());
            line(out, &bucket, &labels, count as f64);
        }
        let count = tier.durations.count() as f64;
        line(out, &bucket, &format!("{label},le=\"+Inf\""), count);
        line(out, &format!("{name}_sum"), &label, tier.durations.sum().as_secs_f64());
        line(out, &format!("{name}_count"), &label, count);
    }
}

fn requests(out: &mut String, play: &Serving) {
    let desk = play.desk.borrow();
    head(out, "sim_http_requests_total", "counter", "Requests answered.");
    let mut answered: Vec<_> = desk.answered.iter().collect();
    answered.sort();
    for ((route, status), count) in answered {
        let route = route.map_or("", |at| play.simulation.routes[at].name.as_str());
        let labels = format!("route=\"{}\",status=\"{status}\"", escaped(route));
        line(out, "sim_http_requests_total", &labels, *count as f64);
    }
    head(out, "sim_http_connections", "gauge", "Client connections open.");
    line(out, "sim_http_connections", "", desk.connections as f64);
    head(out, "sim_limit_refused_total", "counter", "Requests refused by a limit.");
    for (limit, spec) in desk.limits.iter().zip(&play.simulation.limits) {
        let labels = format!("limit=\"{}\"", escaped(&spec.name));
        line(out, "sim_limit_refused_total", &labels, limit.refused as f64);
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: f64) {
    let _ = match labels {
        "" => writeln!(out, "{name} {value}"),
        _ => writeln!(out, "{name}{{{labels}}} {value}"),
    };
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
