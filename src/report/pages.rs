//! Pages in real browsers, as rows and sentences that every format shares.

use serde::Serialize;

use super::rows::{self, NONE};
use super::{Report, format};
use plimsoll_metrics::{Measure, PageFigure, PageLoad, PagePicture, Scope};
use plimsoll_slo::{JudgedObjective, PageFigureSummary, PageGrowth, PageSummary};
use plimsoll_units::{Nanos, Quantity};

/// More resources than this nobody follows in a picture.
const MOST_RESOURCES: usize = 25;

/// What the tables of pages hold.
pub(super) const ABOUT: &str = "Loads in real browsers within the judged part, by the browser's own measure. p75 is what 75 % of \
    loads stay below; idle and under load are medians, before the first arrival and beside the load.";

/// One page.
#[derive(Debug, Serialize)]
pub(super) struct PageView {
    pub(super) name: String,
    /// How often it was loaded, and when.
    pub(super) loads: String,
    pub(super) rows: Vec<PageRow>,
    /// Whether a row of the SLO table speaks of it.
    pub(super) judged: bool,
    /// What the reader should know: what load did, failures, doubts, hosts that it was kept from.
    pub(super) notes: Vec<String>,
    /// Of the median load.
    pub(super) waterfall: Vec<WaterfallRow>,
    /// What it shows.
    pub(super) about_waterfall: String,
    /// How it looked at its worst.
    pub(super) picture: Option<PictureView>,
}

/// A picture of a page.
#[derive(Debug, Serialize)]
pub(super) struct PictureView {
    /// JPEG in base64.
    pub(super) jpeg: String,
    /// Of which load it is.
    pub(super) about: String,
}

/// One figure of a page.
#[derive(Debug, Serialize)]
pub(super) struct PageRow {
    pub(super) figure: String,
    pub(super) samples: String,
    pub(super) estimate: String,
    pub(super) interval: String,
    pub(super) target: String,
    pub(super) limit: String,
    pub(super) status: &'static str,
    pub(super) symbol: &'static str,
    pub(super) key: &'static str,
    pub(super) idle: String,
    pub(super) median: String,
}

impl PageRow {
    /// The names of the columns.
    pub(super) const HEADS: [&'static str; 9] = [
        "figure",
        "loads",
        "p75",
        "95 % interval",
        "target",
        "max",
        "status",
        "idle",
        "under load",
    ];

    /// The cells below them.
    pub(super) fn cells(&self) -> [String; 9] {
        let status = format!("{} {}", self.symbol, self.status).trim().to_owned();
        let [figure, samples, estimate, interval, target, limit, idle, median] = [
            &self.figure,
            &self.samples,
            &self.estimate,
            &self.interval,
            &self.target,
            &self.limit,
            &self.idle,
            &self.median,
        ]
        .map(Clone::clone);
        [figure, samples, estimate, interval, target, limit, status, idle, median]
    }
}

/// A document or resource in the picture of a load.
#[derive(Debug, Serialize)]
pub(super) struct WaterfallRow {
    pub(super) path: String,
    pub(super) kind: String,
    pub(super) start: String,
    pub(super) took: String,
    /// Where it waits and where it receives, as shares of the whole picture: from, first byte, end.
    #[serde(skip)]
    pub(super) span: (f64, f64, f64),
    /// First and largest contentful paint on the same scale, where the page has them.
    #[serde(skip)]
    pub(super) paints: [Option<f64>; 2],
    /// Our own SVG, put in by a format that has pictures.
    pub(super) bar: String,
}

/// All pages, in the order of their first loads.
pub(super) fn views(report: &Report) -> Vec<PageView> {
    report.pages.iter().map(|page| view(report, page)).collect()
}

/// What the reader should know of all pages.
pub(super) fn remarks(report: &Report) -> Vec<String> {
    let Some(used) = &report.browsers else { return vec![] };
    let left_out = (used.left_out > 0).then(|| {
        let count = format::count(used.left_out);
        format!("{count} flows were not played: all users were busy when they were due. More `vus` of the browser play them.")
    });
    let busy = used.is_short_of_cores().then(|| {
        let share = format::share(used.cores_busy);
        format!("The cores of the browsers were {share} busy: pages may have waited for them rather than for the stack.")
    });
    let restarts = (used.restarts > 0)
        .then(|| format!("The browser was started again {} times.", format::count(used.restarts)));
    [left_out, busy, restarts].into_iter().flatten().collect()
}

