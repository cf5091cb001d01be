//! Reads the Prometheus text exposition format, version 0.0.4, as every exporter serves it.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>. Of `OpenMetrics` the parts that
//! clients send unasked are understood too: `# EOF` and exemplars after ` # `.

use thiserror::Error;

use super::series::{Labels, MetricSeries};

/// A page that is not in the exposition format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} of the metrics page is not in the exposition format: {problem}")]
pub struct ExpositionError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: ExpositionProblem,
}

/// What can be wrong with a line of a metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ExpositionProblem {
    /// The line does not begin with a metric's name.
    #[error("no metric name")]
    Name,
    /// A label has no `="value"`, or the braces do not close.
    #[error("labels are not `{{name=\"value\",…}}`")]
    Labels,
    /// What follows is not a number.
    #[error("no number after the name")]
    Value,
}

/// Reads a whole page. One bad line spoils it, as it does for Prometheus: half a page would be taken for all of it.
pub fn parse(page: &str) -> Result<Vec<MetricSeries>, ExpositionError> {
    Ok(parse_timed(page)?.into_iter().map(|one| one.series).collect())
}

/// A series and the time that the page gives with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimedSeries {
    /// The series.
    pub(super) series: MetricSeries,
    /// Unix time in milliseconds; of series that are as old as the page, none.
    pub(super) at_ms: Option<i64>,
}

/// Reads a whole page as [`parse`] does, with times.
pub(super) fn parse_timed(page: &str) -> Result<Vec<TimedSeries>, ExpositionError> {
    let lines = page.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let samples = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let series = samples
        .map(|(line, text)| sample(text).map_err(|problem| ExpositionError { line, problem }));
    series.collect()
}

fn sample(text: &str) -> Result<TimedSeries, ExpositionProblem> {
    let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(ExpositionProblem::Name);
    }
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inner) => labels(inner)?,
        None => (Labels::new(), rest),
    };
    // What follows the number is a timestamp, or an exemplar, which is of no use here.
    let mut words = rest.split_whitespace();
    let number = words.next().ok_or(ExpositionProblem::Value)?;
    let value = number.parse().map_err(|_| ExpositionProblem::Value)?;
    let at_ms = words.next().and_then(|word| word.parse().ok());
    Ok(TimedSeries { series: MetricSeries { name: name.to_owned(), labels, value }, at_ms })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Reads `name="value",…}`; returns what follows the brace.
fn labels(mut rest: &str) -> Result<(Labels, &str), ExpositionProblem> {
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, tail) = rest.split_once('=').ok_or(ExpositionProblem::Labels)?;
        let name = name.trim_end();
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(ExpositionProblem::Labels);
        }
        let quoted = tail.trim_start().strip_prefix('"').ok_or(ExpositionProblem::Labels)?;
        let (value, after) = unquote(quoted).ok_or(ExpositionProblem::Labels)?;
        labels.insert(name.to_owned(), value);
        rest = after;
    }
}

/// Reads up to the closing quote; `\\`, `\"` and `\n` are the format's three escapes.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::Selector;

    const PROM_CLIENT: &str = include_str!("../../tests/data/observe/prom_client.1.txt");
    const POSTGRES: &str = include_str!("../../tests/data/observe/postgres_exporter.1.txt");

    #[test]
    fn real_pages_are_read_to_the_last_sample() {
        for page in [PROM_CLIENT, POSTGRES] {
            let samples = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            assert_eq!(parse(page).expect("a real page").len(), samples.count());
        }
    }

    #[test]
    fn real_sample_keeps_name_labels_and_value() {
        let series = parse(POSTGRES).expect("a real page");
        let selector =
            Selector::new("pg_stat_activity_count").is("datname", "ais").is("state", "idle");
        let idle: Vec<_> = series.iter().filter(|series| selector.matches(series)).collect();
        assert_eq!(idle.len(), 1);
        assert_eq!(idle[0].label("server"), "127.0.0.1:18011");
        assert!((idle[0].value - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn label_values_may_hold_escapes_braces_and_commas() {
        let series =
            parse(r#"m{a="x\"y\\z\n",b="},{", c = "d" ,} 1.5e3 1395066363000"#).expect("valid");
        assert_eq!(series[0].label("a"), "x\"y\\z\n");
        assert_eq!(series[0].label("b"), "},{");
        assert_eq!(series[0].label("c"), "d");
        assert!((series[0].value - 1500.0).abs() < f64::EPSILON);
    }

    #[test]
    fn infinities_exemplars_and_the_end_mark_are_understood() {
        let page = "h_bucket{le=\"+Inf\"} 3 # {trace_id=\"a\"} 0.5\ng -Inf\nn NaN\n# EOF\n";
        let series = parse(page).expect("valid");
        assert!((series[0].value - 3.0).abs() < f64::EPSILON);
        assert!(series[1].value.is_infinite() && series[2].value.is_nan());
    }

    #[test]
    fn bad_line_is_named() {
        let problem = |page: &str| parse(page).expect_err("not a metrics page");
        assert_eq!(
            problem("ok 1\n<html>"),
            ExpositionError { line: 2, problem: ExpositionProblem::Name }
        );
        assert_eq!(problem("m{a=1} 2").problem, ExpositionProblem::Labels);
        assert_eq!(problem("m{a=\"1\" 2").problem, ExpositionProblem::Labels);
        assert_eq!(problem("m{a=\"1").problem, ExpositionProblem::Labels);
        assert_eq!(problem("m").problem, ExpositionProblem::Value);
        assert_eq!(problem("m one").problem, ExpositionProblem::Value);
    }
}
