//! Problems as text: the place, the line, carets and a hint.

use std::fmt::Write;

use super::{Problem, SourceFiles, SourceId, Span, redact};

/// The most problems that are shown: who has more begins with the first ones.
const SHOWN_MAX: usize = 100;

/// The longest part of a source line that is shown, in characters.
const WIDTH: usize = 120;

/// Whether the text may carry colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// ANSI colours.
    Ansi,
    /// Plain text.
    None,
}

impl Colour {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::None => text.to_owned(),
        }
    }
}

/// Problems of files that are played, each with its place, and a last line that counts them.
pub fn render(problems: &[Problem], sources: &SourceFiles, colour: Colour) -> String {
    render_ending(problems, sources, colour, "nothing was sent")
}

/// Problems, each with its place, and a last line that counts them and says what they end. Of very many, the first are
/// shown.
pub fn render_ending(
    problems: &[Problem],
    sources: &SourceFiles,
    colour: Colour,
    ending: &str,
) -> String {
    let mut out = String::new();
    for problem in problems.iter().take(SHOWN_MAX) {
        one(&mut out, problem, sources, colour);
        out.push('\n');
    }
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    let first = if count > SHOWN_MAX {
        format!(", of which the first {SHOWN_MAX} are shown")
    } else {
        String::new()
    };
    let _ = writeln!(out, "{count} {noun}{first}; {ending}");
    out
}

/// A problem as machines read it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ToldProblem {
    /// Which kind it is: a name that stays the same from version to version.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The file; none for the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// How many characters it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
}

/// All problems, for machines. Secrets are in none.
pub fn told(problems: &[Problem], sources: &SourceFiles) -> Vec<ToldProblem> {
    let one = |problem: &Problem| {
        let span = problem.span;
        let placed = |number: u32| (span.line > 0).then_some(number);
        ToldProblem {
            code: problem.kind.name(),
            message: shown(&problem.kind.to_string(), sources),
            hint: problem.kind.hint().map(|hint| shown(&hint, sources)),
            file: sources.get(span.source).map(|file| file.path.clone()),
            line: placed(span.line),
            column: placed(span.column),
            length: placed(span.length),
        }
    };
    problems.iter().map(one).collect()
}

fn one(out: &mut String, problem: &Problem, sources: &SourceFiles, colour: Colour) {
    let message = shown(&problem.kind.to_string(), sources);
    let _ = writeln!(out, "{}: {message}", colour.paint("1;31", "error"));
    snippet(out, problem.span, sources, colour);
    if let Some(hint) = problem.kind.hint() {
        let hint = shown(&hint, sources);
        let _ = writeln!(out, "{}: {hint}", colour.paint("1;36", "hint"));
    }
}

fn snippet(out: &mut String, span: Span, sources: &SourceFiles, colour: Colour) {
    let Some(source) = sources.get(span.source) else {
        if span.source == SourceId::COMMAND_LINE {
            out.push_str("  --> command line\n");
        }
        return;
    };
    let arrow = colour.paint("34", "-->");
    let Some(line) = sources.line(span.source, span.line) else {
        let place = if span.line == 0 { String::new() } else { format!(":{}", span.line) };
        let _ = writeln!(out, "  {arrow} {}{place}", source.path);
        return;
    };
    let number = span.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = colour.paint("34", "|");
    let (shown, before, carets) = window(line, span);
    let marks = colour.paint("31", &"^".repeat(carets));
    let _ = writeln!(out, "{gutter}{arrow} {}:{}:{}", source.path, span.line, span.column);
    let _ = writeln!(out, "{gutter} {bar}");
    let _ = writeln!(out, "{} {bar} {shown}", colour.paint("34", &number));
    let _ = writeln!(out, "{gutter} {bar} {before}{marks}");
    let _ = writeln!(out, "{gutter} {bar}");
}

/// The part of a line to show, the blank before the carets, and how many carets.
fn window(line: &str, span: Span) -> (String, String, usize) {
    let characters: Vec<char> = line.chars().map(visible).collect();
    let column = (span.column.saturating_sub(1) as usize).min(characters.len());
    let start = if column > WIDTH - 20 { column - 40 } else { 0 };
    let end = characters.len().min(start + WIDTH);
    let shown: String = characters[start..end].iter().collect();
    let blank = |c: &char| if *c == '\t' { '\t' } else { ' ' };
    let before: String = characters[start..column].iter().map(blank).collect();
    let carets = (span.length as usize).clamp(1, (end - column).max(1));
    (shown.trim_end().to_owned(), before, carets)
}

/// A file must not be able to steer the terminal.
fn visible(c: char) -> char {
    if c.is_control() && c != '\t' { '\u{fffd}' } else { c }
}

/// The text on one line, without secrets: they are looked for before anything is changed.
fn shown(text: &str, sources: &SourceFiles) -> String {
    let text = redact(text, sources.secrets.iter().map(String::as_str));
    text.chars().map(|c| if c == '\n' { ' ' } else { visible(c) }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ProblemKind;
    use super::*;

    fn problem(line: u32, column: u32, length: u32) -> Problem {
        let kind = ProblemKind::UnknownField {
            field: "durations".into(),
            place: "a stage",
            known: vec!["rate", "duration"],
        };
        Problem { span: Span { source: SourceId(0), line, column, length }, kind }
    }

    #[test]
    fn problem_is_shown_with_its_line_carets_and_hint() {
        let mut sources = SourceFiles::default();
        sources.add("scenarios/checkout.yaml", "x\n".repeat(13) + "        durations: 30s\n");
        let text = render(&[problem(14, 9, 9)], &sources, Colour::None);
        let expected = "\
error: unknown field `durations` in a stage
  --> scenarios/checkout.yaml:14:9
   |
14 |         durations: 30s
   |         ^^^^^^^^^
   |
hint: did you mean `duration`?

1 problem; nothing was sent
";
        assert_eq!(text, expected);
    }

    #[test]
    fn secrets_and_control_characters_stay_out_of_messages() {
        let mut sources = SourceFiles::default();
        sources.secrets.push("hunter22".into());
        sources.add("a.yaml", "\u{1b}[31mred: 1\n");
        let kind =
            ProblemKind::UnknownName { what: "flow", name: "hunter22".into(), known: vec![] };
        let span = Span { source: SourceId(0), line: 1, column: 1, length: 3 };
        let text = render(&[Problem { span, kind }], &sources, Colour::None);
        assert!(!text.contains("hunter22") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn first_of_very_many_problems_are_shown_and_all_are_counted() {
        let mut sources = SourceFiles::default();
        sources.add("a.yaml", "durations: 30s\n".repeat(250));
        let problems: Vec<Problem> = (1..=250).map(|line| problem(line, 1, 9)).collect();
        let text = render(&problems, &sources, Colour::None);
        assert_eq!(text.matches("error: ").count(), 100);
        assert!(
            text.ends_with("250 problems, of which the first 100 are shown; nothing was sent\n")
        );
    }

    #[test]
    fn far_column_of_a_long_line_is_still_shown() {
        let mut sources = SourceFiles::default();
        sources.add("a.yaml", "a".repeat(500) + "HERE" + &"b".repeat(500));
        let text = render(&[problem(1, 501, 4)], &sources, Colour::None);
        assert!(text.contains("HERE") && text.lines().all(|line| line.len() < 140), "{text}");
    }
}
