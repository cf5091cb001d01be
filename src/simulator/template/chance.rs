//! The chance of a template.

use std::sync::{Arc, Mutex};

use rand_pcg::Pcg64Mcg;

/// A generator that template functions share.
pub(crate) type TemplateRng = Arc<Mutex<Pcg64Mcg>>;
