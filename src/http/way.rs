//! The way that requests take: straight, or through a proxy that the environment names.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::foreign::address_in;

/// The variables that name proxies, as all libraries read them: the first one that is set counts.
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const NONE: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Addresses that mean something on this machine or in its network alone, among them those of all that
/// hand out tokens of the machine: a proxy would hand out its own, or see ours.
const DIRECT: &str = "localhost,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10,fd00:ec2::/32,fd20:ce::/32,\
                      168.63.129.16,100.100.100.200,metadata.google.internal,metadata.goog";

/// Variables by which libraries are told of other such addresses.
const METADATA: [&str; 6] = [
    "GCE_METADATA_HOST",
    "GCE_METADATA_IP",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "IDENTITY_ENDPOINT",
    "MSI_ENDPOINT",
];

/// Reads a variable of the environment.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable that names no proxy which could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("environment variable {0} is not the address of a proxy")]
    NoAddress(&'static str),
    #[error("environment variable {0} names a SOCKS proxy, which is not supported")]
    Socks(&'static str),
}

/// How an address is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Straight: no variable names a proxy for it.
    Straight,
    /// Straight, since it is this machine's own, or one of its network.
    Local,
    /// Straight, since this variable names it.
    Excepted(&'static str),
    /// Through the proxy that a variable names. The address is without credentials.
    Proxy {
        variable: &'static str,
        address: String,
    },
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Straight => f.write_str("direct: no variable names a proxy"),
            Self::Local => f.write_str("direct: never through a proxy"),
            Self::Excepted(variable) => write!(f, "direct: {variable} names it"),
            Self::Proxy { variable, address } => write!(f, "proxy {address}, from {variable}"),
        }
    }
}

impl Way {
    /// The way to an address by the environment of this process.
    pub(crate) fn to(url: &Url) -> Self {
        Self::by(url, &|name| std::env::var(name).ok())
    }

    fn by(url: &Url, variables: Variables<'_>) -> Self {
        let none = first(variables, &NONE);
        let is_named = |list: &str| {
            let matcher = Matcher::builder()
                .all("http://proxy.invalid")
                .no(list.to_owned());
            let uri = url.as_str().parse().ok();
            uri.is_some_and(|uri| matcher.build().intercept(&uri).is_none())
        };
        let of_scheme = if url.scheme() == "http" {
            &HTTP
        } else {
            &HTTPS
        };
        let proxy = [of_scheme, &ALL]
            .into_iter()
            .find_map(|names| Some((first(variables, names)?, names)))
            .and_then(|((variable, value), _)| Some((variable, address(&value)?)));
        let Some((variable, address)) = proxy else {
            return Self::Straight;
        };
        if is_loopback(url) || is_named(&direct(variables)) {
            return Self::Local;
        }
        match none {
            Some((variable, list)) if is_named(&list) => Self::Excepted(variable),
            _ => Self::Proxy { variable, address },
        }
    }
}

/// The first of these variables that is set, unless it is empty.
fn first(variables: Variables<'_>, names: &[&'static str]) -> Option<(&'static str, String)> {
    let set = names
        .iter()
        .find_map(|name| Some((*name, variables(name)?)));
    set.filter(|(_, value)| !value.trim().is_empty())
}

/// The address of a proxy without credentials, where the text is one.
fn address(value: &str) -> Option<String> {
    let matcher = Matcher::builder().all(value.trim().to_owned()).build();
    let intercept = matcher.intercept(&"https://example.invalid/".parse().ok()?)?;
    let uri = intercept.uri();
    // A single word is rather "none" or "true" than a host.
    let whole = value.contains("://") || uri.port().is_some();
    whole.then(|| uri.to_string().trim_end_matches('/').to_owned())
}

