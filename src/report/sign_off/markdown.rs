//! The sign-off report as Markdown.

use super::document::SignOffDocument;
use super::input::SignOff;
use crate::markdown::{MarkdownPage, capacity_tables, cell};

/// Renders the document as Markdown.
pub fn markdown(input: &SignOff) -> String {
    let document = SignOffDocument::of(input);
    let mut page = MarkdownPage::default();
    page.heading(1, &format!("{}: performance and capacity sign-off", document.system));
    page.paragraph(&format!(
        "**{} {}** — {}",
        document.symbol,
        document.word,
        cell(&document.sentence)
    ));
    page.heading(2, "Capacity and headroom");
    page.facts(&document.headroom);
    page.facts(&[("recommendation", document.recommendation.clone())]);
    if let Some(capacity) = &document.capacity {
        capacity_tables(&mut page, capacity);
    }
    page.heading(2, "Objectives");
    runs(&mut page, &document);
    page.heading(2, "What was tested");
    conditions(&mut page, &document);
    bullets(&mut page, "Risks", &document.risks, "None was found in what was tested.");
    bullets(
        &mut page,
        "What was not tested",
        &document.untested,
        "Nothing, as far as the runs show.",
    );
    page.heading(2, "Signatures");
    let body: Vec<Vec<String>> = document
        .signers
        .iter()
        .map(|role| vec![role.clone(), String::new(), String::new(), String::new()])
        .collect();
    page.table(&["role", "name", "date", "signature"], &body);
    page.text
}

fn runs(page: &mut MarkdownPage, document: &SignOffDocument) {
    for run in &document.runs {
        page.heading(3, &run.name);
        page.paragraph(&format!("**{} {}** — {}", run.symbol, run.word, cell(&run.sentence)));
        page.paragraph(&format!(
            "{} · {} · measurement **{}** · {} · judged part: {} · {} · {} requests · {} errors",
            cell(&run.started),
            run.duration,
            run.validity,
            cell(&run.model),
            run.judged_part,
            run.rate,
            run.requests,
            run.error_rate
        ));
        let body: Vec<Vec<String>> = run
            .slo
            .iter()
            .map(|row| {
                let status = format!("{} {}", row.symbol, row.status);
                let texts =
                    [&row.name, &row.scope, &row.target, &row.limit, &row.estimate, &row.interval];
                texts.into_iter().chain([&status, &row.note]).cloned().collect()
            })
            .collect();
        let limit = format!("{}:", run.limit_head);
        page.table(
            &[
                "objective",
                "scope",
                "target:",
                &limit,
                "estimate:",
                "95 % interval:",
                "status",
                "note",
            ],
            &body,
        );
    }
}

fn conditions(page: &mut MarkdownPage, document: &SignOffDocument) {
    let body: Vec<Vec<String>> = document
        .conditions
        .iter()
        .map(|row| {
            let same = if row.same { "all runs" } else { "differs, in order of the runs" };
            vec![row.name.clone(), row.value.clone(), same.to_owned()]
        })
        .chain(
            document
                .stack
                .iter()
                .map(|(key, value)| vec![key.clone(), value.clone(), "stack".into()]),
        )
        .collect();
    page.table(&["condition", "value", "of"], &body);
}

fn bullets(page: &mut MarkdownPage, title: &str, items: &[String], none: &str) {
    page.heading(2, title);
    if items.is_empty() {
        page.paragraph(none);
    } else {
        page.list(items);
    }
}
