//! A server that speaks the XML interface of GCS and ignores its preconditions.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::missing::Stop;
use crate::process::Server;
use crate::python::Environment;
use crate::stores::Place;

const BUCKET: &str = "lake";

/// A running localbucket with one empty bucket.
pub(crate) struct LocalBucket {
    server: Server,
    root: TempDir,
}

impl LocalBucket {
    /// Makes the bucket and starts localbucket.
    pub(crate) fn start() -> Result<Self, Stop> {
        let root = tempfile::tempdir()?;
        fs::create_dir(root.path().join(BUCKET))?;
        let mut command = Environment::new("localbucket")?.program("localbucket");
        // It prints port 0 as it was given, so a port is chosen for it.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        command.args(["--port", &port.to_string()]).arg(root.path());
        let server = Server::start(command)?;
        Ok(Self { server, root })
    }

    /// A lake in the bucket. It asks for no token.
    pub(crate) fn place(&self) -> Place {
        Place::new(
            format!("gs://{BUCKET}/trailhouse"),
            &[("google_base_url", self.server.url())],
        )
    }

    /// `http://127.0.0.1:<port>`, with nothing after it.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// The folder whose folders are the buckets.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The folder that holds the objects of the lake.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join(BUCKET).join("trailhouse")
    }
}
