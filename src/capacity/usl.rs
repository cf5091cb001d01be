//! The Universal Scalability Law, and which law of scaling the data support.

mod law;
mod select;

pub use law::{USL_POINTS_MIN, Usl, UslError, UslPoint};
pub use select::{ScalingLaw, ScalingModel, select};

#[cfg(test)]
mod tests;
