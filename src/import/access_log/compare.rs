//! How close a run was to production: the same figures of both, side by side, each with a distance.

use std::collections::BTreeMap;
use std::fmt;

use super::arrivals::SecondCounts;
use super::clients::ClientVisits;
use super::tally::RouteTally;
use plimsoll_metrics::RunLog;

/// The length over which counts of seconds are compared with their mean, in seconds: a trend within it is small.
const WINDOW: i64 = 60;

/// A log and a run, side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct LogComparison {
    /// Figures of the whole.
    pub rows: Vec<ComparedFigure>,
    /// Shares of requests by step; their distance is in `rows`.
    pub mix: Vec<ComparedFigure>,
    /// Mean sizes of answers by step, in bytes.
    pub sizes: Vec<ComparedFigure>,
}

/// One figure of both.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedFigure {
    /// What it is.
    pub name: String,
    /// Of the log; absent where it does not tell it.
    pub production: Option<f64>,
    /// Of the run.
    pub run: Option<f64>,
    /// How far apart they are: a share of the log's figure, or of all requests where the figure is a share itself.
    pub distance: Option<f64>,
    /// What it is counted in.
    pub unit: FigureUnit,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureUnit {
    /// A plain number.
    Number,
    /// A share, from 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
}

/// What is known of production.
pub(super) struct ProductionFigures<'a> {
    pub(super) named: &'a [(String, RouteTally)],
    pub(super) seconds: &'a SecondCounts,
    pub(super) visits: &'a ClientVisits,
}

impl ProductionFigures<'_> {
    /// Sets a run beside the log.
    pub(super) fn beside(&self, run: &RunLog) -> LogComparison {
        let (first, last) = self.seconds.span();
        let span = (last - first + 1) as f64;
        let total: u64 = self.seconds.counted().map(|(_, count)| u64::from(count)).sum();
        let of_run = RunFigures::of(run);
        let mix = self.mix(&of_run);
        let apart =
            mix.iter().filter_map(|row| Some((row.production? - row.run?).abs())).sum::<f64>()
                / 2.0;
        let sizes = self.sizes(&of_run);
        let size = |rows: &[ComparedFigure]| {
            let weighted =
                rows.iter().filter_map(|row| Some((row.distance?, self.share_of(&row.name)?)));
            let (sum, weight) = weighted
                .fold((0.0, 0.0), |(sum, weight), (d, share)| (sum + d * share, weight + share));
            (weight > 0.0).then(|| sum / weight)
        };
        let log_dispersion = dispersion(self.seconds.counted());
        let number = FigureUnit::Number;
        let rows = vec![
            figure("rate, req/s", (Some(total as f64 / span), of_run.rate()), number),
            ComparedFigure {
                distance: Some(apart),
                ..figure("mix of requests", (None, None), FigureUnit::Share)
            },
            ComparedFigure {
                distance: size(&sizes),
                ..figure("sizes of answers", (None, None), FigureUnit::Share)
            },
            figure(
                "dispersion of arrivals",
                (log_dispersion, dispersion(of_run.seconds.iter().copied())),
                number,
            ),
            figure(
                "time between requests of a user",
                (self.visits.gap(), of_run.gap()),
                FigureUnit::Seconds,
            ),
            figure("users at once", (self.visits.at_once(span), of_run.users()), number),
        ];
        LogComparison { rows, mix, sizes }
    }

    fn requests(&self) -> f64 {
        self.named.iter().map(|(_, route)| route.count as f64).sum()
    }

    fn share_of(&self, name: &str) -> Option<f64> {
        let (_, route) = self.named.iter().find(|(known, _)| known == name)?;
        Some(route.count as f64 / self.requests())
    }

    fn mix(&self, run: &RunFigures) -> Vec<ComparedFigure> {
        let all: f64 = run.steps.values().map(|step| step.requests).sum();
        let share =
            |name: &str| run.steps.get(name).map_or(0.0, |step| step.requests / all.max(1.0));
        let row = |name: &str, production: f64| ComparedFigure {
            distance: Some((production - share(name)).abs()),
            ..figure(name, (Some(production), Some(share(name))), FigureUnit::Share)
        };
        let mut rows: Vec<ComparedFigure> = self
            .named
            .iter()
            .map(|(name, _)| row(name, self.share_of(name).unwrap_or(0.0)))
            .collect();
        let others =
            run.steps.keys().filter(|name| self.named.iter().all(|(known, _)| known != *name));
        rows.extend(others.map(|name| row(name, 0.0)));
        rows
    }

    fn sizes(&self, run: &RunFigures) -> Vec<ComparedFigure> {
        let mean = |(sum, count): (u64, u64)| (count > 0).then(|| sum as f64 / count as f64);
        let rows = self.named.iter().map(|(name, route)| {
            let of_run = run.steps.get(name).filter(|step| step.requests > 0.0);
            let of_run = of_run.map(|step| step.bytes / step.requests);
            figure(name, (mean(route.bytes), of_run), FigureUnit::Bytes)
        });
        rows.filter(|row| row.production.is_some() && row.run.is_some()).collect()
    }
}

/// Requests and bytes of a step.
#[derive(Debug, Default)]
struct StepFigures {
    requests: f64,
    bytes: f64,
}

