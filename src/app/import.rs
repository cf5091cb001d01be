//! `plimsoll import`: reads a file, writes a scenario folder, and checks what it wrote.

mod log;

use std::path::{Path, PathBuf};

use crate::cli::ImportFrom;
use crate::import::{ImportOptions, Imported, system_name};
use crate::plan::Overrides;
use crate::scenario::format::json_schema::json_schema;
use crate::scenario::{Problem, SCENARIO_FILE, SourceFiles, SourceId, load_from};
use crate::units::Ratio;
use crate::{cli, import};

use super::compiled::plan_of;
use super::exit::{Exit, Failure};
use super::files::create_folder;
use super::output::{say, write_out};
use super::sources::StackPrograms;
use super::{files, problems};

/// The largest file that is imported, in bytes: all of it is held in memory.
const FILE_MAX: u64 = 1 << 30;

/// The schema's file, beside the scenario.
const SCHEMA_FILE: &str = "scenario.schema.json";

/// The first line of a scenario, by which editors find the schema.
const MODELINE: &str = "# yaml-language-server: $schema=scenario.schema.json\n";

/// Imports, writes and checks.
pub(super) fn import(args: &cli::ImportArgs) -> Result<Exit, Failure> {
    let nothing = PathBuf::new();
    let (file, into) = match &args.from {
        ImportFrom::Har { file, into, .. }
        | ImportFrom::Openapi { file, into }
        | ImportFrom::Postman { file, into, .. }
        | ImportFrom::Jmx { file, into }
        | ImportFrom::K6 { file, into } => (file, into),
        ImportFrom::AccessLog { files, into, .. } => {
            (files.first().map_or(&nothing, |file| file), into)
        }
    };
    if let ImportFrom::AccessLog { files, format, fields, compare: Some(run), .. } = &args.from {
        let options = ImportOptions {
            name: String::new(),
            folder: String::new(),
            file: String::new(),
            hosts: vec![],
            replay: None,
            browser: false,
        };
        let (run, _) = files::read_log(run)?;
        let format = (format.as_deref(), fields.as_deref());
        let compared = log::compare(files, &options, format, &run)?;
        write_out(&compared.to_string())?;
        return Ok(Exit::Pass);
    }
    let name = system_name(into.name.as_deref().unwrap_or_else(|| stem(file)));
    let folder = into.out.clone().unwrap_or_else(|| Path::new("scenarios").join(&name));
    refuse_to_overwrite(&folder, into.force)?;
    let imported = read(&args.from, (name, &folder))?;
    write(&folder, &imported)?;
    say(&imported.notes.to_string());
    check(&folder)
}

fn read(from: &ImportFrom, (name, folder): (String, &Path)) -> Result<Imported, Failure> {
    let options = |path: &Path, hosts, replay| ImportOptions {
        name,
        folder: shell_word(&folder.display().to_string()),
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        hosts,
        replay,
        browser: false,
    };
    match from {
        ImportFrom::Har { file, host, browser, .. } => {
            let options = options(file, host.clone(), None);
            of_text(file, &ImportOptions { browser: *browser, ..options }, import::har)
        }
        ImportFrom::Openapi { file, .. } => of_description(file, &options(file, vec![], None)),
        ImportFrom::Postman { file, environment, .. } => {
            let environment = environment.as_deref().map(read_text).transpose()?;
            of_text(file, &options(file, vec![], None), |text, source, options| {
                import::postman(text, environment.as_deref(), source, options)
            })
        }
        ImportFrom::Jmx { file, .. } => {
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            of_text(file, &options(file, vec![], None), |text, source, options| {
                import::jmx(text, source, options, &mut |path| read_text(&folder.join(path)).ok())
            })
        }
        ImportFrom::K6 { file, .. } => of_text(file, &options(file, vec![], None), import::k6),
        ImportFrom::AccessLog { files, target, replay, speed, format, fields, .. } => {
            let replay = replay.then(|| speed.unwrap_or(Ratio::new(1.0)));
            let first = files.first().map_or(Path::new(""), PathBuf::as_path);
            let options = options(first, vec![target.clone()], replay);
            log::read(files, &options, (format.as_deref(), fields.as_deref()))
        }
    }
}

