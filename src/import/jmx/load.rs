//! Thread groups → how many users there are, and when.

use super::tree::XmlElement;
use crate::draft::StagesDraft;
use crate::yaml::{YamlEntry, YamlValue};
use plimsoll_units::Nanos;

/// The most users and seconds that are written: more are a mistake.
const MOST: f64 = 1e6;
/// A shorter ramp is none.
const RAMP_MIN: f64 = 1.5;

/// Users that come over `startup` seconds behind `delay`, stay for `hold` and leave over `shutdown`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct UserRow {
    pub(super) users: f64,
    pub(super) delay: f64,
    pub(super) startup: f64,
    pub(super) hold: f64,
    pub(super) shutdown: f64,
}

impl UserRow {
    fn times(&self) -> [f64; 4] {
        let all = self.delay + self.startup;
        [self.delay, all, all + self.hold, all + self.hold + self.shutdown]
    }

    /// How many users there are at a moment, in seconds.
    fn at(&self, time: f64) -> f64 {
        let [come, all, leave, gone] = self.times();
        if time <= come || time >= gone {
            0.0
        } else if time < all {
            self.users * (time - come) / self.startup
        } else if time <= leave {
            self.users
        } else {
            self.users * (gone - time) / self.shutdown
        }
    }

    fn is_level(&self) -> bool {
        self.delay < 1.0 && self.startup <= RAMP_MIN && self.shutdown <= RAMP_MIN
    }
}

/// What a thread group asks for. `number` reads a property, `fallback_s` is how long it lasts where it does not say.
pub(super) fn rows_of(
    group: &XmlElement,
    number: &dyn Fn(&str) -> Option<f64>,
    fallback_s: f64,
) -> Vec<UserRow> {
    let seconds = |name: &str| number(name).unwrap_or(0.0).clamp(0.0, MOST);
    let users = |name: &str| number(name).filter(|users| *users >= 1.0).map(|u| u.min(MOST));
    match group.name.as_str() {
        "kg.apc.jmeter.threads.UltimateThreadGroup" => {
            let rows = group.items("ultimatethreadgroupdata").iter();
            rows.filter_map(|row| {
                let cell = |at: usize| row.children.get(at)?.bare_text().parse::<f64>().ok();
                let span = |at: usize| Some(cell(at)?.clamp(0.0, MOST));
                let users = cell(0)?.clamp(1.0, MOST);
                let (delay, startup) = (span(1)?, span(2)?);
                Some(UserRow { users, delay, startup, hold: span(3)?, shutdown: span(4)? })
            })
            .collect()
        }
        "kg.apc.jmeter.threads.SteppingThreadGroup" => {
            let Some(users) = users("ThreadGroup.num_threads") else { return vec![] };
            let over = |count: &str, period: &str| {
                let steps = number(count).filter(|count| *count >= 1.0).map_or(1.0, |c| users / c);
                (steps * seconds(period)).min(MOST)
            };
            let hold = Some(seconds("flighttime")).filter(|hold| *hold > 0.0);
            vec![UserRow {
                users,
                delay: seconds("Threads initial delay"),
                startup: over("Start users count", "Start users period"),
                hold: hold.unwrap_or(fallback_s),
                shutdown: over("Stop users count", "Stop users period"),
            }]
        }
        "com.blazemeter.jmeter.threads.concurrency.ConcurrencyThreadGroup" => {
            let Some(users) = users("TargetLevel") else { return vec![] };
            let unit = if group.property("Unit") == "S" { 1.0 } else { 60.0 };
            let hold = Some(seconds("Hold") * unit).filter(|hold| *hold >= 1.0);
            let (startup, hold) = (seconds("RampUp") * unit, hold.unwrap_or(fallback_s));
            vec![UserRow { users, delay: 0.0, startup, hold, shutdown: 0.0 }]
        }
        _ => {
            let Some(users) = users("ThreadGroup.num_threads") else { return vec![] };
            let scheduled = group.flag("ThreadGroup.scheduler");
            let told = number("ThreadGroup.duration").filter(|s| scheduled && *s >= 1.0);
            let delay = if scheduled { seconds("ThreadGroup.delay") } else { 0.0 };
            let startup = seconds("ThreadGroup.ramp_time");
            // The time of a group counts from its beginning, ramp included.
            let hold = told.map_or(fallback_s, |told| (told.min(MOST) - startup).max(1.0));
            vec![UserRow { users, delay, startup, hold, shutdown: 0.0 }]
        }
    }
}

