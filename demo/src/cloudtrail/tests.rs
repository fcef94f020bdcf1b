use super::*;
use chrono::{DateTime, TimeDelta, Utc};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn chain() -> (Trail, DigestChain) {
    let trail = Trail {
        prefix: "logs".to_owned(),
        ..Trail::new("trails", "123456789012", "eu-central-1", "main")
    };
    let key = DigestKey::of_service().unwrap();
    let chain = DigestChain::begin(&trail, &key, at("2026-11-23T10:01:31Z"));
    (trail, chain)
}

#[test]
fn each_digest_names_the_one_before_it() {
    let (trail, mut chain) = chain();
    let file = trail.log_file(at("2026-11-23T10:05:00Z"), "a", &["{}".to_owned()]);
    let first = chain.next(at("2026-11-23T11:01:31Z"), &[&file]);
    let second = chain.next(at("2026-11-23T12:01:31Z"), &[]);
    let read =
        |delivered: &Delivered| -> Value { serde_json::from_slice(&delivered.content).unwrap() };
    assert_eq!(
        first.key,
        "logs/AWSLogs/123456789012/CloudTrail-Digest/eu-central-1/2026/11/23/123456789012_CloudTrail-Digest_eu-central-1_main_eu-central-1_20261123T110131Z.json.gz"
    );
    assert_eq!(read(&first)["previousDigestS3Object"], Value::Null);
    assert_eq!(read(&first)["logFiles"][0]["s3Object"], file.key);
    let (first_hash, named) = (
        hex::encode(Sha256::digest(&first.content)),
        read(&second)["previousDigestHashValue"].clone(),
    );
    assert_eq!(named, first_hash);
    assert_eq!(
        read(&second)["previousDigestSignature"],
        first.metadata["signature"]
    );
}

#[test]
fn signatures_are_those_of_the_listed_key() {
    use base64::Engine as _;
    let key = DigestKey::of_service().unwrap();
    let listed = key.listed(Utc::now(), Utc::now());
    let public = base64::engine::general_purpose::STANDARD
        .decode(listed["Value"].as_str().unwrap())
        .unwrap();
    let signature = hex::decode(key.sign("text")).unwrap();
    let check = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
    assert!(check.verify(b"text", &signature).is_ok());
    assert_ne!(key.fingerprint(), key.clone().wrapped().fingerprint());
    let stranger = DigestKey::of_stranger().unwrap();
    assert_ne!(key.fingerprint(), stranger.fingerprint());
}

#[test]
fn the_same_seed_makes_the_same_records() {
    let options = Options {
        now: Some(at("2026-11-23T12:00:00Z")),
        ..Options::default()
    };
    let texts = |api: &CloudTrailApi| api.records("eu-central-1", STEP_FUNCTIONS);
    let (one, other) = (CloudTrailApi::new(&options), CloudTrailApi::new(&options));
    assert_eq!(texts(&one), texts(&other));
    assert!(texts(&one).len() > 200);
    one.set_now(at("2026-11-23T12:00:00Z") + TimeDelta::days(100));
    assert!(texts(&one).is_empty());
}
