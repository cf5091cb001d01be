//! A stack that answers real HTTP with modelled queues and its own metrics.

pub mod model;