/// How often each user of a group repeats what it does, where that and no time ends it.
pub(super) fn loops_of(group: &XmlElement, expanded: &dyn Fn(&str) -> String) -> Option<f64> {
    let control = group.child("ThreadGroup.main_controller")?;
    let loops = expanded(control.property("LoopController.loops")).parse::<f64>().ok();
    let loops = loops.filter(|loops| *loops >= 1.0)?;
    (!group.flag("ThreadGroup.scheduler") && !control.flag("LoopController.continue_forever"))
        .then(|| loops.min(MOST))
}

/// The stage of a group whose iterations begin at a rate.
pub(super) fn arrivals_of(
    group: &XmlElement,
    number: &dyn Fn(&str) -> Option<f64>,
) -> Option<YamlValue> {
    if group.name != "com.blazemeter.jmeter.threads.arrivals.ArrivalsThreadGroup" {
        return None;
    }
    let (unit, unit_s) = if group.property("Unit") == "S" { ("s", 1.0) } else { ("min", 60.0) };
    let rate = number("TargetLevel").filter(|rate| *rate > 0.0 && *rate <= MOST)?;
    let hold = number("Hold").filter(|hold| *hold > 0.0 && *hold <= MOST)?;
    Some(YamlValue::Map(vec![
        YamlEntry::new("rate", YamlValue::plain(format!("{rate} iter/{unit}"))),
        YamlEntry::new("duration", shown(hold * unit_s)),
    ]))
}

/// The closed workload of these users: a number, or the stages of one.
pub(super) fn workload(rows: &[UserRow]) -> Vec<YamlEntry> {
    let last = rows.iter().map(|row| row.times()[3]).fold(1.0, f64::max).min(MOST);
    if rows.iter().all(UserRow::is_level) {
        let users: f64 = rows.iter().map(|row| row.users).sum();
        return vec![
            YamlEntry::new("vus", YamlValue::plain(users.min(MOST).to_string())),
            YamlEntry::new("duration", shown(last)),
        ];
    }
    vec![YamlEntry::new("vus", stages(rows))]
}

/// Stages between the moments at which the number of users begins to change in another way.
fn stages(rows: &[UserRow]) -> YamlValue {
    let mut knots: Vec<f64> = rows.iter().flat_map(UserRow::times).chain([0.0]).collect();
    knots.sort_by(f64::total_cmp);
    knots.dedup_by(|a, b| (*a - *b).abs() < 1e-3);
    let users_at = |time: f64| rows.iter().map(|row| row.at(time)).sum::<f64>().min(MOST).round();
    let mut stages = StagesDraft::new("vus", &|users| users.to_string());
    for pair in knots.windows(2) {
        let near = (pair[1] - pair[0]) * 1e-6;
        let (from, to) = (users_at(pair[0] + near), users_at(pair[1] - near));
        stages.push(from, to, span(pair[1] - pair[0]));
    }
    stages.finish()
}

fn span(seconds: f64) -> Nanos {
    Nanos::from_millis((seconds * 1e3).round().max(1.0) as u64)
}

fn shown(seconds: f64) -> YamlValue {
    YamlValue::plain(span(seconds).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::document;

    fn written(rows: &[(f64, f64, f64, f64, f64)]) -> String {
        let rows: Vec<UserRow> = rows
            .iter()
            .map(|&(users, delay, startup, hold, shutdown)| UserRow {
                users,
                delay,
                startup,
                hold,
                shutdown,
            })
            .collect();
        let text = document(&[], &workload(&rows));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn users_come_and_go_as_all_groups_say() {
        assert_eq!(
            written(&[(10.0, 0.0, 1.0, 59.0, 0.0), (5.0, 0.0, 0.0, 30.0, 0.0)]),
            "vus: 15 duration: 1m"
        );
        assert_eq!(
            written(&[(100.0, 0.0, 30.0, 60.0, 10.0)]),
            "vus: [{ ramp_to: 100, duration: 30s }, { vus: 100, duration: 1m }, { ramp_to: 0, duration: 10s }]"
        );
        assert_eq!(
            written(&[(10.0, 0.0, 0.0, 60.0, 0.0), (20.0, 30.0, 10.0, 20.0, 0.0)]),
            "vus: [{ vus: 10, duration: 30s }, { ramp_to: 30, duration: 10s }, { vus: 30, duration: 20s }]"
        );
        assert_eq!(
            written(&[(10.0, 5.0, 0.0, 10.0, 5.0)]),
            "vus: [{ vus: 0, duration: 5s }, { vus: 10, duration: 10s }, { ramp_to: 0, duration: 5s }]"
        );
    }
}
