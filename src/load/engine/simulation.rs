//! The engine in a simulated world: thousands of runs, each with its own load, faults and orders, in one process.
//!
//! A case follows from its seed alone. It is played by the code that runs in earnest, from the schedule down to
//! the bytes of HTTP; only clock, alarm and network are the world's ([`crate::transport::simulated`]). What must
//! hold whatever happens is checked from both ends: by what the engine has counted, and by what the server saw.

mod case;
mod ledger;
mod plans;
mod play;
mod properties;
mod server;
mod tests;