fn view(report: &Report, page: &PageSummary) -> PageView {
    let loads = [(page.loads, "under load"), (page.idle_loads, "idle")];
    let told = loads.map(|(count, when)| format!("{} {when}", format::count(count)));
    let rows: Vec<PageRow> = page.figures.iter().map(|figure| row(report, page, figure)).collect();
    PageView {
        name: format::line(&page.page, 60),
        loads: told.join(", "),
        judged: rows.iter().any(|row| !row.key.is_empty()),
        rows,
        notes: notes(page),
        waterfall: page.median.as_ref().map(waterfall).unwrap_or_default(),
        about_waterfall: page.median.as_ref().map(about_waterfall).unwrap_or_default(),
        picture: report.pictures.iter().find(|it| it.page == page.page).and_then(pictured),
    }
}

/// The row of the SLO table that holds the p75 of a figure on a page.
fn judged<'a>(report: &'a Report, page: &str, figure: PageFigure) -> Option<&'a JudgedObjective> {
    report.judgement.objectives.iter().find(|judged| {
        matches!(&judged.objective.scope, Scope::Page(name) if name == page)
            && judged.objective.measure == Measure::Page(figure, PageFigure::QUANTILE)
    })
}

fn row(report: &Report, page: &PageSummary, figure: &PageFigureSummary) -> PageRow {
    let value = |value: Option<Quantity>| value.map_or(NONE.to_owned(), shown);
    let judged = judged(report, &page.page, figure.figure).map(rows::slo_row);
    let interval = figure
        .interval
        .map_or(NONE.to_owned(), |(low, high)| format!("{} … {}", shown(low), shown(high)));
    let none = || NONE.to_owned();
    PageRow {
        figure: figure.figure.word().to_owned(),
        samples: format::count(figure.samples),
        estimate: figure.estimate.map_or_else(|| format!("n/a (n={})", figure.samples), shown),
        interval,
        target: judged.as_ref().map_or_else(none, |row| row.target.clone()),
        limit: judged.as_ref().map_or_else(none, |row| row.limit.clone()),
        status: judged.as_ref().map_or("", |row| row.status),
        symbol: judged.as_ref().map_or("", |row| row.symbol),
        key: judged.as_ref().map_or("", |row| row.key),
        idle: value(figure.idle),
        median: value(figure.median),
    }
}

/// Nothing needs no unit.
fn shown(value: Quantity) -> String {
    if value.base() == 0.0 { "0".to_owned() } else { format::estimate(value) }
}

fn notes(page: &PageSummary) -> Vec<String> {
    let mut notes: Vec<String> = page.growth.iter().map(grown).collect();
    for (failure, count) in page.failures.iter().take(3) {
        let failure = format::line(failure, 160);
        notes.push(format!("{count} of {} loads failed: {failure}", page.loads));
    }
    for (doubt, count) in &page.doubts {
        notes.push(format!("{count} of {} loads left out: {doubt}", page.loads));
    }
    if !page.blocked.is_empty() {
        let hosts: Vec<String> =
            page.blocked.iter().take(8).map(|host| format::line(host, 60)).collect();
        let more = page.blocked.len().saturating_sub(hosts.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!("kept from other hosts: {}{more}", hosts.join(", ")));
    }
    notes
}

/// What load did to a page.
fn grown(growth: &PageGrowth) -> String {
    let figure = growth.figure.word();
    let (idle, loaded) = (format::estimate(growth.idle), format::estimate(growth.loaded));
    let added = growth.loaded.base() - growth.idle.base();
    // Less than a twentieth of a second is within what a browser itself varies.
    if added < 0.05 {
        return format!("{figure}: idle {idle} → under load {loaded}");
    }
    let parts = [("TTFB", growth.first_byte_s), ("the main thread", growth.main_thread_s)]
        .map(|(what, seconds)| format!("{} {what}", difference(seconds)));
    let resource = growth.resource.as_ref().filter(|(_, seconds)| *seconds >= 0.01);
    let resource = resource.map_or(String::new(), |(path, seconds)| {
        format!("; `{}` takes {} longer", format::line(path, 80), span(*seconds))
    });
    format!(
        "{figure}: idle {idle} → under load {loaded}; of the {} are {}{resource}",
        difference(added),
        parts.join(" and ")
    )
}

fn span(seconds: f64) -> String {
    format::estimate(Quantity::Time(Nanos::from_secs_f64(seconds.abs())))
}

/// With its sign; what is less than a millisecond is nothing.
fn difference(seconds: f64) -> String {
    match seconds {
        s if s.abs() < 0.001 => "0 ms".to_owned(),
        s if s < 0.0 => format!("−{}", span(s)),
        s => format!("+{}", span(s)),
    }
}

