//! The timeline of what goes wrong.

use std::collections::BTreeMap;

use super::names::DeclaredNames;
use super::names::other;
use super::names::tier_id;
use crate::declared::fault::{ERRORS, FAULT, FAULT_KINDS, KILL, LAG, ROLL, SLOW};
use crate::model::{Fault, FaultAction, ModelTierSpec, TierId};
use plimsoll_scenario::{Fields, KeyNode, Node, NodeValue, Problems, list, whole_within};
use plimsoll_units::{Nanos, Ratio, RunTime};

/// Faults that happen in any case, and sets of faults that are chosen by name.
type Faults = (Vec<Fault>, BTreeMap<String, Vec<Fault>>);

/// Reads `faults:`. A list always happens; a mapping names lists to choose from.
pub(super) fn faults(
    node: &Node,
    tiers: &[ModelTierSpec],
    names: &DeclaredNames,
    problems: &mut Problems,
) -> Faults {
    if let NodeValue::Mapping(entries) = &node.value {
        let set = |(key, node): &(KeyNode, Node)| {
            (key.text.clone(), timeline(node, tiers, names, problems))
        };
        return (Vec::new(), entries.iter().map(set).collect());
    }
    (timeline(node, tiers, names, problems), BTreeMap::new())
}

/// Reads a list of faults. A fault that lasts becomes a beginning and an end.
fn timeline(
    node: &Node,
    tiers: &[ModelTierSpec],
    names: &DeclaredNames,
    problems: &mut Problems,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for item in list(node, "a list of faults", problems).unwrap_or_default() {
        let mut reader = FaultReader { tiers, names, problems, out: &mut faults };
        reader.fault(item);
    }
    faults
}

struct FaultReader<'a> {
    tiers: &'a [ModelTierSpec],
    names: &'a DeclaredNames,
    problems: &'a mut Problems,
    out: &'a mut Vec<Fault>,
}

