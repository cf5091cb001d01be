//! The users with a real browser that a plan asks for.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::browser::{BrowserUser, FlowStarts, VisitContext, WorstPages};
use crate::metrics::{Measure, PageFigure};
use crate::plan::{Load, Plan};
use crate::user::RowPicker;

/// A user and when it plays.
pub(super) struct BrowserUserSlot {
    pub(super) user: BrowserUser,
    /// For how long it plays before the first arrival.
    pub(super) baseline: Duration,
    /// The starts that it shares with the other users of its browser, where the file says a rate.
    starts: Option<Rc<RefCell<FlowStarts>>>,
}

/// All of them; first of each browser comes the one that plays before the first arrival.
pub(super) fn all(plan: &Arc<Plan>, worst: &WorstPages) -> Vec<BrowserUserSlot> {
    let shared = VisitContext { worst: worst.clone(), ..idle_context(plan) };
    // Their rows and numbers come behind those of all other users.
    let mut number = match &plan.load {
        Load::Open(open) => u64::from(open.max_vus),
        Load::Closed(closed) => u64::from(closed.vus),
    };
    let mut slots = vec![];
    for browser in plan.browsers.iter().filter(|browser| browser.plays) {
        let starts = browser.every.map(|gap| Rc::new(RefCell::new(FlowStarts::new(gap))));
        let baselines = std::iter::once(Duration::from(browser.baseline));
        let baselines = baselines.chain(std::iter::repeat(Duration::ZERO));
        for baseline in baselines.take(browser.vus as usize) {
            let user = BrowserUser::new(shared.clone(), browser.clone(), number);
            slots.push(BrowserUserSlot { user, baseline, starts: starts.clone() });
            number += 1;
        }
    }
    slots
}

/// How many flows were due and not played, until now.
pub(super) fn left_out(users: &[BrowserUserSlot]) -> u64 {
    let now = Instant::now();
    let mut starts: Vec<_> = users.iter().filter_map(|slot| slot.starts.as_ref()).collect();
    // Users of one browser stand beside each other.
    starts.dedup_by(|one, other| Rc::ptr_eq(one, other));
    starts.into_iter().map(|starts| starts.borrow_mut().left_out(now)).sum()
}

impl BrowserUserSlot {
    /// When its next flow begins; none where that is as soon as it can.
    pub(super) fn next_start(&self) -> Option<Instant> {
        self.starts.as_ref().map(|starts| starts.borrow_mut().take(Instant::now()))
    }
}

/// What users share before the first arrival, or where there is none.
pub(in crate::app) fn idle_context(plan: &Arc<Plan>) -> VisitContext {
    VisitContext {
        plan: plan.clone(),
        rows: Arc::new(RowPicker::new(plan)),
        clock: None,
        waits_for_quiet: asks_for_tti(plan),
        worst: WorstPages::default(),
    }
}

/// Whether the SLO table has a row on time to interactive.
fn asks_for_tti(plan: &Plan) -> bool {
    plan.objectives.iter().any(|objective| match &objective.measure {
        Measure::Page(figure, _) => *figure == PageFigure::Tti,
        Measure::Observed(tier, metric) => {
            tier == PageFigure::TIER && PageFigure::of_row(metric) == Some(PageFigure::Tti)
        }
        _ => false,
    })
}