/// None where the log holds no base64: what else could stand there is put into no page.
fn pictured(picture: &PagePicture) -> Option<PictureView> {
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    if !picture.jpeg.bytes().all(is_base64) {
        return None;
    }
    let why = match (&picture.failure, picture.took) {
        (Some(failure), _) => format!("failed: {}", format::line(failure, 160)),
        (None, Some((figure, time))) => {
            format!("{} {}", figure.word().to_uppercase(), format::time(time))
        }
        (None, None) => "no paint".to_owned(),
    };
    let at = format::moment(picture.at);
    Some(PictureView {
        jpeg: picture.jpeg.clone(),
        about: format!("The worst load, at {at} · {why}"),
    })
}

fn about_waterfall(load: &PageLoad) -> String {
    let paint =
        |name, figure| load.time(figure).map(|time| format!("{name} {}", format::time(time)));
    let largest = (!load.largest.is_empty())
        .then(|| format!("largest: `{}`", format::line(&load.largest, 60)));
    let left_out = load.resources.len().saturating_sub(MOST_RESOURCES);
    let left_out = (left_out > 0).then(|| format!("{left_out} more resources are left out"));
    let told = [
        Some(format!("The median load, at {}", format::moment(load.at))),
        paint("FCP", PageFigure::Fcp),
        paint("LCP", PageFigure::Lcp),
        largest,
        left_out,
    ];
    told.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// The document, then what it loaded, in the order in which it asked for it.
fn waterfall(load: &PageLoad) -> Vec<WaterfallRow> {
    let ttfb = load.time(PageFigure::Ttfb).unwrap_or_default();
    let paints = [PageFigure::Fcp, PageFigure::Lcp].map(|figure| load.time(figure));
    let resources = || load.resources.iter().take(MOST_RESOURCES);
    let ends = resources().map(|resource| resource.end);
    let last = ends.chain(paints.into_iter().flatten()).fold(ttfb, Nanos::max);
    let share = |time: Nanos| time.as_secs_f64() / last.as_secs_f64().max(1e-9);
    let paints = paints.map(|paint| paint.map(share));
    let row = |path: &str, kind: &str, (start, first_byte, end): (Nanos, Nanos, Nanos)| {
        // A host that does not tell its first byte has waited until the last.
        let first_byte =
            if first_byte.is_zero() { end } else { first_byte.clamp(start, end.max(start)) };
        WaterfallRow {
            path: format::line(path, 80),
            kind: format::line(kind, 20),
            start: format::time(start),
            took: format::time(end.saturating_sub(start)),
            span: (share(start), share(first_byte), share(end)),
            paints,
            bar: String::new(),
        }
    };
    let document = row("the document", "document", (Nanos::ZERO, ttfb, ttfb));
    let others = resources().map(|resource| {
        row(&resource.path, &resource.kind, (resource.start, resource.first_byte, resource.end))
    });
    std::iter::once(document).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;

    #[test]
    fn page_is_told_with_its_target_what_load_did_and_its_median_load() {
        let (log, judgement) = fixture::pages();
        let report = Report::new(&log, &judgement);
        let views = views(&report);
        let home = &views[0];
        assert_eq!(home.loads, "24 under load, 4 idle");
        let lcp = home.rows.iter().find(|row| row.figure == "lcp").expect("a row");
        assert_eq!((lcp.target.as_str(), lcp.key), ("≤ 2.5 s", "at_risk"));
        assert!(home.notes[0].contains("`/hero.png` takes 2.01 s longer"), "{:?}", home.notes);
        assert!(home.notes.iter().any(|note| note == "kept from other hosts: third.example"));
        let image = home.waterfall.iter().find(|row| row.path == "/hero.png").expect("a row");
        assert!(image.span.0 < image.span.1 && image.span.1 <= image.span.2 && image.span.2 <= 1.0);
    }

    #[test]
    fn picture_is_told_by_its_load_and_nothing_but_a_picture_gets_into_a_page() {
        let (mut log, judgement) = fixture::pages();
        let picture = |jpeg: &str| PagePicture {
            page: "home".to_owned(),
            at: log.pages[20].at,
            took: Some((PageFigure::Lcp, Nanos::from_millis(2_700))),
            failure: None,
            jpeg: jpeg.to_owned(),
        };
        let (good, bad) = (picture("/9j/4A=="), picture("\"><script>alert(1)</script>"));
        log.pictures = vec![good];
        let view = views(&Report::new(&log, &judgement)).remove(0).picture.expect("a picture");
        assert!(view.about.ends_with("· LCP 2.70 s"), "{}", view.about);
        log.pictures = vec![bad];
        assert!(views(&Report::new(&log, &judgement))[0].picture.is_none());
    }

    #[test]
    fn differences_have_a_sign_and_nothing_below_a_millisecond() {
        assert_eq!(difference(-0.25), "−250 ms");
        assert_eq!(difference(0.000_4), "0 ms");
        assert_eq!(difference(1.7), "+1.7 s");
    }
}
