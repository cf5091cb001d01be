//! `plimsoll man`: manual pages, from the definition of the command line.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::Cli;

use super::exit::{Exit, Failure};
use super::files::{create_folder, write_file};
use super::output::write_out;

/// Prints the page of the program, or writes all pages into a folder.
pub(super) fn manual(out: Option<&Path>) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    match out {
        None => write_out(&String::from_utf8_lossy(&page(&command)?))?,
        Some(folder) => {
            create_folder(folder)?;
            pages(&command, "plimsoll", folder)?;
        }
    }
    Ok(Exit::Pass)
}

/// The page of a command and those of the commands below it: `plimsoll-runs-list.1`.
fn pages(command: &Command, name: &str, folder: &Path) -> Result<(), Failure> {
    let named = command.clone().display_name(name.to_owned());
    write_file(&folder.join(format!("{name}.1")), &page(&named)?)?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(())
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut page = vec![];
    // No date: the same source makes the same page.
    Man::new(command.clone())
        .render(&mut page)
        .map_err(|error| Failure::while_doing("cannot render a manual page", &error))?;
    Ok(page)
}
