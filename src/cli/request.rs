//! Options of `plimsoll run URL`, which needs no file.

use clap::Args;
use http::Method;

use super::values::{header, method};

/// The request that is sent where a URL stands in place of a scenario.
#[derive(Debug, Clone, Default, Args)]
pub struct UrlArgs {
    /// Of a URL: the method; GET, or POST where there is a body.
    #[arg(long, value_name = "METHOD", value_parser = method)]
    pub method: Option<Method>,
    /// Of a URL: a header, `--header "accept: text/html"`; repeatable. `${NAME}` is a value of the environment.
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// Of a URL: what is sent; `@FILE` sends the content of a file.
    #[arg(long, value_name = "TEXT")]
    pub body: Option<String>,
}

impl UrlArgs {
    /// The first option that is given, if any.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--method", self.method.is_some()),
            ("--header", !self.header.is_empty()),
            ("--body", self.body.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }
}
