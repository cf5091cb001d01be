//! What each page came to in browsers: under load, idle before it, and whose the difference is.

use std::collections::BTreeMap;

use super::pages::{LEAST_LOADS, quantile_of};
use super::window::judged_spans;
use plimsoll_metrics::{PageDoubt, PageFigure, PageLoad, RunLog};
use plimsoll_units::{Nanos, Quantity};

/// Fewer values than this have no median worth showing.
const LEAST_OF_MEDIAN: usize = 3;

/// The loads of one page.
#[derive(Debug, Clone, PartialEq)]
pub struct PageSummary {
    /// Its name.
    pub page: String,
    /// Loads within the judged stages.
    pub loads: u64,
    /// Loads before the first arrival.
    pub idle_loads: u64,
    /// What each figure came to; figures that no load has are left out.
    pub figures: Vec<PageFigureSummary>,
    /// What load added; none where there are too few loads to compare.
    pub growth: Option<PageGrowth>,
    /// Why loads failed, and how many, most frequent first.
    pub failures: Vec<(String, u64)>,
    /// Why figures do not count, and of how many loads.
    pub doubts: Vec<(PageDoubt, u64)>,
    /// Other hosts that the page wanted and was kept from.
    pub blocked: Vec<String>,
    /// The load whose largest contentful paint (or else `load`) is the median of those under load.
    pub median: Option<PageLoad>,
}

/// One figure of one page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageFigureSummary {
    /// Which.
    pub figure: PageFigure,
    /// Loads under load that have it.
    pub samples: u64,
    /// The p75 under load; none of fewer than 20 loads.
    pub estimate: Option<Quantity>,
    /// Its 95 % interval by order statistics; none where its upper end is open.
    pub interval: Option<(Quantity, Quantity)>,
    /// The median under load; none of fewer than three loads.
    pub median: Option<Quantity>,
    /// The median of idle loads; none of fewer than three.
    pub idle: Option<Quantity>,
}

/// What load added to a page: differences of medians, in seconds; less than zero where it became quicker.
#[derive(Debug, Clone, PartialEq)]
pub struct PageGrowth {
    /// What grew: the largest contentful paint, or `load` where a page has none.
    pub figure: PageFigure,
    /// Its median while the stack was idle.
    pub idle: Quantity,
    /// Its median under load.
    pub loaded: Quantity,
    /// What of the difference is time to first byte.
    pub first_byte_s: f64,
    /// What of it is work of the page's main thread beyond 50 ms a task (total blocking time).
    pub main_thread_s: f64,
    /// The resource that takes longer by most, and by how much.
    pub resource: Option<(String, f64)>,
}

/// All pages of a run, in the order of their first loads.
pub fn page_summaries(log: &RunLog) -> Vec<PageSummary> {
    let spans = judged_spans(log);
    let is_judged = |load: &PageLoad| {
        !load.idle && spans.iter().any(|(start, end)| (*start..*end).contains(&load.at))
    };
    let mut names: Vec<&str> = vec![];
    for load in &log.pages {
        if !names.contains(&load.page.as_str()) {
            names.push(&load.page);
        }
    }
    let summary = |name: &str| {
        let all = || log.pages.iter().filter(|load| load.page == name);
        let loaded: Vec<&PageLoad> = all().filter(|load| is_judged(load)).collect();
        let idle: Vec<&PageLoad> = all().filter(|load| load.idle).collect();
        summary(name, &loaded, &idle)
    };
    names.into_iter().map(summary).collect()
}

fn summary(name: &str, loaded: &[&PageLoad], idle: &[&PageLoad]) -> PageSummary {
    let figure = |figure: &PageFigure| {
        let values = values(loaded, *figure);
        let samples = values.len();
        let found = (samples >= LEAST_LOADS)
            .then(|| quantile_of(values.clone(), PageFigure::QUANTILE))
            .flatten();
        let idle = values_median(self::values(idle, *figure));
        (samples > 0 || idle.is_some()).then(|| PageFigureSummary {
            figure: *figure,
            samples: samples as u64,
            estimate: found.map(|found| found.0),
            interval: found.and_then(|found| found.1),
            median: values_median(values),
            idle,
        })
    };
    let mut blocked: Vec<String> =
        loaded.iter().chain(idle).flat_map(|load| load.blocked.clone()).collect();
    blocked.sort();
    blocked.dedup();
    let doubt = |doubt: &PageDoubt| {
        let count = loaded.iter().filter(|load| load.doubt == Some(*doubt)).count();
        (count > 0).then_some((*doubt, count as u64))
    };
    PageSummary {
        page: name.to_owned(),
        loads: loaded.len() as u64,
        idle_loads: idle.len() as u64,
        figures: PageFigure::ALL.iter().filter_map(figure).collect(),
        growth: growth(loaded, idle),
        failures: failures(loaded),
        doubts: PageDoubt::ALL.iter().filter_map(doubt).collect(),
        blocked,
        median: median_load(loaded).cloned(),
    }
}

fn values(loads: &[&PageLoad], figure: PageFigure) -> Vec<Quantity> {
    loads.iter().filter_map(|load| load.figure(figure)).collect()
}

fn values_median(values: Vec<Quantity>) -> Option<Quantity> {
    if values.len() < LEAST_OF_MEDIAN { None } else { quantile_of(values, 0.5).map(|it| it.0) }
}

