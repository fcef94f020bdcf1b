//! What errors say.

use crate::foreign::Secrets;

/// An error of the HTTP library with its causes, without the address it asked. Some quote what the other
/// side sent.
pub(crate) fn chain(error: reqwest::Error, secrets: &Secrets) -> String {
    secrets.line(&causes(&error.without_url()))
}

/// An error with its causes, each said once, as they say it: foreign text, for [`Secrets::line`].
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
