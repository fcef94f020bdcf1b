//! A strict double of the XML interface of Google Cloud Storage on loopback. No server that can be had
//! keeps its preconditions: those that speak this interface overwrite what should be refused.
//!
//! It keeps each object as a plain file `ROOT/<bucket>/<key>`, so that other programs can read what
//! was written, and has the generations of objects, their checksums, noncurrent versions, accounts that
//! may not do everything, a retention policy, holds, and answers that get lost. What it does not know it
//! refuses with 501, never by doing something else. One thing differs: as in a file system, `a` and
//! `a/b` cannot both be objects.

mod answer;
mod listing;
mod objects;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use tokio::sync::oneshot;

use objects::Objects;

/// Who asks, by bearer token; nobody is let in without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// May do everything to objects.
    All,
    /// Has no `storage.objects.delete`, so it may neither delete nor write over anything.
    CreateOnly,
    /// May read and list.
    ReadOnly,
}

impl Account {
    /// The token that it shows.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Self::All => "token-for-all",
            Self::CreateOnly => "token-to-create",
            Self::ReadOnly => "token-to-read",
        }
    }

    fn of(token: &str) -> Option<Self> {
        [Self::All, Self::CreateOnly, Self::ReadOnly]
            .into_iter()
            .find(|account| account.token() == token)
    }
}

/// An answer that is given instead of the true one.
#[derive(Debug, Clone)]
pub(crate) struct Instead {
    /// Which requests it is for.
    pub(crate) method: Method,
    /// What is answered.
    pub(crate) status: u16,
    /// Whether what was asked for takes place all the same, so that only its answer is lost.
    pub(crate) takes_place: bool,
}

/// How the server behaves. May be changed at any time.
#[derive(Debug)]
pub(crate) struct Behaviour {
    /// For how long an object can neither be deleted nor written over.
    pub(crate) retention: Option<Duration>,
    /// Keys of objects under a temporary hold, which can neither be deleted nor written over.
    pub(crate) held: HashSet<String>,
    /// Whether what is deleted or written over stays as a noncurrent version. Then neither policy nor
    /// hold is in the way of that.
    pub(crate) versioning: bool,
    /// The most names in one page of a listing.
    pub(crate) page: usize,
    /// How long a put takes between its decision and its effect. A second create that comes meanwhile
    /// is told 409 rather than 412.
    pub(crate) pause: Duration,
    /// How long after a change of an object the next one is told 429, whatever would come of it: one a
    /// second is what Google Cloud Storage allows.
    pub(crate) pace: Duration,
    /// What the next requests are answered instead, each by the first that fits.
    pub(crate) instead: VecDeque<Instead>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            retention: None,
            held: HashSet::new(),
            versioning: false,
            page: 1000,
            pause: Duration::ZERO,
            pace: Duration::ZERO,
            instead: VecDeque::new(),
        }
    }
}

/// What the server was asked and how it answered, in the order of the answers.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query as they came.
    pub(crate) target: String,
    /// Whether a checksum came with it.
    pub(crate) with_checksum: bool,
    pub(crate) status: u16,
}

#[derive(Debug)]
struct Shared {
    objects: Objects,
    behaviour: Mutex<Behaviour>,
    asked: Mutex<Vec<Asked>>,
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    root: PathBuf,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the buckets in `root`, each a folder that exists.
    pub(crate) fn start(root: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            objects: Objects::new(root),
            behaviour: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .fallback(answer::answer)
            // Data files are larger than what is otherwise let in.
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        // A thread of its own serves tests with a runtime and tests without.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = axum::serve(listener, router) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            address,
            root: root.to_owned(),
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:<port>`, with nothing after it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder that holds the objects of a bucket.
    pub(crate) fn folder(&self, bucket: &str) -> PathBuf {
        self.root.join(bucket)
    }

    /// The options of a `gs://` lake for an account of this server.
    pub(crate) fn options(&self, account: Account) -> [(&'static str, String); 2] {
        [
            ("google_base_url", self.url()),
            ("google_bearer_token", account.token().to_owned()),
        ]
    }

    /// How the server behaves.
    pub(crate) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        lock(&self.shared.behaviour)
    }

    /// Answers the next request of a method with a status instead.
    pub(crate) fn answer_instead(&self, method: Method, status: u16, takes_place: bool) {
        self.behaviour().instead.push_back(Instead {
            method,
            status,
            takes_place,
        });
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens if the thread has panicked.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A test that panicked elsewhere must not hide what went wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
