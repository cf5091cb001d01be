//! stub
use super::*;
use crate::scenario::SourceId;
pub fn openapi(_: &str, _: SourceId, _: &Options) -> Result<Imported, Vec<Problem>> {
    todo!()
}