fn failures(loads: &[&PageLoad]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for failure in loads.iter().filter_map(|load| load.failure.as_deref()) {
        *counts.entry(failure).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> =
        counts.into_iter().map(|(failure, count)| (failure.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The figure that tells when a page is there.
fn leading_figure(loads: &[&PageLoad]) -> PageFigure {
    let has_lcp = values(loads, PageFigure::Lcp).len() >= LEAST_OF_MEDIAN;
    if has_lcp { PageFigure::Lcp } else { PageFigure::Load }
}

fn median_load<'a>(loads: &[&'a PageLoad]) -> Option<&'a PageLoad> {
    let figure = leading_figure(loads);
    let mut known: Vec<(Quantity, &PageLoad)> =
        loads.iter().filter_map(|load| Some((load.figure(figure)?, *load))).collect();
    known.sort_by(|a, b| a.0.base().total_cmp(&b.0.base()));
    let middle = known.len().checked_sub(1)? / 2;
    known.get(middle).map(|(_, load)| *load)
}

fn growth(loaded: &[&PageLoad], idle: &[&PageLoad]) -> Option<PageGrowth> {
    let figure = leading_figure(loaded);
    let pair = |figure| {
        let of = |loads| values_median(values(loads, figure));
        Some((of(idle)?, of(loaded)?))
    };
    let (before, after) = pair(figure)?;
    let added = |figure| pair(figure).map_or(0.0, |(idle, loaded)| loaded.base() - idle.base());
    Some(PageGrowth {
        figure,
        idle: before,
        loaded: after,
        first_byte_s: added(PageFigure::Ttfb),
        main_thread_s: added(PageFigure::Tbt),
        resource: slowed_resource(loaded, idle),
    })
}

/// The resource whose median time grew most, and by how many seconds; none where none grew.
fn slowed_resource(loaded: &[&PageLoad], idle: &[&PageLoad]) -> Option<(String, f64)> {
    let medians = |loads: &[&PageLoad]| {
        let mut times: BTreeMap<String, Vec<Quantity>> = BTreeMap::new();
        for resource in loads.iter().flat_map(|load| &load.resources) {
            let took: Nanos = resource.end.saturating_sub(resource.start);
            times.entry(resource.path.clone()).or_default().push(Quantity::Time(took));
        }
        times.into_iter().filter_map(|(path, times)| Some((path, values_median(times)?.base())))
    };
    let before: BTreeMap<String, f64> = medians(idle).collect();
    let grown = medians(loaded).filter_map(|(path, after)| {
        let added = after - before.get(&path)?;
        (added > 0.0).then_some((path, added))
    });
    grown.max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::super::simulated::header;
    use super::*;
    use plimsoll_metrics::{PageResource, RunEnd, StopReason};
    use plimsoll_units::{Bytes, RunTime};

    fn load(at_s: u64, idle: bool, ttfb_ms: u64, image_ms: u64) -> PageLoad {
        let ms = Nanos::from_millis;
        let (start, first_byte) = (ms(ttfb_ms + 20), ms(ttfb_ms + 20 + image_ms));
        let image = PageResource {
            path: "/hero.png".to_owned(),
            kind: "img".to_owned(),
            start,
            first_byte,
            end: first_byte + ms(10),
        };
        PageLoad {
            at: RunTime::ZERO + Nanos::from_secs(at_s),
            page: "home".to_owned(),
            idle,
            times: vec![
                (PageFigure::Ttfb, ms(ttfb_ms)),
                (PageFigure::Lcp, ms(ttfb_ms + 100 + image_ms)),
                (PageFigure::Tbt, ms(5)),
            ],
            cls: Some(0.05),
            status: 200,
            bytes: Bytes::new(1_000),
            requests: 2,
            script_errors: 0,
            blocked: vec!["third.example".to_owned()],
            failure: None,
            doubt: None,
            largest: "img#hero".to_owned(),
            resources: vec![image],
        }
    }

    fn summaries(pages: Vec<PageLoad>) -> Vec<PageSummary> {
        let header = header(100.0, 60, vec![]);
        let at = header.stages.iter().fold(RunTime::ZERO, |at, stage| at + stage.duration);
        let end = Some(RunEnd { at, reason: StopReason::Finished });
        page_summaries(&RunLog { pages, end, ..RunLog::begun(header) })
    }

    /// Goal: prove that the growth of a page is told apart: 300 ms of first byte, 2 s of a picture.
    #[test]
    fn growth_under_load_is_told_by_its_parts() {
        let idle = (0..5).map(|_| load(0, true, 100, 50));
        let loaded = (1..=30).map(|at| load(at, false, 400, 2_050));
        let found = summaries(idle.chain(loaded).collect());
        let [home] = &found[..] else { panic!("one page: {found:?}") };
        assert_eq!((home.loads, home.idle_loads), (30, 5));
        let growth = home.growth.as_ref().expect("loads to compare");
        assert_eq!((growth.idle.base(), growth.loaded.base()), (0.25, 2.55));
        assert!((growth.first_byte_s - 0.3).abs() < 1e-9 && growth.main_thread_s.abs() < 1e-9);
        let (path, added) = growth.resource.as_ref().expect("a resource");
        assert_eq!(path, "/hero.png");
        assert!((added - 2.0).abs() < 1e-9);
        assert_eq!(home.blocked, ["third.example"]);
        assert_eq!(home.median.as_ref().map(|load| load.largest.as_str()), Some("img#hero"));
    }

    #[test]
    fn failures_are_counted_and_few_loads_have_a_median_alone() {
        let mut loads: Vec<PageLoad> = (1..=6).map(|at| load(at, false, 100 * at, 0)).collect();
        loads[5].failure = Some("status 503".to_owned());
        let found = summaries(loads);
        assert_eq!(found[0].failures, [("status 503".to_owned(), 1)]);
        let ttfb = found[0].figures.iter().find(|it| it.figure == PageFigure::Ttfb).expect("TTFB");
        assert_eq!((ttfb.samples, ttfb.estimate, ttfb.idle), (5, None, None));
        assert_eq!(ttfb.median.map(Quantity::base), Some(0.3));
        assert_eq!(found[0].growth, None);
    }
}
