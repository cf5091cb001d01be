//! How a worker follows the run's controller.

use std::rc::Rc;

use tokio::sync::watch;

use crate::plan::Stage;
use crate::units::RunTime;

use super::control::WorkerOrders;
use super::tasks::PanicGuard;
use super::worker::Worker;

/// Carries out what the run's controller says.
pub(super) async fn follow_orders(
    worker: Rc<Worker>,
    mut orders: watch::Receiver<WorkerOrders>,
    reshape: impl Fn(RunTime, &[Stage]),
) {
    let _guard = PanicGuard(worker.clone());
    let mut carried_out = 0;
    while orders.changed().await.is_ok() {
        let order = orders.borrow_and_update().clone();
        for (at, stages) in &order.changes[carried_out..] {
            reshape(*at, stages);
        }
        carried_out = order.changes.len();
        worker.blue_only.set(order.blue_only);
        if let Some(until) = order.drain_until {
            worker.drain(until);
        }
        worker.timers.wake();
    }
}
