//! Moto's S3 server.

use crate::missing::Stop;
use crate::process::Server;
use crate::python::Environment;
use crate::stores::{Place, runtime};

/// The bucket that there is.
pub(crate) const BUCKET: &str = "lake";

/// A running S3 server with one empty bucket.
pub(crate) struct S3 {
    server: Server,
}

impl S3 {
    /// Starts moto and makes the bucket.
    pub(crate) fn start() -> Result<Self, Stop> {
        let s3 = Self { server: moto()? };
        s3.make_bucket(&[])?;
        Ok(s3)
    }

    /// Starts moto and makes a bucket that keeps each version of an object for a day.
    pub(crate) fn start_locked() -> Result<Self, Stop> {
        const KEPT: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                            <Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days>\
                            </DefaultRetention></Rule></ObjectLockConfiguration>";
        let s3 = Self { server: moto()? };
        s3.make_bucket(&[("x-amz-bucket-object-lock-enabled", "true")])?;
        let configure = reqwest::Client::new()
            .put(s3.url_of("?object-lock"))
            .body(KEPT)
            .send();
        runtime()?.block_on(configure)?.error_for_status()?;
        Ok(s3)
    }

    fn make_bucket(&self, headers: &[(&'static str, &'static str)]) -> Result<(), Stop> {
        let mut create = reqwest::Client::new().put(self.url_of(""));
        for (name, value) in headers {
            create = create.header(*name, *value);
        }
        runtime()?.block_on(create.send())?.error_for_status()?;
        Ok(())
    }

    /// Has the bucket keep versions from now on.
    pub(crate) async fn keep_versions(&self) -> Result<(), Stop> {
        const KEPT: &str =
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let configure = reqwest::Client::new().put(self.url_of("?versioning"));
        configure.body(KEPT).send().await?.error_for_status()?;
        Ok(())
    }

    /// URL of something in the bucket, or of the bucket itself. Moto lets everybody in.
    pub(crate) fn url_of(&self, target: &str) -> String {
        format!("{}/{BUCKET}{target}", self.server.url())
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> &str {
        self.server.url()
    }

    /// A lake in the bucket.
    pub(crate) fn place(&self) -> Place {
        Place::new(
            format!("s3://{BUCKET}/trailhouse"),
            &[
                ("aws_endpoint", self.server.url()),
                ("aws_region", "us-east-1"),
                ("aws_access_key_id", "test"),
            ],
        )
        .with_secret("aws_secret_access_key", "test")
    }
}

/// Moto's server, which speaks for S3 and, as far as the two agree, for GCS.
pub(crate) fn moto() -> Result<Server, Stop> {
    let mut command = Environment::new("moto")?.program("moto_server");
    command.args(["--host", "127.0.0.1", "--port", "0"]);
    Server::start(command)
}
