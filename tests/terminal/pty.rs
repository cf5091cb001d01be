//! A terminal for a program: a pseudoterminal whose other end is read, or left unread, at will.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

/// A program on its terminal. Dropping it ends the program.
pub(crate) struct Pty {
    master: File,
    /// Kept so that the terminal's settings can be read when the program has gone.
    slave: File,
    pub(crate) program: Child,
    /// What was printed and not yet looked at.
    unread: Vec<u8>,
}

/// Longer than anything here takes, on however busy a machine.
const PATIENCE: Duration = Duration::from_mins(1);

impl Pty {
    /// Starts `command` on a terminal of this size.
    pub(crate) fn start(command: &mut Command, columns: u16, rows: u16) -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master: OwnedFd = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size)?;
        let name = ptsname(&master, Vec::new())?;
        let slave =
            OpenOptions::new().read(true).write(true).open(name.to_string_lossy().as_ref())?;
        let program = command
            .stdin(slave.try_clone()?)
            .stdout(slave.try_clone()?)
            .stderr(slave.try_clone()?)
            .spawn()?;
        Ok(Self { master: File::from(master), slave, program, unread: Vec::new() })
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) -> io::Result<()> {
        self.master.write_all(keys.as_bytes())
    }

    /// Whether the terminal hands on lines, as a shell wants it, and not single keys.
    pub(crate) fn is_cooked(&self) -> io::Result<bool> {
        let settings: Termios = tcgetattr(&self.slave)?;
        Ok(settings.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG))
    }

    /// Reads what is printed within `time`; nothing at the end of that.
    pub(crate) fn read_for(&mut self, time: Duration) -> io::Result<Vec<u8>> {
        let wait = Timespec::try_from(time).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut ready, Some(&wait))? == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; 64 * 1024];
        let count = self.master.read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Reads until `text` has been printed, and returns all up to its end. A text must not hold spaces:
    /// what is blank already is not printed again.
    pub(crate) fn read_to(&mut self, text: &str) -> io::Result<String> {
        loop {
            let seen = String::from_utf8_lossy(&self.unread).into_owned();
            if let Some(at) = seen.find(text) {
                let end = at + text.len();
                self.unread = seen.as_bytes()[end..].to_vec();
                return Ok(seen[..end].to_owned());
            }
            let more = self.read_for(PATIENCE)?;
            if more.is_empty() {
                return Err(io::Error::other(format!("never printed {text:?}, but {seen:?}")));
            }
            self.unread.extend(more);
        }
    }

    /// Waits for the end of the program; returns how it ended and what it printed meanwhile.
    pub(crate) fn read_to_end(&mut self) -> io::Result<(ExitStatus, String)> {
        let mut seen = std::mem::take(&mut self.unread);
        let glance = Duration::from_millis(20);
        let mut left = PATIENCE.as_millis() / glance.as_millis();
        loop {
            // In this order: what was printed before the end is in the terminal by then.
            let ended = self.program.try_wait()?;
            let more = self.read_for(glance)?;
            let silent = more.is_empty();
            seen.extend(more);
            match ended {
                Some(status) if silent => {
                    return Ok((status, String::from_utf8_lossy(&seen).into_owned()));
                }
                None if silent && left == 0 => return Err(io::Error::other("it does not end")),
                None if silent => left -= 1,
                _ => {}
            }
        }
    }

    /// Closes the other end, as a window that is closed does, and waits for the end of the program.
    pub(crate) fn close(mut self) -> io::Result<ExitStatus> {
        self.master = File::open("/dev/null")?;
        let ended = pidfd_open(Pid::from_child(&self.program), PidfdFlags::empty())?;
        let mut ready = [PollFd::new(&ended, PollFlags::IN)];
        let wait = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
        if poll(&mut ready, Some(&wait))? == 0 {
            return Err(io::Error::other("it does not end"));
        }
        self.program.wait()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
