//! Pods that may do nothing but their work, and are never started twice.

use serde_json::{Value, json};

/// The user and group of the image (`packaging/Dockerfile`), and of NATS beside it.
const NOBODY: u32 = 65_532;
/// After a pod was asked to end, in seconds: requests in flight get five, then logs are sent.
const GRACE_S: u32 = 90;

/// What a pod may use: requests equal to limits, so that it is "Guaranteed" and nobody shares its cores.
pub(super) fn resources(cpu: u32, memory_mib: u32) -> Value {
    let both = json!({ "cpu": cpu.to_string(), "memory": format!("{memory_mib}Mi") });
    json!({ "requests": both, "limits": both })
}

/// A pod of one container: nobody's, without privileges, on a root that cannot be written, without an account's token.
pub(super) fn pod(restart: &str, mut container: Value, volumes: &Value) -> Value {
    container["securityContext"] = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    });
    json!({
        "restartPolicy": restart,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "fsGroup": NOBODY,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [container],
        "volumes": volumes,
    })
}

/// A rule that keeps a pod off the nodes of pods with these labels.
pub(super) fn off(labels: &Value) -> Value {
    json!({ "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": labels } })
}
