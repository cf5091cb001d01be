//! What it costs to lead a thousand agents, and what comes of runs of which a part is killed.
//!
//! `cargo bench --bench fleet` leads 1,000 agents for a minute: one is real, the others repeat what it says, each with a
//! number, a connection of 32 and a log of its own. The bars are one core, flat memory and a live view that is at most 2 s
//! late. `-- leader 100 600` takes so many agents for so many seconds.
//!
//! `-- kills 20` plays a run of three agents and kills an agent, the leader or the NATS server at 20 random moments each, which
//! follow from a seed (`-- kills 20 18`); every request that the target has logged must be in the merged run, or the run not
//! valid, and nothing may hang. A few of each are a test (`tests/real/killed.rs`).
//!
//! `-- search 5` searches a stack of known truth for five minutes on one machine, and for five with a leader and two agents: both
//! claims are to be within 3 % of it.
//!
//! The led run of the first is not valid: where all agents have the arrivals of one, their sum is not the plan's.
//!
//! Figures are printed, never asserted. It needs `nats-server`.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod kills;
mod leader;
mod parts;
mod search;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` says `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let number = |at: usize, other: u32| -> Result<u32, Box<dyn Error>> {
        words.get(at).map_or(Ok(other), |word| Ok(word.parse()?))
    };
    match words.first().map(String::as_str) {
        None | Some("leader") => leader::measure(number(1, 1_000)?, number(2, 60)?),
        Some("kills") => {
            kills::play(number(1, 20)?, u64::from(number(2, 18)?));
            Ok(())
        }
        Some("search") => search::compare(number(1, 5)?),
        Some(other) => Err(format!("no benchmark `{other}`").into()),
    }
}
