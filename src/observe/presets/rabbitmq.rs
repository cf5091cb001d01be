//! `RabbitMQ`'s own plugin `rabbitmq_prometheus`.

use crate::mapping::{Formula, Mapping, SourceUnit};
use crate::series::Selector;

/// The metrics of a node. `/metrics` sums over all queues; `/metrics/detailed` has other names.
pub fn rabbitmq() -> Vec<Mapping> {
    use Formula::{Backlog, FirstOf, PerSecond, Share, Sum};
    let all = |name: &str| Selector::new(format!("rabbitmq_{name}"));
    let messages = |name: &str| Selector::new(format!("rabbitmq_global_messages_{name}_total"));
    let open = |what: &str| {
        Share(all(&format!("process_open_{what}")), all(&format!("process_max_{what}")))
    };
    let memory = all("process_resident_memory_bytes");
    let row = |metric: &str, unit, formula| Mapping::new(metric, unit, formula);
    vec![
        row("queue_depth", SourceUnit::Count, Sum(all("queue_messages"))),
        row("queue_ready", SourceUnit::Count, Sum(all("queue_messages_ready"))),
        row("queue_unacknowledged", SourceUnit::Count, Sum(all("queue_messages_unacked"))),
        // How long a message waits that comes now, if consumers keep their pace (Little's law).
        row(
            "queue_lag",
            SourceUnit::Seconds,
            Backlog(all("queue_messages_ready"), messages("delivered")),
        ),
        row("consumers", SourceUnit::Count, Sum(all("consumers"))),
        row("published", SourceUnit::PerSecond, PerSecond(messages("received"))),
        row("delivered", SourceUnit::PerSecond, PerSecond(messages("delivered"))),
        row("redelivered", SourceUnit::PerSecond, PerSecond(messages("redelivered"))),
        row("connections", SourceUnit::Count, Sum(all("connections"))),
        // Before version 4 there was a limit on sockets; it is one on files now.
        row("connections_used", SourceUnit::Share, FirstOf(vec![open("tcp_sockets"), open("fds")])),
        row("memory", SourceUnit::Share, Share(memory.clone(), all("resident_memory_limit_bytes"))),
        row("memory_used", SourceUnit::Bytes, Sum(memory)),
    ]
}
