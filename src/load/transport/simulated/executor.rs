//! Runs tasks in a simulated world: as long as one can run it does, and then the next thing happens.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::task::LocalSet;

use super::world::World;

/// More has never happened in a simulation that comes to an end.
const MOST: u64 = 5_000_000;

/// Tells that a task can run.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `main` to its end, with all tasks that it spawns. Those that are left then must end by themselves.
///
/// Returns what `main` does; none where all wait and nothing is going to happen.
pub(crate) fn play<T: 'static>(
    world: &Rc<World>,
    main: impl Future<Output = T> + 'static,
) -> Option<T> {
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    let mut tasks = LocalSet::new();
    let mut main = tasks.spawn_local(main);
    let mut outcome = None;
    loop {
        let left = pin!(&mut tasks).poll(&mut context);
        while world.happen_if_due() {}
        if outcome.is_none()
            && let Poll::Ready(ended) = pin!(&mut main).poll(&mut context)
        {
            match ended {
                Ok(ended) => outcome = Some(ended),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        if left.is_ready() && outcome.is_some() {
            return outcome;
        }
        if flag.0.swap(false, Ordering::Relaxed) {
            continue;
        }
        if !world.happen() || world.happened() > MOST {
            world.violation(match outcome {
                None => "the run does not come to its end".to_owned(),
                Some(_) => "a task is left behind the end of the run".to_owned(),
            });
            return outcome;
        }
    }
}

impl World {
    /// Sleeps for `span` of the world's time.
    pub(crate) async fn sleep(self: &Rc<Self>, span: plimsoll_units::Nanos) {
        let flag = Rc::new((std::cell::Cell::new(false), std::cell::RefCell::new(None::<Waker>)));
        let slept = flag.clone();
        self.plan(span, move |_| {
            slept.0.set(true);
            if let Some(waker) = slept.1.borrow_mut().take() {
                waker.wake();
            }
        });
        poll_fn(|context| {
            if flag.0.get() {
                return Poll::Ready(());
            }
            *flag.1.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
