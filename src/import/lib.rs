//! A first scenario from what people have already: a browser's recording, a server's log, an API's description.
//!
//! Every importer makes a draft, which is written as a person would write it, and
//! [`ImportNote`]s: whatever was left out or changed is listed with its reason. Importing is pure; the same input
//! gives the same files, byte for byte.

mod access_log;
mod draft;
mod har;
mod imported;
mod jmx;
mod k6;
mod names;
mod note;
mod openapi;
mod percent;
mod postman;
mod secrets;
mod text;
mod url;
mod variables;
mod yaml;

pub use access_log::{
    AccessLogReader, ComparedFigure, FigureUnit, LogComparison, LogFormat, NOTHING_HINT,
    access_log, nothing,
};
pub use har::har;
use imported::problem;
pub use imported::{ImportOptions, Imported};
pub use jmx::{ReadPlanFile, jmx};
pub use k6::k6;
pub use note::{ImportNote, ImportNotes};
pub use openapi::{ReadReference, openapi, openapi_files};
pub use postman::postman;
pub use url::{UrlBody, UrlError, UrlRequest, UrlScenario, is_url, scenario_of_url};

/// A system's name from what a file is called: `Web Shop.har` → `web_shop`.
pub fn system_name(stem: &str) -> String {
    let name = names::snake(stem);
    if name.is_empty() { "imported".to_owned() } else { name }
}
