use super::*;

fn signer(auth: BigQueryAuth) -> Signer {
    Signer::new(auth, None, Duration::from_secs(1))
}

#[tokio::test]
async fn nothing_is_sent_where_nothing_is_asked_for() {
    let signer = signer(BigQueryAuth::None);
    assert_eq!(signer.token().await.unwrap().text(), None);
    // The typed client sends something always.
    assert_eq!(signer.access_token().await.unwrap(), ANONYMOUS);
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

#[test]
fn nothing_shows_a_secret() {
    let json = r#"{"type": "tomorrow", "private_key": "s3cret\nkey"}"#;
    let signer = signer(BigQueryAuth::ServiceAccount(json.into()));
    let said = signer
        .secrets()
        .line("no s3cret\nkey,\nthat is s3cret\\nkey");
    assert_eq!(said, "no [credential],\\nthat is [credential]");
    // Nor a half of one.
    let said = format!("{}s3cret\nkey", "x".repeat(396));
    let said = signer.secrets().line(&said);
    assert!(!said.contains("s3"), "{said}");
    assert!(!format!("{signer:?} {:?}", signer.0.auth).contains("s3cret"));
}

#[tokio::test]
async fn credentials_of_no_kind_are_refused_in_words() {
    for (json, words) in [
        ("", "not JSON"),
        ("{}", "do not name their `type`"),
        (r#"{"type": "tomorrow"}"#, "type `tomorrow` are not known"),
    ] {
        let refused = signer(BigQueryAuth::ServiceAccount(json.into()))
            .token()
            .await;
        let refused = refused.err().unwrap();
        assert_eq!(refused.class, Class::Denied);
        assert!(refused.said.contains(words), "{}", refused.said);
    }
}
