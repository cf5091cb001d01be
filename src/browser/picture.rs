//! What pages look like in the worst of their loads.
//!
//! A picture costs about as much as a paint, so that one is taken only of a load that is worse than all before it: of `n`
//! loads in random order these are about `ln n`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::page::BrowserPage;
use plimsoll_metrics::{PageFigure, PageLoad, PagePicture};
use plimsoll_units::Nanos;

/// A page that hangs has no picture.
const LIMIT: Duration = Duration::from_secs(2);
/// Qualities of JPEG, in per cent: the second where the first takes too much room.
const QUALITIES: [u32; 2] = [60, 25];
/// A picture that is longer in base64 is not kept.
const LONGEST: usize = 256 << 10;

/// The worst load of each page so far, shared by all users of a run's browser.
#[derive(Debug, Clone, Default)]
pub struct WorstPages(Rc<RefCell<BTreeMap<String, PagePicture>>>);

/// What loads of a page are compared by: the largest contentful paint, or `load` where it has none.
fn took(load: &PageLoad) -> Option<(PageFigure, Nanos)> {
    let times =
        [PageFigure::Lcp, PageFigure::Load].map(|figure| Some((figure, load.time(figure)?)));
    times.into_iter().flatten().next()
}

impl WorstPages {
    /// The pictures, in the order of their pages' names.
    pub fn take(&self) -> Vec<PagePicture> {
        std::mem::take(&mut *self.0.borrow_mut()).into_values().collect()
    }

    /// Whether a load is worse than all before it: the first that failed is, and else the slowest.
    fn is_worse(&self, load: &PageLoad) -> bool {
        if load.doubt.is_some() {
            return false;
        }
        let known = self.0.borrow();
        let Some(worst) = known.get(&load.page) else { return true };
        let time = |took: Option<(PageFigure, Nanos)>| took.map(|(_, time)| time);
        match (&worst.failure, &load.failure) {
            (Some(_), _) => false,
            (None, Some(_)) => true,
            (None, None) => time(took(load)) > time(worst.took),
        }
    }

    /// Pictures a page as it is now, if its load is worse than all before it.
    pub(super) async fn look(&self, page: &BrowserPage, load: &PageLoad) {
        if !self.is_worse(load) {
            return;
        }
        let Ok(Some(jpeg)) = timeout(LIMIT, pictured(page)).await else { return };
        self.keep(load, jpeg);
    }

    fn keep(&self, load: &PageLoad, jpeg: String) {
        let picture = PagePicture {
            page: load.page.clone(),
            at: load.at,
            took: took(load).filter(|_| load.failure.is_none()),
            failure: load.failure.clone(),
            jpeg,
        };
        self.0.borrow_mut().insert(load.page.clone(), picture);
    }
}

/// The window of a page: JPEG in base64.
async fn pictured(page: &BrowserPage) -> Option<String> {
    for quality in QUALITIES {
        let params = json!({"format": "jpeg", "quality": quality});
        let answer = page.call("Page.captureScreenshot", params).await.ok()?;
        let data = answer["data"].as_str()?;
        if data.len() <= LONGEST {
            return Some(data.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(lcp_ms: u64) -> PageLoad {
        let times = vec![(PageFigure::Lcp, Nanos::from_millis(lcp_ms))];
        PageLoad { page: "home".to_owned(), times, ..PageLoad::default() }
    }

    #[test]
    fn slowest_load_is_the_worst_until_one_fails() {
        let worst = WorstPages::default();
        let failed = PageLoad { failure: Some("status 503".to_owned()), ..load(10) };
        let doubtful = PageLoad { doubt: Some(plimsoll_metrics::PageDoubt::Hidden), ..load(9_000) };
        assert!(worst.is_worse(&load(100)));
        worst.keep(&load(100), String::new());
        assert!(worst.is_worse(&load(101)) && !worst.is_worse(&load(99)));
        assert!(!worst.is_worse(&doubtful), "it says nothing about the stack");
        assert!(worst.is_worse(&failed));
        worst.keep(&failed, String::new());
        assert!(!worst.is_worse(&load(9_000)) && !worst.is_worse(&failed));
        assert!(worst.is_worse(&PageLoad { page: "other".to_owned(), ..load(1) }));
        assert_eq!(worst.take().len(), 1);
    }
}
