//! Markdown under construction.

use std::fmt::{self, Write as _};

use super::super::format;

/// Markdown under construction.
#[derive(Debug, Default)]
pub(crate) struct MarkdownPage {
    pub(crate) text: String,
}

impl MarkdownPage {
    pub(crate) fn add(&mut self, text: fmt::Arguments<'_>) {
        // Cannot fail: a `String` takes everything.
        let _ = self.text.write_fmt(text);
    }

    /// A heading; `text` is foreign.
    pub(crate) fn heading(&mut self, level: usize, text: &str) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
        self.add(format_args!("{} {}\n\n", "#".repeat(level), cell(text)));
    }

    /// A paragraph of our own Markdown.
    pub(crate) fn paragraph(&mut self, markdown: &str) {
        self.text.push_str(markdown);
        self.text.push_str("\n\n");
    }

    /// A list of foreign lines.
    pub(crate) fn list<S: AsRef<str>>(&mut self, items: &[S]) {
        for item in items {
            self.add(format_args!("- {}\n", cell(item.as_ref())));
        }
    }

    /// A table; columns whose head ends in `:` are aligned to the right. All cells are foreign.
    pub(crate) fn table(&mut self, heads: &[&str], body: &[Vec<String>]) {
        let names: Vec<&str> = heads.iter().map(|head| head.trim_end_matches(':')).collect();
        let rule = |head: &&str| if head.ends_with(':') { "---:" } else { ":---" };
        let rules: Vec<&str> = heads.iter().map(rule).collect();
        self.add(format_args!("| {} |\n| {} |\n", names.join(" | "), rules.join(" | ")));
        for row in body {
            let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
            self.add(format_args!("| {} |\n", cells.join(" | ")));
        }
    }

    /// Facts in pairs.
    pub(crate) fn facts<K: AsRef<str>>(&mut self, facts: &[(K, String)]) {
        for (key, value) in facts {
            self.add(format_args!("- **{}**: {}\n", cell(key.as_ref()), cell(value)));
        }
    }
}

/// Escapes foreign text for a cell, a heading or a list: it stays text, on one line.
pub(crate) fn cell(text: &str) -> String {
    let mut out = String::new();
    for character in format::line(text, 1_000).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' => {
                out.push('\\');
                out.push(character);
            }
            plain => out.push(plain),
        }
    }
    out
}
