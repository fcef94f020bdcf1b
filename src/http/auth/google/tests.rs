use super::*;
use crate::http::{Auth, LazySecret};

use super::super::Signer;

fn signer(json: &'static str) -> Signer {
    let auth = Auth::Google(GoogleAuth {
        credentials: Some(LazySecret::new(move || Ok(json.into()))),
        impersonate: None,
    });
    Signer::new(&auth, Duration::from_secs(1))
}

#[test]
fn the_secrets_of_credentials_are_known() {
    let credentials = serde_json::json!({
        "type": "impersonated_service_account",
        "token_uri": "https://oauth2.googleapis.com/token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "client_email": "exporter@acme-audit.iam.gserviceaccount.com",
        "private_key": "-----BEGIN-----",
        "source_credentials": {"client_secret": "clients", "refresh_token": "refreshing"},
        "keys": ["first key", "x"],
    });
    let mut known = secrets(&credentials);
    known.sort_unstable();
    assert_eq!(
        known,
        ["-----BEGIN-----", "clients", "first key", "refreshing"]
    );
}

#[tokio::test]
async fn nothing_shows_a_secret() {
    let signer = signer(r#"{"type": "tomorrow", "private_key": "s3cret\nkey"}"#);
    signer.proof().await.err().unwrap();
    let said = signer
        .secrets()
        .line("no s3cret\nkey,\nthat is s3cret\\nkey");
    assert_eq!(said, "no [credential],\\nthat is [credential]");
    // Nor a half of one.
    let said = format!("{}s3cret\nkey", "x".repeat(396));
    let said = signer.secrets().line(&said);
    assert!(!said.contains("s3"), "{said}");
}

#[tokio::test]
async fn credentials_of_no_kind_are_refused_in_words() {
    for (json, words) in [
        ("", "not JSON"),
        ("{}", "do not name their `type`"),
        (r#"{"type": "tomorrow"}"#, "type `tomorrow` are not known"),
    ] {
        let refused = signer(json).proof().await.err().unwrap();
        assert!(!refused.passes);
        assert!(refused.said.contains(words), "{}", refused.said);
    }
}
