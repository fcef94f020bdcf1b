//! The origin of trail files: what a run says of the digests of a trail, beside what Amazon's own command line says of the
//! same bucket.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::net::TcpListener;
use trailhouse_demo::Serving;
use trailhouse_demo::cloudtrail::{
    CloudTrailApi, Delivered, DigestChain, DigestKey, NewRecord, Options, Trail, gzip,
};

use crate::job::{PROGRAM, finished};
use crate::missing::{Stop, Suite};
use crate::python::Environment;
use crate::s3::{BUCKET, S3};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add(
        "cloudtrail::digests_are_judged_as_by_amazon",
        digests_are_judged,
    );
}

/// A trail with digests of four hours, which ended long enough ago that nothing is waited for.
struct Delivery {
    trail: Trail,
    files: Vec<Delivered>,
    digests: Vec<Delivered>,
}

impl Delivery {
    fn new(prefix: &str, begin: DateTime<Utc>) -> Result<Self, Stop> {
        let trail = Trail {
            prefix: prefix.to_owned(),
            ..Trail::new(BUCKET, ACCOUNT, REGION, "main")
        };
        let files = (0..12).map(|nth| {
            let at = begin + TimeDelta::minutes(20 * nth + 5);
            let record = NewRecord::at(format!("{prefix}-{nth}"), REGION, at);
            (
                at,
                trail.log_file(at, "a1B2c3D4e5F6g7H8", &[record.text(ACCOUNT)]),
            )
        });
        let files: Vec<(DateTime<Utc>, Delivered)> = files.collect();
        let key = key()?;
        let mut chain = DigestChain::begin(&trail, &key, begin);
        let digests = chain.hourly(begin + TimeDelta::hours(4), &files);
        Ok(Self {
            trail,
            digests,
            files: files.into_iter().map(|(_, file)| file).collect(),
        })
    }

    /// Everything by its name in the bucket.
    fn objects(&self) -> BTreeMap<String, Delivered> {
        let all = self.files.iter().chain(&self.digests);
        all.map(|it| (it.key.clone(), it.clone())).collect()
    }
}

fn key() -> Result<DigestKey, Stop> {
    DigestKey::of_service().ok_or_else(|| Stop::Failed("the key cannot be read".to_owned()))
}

/// What is done to a bucket, and how many digests and files are valid then, of how many.
type Tampering = fn(&Delivery, &mut BTreeMap<String, Delivered>);

const CASES: [(&str, Tampering, [u64; 4]); 5] = [
    ("good", |_, _| {}, [4, 4, 12, 12]),
    (
        "altered-file",
        |delivery, objects| {
            let key = &delivery.files[4].key;
            let other = delivery.trail.log_file(Utc::now(), "x", &["{}".to_owned()]);
            let other = Delivered {
                key: key.clone(),
                ..other
            };
            objects.insert(key.clone(), other);
        },
        [4, 4, 11, 12],
    ),
    (
        "deleted-file",
        |delivery, objects| drop(objects.remove(&delivery.files[7].key)),
        [4, 4, 11, 12],
    ),
    (
        "deleted-digest",
        |delivery, objects| drop(objects.remove(&delivery.digests[1].key)),
        [3, 4, 9, 9],
    ),
    (
        "altered-digest",
        |delivery, objects| {
            let digest = &delivery.digests[2];
            let content = String::from_utf8_lossy(&digest.content);
            let content = content.replace("\"oldestEventTime\":null", "\"oldestEventTime\":\"\"");
            let forged = Delivered {
                stored: gzip(content.as_bytes()),
                ..digest.clone()
            };
            objects.insert(digest.key.clone(), forged);
        },
        [3, 4, 9, 9],
    ),
];

fn digests_are_judged() -> Result<(), Stop> {
    let awscli = Environment::new("awscli")?;
    let s3 = S3::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let api = CloudTrailApi::new(&Options {
        records: 0,
        ..Options::default()
    });
    let serving = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        api.serve(listener).map_err(Stop::from)
    })?;
    let begin = Utc::now() - TimeDelta::hours(12);
    for (name, tamper, expected) in CASES {
        let delivery = Delivery::new(name, begin)?;
        let mut objects = delivery.objects();
        tamper(&delivery, &mut objects);
        for object in objects.values() {
            runtime.block_on(put(&s3, object))?;
        }
        let judged = amazon(&awscli, &s3, &serving, name, begin)?;
        assert_eq!(judged, expected, "Amazon about {name}");
        let ours = ours(&s3, &serving, name)?;
        let [lists, all_lists, files, all_files] = expected;
        let found = (all_lists - lists) + (all_files - files);
        assert_eq!(ours, [lists, files, found], "{name}");
    }
    Ok(())
}

