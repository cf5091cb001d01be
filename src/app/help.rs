//! `plimsoll help`: commands, and what else needs a word.

use clap::CommandFactory;

use crate::cli::{Cli, HelpArgs, TOPICS};

use super::exit::{Exit, Failure};
use super::output::write_out;

/// Explains a command or a topic.
pub(super) fn help(args: &HelpArgs) -> Result<Exit, Failure> {
    let text = match args.of.first() {
        None => Cli::command().render_help().to_string(),
        Some(word) => match TOPICS.iter().find(|topic| topic.name == word) {
            Some(topic) => format!("{}\n", topic.parts.join("\n\n")),
            None => of_command(&args.of)?,
        },
    };
    write_out(&text).map(|()| Exit::Pass)
}

fn of_command(words: &[String]) -> Result<String, Failure> {
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in words {
        let Some(inner) = found.find_subcommand_mut(word) else { return Err(unknown(word)) };
        found = inner;
    }
    Ok(found.render_long_help().to_string())
}

fn unknown(word: &str) -> Failure {
    let topics: Vec<String> =
        TOPICS.iter().map(|topic| format!("  {:<12} {}", topic.name, topic.about)).collect();
    let message = format!(
        "error: `{word}` is neither a command nor a topic\n\ntopics:\n{}\ncommands: see `plimsoll --help`",
        topics.join("\n")
    );
    Failure::new(Exit::Usage, message)
}
