//! stub
use super::*;
use crate::scenario::SourceId;
pub fn access_log(_: &str, _: SourceId, _: &Options) -> Result<Imported, Vec<Problem>> {
    todo!()
}
