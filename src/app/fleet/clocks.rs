//! An agent's clock against the leader's.

use std::time::Duration;

use crate::fleet::{Carrier, ClockEstimate, ClockExchange, ClockFilter, ClockReply, RunSubjects};
use crate::transport::monotonic;

/// Exchanges of one round; the one of least delay counts.
const EXCHANGES: u32 = 16;
/// Between two exchanges, so that one stall does not meet them all.
const BETWEEN: Duration = Duration::from_millis(20);

/// Makes one round of exchanges. `None` where the leader does not answer.
pub(super) async fn compare(
    carrier: &Carrier,
    subjects: &RunSubjects,
    filter: &mut ClockFilter,
) -> Option<ClockEstimate> {
    for _ in 0..EXCHANGES {
        let asked = monotonic();
        let reply = carrier.ask::<ClockReply>(subjects.clock(), &()).await;
        let returned = monotonic();
        if let Ok(ClockReply { received, sent }) = reply {
            filter.add(ClockExchange { asked, received, answered: sent, returned });
        } else {
            return filter.end_round();
        }
        tokio::time::sleep(BETWEEN).await;
    }
    filter.end_round()
}
