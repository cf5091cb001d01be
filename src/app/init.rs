//! `plimsoll init`: a commented scenario folder to begin with.

use std::path::Path;

use crate::cli;
use crate::import::system_name;

use super::exit::{Exit, Failure};
use super::files::{create_folder, write_file};
use super::output::{say, write_out};

/// The files of the folder.
const FILES: [(&str, &str); 4] = [
    ("scenario.yaml", include_str!("init/scenario.yaml")),
    ("stack.yaml", include_str!("init/stack.yaml")),
    ("simulation.yaml", include_str!("init/simulation.yaml")),
    ("products.csv", include_str!("init/products.csv")),
];

/// Writes the folder, and says what to do with it. A file that is there already is never replaced.
pub(super) fn init(args: &cli::InitArgs) -> Result<Exit, Failure> {
    let folder = args.folder.as_path();
    if let Some((name, _)) = FILES.iter().find(|(name, _)| folder.join(name).exists()) {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "error: `{}` already exists\nhint: name an empty folder: `plimsoll init shop`",
                folder.join(name).display()
            ),
        ));
    }
    create_folder(folder)?;
    // That of the folder, so that runs of two folders do not mix.
    let named = folder.file_name().and_then(|name| name.to_str());
    let system = named.map_or_else(|| "shop".to_owned(), system_name);
    for (name, text) in FILES {
        let path = folder.join(name);
        let text = text.replacen("\nname: shop\n", &format!("\nname: {system}\n"), 1);
        write_file(&path, text.as_bytes())?;
        write_out(&format!("{}\n", path.display()))?;
    }
    say(&next_steps(folder));
    Ok(Exit::Pass)
}

/// What to do with the folder.
fn next_steps(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "\nplimsoll check {folder}                  # nothing is sent\n\
         plimsoll simulate {folder}               # a stack to try it on, at http://127.0.0.1:8080, in another terminal\n\
         plimsoll check {folder} --once           # one iteration of each scenario, every exchange printed\n\
         plimsoll run {folder}                    # the first workload"
    )
}
