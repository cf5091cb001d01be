//! Proxies that the environment names: used only where the scenario names them too, and never passed by in silence.
//!
//! A load test that went through a proxy which others share, only because a shell knows one, would load that.

use crate::plan::{DirectHost, Plan, ProxyPlan, Target};

/// What a reader must know of the proxies of the environment, one sentence a variable: those that other programs would
/// use for the plan's targets, and this one does not.
pub(super) fn unused_proxies(plan: &Plan, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    if plan.http.proxy.is_some() {
        return vec![];
    }
    let mut told: Vec<String> = vec![];
    let green = plan.split.as_ref().map(|split| &split.green);
    for target in std::iter::once(&plan.target).chain(green) {
        let Some(variable) = named(target, lookup) else { continue };
        let sentence = format!(
            "`{variable}` is not used: requests go straight to {}; \
             `http: {{ proxy: \"${{{variable}}}\", no_proxy: \"${{NO_PROXY:-}}\" }}` sends them through it",
            target.url()
        );
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

/// The variable that names a proxy for `target`, if one does and no other exempts it. `HTTP_PROXY` counts in lower case
/// as well, though others heed only that: it is named for a reader.
fn named(target: &Target, lookup: &dyn Fn(&str) -> Option<String>) -> Option<&'static str> {
    let scheme =
        if target.tls { ["https_proxy", "HTTPS_PROXY"] } else { ["http_proxy", "HTTP_PROXY"] };
    let given = |name: &&str| lookup(name).is_some_and(|value| !value.trim().is_empty());
    let variable = scheme.into_iter().chain(["all_proxy", "ALL_PROXY"]).find(given)?;
    let exempt = ["no_proxy", "NO_PROXY"].iter().find_map(|name| lookup(name)).unwrap_or_default();
    let direct = exempt.split([',', ' ']).filter_map(DirectHost::parse).collect();
    // Whatever proxy it is, the hosts that it serves are those that are not exempt.
    let proxy = ProxyPlan::parse("http://proxy").ok()?;
    ProxyPlan { direct, ..proxy }.serves_target(target).then_some(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(tls: bool, host: &str) -> Target {
        Target { tls, host: host.to_owned(), port: 80, prefix: String::new() }
    }

    #[test]
    fn proxy_of_the_environment_is_named_unless_the_host_is_exempt() {
        let lookup = |name: &str| match name {
            "HTTP_PROXY" => Some("http://proxy:3128".to_owned()),
            "no_proxy" => Some("localhost, 10.0.0.0/8,.internal".to_owned()),
            _ => None,
        };
        assert_eq!(named(&target(false, "127.0.0.1"), &lookup), Some("HTTP_PROXY"));
        assert_eq!(named(&target(true, "127.0.0.1"), &lookup), None, "of https nothing is said");
        for exempt in ["localhost", "10.1.2.3", "api.internal"] {
            assert_eq!(named(&target(false, exempt), &lookup), None, "{exempt}");
        }
        let all = |name: &str| (name == "ALL_PROXY").then(|| "proxy".to_owned());
        assert_eq!(named(&target(true, "a.example"), &all), Some("ALL_PROXY"));
        let empty = |_: &str| Some(String::new());
        assert_eq!(named(&target(true, "a.example"), &empty), None);
    }
}
