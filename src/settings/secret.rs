//! Secrets are never written into the configuration: it says where each one is, and the value is
//! read only when it is needed.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::http::{self, Auth};
use crate::text::{self, TextFault, TextKind};

/// No password, token or key that we know of comes near this; a larger file is a mistake.
const LARGEST: u64 = 1 << 20;

/// Where a secret is. Showing or logging this shows the place, which is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a path relative to the configuration file has been made absolute.
    File(PathBuf),
}

/// A secret as it was read.
#[derive(Debug)]
pub struct Secret {
    /// The value, without what editors and terminals add around it.
    pub value: SecretString,
    /// What may be a mistake in it, as the end of a sentence.
    pub remark: Option<&'static str>,
    /// Whether everybody on the machine may read the file it came from. Always false for an
    /// environment variable, and where files have no Unix permissions.
    pub readable_by_others: bool,
}

/// A secret with a name for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSecret {
    /// What it is, such as `password`.
    pub noun: String,
    /// Where it is.
    pub place: SecretRef,
    /// What may stand around it.
    pub kind: TextKind,
}

/// Why a secret could not be read. No variant holds any part of its value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable does not exist.
    #[error("environment variable `{name}` is not set")]
    EnvMissing {
        /// Its name.
        name: String,
    },
    /// The file cannot be opened or read.
    #[error("file `{}` cannot be read", path.display())]
    FileUnreadable {
        /// Its path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The value has bytes that cannot belong to it.
    #[error("{kind} in {place} {fault}")]
    Malformed {
        /// What it is.
        kind: TextKind,
        /// Where it is.
        place: SecretRef,
        /// What is wrong with it.
        fault: TextFault,
    },
    /// The value is empty.
    #[error("{place} is empty")]
    Empty {
        /// Where it is.
        place: SecretRef,
    },
    /// The file is too large to hold a secret.
    #[error("file `{}` is larger than 1 MiB, too large for a secret or key", path.display())]
    TooLarge {
        /// Its path.
        path: PathBuf,
    },
}

impl SecretError {
    /// What the user can do about it.
    pub fn action(&self) -> String {
        match self {
            Self::EnvMissing { name } => {
                format!("set `{name}`, or name another place in the configuration")
            }
            Self::FileUnreadable { path, .. } => format!(
                "check that `{}` exists and that this user may read it",
                path.display()
            ),
            Self::Malformed { fault, .. } => fault.action().to_owned(),
            Self::Empty { place } => format!("write the value into {place}"),
            Self::TooLarge { path } => {
                format!("check that `{}` is the file you mean", path.display())
            }
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
        }
    }
}

impl SecretRef {
    /// Reads the secret and logs a warning where its file is open to everybody.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn load(&self, kind: TextKind) -> Result<SecretString, SecretError> {
        let secret = self.read(kind)?;
        if secret.readable_by_others {
            tracing::warn!(
                "{self} holds a secret and every user of this machine can read it: chmod o-rwx"
            );
        }
        Ok(secret.value)
    }

    /// Reads a value that is not secret and only stored like one, so that it does not matter who
    /// else can read it.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn load_public(&self, kind: TextKind) -> Result<String, SecretError> {
        Ok(self.read(kind)?.value.expose_secret().to_owned())
    }

    /// Reads the secret and says how well it is kept.
    ///
    /// What the kind allows around it is dropped. An empty value is an error, because it is always
    /// a mistake and would otherwise reach the platform as a wrong password.
    ///
    /// # Errors
    /// See [`SecretError`].
    pub fn read(&self, kind: TextKind) -> Result<Secret, SecretError> {
        self.read_with(kind, |name| std::env::var_os(name))
    }

    fn read_with(
        &self,
        kind: TextKind,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Secret, SecretError> {
        let (bytes, readable_by_others) = match self {
            Self::Env(name) => {
                let value =
                    env(name).ok_or_else(|| SecretError::EnvMissing { name: name.clone() })?;
                (value.into_encoded_bytes(), false)
            }
            Self::File(path) => read_file(path)?,
        };
        let value = text::clean(&bytes, kind).map_err(|fault| SecretError::Malformed {
            kind,
            place: self.clone(),
            fault,
        })?;
        if value.is_empty() {
            return Err(SecretError::Empty {
                place: self.clone(),
            });
        }
        Ok(Secret {
            value: SecretString::from(value),
            remark: text::remark(value, kind),
            readable_by_others,
        })
    }
}

impl Auth<SecretRef> {
    /// The secrets that it names.
    pub fn secrets(&self) -> Vec<NamedSecret> {
        let named = |noun: &str, place: &SecretRef, kind| NamedSecret {
            noun: noun.to_owned(),
            place: place.clone(),
            kind,
        };
        let secret = match self {
            Self::None | Self::Aws(_) => None,
            Self::Bearer(token) | Self::Header { key: token, .. } => {
                Some(named("API token", token, TextKind::Token))
            }
            Self::Basic { password, .. } => Some(named("password", password, TextKind::Password)),
            Self::Password(login) => Some(named("password", &login.password, TextKind::Password)),
            Self::ClientCredentials(client) => Some(named(
                "client secret",
                &client.client_secret,
                TextKind::Token,
            )),
            Self::Google(google) => google
                .credentials
                .as_ref()
                .map(|place| named("credentials", place, TextKind::Document)),
        };
        secret.into_iter().collect()
    }