/// Looks at all variables that name proxies, those that are not used now too.
///
/// # Errors
/// One that is ignored by the libraries, in silence.
pub(crate) fn check_proxies(variables: Variables<'_>) -> Result<(), ProxyError> {
    for names in [HTTP, HTTPS, ALL] {
        for name in names {
            let Some(value) = variables(name).filter(|value| !value.trim().is_empty()) else {
                continue;
            };
            match address(&value) {
                None => return Err(ProxyError::NoAddress(name)),
                Some(address) if address.starts_with("socks") => {
                    return Err(ProxyError::Socks(name));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// What `NO_PROXY` has to be so that no library asks a proxy for an address that only this machine can
/// ask; `None` where it is so already, or where there is no proxy.
pub(crate) fn no_proxy(variables: Variables<'_>) -> Option<String> {
    [HTTP, HTTPS, ALL]
        .iter()
        .find_map(|names| first(variables, names))?;
    let direct = direct(variables);
    match first(variables, &NONE) {
        Some((_, list)) if list.ends_with(&direct) => None,
        Some((_, list)) => Some(format!("{list},{direct}")),
        None => Some(direct),
    }
}

/// All that is never asked through a proxy.
fn direct(variables: Variables<'_>) -> String {
    let hosts = METADATA.iter().filter_map(|name| {
        let url = address_in(&variables(name)?)?;
        Some(url.host_str()?.trim_matches(['[', ']']).to_owned())
    });
    let hosts: Vec<String> = std::iter::once(DIRECT.to_owned()).chain(hosts).collect();
    hosts.join(",")
}

/// The library's client for an address, before what is special about it: the one place where clients are
/// made. The proxies and the roots are those of the environment, which the command line has completed.
pub(super) fn builder(base: &Url) -> reqwest::ClientBuilder {
    let builder =
        reqwest::Client::builder().user_agent(concat!("trailhouse/", env!("CARGO_PKG_VERSION")));
    match Way::to(base) {
        Way::Proxy { .. } => builder,
        Way::Straight | Way::Local | Way::Excepted(_) => builder.no_proxy(),
    }
}

/// Whether the address is this machine's own, so that what is sent there does not leave it, and a proxy would look
/// for it on the proxy's machine. Names below `localhost` count (RFC 6761 section 6.3).
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(url: &str, set: &[(&str, &str)]) -> String {
        let variables = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Way::by(&url.parse().unwrap(), &variables).to_string()
    }

    const PROXIED: [(&str, &str); 3] = [
        ("https_proxy", "http://anna:s3cret@proxy.example.com:3128"),
        ("HTTP_PROXY", "proxy.example.com:3129"),
        ("no_proxy", "internal.example.com, 10.0.0.0/8"),
    ];

    #[test]
    fn the_way_is_the_one_that_the_variables_name() {
        for (url, shown) in [
            (
                "https://kestra.example.com/",
                "proxy http://proxy.example.com:3128, from https_proxy",
            ),
            (
                "http://kestra.example.com/",
                "proxy http://proxy.example.com:3129, from HTTP_PROXY",
            ),
            (
                "https://a.internal.example.com/",
                "direct: no_proxy names it",
            ),
            ("https://10.1.2.3/", "direct: no_proxy names it"),
            ("http://localhost:8080/", "direct: never through a proxy"),
        ] {
            assert_eq!(way(url, &PROXIED), shown, "{url}");
        }
        assert_eq!(
            way("https://kestra.example.com/", &[]),
            "direct: no variable names a proxy"
        );
        assert_eq!(
            way("https://x.example.com/", &[("ALL_PROXY", "http://p:1")]),
            "proxy http://p:1, from ALL_PROXY"
        );
    }

    #[test]
    fn tokens_of_the_machine_are_asked_for_without_a_proxy() {
        for address in [
            "http://169.254.169.254/computeMetadata/v1/",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23/v1/credentials",
            "http://metadata.google.internal/",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://168.63.129.16/machine",
            "http://100.100.100.200/latest",
        ] {
            let all = [("ALL_PROXY", "http://p:1"), ("NO_PROXY", "example.com")];
            assert_eq!(
                way(address, &all),
                "direct: never through a proxy",
                "{address}"
            );
        }
        let moved = [
            ("HTTP_PROXY", "http://p:1"),
            ("GCE_METADATA_HOST", "10.9.8.7:8080"),
            ("IDENTITY_ENDPOINT", "http://msi.local:42/token"),
        ];
        for address in ["http://10.9.8.7:8080/", "http://msi.local:42/token"] {
            assert_eq!(way(address, &moved), "direct: never through a proxy");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_name_and_without_its_password() {
        for (value, part) in [
            ("not a url:s3cret@", Some("is not the address")),
            ("none", Some("is not the address")),
            ("ftp://anna:s3cret@proxy:21", Some("is not the address")),
            ("http://", Some("is not the address")),
            ("socks5://anna:s3cret@proxy:1080", Some("SOCKS")),
            ("proxy:3128", None),
            ("http://anna:s3cret@proxy", None),
            ("  ", None),
        ] {
            let variables = |name: &str| (name == "https_proxy").then(|| value.to_owned());
            match (check_proxies(&variables), part) {
                (Err(error), Some(part)) => {
                    let said = error.to_string();
                    assert!(
                        said.contains("https_proxy") && said.contains(part),
                        "{said}"
                    );
                    assert!(!said.contains("s3cret"), "{said}");
                }
                (checked, part) => assert_eq!((checked, part), (Ok(()), None), "{value}"),
            }
        }
    }

    #[test]
    fn the_list_of_exceptions_is_extended_once() {
        let list = |set: &[(&str, &str)]| {
            no_proxy(&|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(list(&[("NO_PROXY", "x")]), None, "there is no proxy");
        let extended = list(&[("http_proxy", "p:1"), ("no_proxy", "x")]).unwrap();
        assert!(extended.starts_with("x,localhost,"), "{extended}");
        assert_eq!(
            list(&[("http_proxy", "p:1"), ("NO_PROXY", &extended)]),
            None
        );
    }

    #[test]
    fn this_machine_has_several_names() {
        for (url, own) in [
            ("http://localhost:1", true),
            ("http://kestra.localhost", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:9000", true),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), own, "{url}");
        }
    }
}
