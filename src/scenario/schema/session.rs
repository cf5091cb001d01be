//! `sessions:`: how users log in, how long that holds, and what says that it no longer does.

use super::check::status;
use super::step::{StepSpec, flow};
use crate::declared::flow::SESSION;
use crate::{Fields, Node, ProblemKind, Problems, Spanned};
use plimsoll_units::Nanos;

/// A session that requests may ask for.
#[derive(Debug, Clone)]
pub struct SessionSpec {
    /// Its name.
    pub name: Spanned<String>,
    /// How a user gets it; what it captures is there for the requests of the session.
    pub login: Vec<StepSpec>,
    /// How long it lives on the server.
    pub lives: Nanos,
    /// How long before its end it is renewed; shorter than `lives`.
    pub renew_ahead: Nanos,
    /// The statuses that say that it has ended in spite of that.
    pub expired: Vec<(u16, u16)>,
    /// Who has one of it, where the author says so.
    pub per: Option<SessionScope>,
}

/// Who has one of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionScope {
    /// Each user, over all its iterations.
    User,
    /// Each iteration.
    Iteration,
    /// All users of the run together.
    Run,
}

const SCOPES: [(&str, SessionScope); 3] = [
    ("user", SessionScope::User),
    ("iteration", SessionScope::Iteration),
    ("run", SessionScope::Run),
];

/// The share of its life that is left where nothing says when to renew.
const AHEAD: u64 = 10;

/// Reads one session.
pub(super) fn read(
    name: Spanned<String>,
    node: &Node,
    problems: &mut Problems,
) -> Option<SessionSpec> {
    let mut fields = Fields::of(node, &SESSION, problems)?;
    let login = fields.node("login", problems).map(|node| flow(node, problems)).unwrap_or_default();
    let lives = fields.read("lives", problems);
    let ahead: Option<Spanned<Nanos>> = fields.read("renew_ahead", problems);
    let expired = fields.node("expired", problems).and_then(|node| status(node, problems));
    let per = fields.word("per", &SCOPES, problems);
    fields.finish(problems);
    // A life that cannot be read has been reported, and then any other will do.
    let lives = lives.unwrap_or(Nanos::from_secs(3_600));
    let renew_ahead = match ahead {
        Some(ahead) if ahead.value >= lives => {
            problems.report(ahead.span, ProblemKind::NeverLives { name: name.value.clone() });
            Nanos::ZERO
        }
        Some(ahead) => ahead.value,
        None => Nanos::new(lives.get() / AHEAD),
    };
    let expired = expired.unwrap_or_else(|| vec![(401, 401)]);
    Some(SessionSpec { name, login, lives, renew_ahead, expired, per })
}
