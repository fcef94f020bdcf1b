//! Rows on a terminal: what is longer than the screen goes through a pager, as git does it.
//!
//! Until the screen is full nothing is written, so that a short answer stays on the screen and starts no pager.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;

use crate::cli::stop::leave_interrupts;
use crate::cli::width::width;

/// Lines that stay free: for what is said below the rows, and for the next prompt.
const BELOW: usize = 3;

/// Size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// The pager to start: the words of its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PagerCommand(Vec<OsString>);

impl PagerCommand {
    /// The pager that the user wants: that of `TRAILHOUSE_PAGER`, of `PAGER`, or `less`; `None` for an empty
    /// command, for `cat`, and on a terminal that can do nothing.
    pub(super) fn chosen() -> Option<Self> {
        let set = |name: &str| std::env::var(name).ok();
        if set("TERM").is_some_and(|term| term == "dumb") {
            return None;
        }
        Self::of(set("TRAILHOUSE_PAGER").or_else(|| set("PAGER")).as_deref())
    }

    fn of(command: Option<&str>) -> Option<Self> {
        let command = command.unwrap_or("less").trim();
        if command.is_empty() || command == "cat" {
            return None;
        }
        let plain = |c: char| c.is_alphanumeric() || " /-_.,:+".contains(c);
        let words: Vec<OsString> = match command.chars().all(plain) {
            true => command.split_whitespace().map(OsString::from).collect(),
            false => ["sh", "-c", command].map(OsString::from).to_vec(),
        };
        Some(Self(words))
    }

    fn start(&self) -> io::Result<Pager> {
        let (program, arguments) = self
            .0
            .split_first()
            .ok_or_else(|| io::Error::other("no pager"))?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped());
        // Colours stay colours, and an answer that fits after all needs no key.
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        leave_interrupts(true);
        let waiter = std::thread::Builder::new().spawn(move || wait(child))?;
        Ok(Pager {
            stdin,
            waiter: Some(waiter),
        })
    }
}

/// Ctrl-C is for the pager as long as it runs.
fn wait(mut child: Child) {
    if let Err(error) = child.wait() {
        tracing::debug!("cannot wait for the pager: {error}");
    }
    leave_interrupts(false);
}

/// A pager that runs; dropping it waits until its user has seen enough.
struct Pager {
    stdin: Option<ChildStdin>,
    waiter: Option<JoinHandle<()>>,
}

impl Drop for Pager {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if let Some(waiter) = self.waiter.take() {
            // The waiter does not panic.
            let _ = waiter.join();
        }
    }
}

/// Where rows go that are to be read on a terminal.
pub(super) struct Paged {
    screen: Screen,
    command: PagerCommand,
    to: Destination,
}

enum Destination {
    /// Nothing is written yet, and so many lines are free.
    Held {
        text: Vec<u8>,
        free: usize,
    },
    Pager(Pager),
    Stdout,
}

impl Paged {
    pub(super) fn new(screen: Screen, command: PagerCommand) -> Self {
        Self {
            screen,
            command,
            to: Destination::Held {
                text: Vec::new(),
                free: screen.height.saturating_sub(BELOW),
            },
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        match &mut self.to {
            Destination::Stdout => io::stdout().write_all(text),
            Destination::Pager(pager) => match &mut pager.stdin {
                Some(stdin) => stdin.write_all(text),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
            Destination::Held { text: held, .. } => {
                held.extend_from_slice(text);
                Ok(())
            }
        }
    }
}

impl Write for Paged {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if let Destination::Held { text: held, free } = &mut self.to {
            let lines = lines_of(text, self.screen.width);
            if lines > *free {
                let held = std::mem::take(held);
                self.to = match self.command.start() {
                    Ok(pager) => Destination::Pager(pager),
                    Err(error) => {
                        tracing::debug!("the pager cannot be started: {error}");
                        Destination::Stdout
                    }
                };
                Self::write(self, &held)?;
            } else {
                *free -= lines;
            }
        }
        Self::write(self, text)?;
        Ok(text.len())
    }

    /// Writes what was held, since no more comes.
    fn flush(&mut self) -> io::Result<()> {
        if let Destination::Held { text, .. } = &mut self.to {
            let text = std::mem::take(text);
            self.to = Destination::Stdout;
            Self::write(self, &text)?;
        }
        match &mut self.to {
            Destination::Pager(Pager {
                stdin: Some(stdin), ..
            }) => stdin.flush(),
            _ => io::stdout().flush(),
        }
    }
}

/// Lines that a text takes on a screen, where long ones are wrapped.
fn lines_of(text: &[u8], width_of_screen: usize) -> usize {
    let text = String::from_utf8_lossy(text);
    let wrapped = |line: &str| width(line).div_ceil(width_of_screen.max(1)).max(1);
    text.lines().map(wrapped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: Option<&str>) -> Option<Vec<String>> {
        let command = PagerCommand::of(command)?;
        let words = command.0.into_iter();
        Some(words.map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn a_pager_is_less_or_what_is_wanted() {
        assert_eq!(words(None).unwrap(), ["less"]);
        assert_eq!(words(Some("less -S -R")).unwrap(), ["less", "-S", "-R"]);
        let shell = "LESS=R less | cat";
        assert_eq!(words(Some(shell)).unwrap(), ["sh", "-c", shell]);
        for none in ["", " ", "cat"] {
            assert_eq!(words(Some(none)), None);
        }
    }

    #[test]
    fn long_lines_are_several_lines_of_the_screen() {
        assert_eq!(lines_of(b"", 10), 0);
        assert_eq!(lines_of(b"a\n\nb\n", 10), 3);
        assert_eq!(lines_of(b"0123456789\n01234567890\n", 10), 3);
    }

    fn paged(height: usize, command: &str) -> Paged {
        let screen = Screen { width: 20, height };
        Paged::new(screen, PagerCommand::of(Some(command)).unwrap())
    }

    #[test]
    fn a_pager_gets_all_that_is_longer_than_the_screen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("seen");
        let mut out = paged(BELOW + 2, &format!("cat > '{}'", path.display()));
        out.write_all(b"1\n2\n").unwrap();
        assert!(matches!(out.to, Destination::Held { free: 0, .. }));
        out.write_all(b"3\n").unwrap();
        assert!(matches!(out.to, Destination::Pager(_)));
        out.write_all(b"4\n").unwrap();
        out.flush().unwrap();
        drop(out);
        assert_eq!(std::fs::read(path).unwrap(), b"1\n2\n3\n4\n");
    }

    #[test]
    fn a_pager_that_has_seen_enough_is_a_closed_pipe() {
        let mut out = paged(0, "exec true;");
        let line = [b'x'; 1 << 16];
        let closed = (0..100).find_map(|_| out.write_all(&line).err());
        assert_eq!(closed.unwrap().kind(), io::ErrorKind::BrokenPipe);
    }
}
