//! The stack's own metrics beside the load, all on one clock.

use super::axis::{Axis, RATE, kind_of};
use super::canvas::Size;
use super::{Line, greatest, keys, over_time};
use crate::report::figure::Figure;
use crate::report::series::StackSeries;
use crate::report::{RenderError, Report, format, rows};
use crate::units::Quantity;

/// More panels than this nobody reads.
const MOST: usize = 40;
/// Series colours for replicas.
const INKS: [u8; 6] = [1, 2, 3, 5, 6, 8];

/// The load first, then one panel a tier and metric; nothing where nothing was observed.
pub(super) fn figures(report: &Report) -> Result<Vec<Figure>, RenderError> {
    let series = &report.series.stack;
    if series.is_empty() {
        return Ok(vec![]);
    }
    let mut figures = vec![load(report)?];
    let panels = series.chunk_by(|a, b| a.tier == b.tier && a.metric == b.metric);
    for panel in panels.take(MOST) {
        figures.push(figure(report, panel)?);
    }
    Ok(figures)
}

fn load(report: &Report) -> Result<Figure, RenderError> {
    let lines: Vec<Line> =
        super::run::load_lines(report).into_iter().filter(|line| line.ink == 1).collect();
    let y = Axis::linear(greatest(&lines), RATE, 3);
    Ok(Figure {
        title: "Load".into(),
        about: "requests finished per second".into(),
        keys: vec![],
        svg: over_time(report, Size::SMALL, y, &lines)?,
    })
}

fn figure(report: &Report, panel: &[StackSeries]) -> Result<Figure, RenderError> {
    let lines: Vec<Line> =
        panel.iter().zip(INKS.iter().cycle()).map(|(series, &ink)| line(series, ink)).collect();
    let all =
        || panel.iter().flat_map(|series| series.points.iter().filter_map(|&(_, value)| value));
    let kind = all().next().map_or(Quantity::Count(0.0), kind_of);
    let y = Axis::linear(greatest(&lines), kind, 3);
    let name = |text: &str| format::line(text, 40);
    let first = panel.first();
    let title = first
        .map_or_else(String::new, |one| format!("{} · {}", name(&one.tier), name(&one.metric)));
    let most = all().max_by(|a, b| a.base().total_cmp(&b.base()));
    let most = most.map_or(rows::NONE.to_owned(), format::estimate);
    Ok(Figure {
        title,
        about: format!("peak {most}"),
        keys: if panel.len() > 1 && panel.len() <= INKS.len() { keys(&lines) } else { vec![] },
        svg: over_time(report, Size::SMALL, y, &lines)?,
    })
}

fn line(series: &StackSeries, ink: u8) -> Line {
    let place = |&(x, value): &(f64, Option<Quantity>)| value.map(|value| (x, value.base()));
    let replica = format::line(&series.replica, 30);
    Line::new(ink, format!("replica {replica}"), series.points.iter().map(place).collect())
}
