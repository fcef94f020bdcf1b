//! How requests prove who sends them. Secrets are read when they are needed and read again when
//! the service refuses them, so that a rotated file is picked up in the middle of a run.
//!
//! [`Auth`] says how; a [`Proof`] is what goes with one request; those that make proofs of tokens that somebody gives
//! stand between; [`Signer`] chooses among them.

mod proof;

mod ways;

mod issued;

mod aws;
mod client_credentials;
mod google;
mod password;

mod signer;

pub use aws::AwsAuth;
pub(crate) use proof::CredentialError;
pub(super) use proof::Proof;
pub(crate) use signer::Signer;
pub use ways::{Auth, ClientCredentials, GoogleAuth, LazySecret, PasswordLogin};
