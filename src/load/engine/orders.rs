//! How a worker follows the run's controller.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::watch;

use plimsoll_plan::Stage;
use plimsoll_units::RunTime;

use super::control::WorkerOrders;
use super::tasks::PanicGuard;
use super::worker::Worker;

/// What a worker is ordered, and how much of it is carried out.
pub(super) struct OrderBox {
    orders: RefCell<watch::Receiver<WorkerOrders>>,
    carried_out: Cell<usize>,
}

impl OrderBox {
    pub(super) fn new(orders: watch::Receiver<WorkerOrders>) -> Self {
        Self { orders: RefCell::new(orders), carried_out: Cell::new(0) }
    }

    /// Whether there is something new. Costs a load.
    pub(super) fn is_new(&self) -> bool {
        self.orders.borrow().has_changed().unwrap_or(false)
    }

    /// Carries out what is new.
    pub(super) fn carry_out(&self, worker: &Worker, reshape: impl Fn(RunTime, &[Stage])) {
        let order = self.orders.borrow_mut().borrow_and_update().clone();
        for (at, stages) in &order.changes[self.carried_out.get()..] {
            reshape(*at, stages);
        }
        self.carried_out.set(order.changes.len());
        worker.blue_only.set(order.blue_only);
        if let Some(until) = order.drain_until {
            worker.drain(until);
        }
    }
}

/// Wakes a worker for what the run's controller says; `carry_out` does it.
pub(super) async fn follow_orders(
    worker: Rc<Worker>,
    mut orders: watch::Receiver<WorkerOrders>,
    carry_out: impl Fn(),
) {
    let _guard = PanicGuard(worker.clone());
    while orders.changed().await.is_ok() {
        carry_out();
        worker.timers.wake();
    }
}
