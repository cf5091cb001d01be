//! What one of a user's concurrent requests works with.

use std::cell::RefCell;

use plimsoll_user::User;

use super::Timer;
use super::events::WatchedEvents;
use super::group::ConcurrentRequests;

/// The context of one of a user's concurrent requests. The user is borrowed only between awaits.
#[derive(Clone, Copy)]
pub(super) struct RequestContext<'a> {
    pub(super) user: &'a RefCell<&'a mut User>,
    pub(super) timer: &'a Timer,
    /// Who looks at a stream's events as they come.
    pub(super) events: Option<WatchedEvents<'a>>,
    /// The requests that are sent at once with this one.
    pub(super) group: Option<&'a ConcurrentRequests>,
}

impl<'a> RequestContext<'a> {
    /// A request on its own.
    pub(super) fn new(user: &'a RefCell<&'a mut User>, timer: &'a Timer) -> Self {
        Self { user, timer, events: None, group: None }
    }
}
