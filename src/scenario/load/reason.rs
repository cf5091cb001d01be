//! Why a file could not be read, in words.

use std::io;
use std::net::IpAddr;

use crate::{Span, Spanned};

/// The system's reason without its number.
pub(super) fn plain_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// What can be done where there is no file of a name.
pub(super) fn hint_of_missing(named: &Spanned<String>) -> String {
    if named.span != Span::COMMAND_LINE {
        return "paths are relative to the folder of the file that names them".to_owned();
    }
    let path = named.value.strip_suffix("/scenario.yaml").unwrap_or(&named.value);
    if is_host(path) {
        return format!("a URL begins with its scheme: `http://{path}`");
    }
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let folder = if path == named.value { folder } else { path };
    format!("`plimsoll init {folder}` writes a first scenario there")
}

/// `127.0.0.1:8080/search`, `localhost`: a URL that lacks its scheme.
fn is_host(path: &str) -> bool {
    let host = path.split(['/', '?']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    has_port || name == "localhost" || name.starts_with("www.") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_the_command_line_may_be_a_url_or_a_folder_to_be_made() {
        let hint = |path: &str| hint_of_missing(&Spanned::new(path.to_owned(), Span::COMMAND_LINE));
        let url = |path: &str| format!("a URL begins with its scheme: `http://{path}`");
        assert_eq!(hint("127.0.0.1:8123/scenario.yaml"), url("127.0.0.1:8123"));
        assert_eq!(hint("localhost/search?q=tea/scenario.yaml"), url("localhost/search?q=tea"));
        assert_eq!(hint("shop:81/scenario.yaml"), url("shop:81"));
        let init = |folder: &str| format!("`plimsoll init {folder}` writes a first scenario there");
        assert_eq!(hint("shop/scenario.yaml"), init("shop"));
        assert_eq!(hint("load/shop.yaml"), init("load"));
        assert_eq!(hint("shop.yaml"), init("."));
    }
}