/// Figures of a run.
#[derive(Debug, Default)]
struct RunFigures {
    steps: BTreeMap<String, StepFigures>,
    /// Arrivals by second.
    seconds: Vec<(i64, u32)>,
    /// Seconds of the run, and of users at work.
    time: f64,
    user_time: f64,
}

impl RunFigures {
    fn of(run: &RunLog) -> Self {
        let mut found = Self::default();
        for interval in &run.intervals {
            let length = interval.length().as_secs_f64();
            found.time += length;
            found.user_time += interval.vus_busy as f64 * length;
            // The end of a run, in which nothing arrives any more, is no part of the arrivals.
            if interval.arrivals.intended > 0 {
                let second = interval.start.as_secs_f64().round() as i64;
                found.seconds.push((second, interval.arrivals.intended as u32));
            }
            for (id, step) in &interval.steps {
                let Some(info) = run.header.steps.get(usize::from(id.0)) else { continue };
                let sum = found.steps.entry(info.name.clone()).or_default();
                sum.requests += step.requests as f64;
                sum.bytes += step.bytes_received as f64;
            }
        }
        found
    }

    fn requests(&self) -> f64 {
        self.steps.values().map(|step| step.requests).sum()
    }

    fn rate(&self) -> Option<f64> {
        (self.time > 0.0).then(|| self.requests() / self.time)
    }

    fn gap(&self) -> Option<f64> {
        (self.requests() > 0.0).then(|| self.user_time / self.requests())
    }

    fn users(&self) -> Option<f64> {
        (self.time > 0.0).then(|| self.user_time / self.time)
    }
}

fn figure(
    name: &str,
    (production, run): (Option<f64>, Option<f64>),
    unit: FigureUnit,
) -> ComparedFigure {
    let distance = match (production, run) {
        (Some(production), Some(run)) if production > 0.0 => {
            Some((run - production).abs() / production)
        }
        _ => None,
    };
    ComparedFigure { name: name.to_owned(), production, run, distance, unit }
}

/// The variance of the counts of seconds by their mean, within minutes: 1 for independent users (Poisson), 0 for a
/// steady beat, more for bursts. Cox, Lewis: "The Statistical Analysis of Series of Events" (1966), 4.4.
fn dispersion(seconds: impl Iterator<Item = (i64, u32)>) -> Option<f64> {
    let mut windows: BTreeMap<i64, Vec<(i64, u32)>> = BTreeMap::new();
    for (second, count) in seconds {
        windows.entry(second.div_euclid(WINDOW)).or_default().push((second, count));
    }
    let (first, last) = (*windows.keys().next()?, *windows.keys().next_back()?);
    let (mut variances, mut means) = (0.0, 0.0);
    for (window, counts) in &windows {
        // The first and the last minute may be parts of one.
        let whole = *window != first && *window != last;
        let start = counts.first().map_or(0, |(second, _)| *second);
        let end = counts.last().map_or(0, |(second, _)| *second);
        let length = if whole { WINDOW } else { end - start + 1 } as f64;
        if length < 2.0 {
            continue;
        }
        let sum: f64 = counts.iter().map(|(_, count)| f64::from(*count)).sum();
        let squares: f64 = counts.iter().map(|(_, count)| f64::from(*count).powi(2)).sum();
        variances += (squares - sum * sum / length) / (length - 1.0);
        means += sum / length;
    }
    (means > 0.0).then(|| variances / means)
}

impl fmt::Display for LogComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34}{:>14}{:>14}{:>12}", "", "production", "run", "distance")?;
        self.rows.iter().try_for_each(|row| write!(f, "{row}"))?;
        // A run counts what comes over the wire; most logs count bodies.
        let sizes = "mean size of an answer, of the run with its headers";
        for (title, rows) in [("share of requests", &self.mix), (sizes, &self.sizes)] {
            if !rows.is_empty() {
                writeln!(f, "{title}")?;
                rows.iter().try_for_each(|row| {
                    write!(
                        f,
                        "{}",
                        ComparedFigure { name: format!("  {}", row.name), ..row.clone() }
                    )
                })?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ComparedFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: Option<f64>| match (value, self.unit) {
            (None, _) => "n/a".to_owned(),
            (Some(value), FigureUnit::Number) => format!("{value:.2}"),
            (Some(value), FigureUnit::Share) => format!("{:.1}%", value * 100.0),
            (Some(value), FigureUnit::Bytes) => format!("{value:.0} B"),
            (Some(value), FigureUnit::Seconds) => format!("{value:.2} s"),
        };
        let (production, run) = match (self.production, self.run) {
            (None, None) if self.distance.is_some() => (String::new(), String::new()),
            (production, run) => (shown(production), shown(run)),
        };
        let distance =
            self.distance.map_or("n/a".to_owned(), |distance| format!("{:.1}%", distance * 100.0));
        writeln!(f, "{:<34}{production:>14}{run:>14}{distance:>12}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispersion_tells_a_beat_from_bursts() {
        let beat = (0..600).map(|second| (second, 5));
        assert_eq!(dispersion(beat), Some(0.0));
        let bursts = (0..600).filter(|second| second % 10 == 0).map(|second| (second, 50));
        assert!(dispersion(bursts).is_some_and(|dispersion| dispersion > 40.0));
        assert_eq!(dispersion(std::iter::empty()), None);
    }
}
