//! `file('path')`: what stands in a file, as it was before the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind};

/// The texts of files, by the path as it is written and the number of the file that names it.
pub type TemplateFiles = BTreeMap<(String, u16), Arc<str>>;

/// Adds the function. The loader gives calls in included files the number of their file.
pub(super) fn add_to(environment: &mut Environment<'static>, files: TemplateFiles) {
    environment.add_function("file", move |path: &str, namer: Option<u16>| {
        let found = files.get(&(path.to_owned(), namer.unwrap_or(0)));
        found.map(ToString::to_string).ok_or_else(|| {
            let message = format!("file('{path}'): only a path in quotes is read, before the run");
            Error::new(ErrorKind::InvalidOperation, message)
        })
    });
}
