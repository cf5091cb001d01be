//! What holds for the samplers of a branch: defaults, headers, credentials, timers, assertions, extractors.

use super::tree::XmlElement;
use crate::yaml::{YamlEntry, YamlValue};
use plimsoll_units::Nanos;

/// What holds in a branch; what stands nearer comes later.
#[derive(Debug, Clone, Default)]
pub(super) struct SamplerScope<'x> {
    /// HTTP Request Defaults.
    pub(super) defaults: Vec<&'x XmlElement>,
    pub(super) headers: Vec<(&'x str, &'x str)>,
    pub(super) credentials: Vec<&'x XmlElement>,
    pub(super) timers: Vec<YamlValue>,
    pub(super) assertions: Vec<&'x XmlElement>,
    pub(super) extractors: Vec<&'x XmlElement>,
}

impl<'x> SamplerScope<'x> {
    /// Takes in an element, if it is one that holds for samplers.
    pub(super) fn take(&mut self, element: &'x XmlElement) -> bool {
        match element.name.as_str() {
            "ConfigTestElement" => self.defaults.push(element),
            "HeaderManager" => {
                for header in element.items("HeaderManager.headers") {
                    let (name, value) =
                        (header.property("Header.name"), header.property("Header.value"));
                    self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                    self.headers.push((name, value));
                }
            }
            "AuthManager" => self.credentials.extend(element.items("AuthManager.auth_list")),
            "ConstantTimer"
            | "UniformRandomTimer"
            | "GaussianRandomTimer"
            | "PoissonRandomTimer" => {
                self.timers.extend(law(element));
            }
            "ResponseAssertion" | "JSONPathAssertion" | "DurationAssertion" | "SizeAssertion" => {
                self.assertions.push(element);
            }
            "JSONPostProcessor" | "RegexExtractor" | "BoundaryExtractor" => {
                self.extractors.push(element);
            }
            // Users keep cookies here, and caches are none of a request's business.
            "CookieManager" | "CacheManager" | "DNSCacheManager" => {}
            _ => return false,
        }
        true
    }

    /// A property of a sampler, or of the nearest defaults.
    pub(super) fn property<'e>(&self, sampler: &'e XmlElement, name: &str) -> &'e str
    where
        'x: 'e,
    {
        let own = sampler.property(name);
        if !own.is_empty() {
            return own;
        }
        self.defaults
            .iter()
            .rev()
            .map(|defaults| defaults.property(name))
            .find(|text| !text.is_empty())
            .unwrap_or("")
    }
}

/// A timer's law of delays; none where it does not wait.
fn law(timer: &XmlElement) -> Option<YamlValue> {
    let least = timer.number("ConstantTimer.delay").unwrap_or(0.0);
    let range = timer.number("RandomTimer.range").unwrap_or(0.0);
    let shown = |millis: f64| Nanos::from_millis(millis.clamp(0.0, 1e9) as u64).to_string();
    if least <= 0.0 && range <= 0.0 {
        return None;
    }
    Some(match timer.name.as_str() {
        "UniformRandomTimer" if range > 0.0 => {
            YamlValue::plain(format!("{}..{}", shown(least), shown(least + range)))
        }
        "GaussianRandomTimer" if least > 0.0 => {
            let laws = vec![YamlValue::plain(shown(least)), YamlValue::plain(shown(range))];
            YamlValue::Map(vec![YamlEntry::new("normal", YamlValue::List(laws))])
        }
        // A Poisson law of so many milliseconds is close to its mean.
        "PoissonRandomTimer" => YamlValue::plain(shown(least + range)),
        _ => YamlValue::plain(shown(least.max(1.0))),
    })
}
