//! The S3 store of object_store against moto's server.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, parse_url_opts};
use url::Url;

use crate::missing::{Stop, Suite};
use crate::process::Server;
use crate::python::Environment;

const BUCKET: &str = "lake";

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add(
        "s3::a_second_create_fails_and_changes_nothing",
        second_create,
    );
}

/// A running S3 server with one empty bucket.
pub(crate) struct S3 {
    server: Server,
}

impl S3 {
    /// Starts moto and makes the bucket.
    pub(crate) fn start() -> Result<Self, Stop> {
        let mut command = Environment::new("moto")?.program("moto_server");
        command.args(["--host", "127.0.0.1", "--port", "0"]);
        let server = Server::start(command)?;
        let create = reqwest::Client::new().put(format!("{}/{BUCKET}", server.url()));
        runtime()?.block_on(create.send())?.error_for_status()?;
        Ok(Self { server })
    }

    /// The lake's `url` in a configuration.
    pub(crate) fn lake_url(&self) -> String {
        format!("s3://{BUCKET}/trailhouse")
    }

    /// The lake's `options` in a configuration.
    pub(crate) fn options(&self) -> [(&'static str, &str); 5] {
        [
            ("aws_endpoint", self.server.url()),
            ("aws_allow_http", "true"),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", "test"),
            ("aws_secret_access_key", "test"),
        ]
    }
}

/// What the ledger's commit stands on.
fn second_create() -> Result<(), Stop> {
    let s3 = S3::start()?;
    let url = Url::parse(&s3.lake_url())?;
    let (store, prefix) = parse_url_opts(&url, s3.options())?;
    let key = Path::from(format!("{prefix}/ledger/entry/0"));
    let create = |content: &'static str| {
        store.put_opts(
            &key,
            PutPayload::from_static(content.as_bytes()),
            PutMode::Create.into(),
        )
    };
    runtime()?.block_on(async {
        create("first").await?;
        let second = create("second").await;
        assert!(
            matches!(second, Err(Error::AlreadyExists { .. })),
            "{second:?}"
        );
        assert_eq!(store.get(&key).await?.bytes().await?, "first");
        Ok(())
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
