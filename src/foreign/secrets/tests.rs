use super::*;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

const TOKEN: &str = "eyJhbGciOiS3cr3tS3cr3tS3cr3t";
const PASSWORD: &str = r#"p/s "w+rd\~é"#;

fn knowing(values: &[&str]) -> Secrets {
    let secrets = Secrets::new(&[]);
    values.iter().for_each(|value| secrets.learn(value));
    secrets
}

/// What no part of may be left of a secret: four characters of it in a row.
fn shows(said: &str, secret: &str) -> bool {
    let chars: Vec<char> = secret.chars().collect();
    chars
        .windows(4)
        .any(|part| said.contains(&part.iter().collect::<String>()))
}

#[test]
fn a_secret_that_shortening_would_cut_is_censored_whole() {
    let secrets = knowing(&[TOKEN]);
    for before in 300..410 {
        let said = secrets.line(&format!("{}{TOKEN} and more", "x".repeat(before)));
        assert!(!shows(&said, TOKEN), "{before}: {said}");
    }
}

#[test]
fn every_spelling_of_a_password_is_censored() {
    let json = serde_json::to_string(PASSWORD).unwrap();
    let json = &json[1..json.len() - 1];
    let twice = serde_json::to_string(json).unwrap();
    let form: String = url::form_urlencoded::byte_serialize(PASSWORD.as_bytes()).collect();
    let path = percent_encoding::utf8_percent_encode(PASSWORD, percent_encoding::NON_ALPHANUMERIC)
        .to_string();
    let ascii: String = PASSWORD
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04X}"))
        .collect();
    let html = PASSWORD.replace('"', "&quot;").replace('/', "&#x2f;");
    let secrets = knowing(&[PASSWORD]);
    for spelt in [
        PASSWORD,
        json,
        &twice[1..twice.len() - 1],
        &form,
        &path,
        &path.to_ascii_lowercase(),
        &path.replace('%', "%25"),
        &ascii,
        &html,
        &format!("{PASSWORD:?}"),
        &PASSWORD.to_ascii_uppercase(),
    ] {
        let said = secrets.line(&format!("no <{spelt}> here"));
        let bare = said.replace('"', "");
        assert_eq!(bare, "no <[credential]> here", "{spelt}");
    }
}

#[test]
fn base64_is_censored_wherever_the_secret_stands_in_it() {
    let secrets = knowing(&[PASSWORD]);
    for user in ["", "a:", "an:", "ann:", "anna:"] {
        for after in ["", "x", "xyz"] {
            let pair = format!("{user}{PASSWORD}{after}");
            let standard = STANDARD.encode(&pair);
            let escaped: String =
                url::form_urlencoded::byte_serialize(standard.as_bytes()).collect();
            for encoded in [standard, URL_SAFE.encode(&pair), escaped] {
                let said = secrets.line(&format!("Basic {encoded} is wrong"));
                assert_eq!(said, "Basic [credential] is wrong", "{pair}");
            }
        }
    }
}

#[test]
fn the_beginning_of_a_secret_at_the_end_of_a_cut_text_is_censored() {
    let secrets = knowing(&[TOKEN, PASSWORD]);
    let encoded = STANDARD.encode(format!("anna:{PASSWORD}"));
    for whole in [TOKEN, PASSWORD, &*encoded] {
        for (end, _) in whole.char_indices().skip(1) {
            let text = format!("no: {}", &whole[..end]);
            let said = secrets.line_of_bytes(text.as_bytes(), true);
            // What comes before the secret in base64 is not secret.
            let (shown, _) = said.split_once("[credential]").unwrap_or((&said, ""));
            assert!(
                !shows(shown, TOKEN) && !shows(shown, PASSWORD),
                "{text}: {said}"
            );
            if whole != encoded {
                assert_eq!(said, "no: [credential]", "{text}");
            }
        }
    }
    // In the middle of a character, and of its spelling.
    for cut in [
        "p/s+%22w%2Brd%5C~%C3%A",
        "p/s \\\"w+rd\\\\~\\u00e",
        "p/s%20%2",
    ] {
        let said = secrets.line_of_bytes(cut.as_bytes(), true);
        assert_eq!(said, "[credential]", "{cut}");
    }
    let half = &PASSWORD.as_bytes()[..PASSWORD.len() - 1];
    assert_eq!(secrets.line_of_bytes(half, true), "[credential]");
    // A text that is whole says what it says.
    assert_eq!(secrets.line("may: ey"), "may: ey");
    assert_eq!(secrets.line_of_bytes(b"100 % of it", true), "100 % of it");
}

#[test]
fn a_long_answer_full_of_secrets_shows_none_of_the_last() {
    let long = TOKEN.repeat(60);
    let secrets = knowing(&[&long]);
    let text = long.repeat(50);
    assert!(text.len() > MOST_BYTES);
    for said in [
        secrets.line(&text),
        secrets.line_of_bytes(text.as_bytes(), false),
    ] {
        assert!(!shows(&said, TOKEN), "{said}");
    }
}

#[test]
fn lines_of_a_key_are_secret_one_by_one() {
    let secrets =
        knowing(&["-----BEGIN KEY-----\nMIIEvQIBADANBgk\nqhkiG9w0BAQEFAA\n-----END KEY-----\n"]);
    assert_eq!(
        secrets.line("unexpected qhkiG9w0BAQEFAA after -----BEGIN KEY-----"),
        "unexpected [credential] after -----BEGIN KEY-----"
    );
}

#[test]
fn what_is_no_secret_stays() {
    let secrets = knowing(&[TOKEN, "abc"]);
    let said = "size: must be less than or equal to 1000 (%41 \\u0041 &amp; a+b)";
    assert_eq!(secrets.line(said), said);
    assert_eq!(knowing(&[""]).line("x"), "x");
    assert_eq!(format!("{secrets:?}"), "Secrets");
}

proptest! {
    #[test]
    fn no_secret_gets_through(
        before in ".{0,20}",
        secret in "[!-~]{6,40}",
        after in ".{0,20}",
        encoded in 0_usize..3,
    ) {
        let secrets = knowing(&[&secret]);
        let spelt = match encoded {
            0 => secret.clone(),
            1 => STANDARD.encode(format!("u:{secret}")),
            _ => serde_json::to_string(&secret).unwrap(),
        };
        let said = secrets.censored(&format!("{before}{spelt}{after}"), false).into_owned();
        prop_assert!(!said.contains(&spelt) && !said.contains(&secret), "{}", said);
    }

    #[test]
    fn any_text_may_be_looked_at(text in any::<String>(), secret in any::<String>(), cut: bool) {
        let secrets = knowing(&[&secret]);
        secrets.line_of_bytes(text.as_bytes(), cut);
    }
}
