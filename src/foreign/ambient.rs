//! Secrets that every connection of this process may carry: the passwords of proxies.

use std::sync::LazyLock;
use url::Url;

/// Where the HTTP libraries look for proxies.
const VARIABLES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "ftp_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "FTP_PROXY",
];

/// The secrets of the proxies that the environment names.
pub(super) fn ambient() -> &'static [String] {
    static AMBIENT: LazyLock<Vec<String>> = LazyLock::new(|| {
        let values = VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
        values.flat_map(|value| credentials_in(&value)).collect()
    });
    &AMBIENT
}

/// An address in a variable or an option, where the scheme may be left out.
pub(crate) fn address_in(value: &str) -> Option<Url> {
    let whole = Url::parse(value).ok().filter(Url::has_host);
    whole.or_else(|| Url::parse(&format!("http://{value}")).ok())
}

/// The password in an address, and user name and password as they travel together.
pub(crate) fn credentials_in(address: &str) -> Vec<String> {
    let Some(url) = address_in(address) else {
        return Vec::new();
    };
    let Some(password) = url.password().filter(|password| !password.is_empty()) else {
        return Vec::new();
    };
    let plain = |text: &str| {
        let decoded = percent_encoding::percent_decode_str(text);
        decoded.decode_utf8_lossy().into_owned()
    };
    let pair = format!("{}:{}", plain(url.username()), plain(password));
    vec![password.to_owned(), plain(password), pair]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_an_address_is_known_as_it_is_and_decoded() {
        let known = ["p%40ss", "p@ss", "anna:p@ss"];
        assert_eq!(credentials_in("http://anna:p%40ss@proxy:3128"), known);
        assert_eq!(credentials_in("anna:p%40ss@proxy:3128"), known);
        for without in [
            "http://proxy:3128",
            "proxy:3128",
            "http://anna@proxy",
            "",
            "true",
        ] {
            assert!(credentials_in(without).is_empty(), "{without}");
        }
    }
}
