//! `plimsoll report --sign-off`: one document of several runs, to be signed before a launch.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::capacity::output::CapacitySection;
use crate::cli;
use crate::report::Report;
use crate::report::sign_off::{self, SignOff};

use super::conclusion::{judged, strictness};
use super::exit::{Exit, Failure};
use super::files;
use super::history::{self, StoredRun};
use super::output::say;

/// Who signs where nobody is named.
const SIGNERS: [&str; 3] = ["Engineering", "Operations", "Product"];

/// Names under which Chromium and Chrome are installed.
const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Writes the document and returns the worst verdict of its runs.
pub(super) fn sign_off(args: &cli::ReportArgs) -> Result<Exit, Failure> {
    let runs = history::named(&args.runs)?;
    one_system(&runs)?;
    let asked = &args.sign_off;
    let strictness = strictness(args.strict);
    let (mut reports, mut found) = (vec![], None);
    for run in &runs {
        let judged = judged(&run.log, &run.folder, strictness)?;
        reports.push(judged.report);
        // The newest result counts.
        found = judged.capacity.or(found);
    }
    // `named` gives at least one run, or fails.
    let worst = reports.iter().map(|report: &Report| report.judgement.verdict).max();
    let document = SignOff {
        system: runs[0].log.header.name.clone(),
        runs: reports,
        capacity: match &asked.capacity {
            Some(path) => Some(capacity(path)?),
            None => found,
        },
        forecast_peak: asked
            .peak
            .or_else(|| runs.iter().rev().find_map(|run| run.log.header.forecast_peak)),
        stack: asked.fact.clone(),
        signers: match asked.signer.as_slice() {
            [] => SIGNERS.map(str::to_owned).to_vec(),
            named => named.to_vec(),
        },
    };
    let folder = asked.out.clone().unwrap_or_else(|| runs[runs.len() - 1].folder.clone());
    write(&document, &folder)?;
    if asked.pdf {
        print(&folder)?;
    }
    Ok(worst.map_or(Exit::Error, |verdict| Exit::Judged(verdict.exit_code(strictness))))
}

/// A document speaks of one system.
fn one_system(runs: &[StoredRun]) -> Result<(), Failure> {
    let first = &runs[0].log.header.name;
    match runs.iter().map(|run| &run.log.header.name).find(|name| *name != first) {
        None => Ok(()),
        Some(other) => Err(Failure::new(
            Exit::Usage,
            format!(
                "error: the runs are of `{first}` and `{other}`\nhint: a sign-off speaks of one system; \
                 make one document for each"
            ),
        )),
    }
}

fn write(document: &SignOff, folder: &Path) -> Result<(), Failure> {
    let page = sign_off::html(document)
        .map_err(|error| Failure::while_doing("cannot render the sign-off", &error))?;
    let written = [
        ("sign-off.md", sign_off::markdown(document).into_bytes()),
        ("sign-off.html", page.into_bytes()),
    ];
    files::create_folder(folder)?;
    files::write_reports(folder, &written)?;
    for (name, _) in written {
        say(&format!("sign-off: {}", folder.join(name).display()));
    }
    Ok(())
}

/// The capacity result of the folder or file that the user named.
fn capacity(path: &Path) -> Result<CapacitySection, Failure> {
    let found = if path.is_dir() { files::capacity_of(path) } else { files::capacity_in(path) }?;
    found.ok_or_else(|| {
        let shown = path.display();
        let message = format!(
            "error: `{shown}` holds no capacity result\nhint: name a folder or file that \
             `plimsoll capacity` wrote"
        );
        Failure::new(Exit::Usage, message)
    })
}

/// Prints the page by the first browser that is installed.
fn print(folder: &Path) -> Result<(), Failure> {
    let page = fs::canonicalize(folder.join("sign-off.html"))
        .map_err(|error| Failure::while_doing("cannot find the page again", &error))?;
    let printed = folder.join("sign-off.pdf");
    // A profile of its own: a browser that is open already would take the order over and print nothing.
    let profile = folder.join(".browser");
    let told = BROWSERS.iter().find_map(|browser| by(browser, &page, &printed, &profile));
    // It may never have been made.
    let _ = fs::remove_dir_all(&profile);
    match told {
        Some(true) if printed.is_file() => {
            say(&format!("sign-off: {}", printed.display()));
            Ok(())
        }
        Some(_) => Err(Failure::new(Exit::Error, "error: the browser could not print the page")),
        None => Err(Failure::new(
            Exit::Error,
            "error: neither Chromium nor Chrome is installed\nhint: open sign-off.html in any browser and \
             print it to a file",
        )),
    }
}

/// Whether `browser` printed the page; none where it is not installed.
fn by(browser: &str, page: &Path, printed: &Path, profile: &Path) -> Option<bool> {
    let with = |name: &str, path: &Path| {
        let mut option = std::ffi::OsString::from(name);
        option.push(path);
        option
    };
    let mut command = Command::new(browser);
    command.args(["--headless", "--disable-gpu", "--no-pdf-header-footer"]);
    if rustix::process::geteuid().is_root() {
        // As root, its sandbox refuses to start. The page is our own, and its policy forbids scripts.
        command.arg("--no-sandbox");
    }
    command.arg(with("--user-data-dir=", profile)).arg(with("--print-to-pdf=", printed));
    command.arg(with("file://", page));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) => Some(status.success()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(_) => Some(false),
    }
}
