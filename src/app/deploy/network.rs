//! Who may speak to whom: agents to NATS and the target, the leader to NATS and what it observes, NATS to nobody.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::plan::Target;

use super::cluster::{ClusterRun, NATS_PORT};

impl ClusterRun<'_> {
    /// The policies. A pod that none selects could speak to all.
    ///
    /// # Errors
    /// Where the target is a Service and nobody says which pods stand behind it.
    pub(super) fn policies(&self) -> Result<Vec<Value>, String> {
        let mut agents = self.to_nats();
        agents.extend(self.to_targets()?);
        agents.extend(self.args.egress_port.iter().map(|port| json!({ "ports": [tcp(*port)] })));
        // What the leader observes may be in a Secret; it is only read.
        let mut leader = self.to_nats();
        leader.push(json!({ "ports": [{ "protocol": "TCP", "port": 1, "endPort": 65_535 }] }));
        let mut policies = vec![
            self.policy("agent", &json!([]), &json!(agents)),
            self.policy("leader", &json!([]), &json!(leader)),
        ];
        if self.args.nats.is_none() {
            let own = json!({ "podSelector": { "matchLabels": self.of_run() } });
            let from = json!([{ "from": [own], "ports": [tcp(NATS_PORT)] }]);
            policies.push(self.policy("nats", &from, &json!([])));
        }
        Ok(policies)
    }

    fn policy(&self, part: &str, ingress: &Value, egress: &Value) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": self.metadata(part, part),
            "spec": {
                "podSelector": { "matchLabels": self.labels(part) },
                "policyTypes": ["Ingress", "Egress"],
                "ingress": ingress,
                "egress": egress,
            },
        })
    }

    /// Names, and NATS.
    fn to_nats(&self) -> Vec<Value> {
        let names = json!({ "ports": [{ "protocol": "UDP", "port": 53 }, tcp(53)] });
        let nats = match self.args.nats.as_deref() {
            None => json!({
                "to": [{ "podSelector": { "matchLabels": self.labels("nats") } }],
                "ports": [tcp(NATS_PORT)],
            }),
            Some(url) => json!({ "ports": [tcp(port_of(url))] }),
        };
        vec![names, nats]
    }

    fn to_targets(&self) -> Result<Vec<Value>, String> {
        let plan = &self.scenario.plan;
        let green = plan.split.iter().map(|split| &split.green);
        std::iter::once(&plan.target).chain(green).map(|target| self.to_target(target)).collect()
    }

    /// A policy sees pods, not Services: behind one, the port may be any.
    fn to_target(&self, target: &Target) -> Result<Value, String> {
        let port = tcp(target.port);
        if let Ok(address) = target.host.parse::<IpAddr>() {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let block = json!({ "ipBlock": { "cidr": format!("{address}/{bits}") } });
            return Ok(json!({ "to": [block], "ports": [port] }));
        }
        if !self.args.target_label.is_empty() {
            let pods = json!({ "namespaceSelector": {}, "podSelector": { "matchLabels": self.target_labels() } });
            return Ok(json!({ "to": [pods] }));
        }
        if is_service(&target.host) && self.args.egress_port.is_empty() {
            return Err(format!(
                "`{}` is a Service, and a NetworkPolicy lets traffic through to pods\nhint: `--target-label app=shop` names \
                 the pods that serve, or `--egress-port` their port",
                target.host
            ));
        }
        Ok(json!({ "ports": [port] }))
    }
}

fn tcp(port: u16) -> Value {
    json!({ "protocol": "TCP", "port": port })
}

/// Whether a name is one that only the cluster knows.
fn is_service(host: &str) -> bool {
    !host.contains('.') || host.split('.').any(|part| part == "svc")
}

/// The port of a NATS server's URL.
fn port_of(url: &str) -> u16 {
    url::Url::parse(url).ok().and_then(|url| url.port()).unwrap_or(NATS_PORT)
}
