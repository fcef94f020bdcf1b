//! A network between the program and the service that cannot be relied on.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::missing::Stop;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It is answered.
    Answered,
    /// The service is in trouble, and nothing happens.
    Unavailable,
    /// Too many requests, and nothing happens.
    TooMany,
    /// A limit of the service, which it tells with the status of a refusal.
    Limited,
    /// A page of something between that is not the service.
    Page,
    /// The same after the request was passed on.
    PageInstead,
    /// The connection breaks before anything was passed on.
    Unheard,
    /// What was asked for happens, and the answer is lost.
    AnswerLost,
    /// The answer breaks off.
    AnswerCut,
}

const TROUBLES: [Fate; 8] = [
    Fate::Unavailable,
    Fate::TooMany,
    Fate::Limited,
    Fate::Page,
    Fate::PageInstead,
    Fate::Unheard,
    Fate::AnswerLost,
    Fate::AnswerCut,
];

struct Shared {
    upstream: SocketAddr,
    /// Of a hundred requests so many come to a bad end.
    percent: u64,
    /// The state of the dice, and how often each fate has come.
    dice: Mutex<(u64, BTreeMap<Fate, u64>)>,
    stop: AtomicBool,
}

/// A proxy in front of a server on loopback; it ends with this value.
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a port, 0 for one that is free, and passes on to the server at `upstream`. The same
    /// seed gives the same fates, one after the other.
    pub(super) fn start(port: u16, upstream: &str, percent: u64, seed: u64) -> Result<Self, Stop> {
        let upstream = upstream.trim_start_matches("http://").parse();
        let upstream = upstream.map_err(|_| Stop::Failed("no address".to_owned()))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            percent,
            dice: Mutex::new((seed, BTreeMap::new())),
            stop: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_thread.stop.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&of_thread);
                // A client that goes away is no failure of the test.
                thread::spawn(move || drop(shared.serve(&stream)));
            }
        });
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often each fate has come.
    pub(super) fn fates(&self) -> BTreeMap<Fate, u64> {
        self.shared.dice().1.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // The connection wakes it.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn dice(&self) -> std::sync::MutexGuard<'_, (u64, BTreeMap<Fate, u64>)> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self) -> Fate {
        let mut dice = self.dice();
        let (state, fates) = &mut *dice;
        // SplitMix64: any seed will do.
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = *state;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^= drawn >> 31;
        let fate = if drawn % 100 < self.percent {
            // In turn, so that a few bad ends are of every kind.
            let times = |fate: &&Fate| fates.get(*fate).copied().unwrap_or(0);
            TROUBLES.iter().min_by_key(times).copied()
        } else {
            None
        };
        let fate = fate.unwrap_or(Fate::Answered);
        *fates.entry(fate).or_default() += 1;
        fate
    }

    /// One request on one connection: every answer says that there is no more to come.
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut reader = BufReader::new(stream);
        let Some(request) = read_request(&mut reader)? else {
            return Ok(());
        };
        let fate = self.fate();
        let happens = matches!(
            fate,
            Fate::Answered | Fate::PageInstead | Fate::AnswerLost | Fate::AnswerCut
        );
        let answer = if happens {
            self.pass_on(&request)?
        } else {
            Vec::new()
        };
        let mut stream = stream;
        match fate {
            Fate::Answered => stream.write_all(&answer)?,
            Fate::AnswerCut => stream.write_all(&answer[..answer.len() / 2])?,
            Fate::Unavailable => stream.write_all(&json(503, "backendError", "try again"))?,
            Fate::TooMany => stream.write_all(&json(429, "rateLimitExceeded", "slow down"))?,
            Fate::Limited => {
                stream.write_all(&json(403, "rateLimitExceeded", "Exceeded rate limits"))?;
            }
            Fate::Page | Fate::PageInstead => {
                let body = "<html><body><h1>502 Bad Gateway</h1></body></html>";
                stream.write_all(&answered(502, "text/html", body))?;
            }
            Fate::Unheard | Fate::AnswerLost => {}
        }
        stream.shutdown(Shutdown::Both)
    }

    fn pass_on(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut upstream = TcpStream::connect(self.upstream)?;
        upstream.set_read_timeout(Some(Duration::from_secs(60)))?;
        upstream.write_all(request)?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// Head and body of a request, which then asks for the connection to be closed. None where the client
/// has nothing to say.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut request = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            request.extend_from_slice(b"connection: close\r\n\r\n");
            break;
        }
        if !header.starts_with("connection:") {
            request.extend_from_slice(line.as_bytes());
        }
    }
    let head = request.len();
    request.resize(head + length, 0);
    reader.read_exact(&mut request[head..])?;
    Ok(Some(request))
}

fn json(status: u16, reason: &str, message: &str) -> Vec<u8> {
    let error = serde_json::json!({
        "error": {
            "code": status,
            "message": message,
            "errors": [{ "reason": reason, "message": message, "domain": "global" }],
        }
    });
    answered(status, "application/json", &error.to_string())
}

fn answered(status: u16, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
