//! What needs neither other programs nor a quiet machine: files, imports, reports, the simulator, and inputs that
//! nobody would write.
//!
//! One program, because each costs a link of the whole crate whenever a line of it changes.

mod documented;
mod formats;
mod fuzz;
mod gate;
mod golden;
mod import;
mod kubernetes;
mod lag;
mod licences;
mod manifests;
mod samples;
mod simulate;
mod simulator;
