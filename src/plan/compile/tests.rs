//! The compiler on whole files.

use std::io;
use std::path::Path;

use jiff::civil::date;

use super::*;
use crate::scenario::{Colour, load, render};

fn read_from(folder: &'static str) -> impl Fn(&Path) -> io::Result<Vec<u8>> {
    move |path| std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(path))
}

fn plan_of(text: &'static str, overrides: &Overrides) -> Result<Plan, Vec<Problem>> {
    let read = move |_: &Path| Ok(text.as_bytes().to_vec());
    let loaded = load(Path::new("a.yaml"), &[], &read, &|_| None);
    compile(&loaded, overrides, date(2026, 1, 31))
}

#[test]
fn ais_becomes_a_plan() {
    let loaded = load(Path::new("ais"), &[], &read_from("scenarios"), &|_| None);
    let plan = compile(&loaded, &Overrides::default(), date(2026, 1, 31))
        .unwrap_or_else(|p| panic!("{}", render(&p, &loaded.sources, Colour::None)));
    assert_eq!(plan.workload, "smoke");
    assert_eq!(plan.scenarios.len(), 3);
    assert_eq!(plan.data.iter().map(|set| set.rows.len()).collect::<Vec<_>>(), [80, 2000]);
    // search: 1 + 2; login: 2; booking: 1 + 3 + 4.
    let expected = (70.0 * 3.0 + 15.0 * 2.0 + 15.0 * 8.0) / 100.0;
    assert!((plan.requests_per_iteration() - expected).abs() < 1e-9);
    let peak = plan.load.peak().get() * expected;
    assert!((peak - 20.0).abs() < 1e-9, "{peak}");
}
