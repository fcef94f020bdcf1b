//! The ways to sign in to a platform: which of them it knows is said in its folder.

use crate::source::platform::Question;
use serde_json::{Map, Value, json};

/// A way to sign in that a platform knows, with what is usual there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInWay {
    /// An API token.
    Bearer {
        /// Environment variable of the token.
        env: &'static str,
    },
    /// A user name and password, sent with each request.
    Basic {
        /// Environment variable of the password.
        env: &'static str,
    },
    /// An API key in a header that the platform names.
    Header {
        /// The header that is usual.
        name: &'static str,
        /// Environment variable of the key.
        env: &'static str,
    },
    /// A user name and password, for which the platform gives a token.
    Password {
        /// Environment variable of the password.
        env: &'static str,
        /// Where it gives tokens, as a path below its address.
        login: &'static str,
    },
    /// The id and secret of an application, for which a token endpoint gives tokens.
    ClientCredentials {
        /// Environment variable of the secret.
        env: &'static str,
        /// The token endpoint, where most have the same one.
        token_url: Option<&'static str>,
        /// The scope that is needed to read audit records.
        scope: Option<&'static str>,
    },
    /// Application default credentials of Google Cloud.
    GoogleDefault,
    /// A file with credentials of Google Cloud.
    ServiceAccount {
        /// Where the file usually is.
        file: &'static str,
    },
    /// Not at all.
    None,
}

impl SignInWay {
    /// Its key in `auth`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::Header { .. } => "header",
            Self::Password { .. } => "password",
            Self::ClientCredentials { .. } => "client_credentials",
            Self::GoogleDefault => "default",
            Self::ServiceAccount { .. } => "service_account",
            Self::None => "none",
        }
    }

    /// What it is, for whoever has to choose.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Bearer { .. } => "API token",
            Self::Basic { .. } => "user name and password",
            Self::Header { .. } => "API key in a header",
            Self::Password { .. } => "user name and password, for a token",
            Self::ClientCredentials { .. } => "client id and secret",
            Self::GoogleDefault => "default credentials",
            Self::ServiceAccount { .. } => "credentials file",
            Self::None => "not at all",
        }
    }

    /// The environment variable that usually holds its secret.
    pub const fn env(self) -> Option<&'static str> {
        match self {
            Self::Bearer { env }
            | Self::Basic { env }
            | Self::Header { env, .. }
            | Self::Password { env, .. }
            | Self::ClientCredentials { env, .. } => Some(env),
            Self::GoogleDefault | Self::ServiceAccount { .. } | Self::None => None,
        }
    }

    /// Whether it gives credentials of Google Cloud, which may impersonate a service account.
    pub(super) const fn is_google(self) -> bool {
        matches!(self, Self::GoogleDefault | Self::ServiceAccount { .. })
    }

    /// What is to be asked once it is chosen.
    pub fn questions(self) -> Vec<Question> {
        const TOKEN: &str = "Which environment variable will hold the API token?";
        const PASSWORD: &str = "Which environment variable will hold the password?";
        const USER: &str = "What is the user name?";
        match self {
            Self::Bearer { env } => vec![
                Question::new("auth.bearer.env", TOKEN)
                    .or(env)
                    .unless(&["auth.bearer"]),
            ],
            Self::Basic { env } => vec![
                Question::new("auth.basic.username", USER),
                Question::new("auth.basic.password.env", PASSWORD)
                    .or(env)
                    .unless(&["auth.basic.password"]),
            ],
            Self::Header { name, env } => vec![
                Question::new("auth.header.name", "Which header has the API key?").or(name),
                Question::new("auth.header.key.env", TOKEN)
                    .or(env)
                    .unless(&["auth.header.key"]),
            ],
            Self::Password { env, .. } => vec![
                Question::new("auth.password.username", USER),
                Question::new("auth.password.password.env", PASSWORD)
                    .or(env)
                    .unless(&["auth.password.password"]),
            ],
            Self::ClientCredentials {
                env,
                token_url,
                scope,
            } => {
                const URL: &str = "auth.client_credentials.token_url";
                const ID: &str = "auth.client_credentials.client_id";
                const SECRET: &str = "auth.client_credentials.client_secret.env";
                const SCOPE: &str = "auth.client_credentials.scope";
                const SCOPES: &str = "Which scopes, separated by spaces?";
                let url = Question::new(URL, "What is the address of the token endpoint?");
                let secret = "Which environment variable will hold its secret?";
                vec![
                    token_url.map_or(url, |token_url| url.or(token_url)),
                    Question::new(ID, "What is the id of the application?"),
                    Question::new(SECRET, secret)
                        .or(env)
                        .unless(&["auth.client_credentials.client_secret"]),
                    match scope {
                        Some(scope) => Question::new(SCOPE, SCOPES).or(scope),
                        None => Question::new(SCOPE, SCOPES).or_nothing(),
                    },
                ]
            }
            Self::ServiceAccount { file } => {
                let asked = "Which file will hold the credentials?";
                vec![
                    Question::new("auth.service_account.file", asked)
                        .or(file)
                        .unless(&["auth.service_account"]),
                ]
            }
            Self::GoogleDefault | Self::None => Vec::new(),
        }
    }

    /// What stands at its key where nothing has to be asked.
    pub fn value(self) -> Option<Value> {
        matches!(self, Self::GoogleDefault | Self::None).then_some(Value::Bool(true))
    }

    /// What may stand at its key.
    fn example(self) -> Value {
        match self {
            Self::Bearer { env } => json!({ "env": env }),
            Self::Basic { env } | Self::Password { env, .. } => {
                json!({ "username": "auditor", "password": { "env": env } })
            }
            Self::Header { name, env } => json!({ "name": name, "key": { "env": env } }),
            Self::ClientCredentials { env, token_url, .. } => json!({
                "token_url": token_url.unwrap_or("https://login.example.com/oauth2/token"),
                "client_id": "b1c6a2f4-3a53-4a8e-9f2c-3d1f6f0f6f10",
                "client_secret": { "env": env },
            }),
            Self::ServiceAccount { file } => json!({ "file": file }),
            Self::GoogleDefault | Self::None => json!(true),
        }
    }

    /// A whole table `auth` with this way.
    pub(super) fn example_table(self) -> Value {
        json!({ self.key(): self.example() })
    }
}

/// The schema of `auth` with the ways that a platform knows, of the one with all.
pub(crate) fn narrow(schema: &mut Value, ways: &[SignInWay]) {
    let is_google = ways.iter().any(|way| way.is_google());
    let mut properties = Map::new();
    let written = schema.get("properties").and_then(Value::as_object);
    for (name, property) in written.into_iter().flatten() {
        let mut property = property.clone();
        match ways.iter().find(|way| way.key() == name) {
            Some(way) => property["examples"] = json!([way.example()]),
            None if is_google && name == "impersonate" => {}
            None => continue,
        }
        properties.insert(name.clone(), property);
    }
    schema["properties"] = Value::Object(properties);
    schema["minProperties"] = json!(1);
    if !is_google {
        schema["maxProperties"] = json!(1);
    }
    if let Some(first) = ways.first() {
        schema["examples"] = json!([first.example_table()]);
    }
}
