//! `plimsoll run URL`: the scenario of a URL takes the place of a file.

use std::io;
use std::path::Path;

use crate::cli;
use crate::import::{self, UrlBody, UrlRequest, UrlScenario, is_url};
use crate::scenario::{Loaded, load};
use crate::units::{Nanos, Rate, RateUnit, WorkRate};

use super::exit::{Exit, Failure};
use super::files::{self, RunFolder};

/// How often a URL is sent where nothing is said, in requests per second.
const RATE: f64 = 10.0;
/// For how long.
const DURATION: Nanos = Nanos::from_secs(30);
/// The file that stands for a URL: in messages, and beside the reports.
const FILE: &str = "scenario.yaml";

/// The scenario of the URL that stands in place of a path; none where a path does.
pub(super) fn scenario_of_url(args: &cli::RunArgs) -> Result<Option<UrlScenario>, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let Some(url) = args.path.to_str().filter(|word| is_url(word)) else {
        return match args.request.given() {
            None => Ok(None),
            Some(option) => Err(usage(format!(
                "error: `{option}` belongs to a URL, and `{}` is a path\nhint: the scenario says what its requests are; \
                 `--set` changes a value",
                args.path.display()
            ))),
        };
    };
    if args.fleet.agents.is_some() {
        let told = "error: agents play a scenario, and a URL is none\nhint: run it once without `--agents`; the scenario \
                    that it writes beside its reports can be played by agents";
        return Err(usage(told.to_owned()));
    }
    let body = match args.request.body.as_deref() {
        Some(text) => Some(match text.strip_prefix('@') {
            Some(path) => UrlBody::File(whole_path(path)?),
            None => UrlBody::Text(text.to_owned()),
        }),
        None => None,
    };
    let request = UrlRequest {
        url: url.to_owned(),
        method: args.request.method.clone(),
        headers: args.request.header.clone(),
        body,
        rate: args
            .load
            .rate
            .unwrap_or(WorkRate { rate: Rate::per_second(RATE), unit: RateUnit::Requests }),
        duration: args.load.duration.unwrap_or(DURATION),
    };
    import::scenario_of_url(&request).map(Some).map_err(|error| usage(format!("error: {error}")))
}

/// The path of a file from the root on: the scenario that is written stands elsewhere.
fn whole_path(path: &str) -> Result<String, Failure> {
    let whole = std::path::absolute(path)
        .map_err(|error| Failure::while_doing(&format!("cannot find `{path}`"), &error))?;
    Ok(whole.display().to_string())
}

/// Loads the scenario of a URL.
pub(super) fn load_url(scenario: &UrlScenario, settings: &[(String, String)]) -> Loaded {
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        if path == Path::new(FILE) {
            Ok(scenario.text.clone().into_bytes())
        } else {
            files::read(path)
        }
    };
    let variable = |name: &str| {
        let given = scenario.secrets.iter().find(|(known, _)| known == name);
        given.map(|(_, value)| value.clone()).or_else(|| files::variable(name))
    };
    load(Path::new(FILE), settings, &read, &variable)
}

/// Writes the scenario of a URL beside the reports of its run.
pub(super) fn keep(scenario: &UrlScenario, folder: &RunFolder) -> Result<(), Failure> {
    files::write_file(&folder.path().join(FILE), scenario.text.as_bytes())
}