    /// The same for a client, with secrets that are read each time they are needed, so that a renewed one
    /// is found.
    pub(crate) fn lazily_read(&self) -> Auth {
        let secret = |place: &SecretRef, kind| {
            let place = place.clone();
            http::LazySecret::new(move || place.load(kind).map_err(|error| error.to_string()))
        };
        match self {
            Self::None => Auth::None,
            Self::Aws(aws) => Auth::Aws(aws.clone()),
            Self::Bearer(token) => Auth::Bearer(secret(token, TextKind::Token)),
            Self::Header { name, key } => Auth::Header {
                name: name.clone(),
                key: secret(key, TextKind::Token),
            },
            Self::Basic { username, password } => Auth::Basic {
                username: username.clone(),
                password: secret(password, TextKind::Password),
            },
            Self::Password(login) => Auth::Password(http::PasswordLogin {
                url: login.url.clone(),
                username: login.username.clone(),
                password: secret(&login.password, TextKind::Password),
            }),
            Self::ClientCredentials(client) => Auth::ClientCredentials(http::ClientCredentials {
                token_url: client.token_url.clone(),
                client_id: client.client_id.clone(),
                client_secret: secret(&client.client_secret, TextKind::Token),
                scope: client.scope.clone(),
                extra: client.extra.clone(),
            }),
            Self::Google(google) => {
                let json = google.credentials.as_ref();
                Auth::Google(http::GoogleAuth {
                    credentials: json.map(|place| secret(place, TextKind::Document)),
                    impersonate: google.impersonate.clone(),
                })
            }
        }
    }
}

fn read_file(path: &Path) -> Result<(Vec<u8>, bool), SecretError> {
    let unreadable = |source| SecretError::FileUnreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let open = readable_by_others(&file.metadata().map_err(unreadable)?);
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(SecretError::TooLarge {
            path: path.to_owned(),
        });
    }
    Ok((bytes, open))
}

#[cfg(unix)]
fn readable_by_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_env(value: Option<&str>, kind: TextKind) -> Result<Secret, SecretError> {
        SecretRef::Env("TOKEN".to_owned()).read_with(kind, |name| {
            assert_eq!(name, "TOKEN");
            value.map(OsString::from)
        })
    }

    fn from_file(content: &[u8], kind: TextKind) -> Result<Secret, SecretError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, content).unwrap();
        SecretRef::File(path).read(kind)
    }

    /// What is dropped and refused is the rule of [`crate::text`]; here, that both places follow it.
    #[test]
    fn what_stands_around_a_secret_is_dropped_by_its_kind() {
        for (written, kind, read) in [
            ("s3cret", TextKind::Token, "s3cret"),
            ("\u{feff} s3cret \r\n\n", TextKind::Token, "s3cret"),
            (" s3 cret \r\n\n", TextKind::Password, " s3 cret "),
            ("s3cret\n\n", TextKind::HmacKey, "s3cret\n"),
        ] {
            for secret in [
                from_env(Some(written), kind).unwrap(),
                from_file(written.as_bytes(), kind).unwrap(),
            ] {
                assert_eq!(secret.value.expose_secret(), read);
                assert_eq!(
                    secret.remark.is_some(),
                    kind == TextKind::Password || read.ends_with('\n')
                );
            }
        }
    }

    #[test]
    fn a_refusal_names_the_place_and_the_byte_and_nothing_else() {
        let error = from_env(Some("s3cret\tmore"), TextKind::Token).unwrap_err();
        assert_eq!(
            error.to_string(),
            "token in environment variable `TOKEN` has a tab at byte 7"
        );
        assert_eq!(error.action(), "remove this character");
        let error = from_file(b"s3cret more", TextKind::Key).unwrap_err();
        let told = error.to_string();
        assert!(
            told.starts_with("key in file `/") && told.ends_with("token` has a space at byte 7")
        );
        let error = from_file(b"\xff\xfes\x003\0", TextKind::Password).unwrap_err();
        assert!(error.to_string().ends_with("is saved as UTF-16"));
        assert_eq!(error.action(), "save it as UTF-8");
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(
            from_env(None, TextKind::Token).unwrap_err().to_string(),
            "environment variable `TOKEN` is not set"
        );
        for empty in ["", "\n", "\r\n", " \n"] {
            assert_eq!(
                from_env(Some(empty), TextKind::Token)
                    .unwrap_err()
                    .to_string(),
                "environment variable `TOKEN` is empty"
            );
        }
        assert!(matches!(
            from_file(b"", TextKind::Password),
            Err(SecretError::Empty { .. })
        ));
        let error = from_file(b"s3cret\xff", TextKind::Token).unwrap_err();
        assert!(matches!(error, SecretError::Malformed { .. }));
        assert!(!format!("{error:?} {error}").contains("s3cret"));
        assert!(matches!(
            from_file(&vec![b'x'; 1 + (1 << 20)], TextKind::Token),
            Err(SecretError::TooLarge { .. })
        ));
        assert!(matches!(
            SecretRef::File(PathBuf::from("/nowhere/token")).read(TextKind::Token),
            Err(SecretError::FileUnreadable { .. })
        ));
    }

    #[test]
    fn debug_does_not_show_the_value() {
        let secret = from_env(Some("s3cret"), TextKind::Token).unwrap();
        assert!(!format!("{secret:?}").contains("s3cret"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_open_to_everybody_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "s3cret").unwrap();
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let secret = SecretRef::File(path.clone()).read(TextKind::Token).unwrap();
            assert_eq!(secret.readable_by_others, open, "{mode:o}");
        }
    }
}
