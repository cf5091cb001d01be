//! The declarations of `scenario.yaml` and `stack.yaml`.

pub(super) mod browser;
pub(super) mod delay;
pub(super) mod failure;
pub(super) mod flow;
pub(super) mod graphql;
pub(super) mod load;
pub(super) mod observe;
pub(super) mod request;
pub(super) mod response;
pub(super) mod scenario;
pub(super) mod slo;
pub(super) mod stack;
pub(super) mod stream;