/// A path as one word of a shell, for commands in comments (POSIX, Shell Command Language, §2.2.2).
fn shell_word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn of_text(
    file: &Path,
    options: &ImportOptions,
    reader: impl FnOnce(&str, SourceId, &ImportOptions) -> Result<Imported, Vec<Problem>>,
) -> Result<Imported, Failure> {
    let text = read_text(file)?;
    let mut sources = SourceFiles::default();
    let source = sources.add(file.display().to_string(), text.as_str());
    reader(&text, source, options).map_err(|problems| problems::import_failure(&problems, &sources))
}

/// A description of an API, with the files beside it that it refers to.
fn of_description(file: &Path, options: &ImportOptions) -> Result<Imported, Failure> {
    let text = read_text(file)?;
    let mut sources = SourceFiles::default();
    let source = sources.add(file.display().to_string(), text.as_str());
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut read = |path: &str| {
        let path = folder.join(path);
        let text = read_text(&path).ok()?;
        Some((sources.add(path.display().to_string(), text.as_str()), text))
    };
    import::openapi_files(&text, source, options, &mut read)
        .map_err(|problems| problems::import_failure(&problems, &sources))
}

fn stem(file: &Path) -> &str {
    file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("imported")
}

fn read_text(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, format!("error: cannot read `{shown}`: {error}"))
    };
    let size = std::fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > FILE_MAX {
        return Err(failed(&format!("{size} bytes are more than the {FILE_MAX} that are read")));
    }
    let bytes = std::fs::read(file).map_err(|error| failed(&error))?;
    // Recordings hold answers of strangers, and not all of them send UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn refuse_to_overwrite(folder: &Path, force: bool) -> Result<(), Failure> {
    let file = folder.join("scenario.yaml");
    if force || !file.exists() {
        return Ok(());
    }
    let message = format!(
        "error: `{}` already exists\nhint: `--force` replaces it; `--name` and `--out` choose another place",
        file.display()
    );
    Err(Failure::new(Exit::Usage, message))
}

fn write(folder: &Path, imported: &Imported) -> Result<(), Failure> {
    create_folder(folder)?;
    let schema = format!("{:#}\n", json_schema(&SCENARIO_FILE));
    let mut files = vec![(SCHEMA_FILE.to_owned(), schema)];
    for (name, text) in &imported.files {
        let is_scenario = Path::new(name).extension().is_some_and(|end| end == "yaml");
        let head = if is_scenario { MODELINE } else { "" };
        files.push((name.clone(), format!("{head}{text}")));
    }
    for (name, text) in &files {
        let path: PathBuf = folder.join(name);
        std::fs::write(&path, text).map_err(|error| {
            Failure::while_doing(&format!("cannot write `{}`", path.display()), &error)
        })?;
        write_out(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// What was written must pass `plimsoll check`; if it does not, that is our mistake, and it is told in full.
fn check(folder: &Path) -> Result<Exit, Failure> {
    let loaded = load_from(folder, &[], files::access(), &|_| None);
    match plan_of(&loaded, &Overrides::default(), StackPrograms::Elsewhere) {
        Ok(_) => Ok(Exit::Pass),
        Err(failure) => Err(Failure::new(
            Exit::Error,
            format!(
                "{}\nerror: the import is not valid; please report this as a defect of plimsoll",
                failure.message
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_in_a_comment_is_one_word_of_a_shell() {
        assert_eq!(shell_word("scenarios/shop-2"), "scenarios/shop-2");
        assert_eq!(shell_word("my shop's"), r"'my shop'\''s'");
        assert_eq!(shell_word("$(x)"), "'$(x)'");
    }
}
