//! Sessions, compiled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::Value;

use super::{CaptureSlot, StatusSet};
use plimsoll_scenario::schema::SessionScope;
use plimsoll_units::{Nanos, RunTime};

/// Something that a user holds for a while: a login, a token.
#[derive(Debug, Clone)]
pub struct SessionPlan {
    /// Its name.
    pub name: String,
    /// How long it is used from the moment that it was asked for: its life less what it is renewed ahead.
    pub used_for: Nanos,
    /// The statuses that say that it has ended in spite of that. The first such answer to a request renews the
    /// session and sends the request again; a second one is judged like any answer.
    pub expired: StatusSet,
    /// Who has one of it.
    pub per: SessionScope,
    /// Where its login keeps what it captures.
    pub slots: Vec<CaptureSlot>,
    /// What all users of the run share of it.
    pub shared: SharedLogin,
}

/// What a login has brought.
#[derive(Debug, Clone, Default)]
pub struct HeldSession {
    /// When it was asked for.
    pub asked: RunTime,
    /// Until when it is used.
    pub until: RunTime,
    /// What the login captured.
    pub values: Vec<(CaptureSlot, Value)>,
}

/// After so long, whoever logs in for all is given up.
const GIVEN_UP: Nanos = Nanos::from_secs(60);

/// A login that one user makes for all. The lock is taken when a session is due, not for each request.
#[derive(Debug, Clone, Default)]
pub struct SharedLogin(Arc<Mutex<LoginState>>);

#[derive(Debug, Default)]
enum LoginState {
    /// Nobody is logged in.
    #[default]
    Nobody,
    /// A user logs in, since then.
    LoggingIn(RunTime),
    /// It is there.
    Held(HeldSession),
}

/// What a user who needs the session does.
#[derive(Debug)]
pub enum LoginTurn {
    /// It uses what another one has got.
    Use(HeldSession),
    /// It waits for the one who logs in.
    Wait,
    /// It logs in for all.
    LogIn,
}

impl SharedLogin {
    /// Whose turn it is at `now`.
    pub fn turn(&self, now: RunTime) -> LoginTurn {
        let mut state = self.state();
        match &*state {
            LoginState::Held(found) if now < found.until => LoginTurn::Use(found.clone()),
            LoginState::LoggingIn(since) if now < *since + GIVEN_UP => LoginTurn::Wait,
            _ => {
                *state = LoginState::LoggingIn(now);
                LoginTurn::LogIn
            }
        }
    }

    /// The login is through.
    pub fn begun(&self, held: HeldSession) {
        *self.state() = LoginState::Held(held);
    }

    /// The session that was asked for at `asked` has ended; one that was got meanwhile has not.
    pub fn ended(&self, asked: RunTime) {
        let mut state = self.state();
        if matches!(&*state, LoginState::Held(held) if held.asked == asked) {
            *state = LoginState::Nobody;
        }
    }

    /// Whoever was logging in has not managed to.
    pub fn given_up(&self) {
        *self.state() = LoginState::Nobody;
    }

    fn state(&self) -> MutexGuard<'_, LoginState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
