//! The stages of a load in the making.

use crate::yaml::{YamlEntry, YamlValue};
use plimsoll_units::Nanos;

/// How long a stage lasts that jumps to a number: a ramp begins where the stage before it ends.
const JUMP: Nanos = Nanos::from_millis(1);

/// Stages that keep a number or go evenly from one to another.
pub(crate) struct StagesDraft<'a> {
    /// What keeps a number: `rate`, `vus`.
    key: &'static str,
    /// How a number is written.
    written: &'a dyn Fn(f64) -> String,
    stages: Vec<YamlValue>,
    /// Where the last one ends.
    reached: f64,
}

impl<'a> StagesDraft<'a> {
    /// None yet.
    pub(crate) fn new(key: &'static str, written: &'a dyn Fn(f64) -> String) -> Self {
        Self { key, written, stages: vec![], reached: 0.0 }
    }

    /// Goes from one number to another within a time. Where the last stage ended at a third one, it is jumped over, which is
    /// not judged.
    pub(crate) fn push(&mut self, from: f64, to: f64, time: Nanos) {
        let is_same = |a: f64, b: f64| (a - b).abs() < f64::EPSILON;
        if is_same(from, to) {
            self.add(self.key, to, time, None);
        } else {
            if !is_same(self.reached, from) {
                let unjudged = YamlEntry::new("judge", YamlValue::plain("false"));
                self.add(self.key, from, JUMP, Some(unjudged));
            }
            self.add("ramp_to", to, time, None);
        }
        self.reached = to;
    }

    fn add(&mut self, key: &str, number: f64, time: Nanos, more: Option<YamlEntry>) {
        let fields = [
            YamlEntry::new(key, YamlValue::plain((self.written)(number))),
            YamlEntry::new("duration", YamlValue::plain(time.to_string())),
        ];
        self.stages.push(YamlValue::Map(fields.into_iter().chain(more).collect()));
    }

    /// All of them.
    pub(crate) fn finish(self) -> YamlValue {
        YamlValue::List(self.stages)
    }
}
