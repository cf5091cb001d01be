//! Page loads of real browsers, as exports tell them.

use std::collections::BTreeMap;

use super::bins::Bins;
use super::family::{Family, Kind, LABEL, Unit, Value};
use crate::format;
use plimsoll_metrics::{PageFigure, PageLoad};

/// What the pages of a run have come to so far. Loads before the first arrival are left out.
#[derive(Debug, Clone, Default)]
pub(super) struct PageTotals {
    loads: BTreeMap<(String, &'static str), u64>,
    times: BTreeMap<(String, PageFigure), Bins>,
    layout_shift: BTreeMap<String, f64>,
}

impl PageTotals {
    pub(super) fn absorb(&mut self, load: &PageLoad) {
        if load.idle {
            return;
        }
        let page = format::line(&load.page, LABEL);
        let outcome = match (&load.failure, load.doubt) {
            (Some(_), _) => "failed",
            (None, Some(_)) => "left_out",
            (None, None) => "measured",
        };
        *self.loads.entry((page.clone(), outcome)).or_default() += 1;
        if outcome != "measured" {
            return;
        }
        for &(figure, time) in &load.times {
            self.times.entry((page.clone(), figure)).or_default().add(time);
        }
        if let Some(shift) = load.cls {
            self.layout_shift.insert(page, shift);
        }
    }

    pub(super) fn families(&self) -> [Family; 3] {
        let help = "Page loads in real browsers, by what became of them.";
        let mut loads = Family::new("page_loads", help, Kind::Counter, Unit::Number);
        for ((page, outcome), count) in &self.loads {
            let labels = vec![("page", page.clone()), ("outcome", (*outcome).to_owned())];
            loads = loads.with(labels, Value::Whole(*count));
        }
        let help = "What pages took, by figure (ttfb, fcp, lcp, inp, tbt, tti, dcl, load).";
        let mut times = Family::new("page_time", help, Kind::Histogram, Unit::Seconds);
        for ((page, figure), bins) in &self.times {
            let labels = vec![("page", page.clone()), ("figure", figure.word().to_owned())];
            times = times.with(labels, Value::Histogram(bins.clone()));
        }
        let help = "Cumulative layout shift of the last load.";
        let mut shift = Family::new("page_layout_shift", help, Kind::Gauge, Unit::Number);
        for (page, value) in &self.layout_shift {
            shift = shift.with(vec![("page", page.clone())], Value::Real(*value));
        }
        [loads, times, shift]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_fixture as fixture;

    #[test]
    fn failed_loads_are_counted_and_their_times_are_not() {
        let (log, _) = fixture::pages();
        let mut totals = PageTotals::default();
        log.pages.iter().for_each(|load| totals.absorb(load));
        let failed = PageLoad { failure: Some("status 503".to_owned()), ..log.pages[5].clone() };
        totals.absorb(&failed);
        let [loads, times, shift] = totals.families();
        let counts: Vec<_> = loads.points.iter().map(|(labels, _)| labels[1].1.as_str()).collect();
        assert_eq!(counts, ["failed", "measured"]);
        let of_lcp = times.points.iter().find(|(labels, _)| labels[1].1 == "lcp").expect("LCP");
        let Value::Histogram(bins) = &of_lcp.1 else { panic!("{of_lcp:?}") };
        assert_eq!(bins.count(), 24, "the idle ones are left out");
        assert_eq!(shift.points.len(), 1);
    }
}
