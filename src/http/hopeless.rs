//! Connections that do not come about and would not by trying again.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Why the same try would fail again, until somebody changes something.
///
/// The one table of it, for sources, stores and warehouses: what the handshake says about certificates, and
/// what the name server and the proxy say. Everything else (refused, reset, timed out, a name server that
/// asks to try again, a handshake that breaks off, an internal error of the other side) may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hopeless {
    /// The certificate is of an authority that is not trusted here.
    UnknownAuthority,
    /// The certificate is not valid any more.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for another host.
    OtherName,
    /// Something else is wrong with the certificate.
    BadCertificate,
    /// The other side wants a certificate of ours, or does not take the one that it got.
    WantsCertificate,
    /// What answers speaks no TLS.
    NoTls,
    /// There is no version or cipher of TLS that both sides know.
    NoCommonTls,
    /// The name does not exist.
    NoSuchHost,
    /// The proxy wants credentials (407).
    ProxyCredentials,
}

impl Hopeless {
    /// Stable code in JSON output and in the ledger.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownAuthority
            | Self::Expired
            | Self::NotYetValid
            | Self::OtherName
            | Self::BadCertificate => "certificate",
            Self::WantsCertificate | Self::NoTls | Self::NoCommonTls => "tls",
            Self::NoSuchHost => "no_such_host",
            Self::ProxyCredentials => "proxy_refused",
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "set `ca_file` in [network] to the certificate of the authority that signed it; if nobody \
                 knows that authority, find out what intercepts the connection"
            }
            Self::Expired => {
                "renew the certificate, or set the clock of this machine if it is wrong"
            }
            Self::NotYetValid => "set the clock of this machine if it is wrong, or wait",
            Self::OtherName => {
                "use a host name that the certificate is valid for, or get one issued for this name"
            }
            Self::BadCertificate => "get a valid certificate issued for the server",
            Self::WantsCertificate => {
                "use an address that does not require a client certificate: this version does not support them"
            }
            Self::NoTls => "correct the port, or use http:// if the server really has no TLS",
            Self::NoCommonTls => "enable TLS 1.2 or 1.3 with a current cipher on the server",
            Self::NoSuchHost => "correct the host name in the address",
            Self::ProxyCredentials => {
                "put user and password into the variable that names the proxy, as in \
                 http://user:password@proxy:3128, or name the host in NO_PROXY"
            }
        }
    }
}

impl fmt::Display for Hopeless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAuthority => {
                "its certificate is from an authority that is not trusted here"
            }
            Self::Expired => "its certificate has expired by the clock of this machine",
            Self::NotYetValid => "its certificate is not valid yet by the clock of this machine",
            Self::OtherName => "its certificate is for another host",
            Self::BadCertificate => "its certificate is not acceptable",
            Self::WantsCertificate => "it requires a client certificate",
            Self::NoTls => "the server at this port does not use TLS",
            Self::NoCommonTls => "client and server have no TLS version or cipher in common",
            Self::NoSuchHost => "its host name does not exist",
            Self::ProxyCredentials => "the proxy requires credentials (407)",
        })
    }
}

/// The same for stores and warehouses, whose addresses are mostly those of large services: a name that does
/// not exist is then rather a name server that has a bad moment.
pub(crate) fn lasting(error: &(dyn Error + 'static)) -> Option<Hopeless> {
    hopeless(error).filter(|why| *why != Hopeless::NoSuchHost)
}

/// Whether an error of an HTTP library is one of these.
pub(crate) fn hopeless(error: &(dyn Error + 'static)) -> Option<Hopeless> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        // What an I/O error holds is not among its sources.
        let held = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = held.and_then(|held| hopeless(held)) {
            return Some(found);
        }
        cause = error.source();
        if cause.is_none() {
            return of_words(&error.to_string());
        }
    }
    None
}

fn of_tls(error: &rustls::Error) -> Option<Hopeless> {
    Some(match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => Hopeless::UnknownAuthority,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Hopeless::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Hopeless::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Hopeless::OtherName
            }
            _ => Hopeless::BadCertificate,
        },
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity => Hopeless::NoCommonTls,
            AlertDescription::UnrecognisedName => Hopeless::OtherName,
            AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied => Hopeless::WantsCertificate,
            _ => return None,
        },
        rustls::Error::PeerIncompatible(_) => Hopeless::NoCommonTls,
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Hopeless::NoTls,
        _ => return None,
    })
}

/// The library of C and the HTTP library say these in words alone.
fn of_words(said: &str) -> Option<Hopeless> {
    const NO_SUCH_HOST: [&str; 4] = [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "nodename nor servname provided, or not known",
    ];
    if said.ends_with("proxy authorization required") {
        Some(Hopeless::ProxyCredentials)
    } else if said.starts_with("failed to lookup address")
        && NO_SUCH_HOST.iter().any(|words| said.ends_with(words))
    {
        Some(Hopeless::NoSuchHost)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_refusal_is_told_from_what_passes() {
        use rustls::Error::{AlertReceived, General, InvalidCertificate};
        for (error, expected) in [
            (
                InvalidCertificate(CertificateError::UnknownIssuer),
                Some(Hopeless::UnknownAuthority),
            ),
            (
                InvalidCertificate(CertificateError::Expired),
                Some(Hopeless::Expired),
            ),
            (
                InvalidCertificate(CertificateError::NotValidYet),
                Some(Hopeless::NotYetValid),
            ),
            (
                InvalidCertificate(CertificateError::NotValidForName),
                Some(Hopeless::OtherName),
            ),
            (
                InvalidCertificate(CertificateError::Revoked),
                Some(Hopeless::BadCertificate),
            ),
            (
                AlertReceived(AlertDescription::CertificateRequired),
                Some(Hopeless::WantsCertificate),
            ),
            (
                AlertReceived(AlertDescription::HandshakeFailure),
                Some(Hopeless::NoCommonTls),
            ),
            (
                AlertReceived(AlertDescription::UnrecognisedName),
                Some(Hopeless::OtherName),
            ),
            (
                rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType),
                Some(Hopeless::NoTls),
            ),
            (AlertReceived(AlertDescription::InternalError), None),
            (AlertReceived(AlertDescription::DecryptError), None),
            (General("odd".to_owned()), None),
        ] {
            // As it comes: within two errors of the operating system.
            let wrapped = io::Error::other(io::Error::other(error.clone()));
            assert_eq!(hopeless(&wrapped), expected, "{error}");
        }
    }

    #[test]
    fn what_name_servers_say_is_told_apart() {
        let lookup = "failed to lookup address information: ";
        for (said, expected) in [
            ("Name or service not known", Some(Hopeless::NoSuchHost)),
            ("Name does not resolve", Some(Hopeless::NoSuchHost)),
            ("Temporary failure in name resolution", None),
            ("Try again", None),
        ] {
            let error = io::Error::other(format!("{lookup}{said}"));
            assert_eq!(hopeless(&error), expected, "{said}");
        }
        for kind in [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::TimedOut,
            io::ErrorKind::UnexpectedEof,
        ] {
            assert_eq!(hopeless(&io::Error::from(kind)), None);
        }
        let proxy = io::Error::other("tunnel error: proxy authorization required");
        assert_eq!(hopeless(&proxy), Some(Hopeless::ProxyCredentials));
    }
}
