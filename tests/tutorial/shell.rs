//! A shell in a folder like a fresh clone, in which the blocks of a page are typed one after the other.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::page::CommandBlock;

/// What is printed between two blocks.
const MARK: &str = "\u{1}next block";

/// `plimsoll` as a page means it: what it simulates listens on a free port and ends with the page, wherever the page says
/// it listens; agents wait beside it, and so does a NATS server, on a free port; and a machine that is too busy to tell (97) proves nothing against the page.
const PRELUDE: &str = r#"
set -eu -o pipefail
declare -A moved=()
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
plimsoll() {
  local words=() word address told=http://127.0.0.1:8080 code=0
  for word in "$@"; do
    for address in "${!moved[@]}"; do word=${word//$address/${moved[$address]}}; done
    words+=("$word")
  done
  if [ "${1:-}" = simulate ]; then
    words=()
    while [ $# -gt 0 ]; do
      if [ "$1" = --listen ]; then told=http://$2; shift; else words+=("$1"); fi
      shift
    done
    local pipe=.address.${#moved[@]}
    mkfifo "$pipe"
    command plimsoll "${words[@]}" --listen 127.0.0.1:0 --stop-after 10m > "$pipe" &
    read -r address < "$pipe"
    moved[$told]=$address
    echo "$told"
    [ "$told" = http://127.0.0.1:8080 ] && export SHOP_URL=$address
    return 0
  fi
  if [ "${1:-}" = agent ]; then
    command plimsoll "${words[@]}" &
    return 0
  fi
  command plimsoll "${words[@]}" || code=$?
  case "${1:-} $code" in
    "run 97" | "demo 97" | "gate 97" | "compare 97" | "merge 97") return 0 ;;
  esac
  return $code
}
nats-server() {
  local line
  mkfifo .nats
  PATH=$PATH:/usr/sbin command nats-server "$@" -p -1 2> .nats &
  while read -r line; do
    case "$line" in *"Listening for client connections on "*)
      moved[nats://127.0.0.1:4222]=nats://${line##* on } ;;
    esac
    case "$line" in *"Server is ready"*) break ;; esac
  done < <(exec tee nats.log < .nats)
}
"#;

/// A folder and what a page finds there.
pub(crate) struct Session {
    folder: tempfile::TempDir,
}

/// What came of a page.
pub(crate) struct Outcome {
    /// What each block printed, stdout and stderr as they came.
    pub(crate) outputs: Vec<String>,
    /// The block that failed, and what it printed.
    pub(crate) failed: Option<(usize, String)>,
    /// The shell's exit code.
    pub(crate) code: i32,
}

impl Session {
    /// Like a fresh clone at `root`: scenarios and samples of its own, everything else as it is there.
    pub(crate) fn new(root: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(root).expect("the repository") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            if ["scenarios", "target", "reports", ".git"].iter().all(|own| name != *own) {
                symlink(&path, folder.path().join(name)).expect("a link");
            }
        }
        for name in ["scenarios", "reports"] {
            let to = folder.path().join(name);
            let copied = Command::new("cp").arg("-r").args([root.join(name), to]).status();
            assert!(copied.expect("cp").success(), "`{name}` can be copied");
        }
        Self { folder }
    }

    /// Types all blocks, until one fails.
    pub(crate) fn play(&self, blocks: &[&CommandBlock]) -> Outcome {
        let mut script = PRELUDE.to_owned();
        for block in blocks {
            let commands = block.commands.replace("cargo run -- ", "plimsoll ");
            let _ = write!(script, "printf '{MARK}\\n'\n{commands}\n");
        }
        let _ = writeln!(script, "printf '{MARK}\\n'");
        let binary = Path::new(env!("CARGO_BIN_EXE_plimsoll"));
        let mut path = binary.parent().expect("a folder").as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let output = Command::new("bash")
            .arg("-c")
            .arg(format!("exec 2>&1\n{script}"))
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env_remove("SHOP_URL")
            .stdin(Stdio::null())
            .output()
            .expect("bash");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut outputs: Vec<String> =
            text.split(&format!("{MARK}\n")).skip(1).map(str::to_owned).collect();
        let code = output.status.code().unwrap_or(-1);
        let failed = (outputs.len() <= blocks.len())
            .then(|| (outputs.len().max(1) - 1, outputs.last().cloned().unwrap_or(text)));
        outputs.truncate(blocks.len());
        Outcome { outputs, failed, code }
    }
}