impl FaultReader<'_> {
    fn fault(&mut self, node: &Node) -> Option<()> {
        let mut fields = Fields::of(node, &FAULT, self.problems)?;
        let at = fields.read::<Nanos>("at", self.problems);
        let span = fields.read::<Nanos>("for", self.problems);
        let every = fields.read::<Nanos>("every", self.problems);
        let kinds: Vec<(&str, &Node)> = FAULT_KINDS
            .iter()
            .filter_map(|kind| Some((*kind, fields.node(kind, self.problems)?)))
            .collect();
        fields.finish(self.problems);
        let &[(kind, what)] = kinds.as_slice() else { return None };
        let at = RunTime::ZERO + at?;
        if every.is_some() && kind != "freeze" {
            other(node.span, "only a `freeze` can recur", "write it several times", self.problems);
        }
        match kind {
            "kill" => self.kill(what, at, span),
            "slow" => self.slow(what, at, span),
            "errors" => self.errors(what, at, span),
            "freeze" => self.freeze(what, at, every),
            "roll" => self.roll(what, at),
            _ => self.lag(what, at, span),
        }
    }

    fn add(&mut self, at: RunTime, action: FaultAction) {
        self.out.push(Fault { at, action });
    }

    /// `kill: { tier: api, replica: 1 }`; replicas count from 1.
    fn kill(&mut self, node: &Node, at: RunTime, span: Option<Nanos>) -> Option<()> {
        let mut fields = Fields::of(node, &KILL, self.problems)?;
        let tier = self.tier(&mut fields);
        let replica = fields.node("replica", self.problems).and_then(|node| {
            let most = self.tiers.get(tier?.index())?.replicas;
            whole_within(node, "`replica`", (1, most), self.problems)
        });
        fields.finish(self.problems);
        let (tier, replica) = (tier?, (replica? - 1) as u8);
        self.add(at, FaultAction::Kill { tier, replica });
        if let Some(span) = span {
            self.add(at + span, FaultAction::Revive { tier, replica });
        }
        Some(())
    }

    fn tier(&mut self, fields: &mut Fields<'_>) -> Option<TierId> {
        let node = fields.node("tier", self.problems)?;
        tier_id(node, self.names, self.problems)
    }

    /// `slow: { tier: db, factor: 4 }`.
    fn slow(&mut self, node: &Node, at: RunTime, span: Option<Nanos>) -> Option<()> {
        let mut fields = Fields::of(node, &SLOW, self.problems)?;
        let tier = self.tier(&mut fields);
        let factor = fields.read("factor", self.problems);
        fields.finish(self.problems);
        let tier = tier?;
        self.add(at, FaultAction::Slow { tier, factor: factor? });
        if let Some(span) = span {
            self.add(at + span, FaultAction::Slow { tier, factor: 1.0 });
        }
        Some(())
    }

    /// `errors: { tier: api, share: 5%, status: 500 }`.
    fn errors(&mut self, node: &Node, at: RunTime, span: Option<Nanos>) -> Option<()> {
        let mut fields = Fields::of(node, &ERRORS, self.problems)?;
        let tier = self.tier(&mut fields);
        let share = fields.read::<Ratio>("share", self.problems);
        let status = fields
            .node("status", self.problems)
            .and_then(|node| super::names::status(node, self.problems));
        fields.finish(self.problems);
        let (tier, status) = (tier?, status.map_or(500, |status| status.as_u16()));
        self.add(at, FaultAction::Errors { tier, share: share?.get(), status });
        if let Some(span) = span {
            self.add(at + span, FaultAction::Errors { tier, share: 0.0, status });
        }
        Some(())
    }

    /// `freeze: 1s`, maybe with `every: 10s`.
    fn freeze(&mut self, node: &Node, at: RunTime, every: Option<Nanos>) -> Option<()> {
        let span: Nanos = plimsoll_scenario::Decode::decode(node, self.problems)?;
        if every.is_some_and(|every| every <= span) {
            let message = format!("a freeze of {span} cannot recur before it is over");
            other(node.span, message, "give `every` more than the freeze takes", self.problems);
        }
        self.add(at, FaultAction::Freeze { span, every });
        Some(())
    }

    /// `lag: { tier: db }`: the standby of `db` stops applying.
    fn lag(&mut self, node: &Node, at: RunTime, span: Option<Nanos>) -> Option<()> {
        let mut fields = Fields::of(node, &LAG, self.problems)?;
        let tier = self.tier(&mut fields);
        fields.finish(self.problems);
        let tier = tier?;
        if self.tiers.get(tier.index())?.replication.is_none() {
            let hint = "give the tier a `replication: { delay: 20ms, catch_up: 4 }`";
            other(node.span, "this tier has no standby".to_owned(), hint, self.problems);
        }
        self.add(at, FaultAction::Lag { tier, stops: true });
        if let Some(span) = span {
            self.add(at + span, FaultAction::Lag { tier, stops: false });
        }
        Some(())
    }

    /// `roll: { tier: api, drain: 5s, restart: 3s, wait: 5s }`: a rolling update, one replica after the other.
    fn roll(&mut self, node: &Node, at: RunTime) -> Option<()> {
        let mut fields = Fields::of(node, &ROLL, self.problems)?;
        let tier = self.tier(&mut fields);
        let drain = fields.or("drain", Nanos::from_secs(1), self.problems);
        let restart = fields.read::<Nanos>("restart", self.problems);
        let wait = fields.or("wait", Nanos::ZERO, self.problems);
        fields.finish(self.problems);
        let (tier, restart) = (tier?, restart?);
        let replicas = self.tiers.get(tier.index())?.replicas;
        let mut at = at;
        for replica in 0..replicas as u8 {
            self.add(at, FaultAction::Drain { tier, replica });
            at = at + drain;
            self.add(at, FaultAction::Kill { tier, replica });
            at = at + restart;
            self.add(at, FaultAction::Revive { tier, replica });
            at = at + wait;
        }
        Some(())
    }
}
