//! The names that steps capture.

use crate::scenario::Spanned;
use crate::scenario::schema::{RequestSpec, Scenario, StepKind, StepSpec};

/// The names that any step of any flow captures, in the order of the file.
pub(in crate::plan::compile) fn captured_names(scenario: &Scenario) -> Vec<&Spanned<String>> {
    let mut names = vec![];
    for flow in scenario.flows.iter().map(|named| &named.flow) {
        collect_captured(flow, &mut names);
    }
    for flow in scenario.sessions.iter().map(|session| &session.login) {
        collect_captured(flow, &mut names);
    }
    for flow in scenario.scenarios.iter().map(|journey| &journey.flow) {
        collect_captured(flow, &mut names);
    }
    names
}

fn collect_captured<'a>(steps: &'a [StepSpec], names: &mut Vec<&'a Spanned<String>>) {
    for step in steps {
        match &step.kind {
            StepKind::Request(request) => collect_of(request, names),
            StepKind::Repeat { flow, .. } => collect_captured(flow, names),
            StepKind::If { then, otherwise, .. } => {
                collect_captured(then, names);
                collect_captured(otherwise, names);
            }
            StepKind::Choose(branches) => {
                for branch in branches {
                    collect_captured(&branch.flow, names);
                }
            }
            StepKind::Parallel(requests) => requests.iter().for_each(|r| collect_of(r, names)),
            StepKind::Poll(poll) => collect_captured(&poll.flow, names),
            StepKind::Stream(stream) => collect_of(&stream.request, names),
            StepKind::Playback(playback) => {
                collect_of(&playback.manifest, names);
                collect_of(&playback.segment, names);
            }
            StepKind::Think(_) | StepKind::Use(_) | StepKind::Pace(_) => {}
        }
    }
}

fn collect_of<'a>(request: &'a RequestSpec, names: &mut Vec<&'a Spanned<String>>) {
    names.extend(request.captures.iter().map(|capture| &capture.name));
}
