//! What a store said, made fit for people: the part that matters, on one line, without secrets.

use chrono::{DateTime, Utc};
use std::error::Error;

use crate::foreign::Secrets;

/// Shorter values of options would blank out ordinary words.
const SHORTEST_SECRET: usize = 6;

/// Adds the secret among the options that a store is opened with.
pub(super) fn learn(secrets: &Secrets, values: impl IntoIterator<Item = String>) {
    for value in values {
        if value.len() >= SHORTEST_SECRET {
            secrets.learn(&value);
        }
    }
}

/// The text on one line, shortened, without secrets and without the query of any URL, where signed requests
/// carry their signature.
pub(super) fn clean(secrets: &Secrets, text: &str) -> String {
    let text = secrets.censored(text, false);
    let words: Vec<&str> = text.split_whitespace().map(without_query).collect();
    secrets.line(&words.join(" "))
}

fn without_query(word: &str) -> &str {
    match (word.find("://"), word.find('?')) {
        (Some(scheme), Some(query)) if scheme < query => &word[..query],
        _ => word,
    }
}

/// The innermost words of an error: wrappers repeat their source and add the request line and the
/// time it took, which help nobody.
pub(super) fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    shorten_body(&innermost.to_string())
}

/// Stores answer with XML or JSON; of it only code, message and details are worth a line. GCS has in the
/// details who lacks which permission, and until when an object is kept.
fn shorten_body(text: &str) -> String {
    let Some((before, body)) = text.split_once(": ") else {
        return text.to_owned();
    };
    let before = before
        .strip_prefix("Server returned non-2xx status code")
        .map_or_else(|| format!("{before}: "), |_| String::new());
    let (status, body) = match body.split_once(": ") {
        Some((status, body)) if before.is_empty() => (format!("{status}: "), body),
        _ => (String::new(), body),
    };
    let xml = ["Code", "Message", "Details"].map(|name| tag(body, name));
    let found: Vec<&str> = xml.into_iter().flatten().collect();
    let body = if found.is_empty() {
        json_message(body).unwrap_or_else(|| body.to_owned())
    } else {
        let parts = found.iter().map(|part| part.trim_end_matches('.'));
        parts.collect::<Vec<_>>().join(": ")
    };
    let line = format!("{before}{status}{body}");
    line.trim_end().trim_end_matches(':').to_owned()
}

/// Whether the answer to one of a list of deletes, as the client puts it into words, is a refusal: S3
/// names a code, Azure a status, where 409 is what a policy that keeps blobs is answered with.
pub(super) fn is_refusal(said: &str) -> bool {
    ["AccessDenied", "401", "403", "409", "412"]
        .iter()
        .any(|code| said.ends_with(&format!("(code: {code})")))
}

/// Whether the words of a refusal name what keeps an object, by the codes of GCS and the sentences of
/// Azure, whose codes do not get through a list of deletes.
pub(super) fn names_a_lock(said: &str) -> bool {
    [
        "RetentionPolicyNotMet",
        "ObjectUnderActiveHold",
        "BlobImmutableDueTo",
        "the blob is immutable due to",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// Until when an object is kept, where the words of a refusal end with the date, as those of GCS do.
pub(super) fn locked_until(said: &str) -> Option<DateTime<Utc>> {
    if !names_a_lock(said) {
        return None;
    }
    let (_, date) = said.rsplit_once(" until ")?;
    let date = date.split_whitespace().next()?.trim_end_matches('.');
    let date = DateTime::parse_from_rfc3339(date).ok()?;
    Some(date.with_timezone(&Utc))
}

fn tag<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let start = body.find(&format!("<{name}>"))? + name.len() + 2;
    let end = body[start..].find(&format!("</{name}>"))?;
    Some(&body[start..start + end])
}

fn json_message(body: &str) -> Option<String> {
    let parsed: serde_json::Value = serde_json::from_str(body).ok()?;
    let message = parsed.pointer("/error/message")?.as_str()?;
    Some(message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_cut_down_to_code_and_message() {
        let table = [
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Not you</Message><AWSAccessKeyId>x</AWSAccessKeyId></Error>",
                "403 Forbidden: AccessDenied: Not you",
            ),
            (
                "Server returned non-2xx status code: 429 Too Many Requests: {\"error\":{\"code\":429,\"message\":\"slow down\"}}",
                "429 Too Many Requests: slow down",
            ),
            (
                "Server returned non-2xx status code: 403 Forbidden: <?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code><Message>Access denied.</Message><Details>somebody may not</Details></Error>",
                "403 Forbidden: AccessDenied: Access denied: somebody may not",
            ),
            (
                "Server returned non-2xx status code: 500 Internal Server Error: ",
                "500 Internal Server Error",
            ),
            ("connection refused", "connection refused"),
            ("cannot write /x: disk full", "cannot write /x: disk full"),
        ];
        for (said, line) in table {
            assert_eq!(shorten_body(said), line);
        }
    }

    #[test]
    fn refusals_among_many_deletes_are_known_by_their_code() {
        for (said, refused) in [
            (
                "DeleteObjects request failed for key a: Access Denied (code: AccessDenied)",
                true,
            ),
            (
                "Bulk delete request failed for key a: Conflict (code: 409)",
                true,
            ),
            (
                "DeleteObjects request failed for key a: again (code: InternalError)",
                false,
            ),
            (
                "Bulk delete request failed for key (code: 409): no (code: 500)",
                false,
            ),
        ] {
            assert_eq!(is_refusal(said), refused, "{said}");
        }
    }

    #[test]
    fn locks_are_told_from_missing_permissions_and_have_their_date() {
        let kept = "403 Forbidden: RetentionPolicyNotMet: Object overwrite or deletion is not allowed due \
                    to retention policy: Object 'b/until a/o' is subject to bucket's retention policy or \
                    object retention and cannot be deleted or overwritten until \
                    2026-09-30T17:04:50.584991-07:00";
        let date = "2026-10-01T00:04:50.584991Z".parse().unwrap();
        for (said, named, until) in [
            (kept, true, Some(date)),
            (
                "403 Forbidden: ObjectUnderActiveHold: Object 'b/o' is under active Temporary hold and \
                 cannot be deleted, overwritten or archived until hold is removed.",
                true,
                None,
            ),
            (
                "Bulk delete request failed for key a: This operation is not permitted as the blob is \
                 immutable due to one or more legal holds. (code: 409)",
                true,
                None,
            ),
            (
                "Bulk delete request failed for key a: This operation is not permitted because the blob \
                 has snapshots. (code: 409)",
                false,
                None,
            ),
            (
                "403 Forbidden: AccessDenied: not until 2026-09-30T17:04:50Z",
                false,
                None,
            ),
        ] {
            assert_eq!(names_a_lock(said), named, "{said}");
            assert_eq!(locked_until(said), until, "{said}");
        }
    }

    #[test]
    fn nothing_secret_or_wild_gets_through() {
        let secrets = Secrets::default();
        learn(&secrets, ["hunter2".to_owned(), "a".to_owned()]);
        assert_eq!(
            clean(
                &secrets,
                "GET http://h/p?sig=1\n said\u{1b}[31m \u{202e}hunter2 a"
            ),
            "GET http://h/p said\\u{1b}[31m \\u{202e}[credential] a"
        );
        let long = clean(&secrets, &format!("{}hunter2", "x".repeat(396)));
        assert!(!long.contains("hu"), "{long}");
    }
}