/// Uploads an object with its metadata.
async fn put(s3: &S3, object: &Delivered) -> Result<(), Stop> {
    let url = s3.url_of(&format!("/{}", object.key));
    let mut request = reqwest::Client::new().put(url);
    for (name, value) in &object.metadata {
        request = request.header(format!("x-amz-meta-{name}"), value);
    }
    let request = request.body(object.stored.clone());
    request.send().await?.error_for_status()?;
    Ok(())
}

/// What `aws cloudtrail validate-logs` says: valid digests of all, and valid files of all.
fn amazon(
    awscli: &Environment,
    s3: &S3,
    serving: &Serving,
    prefix: &str,
    begin: DateTime<Utc>,
) -> Result<[u64; 4], Stop> {
    let stamp = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut command = awscli.program("aws");
    command
        .env("AWS_ACCESS_KEY_ID", "AKIADEMO")
        .env("AWS_SECRET_ACCESS_KEY", "demo-secret")
        .env("AWS_ENDPOINT_URL_S3", s3.address())
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .args(["cloudtrail", "validate-logs", "--region", REGION])
        .args(["--endpoint-url", &serving.url()])
        .arg("--trail-arn")
        .arg(format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"))
        .args(["--s3-bucket", BUCKET, "--s3-prefix", prefix])
        .args(["--start-time", &stamp(begin)])
        .args(["--end-time", &stamp(begin + TimeDelta::hours(5))]);
    // It ends with 1 where something is not valid.
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = |kind: &str| {
        let is_ratio = |line: &&str| {
            line.starts_with(|c: char| c.is_ascii_digit())
                && line.contains(&format!(" {kind} files "))
        };
        let line = said.lines().find(is_ratio);
        let mut counts = [0, 0];
        // "3/4 digest files valid, 1/4 digest files INVALID", or either of the two.
        for part in line.unwrap_or_default().split(", ") {
            let ratio = part.split(' ').next().unwrap_or_default();
            let (some, of) = ratio.split_once('/').unwrap_or_default();
            let number = |text: &str| text.parse().unwrap_or_default();
            counts[1] = number(of);
            if part.ends_with("valid") {
                counts[0] = number(some);
            }
        }
        counts
    };
    let ([digests, all_digests], [files, all_files]) = (all("digest"), all("log"));
    if all_digests == 0 {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(Stop::Failed(format!("{said}\n{stderr}")));
    }
    Ok([digests, all_digests, files, all_files])
}

/// What a run says: digests that hold, files that are proven, findings.
fn ours(s3: &S3, serving: &Serving, prefix: &str) -> Result<[u64; 3], Stop> {
    let folder = tempfile::tempdir()?;
    write_job(folder.path(), s3, serving, prefix)?;
    let trailhouse = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .env("TRAIL_SECRET", "demo-secret")
            .arg("-c")
            .arg(folder.path().join("trailhouse.toml"))
            .args(["--output", "json"])
            .args(arguments);
        command
    };
    let run = trailhouse(&["run"]).output()?;
    let summary: Value = serde_json::from_slice(&run.stdout)?;
    let check = &summary["sources"][0]["origins"][0];
    let number = |name: &str| check[name].as_u64();
    let found = number("found").unwrap_or(u64::MAX);
    let code = if found == 0 { 0 } else { 10 };
    assert_eq!(run.status.code(), Some(code), "{summary:#}");
    assert_eq!(number("unread"), Some(0), "{check:#}");
    let verified = finished(&mut trailhouse(&["verify"]))?;
    let verified: Value = serde_json::from_slice(&verified.stdout)?;
    assert_eq!(verified["origin"]["found"], check["found"], "{verified:#}");
    Ok(["lists", "objects", "found"].map(|name| number(name).unwrap_or(u64::MAX)))
}

fn write_job(folder: &Path, s3: &S3, serving: &Serving, prefix: &str) -> Result<(), Stop> {
    let lake = folder.join("lake");
    fs::create_dir(&lake)?;
    let config = format!(
        r#"version = 1
[lake]
url = "file://{lake}"
[signing]
unsigned = true
[[source]]
id = "aws-test"
platform = "cloudtrail"
accounts = ["{ACCOUNT}"]
regions = ["{REGION}"]
endpoint = "{endpoint}"
start = "earliest"
[source.bucket]
url = "s3://{BUCKET}/{prefix}"
[source.bucket.options]
aws_endpoint = "{store}"
aws_region = "{REGION}"
aws_access_key_id = "AKIADEMO"
aws_secret_access_key = {{ env = "TRAIL_SECRET" }}
"#,
        lake = lake.display(),
        endpoint = serving.url(),
        store = s3.address(),
    );
    Ok(fs::write(folder.join("trailhouse.toml"), config)?)
}
