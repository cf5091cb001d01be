//! What the script in a page tells → a page load.

use serde::Deserialize;

use plimsoll_metrics::{PageDoubt, PageFigure, PageLoad, PageResource};
use plimsoll_units::{Bytes, Nanos, RunTime};

/// A browser that paints later than this after it has all that blocks painting was held up itself: whole seconds
/// between load and paint were seen (Lighthouse, issue 17148), while twenty loads on a crowded machine of two cores
/// stayed below 0.42 s.
const LATE_PAINT_MS: f64 = 500.0;

/// What `vitals.js` tells. Times in milliseconds from the start of the navigation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DocumentFigures {
    status: u16,
    ttfb: f64,
    request_start: f64,
    fcp: Option<f64>,
    lcp: Option<f64>,
    lcp_element: String,
    cls: f64,
    inp: Option<f64>,
    tbt: Option<f64>,
    tti: Option<f64>,
    dcl: Option<f64>,
    load: Option<f64>,
    blocking_end: f64,
    bytes: f64,
    requests: u32,
    errors: u32,
    hidden: bool,
    blocked: Vec<String>,
    resources: Vec<(f64, f64, f64, f64, String, String)>,
}

/// A time from a page: whatever a page says is no reason to panic.
fn time(milliseconds: f64) -> Nanos {
    Nanos::from_secs_f64((milliseconds / 1e3).clamp(0.0, 86_400.0))
}

impl DocumentFigures {
    /// Whether there is no need to look for time to interactive any longer.
    pub(super) fn knows_tti(&self) -> bool {
        self.tti.is_some() || self.fcp.is_none()
    }

    /// The load of `page` that they tell of, which began at `at`. The browser emulates a `latency` behind the moment that
    /// it takes for the first byte: it hands answers on that much later than their requests went out.
    pub(super) fn into_load(self, page: &str, at: RunTime, latency: Nanos) -> PageLoad {
        use PageFigure::{Dcl, Fcp, Inp, Lcp, Load, Tbt, Ttfb, Tti};
        let delayed = |sent: f64, first: f64| {
            if latency.is_zero() { first } else { first.max(sent + latency.as_millis_f64()) }
        };
        let all = [
            (Ttfb, Some(delayed(self.request_start, self.ttfb))),
            (Fcp, self.fcp),
            (Lcp, self.lcp),
            (Inp, self.inp),
            (Tbt, self.tbt),
            (Tti, self.tti),
            (Dcl, self.dcl),
            (Load, self.load),
        ];
        let late = self.fcp.is_some_and(|fcp| fcp - self.blocking_end > LATE_PAINT_MS);
        let doubt = match (self.hidden, late) {
            (true, _) => Some(PageDoubt::Hidden),
            (_, true) => Some(PageDoubt::PaintedLate),
            _ => None,
        };
        let resource = |(start, sent, first, end, kind, path)| PageResource {
            path,
            kind,
            start: time(start),
            // A host that does not tell has none.
            first_byte: time(if first > 0.0 { delayed(sent, first).min(end) } else { 0.0 }),
            end: time(end),
        };
        PageLoad {
            at,
            page: page.to_owned(),
            idle: false,
            times: all.into_iter().filter_map(|(of, ms)| Some((of, time(ms?)))).collect(),
            cls: Some(self.cls).filter(|cls| cls.is_finite()),
            status: self.status,
            bytes: Bytes::new(self.bytes.max(0.0) as u64),
            requests: self.requests,
            script_errors: self.errors,
            blocked: self.blocked,
            failure: (self.status >= 400).then(|| format!("status {}", self.status)),
            doubt,
            largest: self.lcp_element,
            resources: self.resources.into_iter().map(resource).collect(),
        }
    }
}

/// A load that failed before it could be measured.
pub(super) fn failed(page: &str, at: RunTime, failure: String) -> PageLoad {
    PageLoad { at, page: page.to_owned(), failure: Some(failure), ..PageLoad::default() }
}

/// What a page shows without loading another document: the one time that there is of it, until it was there.
pub(super) fn within_document(page: &str, at: RunTime, took_ms: Option<f64>) -> PageLoad {
    let times = took_ms.map(|took| (PageFigure::Load, time(took))).into_iter().collect();
    PageLoad { at, page: page.to_owned(), times, ..PageLoad::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{"status":200,"ttfb":105.5,"request_start":5.5,"fcp":224.0,"lcp":471,"lcp_element":"img#pic","cls":0.0708,
        "inp":96,"tbt":119,"tti":null,"dcl":361.9,"load":471,"blocking_end":175.4,"bytes":2121,"requests":6,"errors":0,
        "hidden":false,"blocked":["third.example"],"resources":[[133.9,153.6,174.3,175.4,"link","/s.css"]]}"#;

    #[test]
    fn what_a_page_tells_becomes_a_load() {
        let figures: DocumentFigures = serde_json::from_str(TOLD).expect("figures");
        let load = figures.clone().into_load("home", RunTime::ZERO, Nanos::ZERO);
        let far = figures.into_load("home", RunTime::ZERO, Nanos::from_millis(400));
        assert_eq!(far.time(PageFigure::Ttfb), Some(Nanos::from_micros(405_500)));
        assert_eq!(load.time(PageFigure::Ttfb), Some(Nanos::from_micros(105_500)));
        assert_eq!(load.figure(PageFigure::Lcp).map(plimsoll_units::Quantity::base), Some(0.471));
        assert_eq!(load.figure(PageFigure::Tti), None);
        assert_eq!(load.blocked, ["third.example"]);
        assert_eq!((load.doubt, load.failure), (None, None));
    }

    #[test]
    fn page_that_was_painted_late_or_refused_says_nothing_about_the_stack() {
        let late = TOLD.replace("\"fcp\":224.0", "\"fcp\":1224.0");
        let late: DocumentFigures = serde_json::from_str(&late).expect("figures");
        assert_eq!(
            late.into_load("home", RunTime::ZERO, Nanos::ZERO).doubt,
            Some(PageDoubt::PaintedLate)
        );
        let refused = TOLD.replace("\"status\":200", "\"status\":503");
        let refused: DocumentFigures = serde_json::from_str(&refused).expect("figures");
        let load = refused.into_load("home", RunTime::ZERO, Nanos::ZERO);
        assert_eq!(load.failure.as_deref(), Some("status 503"));
        assert_eq!(load.figure(PageFigure::Ttfb), None);
    }

    #[test]
    fn absurd_times_of_a_page_are_bounded() {
        let absurd = TOLD.replace("105.5", "-1e300").replace("471,\"lcp_e", "1e300,\"lcp_e");
        let absurd: DocumentFigures = serde_json::from_str(&absurd).expect("figures");
        let load = absurd.into_load("home", RunTime::ZERO, Nanos::ZERO);
        assert_eq!(load.figure(PageFigure::Ttfb).map(plimsoll_units::Quantity::base), Some(0.0));
    }
}
