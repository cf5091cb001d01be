//! A simulated world: a virtual clock, alarms that ring late and a network that fails, all of it from one seed.
//!
//! The load path meets the machine in three places: it reads the clock, it is woken by an alarm, and it connects.
//! While a world is entered on a thread, these three are the world's. Everything above them is the code that
//! runs in earnest. Time passes only when all tasks wait, and a little with each look at the clock.

mod alarm;
mod connection;
mod executor;
mod stream;
mod world;

pub(crate) use alarm::SimulatedAlarm;
pub(crate) use connection::{Delivery, Dialling, Peer, Received, Reply};
pub(crate) use executor::play;
pub(crate) use stream::Simulated;
pub(crate) use world::{World, WorldProfile};
