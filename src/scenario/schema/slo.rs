//! `slo:`: the rows of the SLO table, as written. What each metric means is the compiler's to say.

use crate::declared::slo::{OBJECTIVE, ROWS, TABLE, UNJUDGED};
use crate::{Fields, KeyNode, Node, NodeValue, Problems, Spanned, entries, word};
use plimsoll_metrics::Answers;

/// What a row speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SloScope {
    /// The whole run.
    Run,
    /// A scenario.
    Scenario(Spanned<String>),
    /// A step.
    Step(Spanned<String>),
    /// All steps with a tag.
    Tag(Spanned<String>),
    /// A page of real browsers.
    Page(Spanned<String>),
}

/// A row of the SLO table. `error_rate: off` has neither target nor bound.
#[derive(Debug, Clone)]
pub struct SloRowSpec {
    /// What it speaks of.
    pub scope: SloScope,
    /// The metric: `p95`, `error_rate`, `db.connections`.
    pub metric: Spanned<String>,
    /// What the team wants.
    pub target: Option<Spanned<String>>,
    /// What must never be exceeded.
    pub max: Option<Spanned<String>>,
    /// What must never be undercut.
    pub min: Option<Spanned<String>>,
    /// Whose times a row on response times holds; no other row has it.
    pub of: Option<Spanned<Answers>>,
}

pub(super) fn read(node: &Node, problems: &mut Problems) -> Vec<SloRowSpec> {
    let Some(mut fields) = Fields::of(node, &TABLE, problems) else { return vec![] };
    let groups = [
        (fields.node("scenarios", problems), SloScope::Scenario as fn(Spanned<String>) -> SloScope),
        (fields.node("steps", problems), SloScope::Step),
        (fields.node("tags", problems), SloScope::Tag),
        (fields.node("pages", problems), SloScope::Page),
    ];
    let mut rows = table(&fields.others_and("error_rate", problems), &SloScope::Run, problems);
    fields.finish(problems);
    for (node, scope) in groups {
        let Some(node) = node else { continue };
        let Some(entries) = entries(node, "a mapping of names", problems) else { continue };
        for (key, node) in entries {
            let scope = scope(Spanned::new(key.text.clone(), key.span));
            let Some(mut fields) = Fields::of(node, &ROWS, problems) else { continue };
            rows.extend(table(&fields.others_and("error_rate", problems), &scope, problems));
            fields.finish(problems);
        }
    }
    rows
}

fn table(
    entries: &[&(KeyNode, Node)],
    scope: &SloScope,
    problems: &mut Problems,
) -> Vec<SloRowSpec> {
    let rows = entries.iter().filter_map(|(key, node)| row(key, node, scope.clone(), problems));
    rows.collect()
}

fn row(key: &KeyNode, node: &Node, scope: SloScope, problems: &mut Problems) -> Option<SloRowSpec> {
    let metric = Spanned::new(key.text.clone(), key.span);
    if key.text == "error_rate" && matches!(node.value, NodeValue::Scalar(_)) {
        word(node, &UNJUDGED, &[("off", ())], problems)?;
        return Some(SloRowSpec { scope, metric, target: None, max: None, min: None, of: None });
    }
    let mut fields = Fields::of(node, &OBJECTIVE, problems)?;
    let answers = [Answers::Successes, Answers::All].map(|of| (of.name(), of));
    let of = fields.word("of", &answers, problems);
    let of_span = fields.node("of", problems).map(|node| node.span);
    let row = SloRowSpec {
        scope,
        metric,
        target: fields.read("target", problems),
        max: fields.read("max", problems),
        min: fields.read("min", problems),
        of: of.zip(of_span).map(|(of, span)| Spanned::new(of, span)),
    };
    fields.finish(problems);
    Some(row)
}
