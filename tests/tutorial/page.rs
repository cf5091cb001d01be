//! A page of Markdown and the blocks of commands in it.

use std::fs;
use std::path::Path;

/// A page.
pub(crate) struct Page {
    /// Its blocks of `sh` and `console`, in order.
    pub(crate) blocks: Vec<CommandBlock>,
}

/// A block of commands.
pub(crate) struct CommandBlock {
    /// Where it begins.
    pub(crate) line: usize,
    /// What is typed.
    pub(crate) commands: String,
    /// What is shown of the output.
    pub(crate) expected: Vec<String>,
    /// Whether it is typed.
    pub(crate) typed: Typed,
}

/// Whether a block is typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Yes,
    /// Why not.
    Not(String),
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a page");
        let mut blocks = vec![];
        let mut reason: Option<String> = None;
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if let Some(why) = line.trim().strip_prefix("<!-- not typed: ") {
                reason = Some(why.trim_end_matches("-->").trim().to_owned());
                continue;
            }
            let Some(language) = line.strip_prefix("```") else {
                if !line.trim().is_empty() {
                    reason = None;
                }
                continue;
            };
            let inside: Vec<&str> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            let typed = reason.take().map_or(Typed::Yes, Typed::Not);
            match language.trim() {
                "sh" => blocks.push(CommandBlock {
                    line: number + 1,
                    commands: inside.join("\n"),
                    expected: vec![],
                    typed,
                }),
                "console" => {
                    let (commands, expected): (Vec<&str>, Vec<&str>) =
                        inside.iter().partition(|line| line.starts_with("$ "));
                    let commands: Vec<&str> =
                        commands.iter().map(|line| line.trim_start_matches("$ ")).collect();
                    blocks.push(CommandBlock {
                        line: number + 1,
                        commands: commands.join("\n"),
                        expected: expected.iter().map(|line| (*line).to_owned()).collect(),
                        typed,
                    });
                }
                _ => {}
            }
        }
        Self { blocks }
    }

    /// The blocks that are typed.
    pub(crate) fn typed(&self) -> impl Iterator<Item = &CommandBlock> {
        self.blocks.iter().filter(|block| block.typed == Typed::Yes)
    }
}
