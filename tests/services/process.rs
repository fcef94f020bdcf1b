//! Servers that live as long as a test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::missing::Stop;

/// How a server's address begins in what it prints.
const LOOPBACK: &str = "http://127.0.0.1:";

/// How long a server may take to say where it listens.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server on loopback, killed when dropped; a panic drops it too.
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts a server and waits until it prints its address, which it should have chosen itself
    /// (port 0), so that no two tests can want the same port.
    pub(crate) fn start(mut command: Command) -> Result<Self, Stop> {
        let program = command.get_program().display().to_string();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let printed = Arc::new(Mutex::new(String::new()));
        let (sender, receiver) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            drain(stdout, Arc::clone(&printed), sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            drain(stderr, Arc::clone(&printed), sender);
        }
        // From here on the child ends with this value, whatever happens.
        let mut server = Self {
            child,
            url: String::new(),
        };
        let why = match receiver.recv_timeout(PATIENCE) {
            Ok(url) => {
                server.url = url;
                return Ok(server);
            }
            Err(RecvTimeoutError::Timeout) => "did not say where it listens",
            Err(RecvTimeoutError::Disconnected) => "ended at once",
        };
        let printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
        Err(Stop::Failed(format!("{program} {why}:\n{printed}")))
    }

    /// `http://127.0.0.1:<port>`, with nothing after it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, so that the server never waits for a full pipe.
fn drain(output: impl Read + Send + 'static, printed: Arc<Mutex<String>>, found: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            if let Some(url) = address(&line) {
                // Nobody listens any more once the first address was found.
                let _ = found.send(url);
            }
            let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
            printed.push_str(&line);
            printed.push('\n');
        }
    });
}

fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(LOOPBACK)?;
    let port = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    (!port.is_empty()).then(|| format!("{LOOPBACK}{port}"))
}
