//! What a digest says, and whether it is signed.

use chrono::{DateTime, Utc};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// What a digest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DigestDocument {
    pub(super) account: String,
    /// Its own name in the bucket that it was written to.
    pub(super) key: String,
    /// End of the time that it is about, where that can be read.
    pub(super) until: Option<DateTime<Utc>>,
    /// Names the key that signed it.
    pub(super) fingerprint: String,
    pub(super) is_sha256_with_rsa: bool,
    /// The digest before it; none where a chain begins.
    pub(super) previous: Option<PreviousDigest>,
    pub(super) files: Vec<NamedFile>,
    /// What was signed.
    signed: String,
}

/// How a digest names the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PreviousDigest {
    pub(super) key: String,
    /// SHA-256 of its content, hexadecimal.
    pub(super) sha256: String,
    /// Its signature, hexadecimal.
    pub(super) signature: String,
}

/// How a digest names a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedFile {
    pub(super) key: String,
    /// SHA-256 of its content, hexadecimal.
    pub(super) sha256: String,
}

/// A digest as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenDigest {
    aws_account_id: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: String,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Vec<WrittenFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFile {
    s3_object: String,
    hash_value: String,
}

impl DigestDocument {
    /// What content says; `None` where it is no digest.
    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        let written: WrittenDigest = serde_json::from_slice(content).ok()?;
        let signed = [
            written.digest_end_time.as_str(),
            &format!("{}/{}", written.digest_s3_bucket, written.digest_s3_object),
            &hex::encode(Sha256::digest(content)),
            written
                .previous_digest_signature
                .as_deref()
                .unwrap_or("null"),
        ]
        .join("\n");
        let previous = match (
            written.previous_digest_s3_object,
            written.previous_digest_hash_value,
            written.previous_digest_signature,
        ) {
            (Some(key), Some(sha256), Some(signature)) => Some(PreviousDigest {
                key,
                sha256,
                signature,
            }),
            (None, None, None) => None,
            // Some of it alone is nothing that AWS writes.
            _ => return None,
        };
        let until = DateTime::parse_from_rfc3339(&written.digest_end_time).ok();
        let files = written.log_files.into_iter().map(|file| NamedFile {
            key: file.s3_object,
            sha256: file.hash_value,
        });
        Some(Self {
            account: written.aws_account_id,
            key: written.digest_s3_object,
            until: until.map(|until| until.with_timezone(&Utc)),
            fingerprint: written.digest_public_key_fingerprint,
            is_sha256_with_rsa: written.digest_signature_algorithm == "SHA256withRSA",
            previous,
            files: files.collect(),
            signed,
        })
    }

    /// Whether a signature, hexadecimal, is one of this digest by the key with these bytes.
    pub(super) fn is_signed_by(&self, key: &[u8], signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else {
            return false;
        };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        key.verify(self.signed.as_bytes(), &signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = r#"{"awsAccountId":"111122223333","digestStartTime":"2015-08-17T14:01:31Z","digestEndTime":"2015-08-17T15:01:31Z","digestS3Bucket":"bucket","digestS3Object":"p/AWSLogs/x.json.gz","digestPublicKeyFingerprint":"31e8","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"previousDigestS3Bucket":"bucket","previousDigestS3Object":"p/AWSLogs/w.json.gz","previousDigestHashValue":"97fb","previousDigestHashAlgorithm":"SHA-256","previousDigestSignature":"5088","logFiles":[{"s3Bucket":"bucket","s3Object":"p/AWSLogs/f.json.gz","hashValue":"9bb6","hashAlgorithm":"SHA-256"}]}"#;

    #[test]
    fn what_is_signed_covers_content_place_and_predecessor() {
        let digest = DigestDocument::parse(DIGEST.as_bytes()).unwrap();
        let sha256 = hex::encode(Sha256::digest(DIGEST));
        let signed = format!("2015-08-17T15:01:31Z\nbucket/p/AWSLogs/x.json.gz\n{sha256}\n5088");
        assert_eq!(digest.signed, signed);
        assert_eq!(digest.files[0].sha256, "9bb6");
        assert!(!digest.is_signed_by(&[1, 2, 3], "00"));
        assert!(!digest.is_signed_by(&[1, 2, 3], "no hexadecimal"));
        let first = DIGEST
            .replace("\"p/AWSLogs/w.json.gz\"", "null")
            .replace("\"97fb\"", "null")
            .replace("\"5088\"", "null");
        let first = DigestDocument::parse(first.as_bytes()).unwrap();
        assert!(first.previous.is_none() && first.signed.ends_with("\nnull"));
    }

    #[test]
    fn what_is_no_digest() {
        let half = DIGEST.replace("\"5088\"", "null");
        for content in ["", "[]", "{}", half.as_str()] {
            assert_eq!(DigestDocument::parse(content.as_bytes()), None, "{content}");
        }
    }
}
