//! What the HTTP libraries read from the environment of the process, set right before anything is asked.
//!
//! Sources, stores, BigQuery and sign-in use clients of four libraries, and not all of them can be told
//! which proxy to use or whom to trust; but all of them read `NO_PROXY` and `SSL_CERT_FILE`. A process cannot
//! change its own environment safely, so the program starts itself again in its place (`exec`), under the
//! same process id and with the same arguments, where something has to differ:
//!
//! * `NO_PROXY` gets the addresses that hand out tokens of the machine, which no proxy may see;
//! * `SSL_CERT_FILE` gets the roots of the machine and those of `ca_file` in `[network]`, as a file in memory
//!   that ends with the process.

use std::path::Path;

use super::exit::ExitKind;
use super::failure::Failure;
use crate::http::{check_proxies, no_proxy};
use crate::text::{self, TextFault};

/// Set where the roots are those of `ca_file` too: what they are, for people.
const ROOTS: &str = "TRAILHOUSE_ROOTS";

/// Refuses proxies that no library would use, and keeps the tokens of the machine from all others.
///
/// # Errors
/// A variable that names no proxy.
pub(super) fn prepare_proxies() -> Result<(), Failure> {
    let variables = |name: &str| std::env::var(name).ok();
    check_proxies(&variables).map_err(|error| {
        Failure::from_error(ExitKind::Usage, &error)
            .kept("nothing was read or written")
            .action("write it as http://proxy.example.com:3128, or unset it")
    })?;
    match no_proxy(&variables) {
        Some(list) => start_again(&[("NO_PROXY", &list)], &[]),
        None => Ok(()),
    }
}

/// Whom this process trusts, for people.
pub(super) fn roots() -> String {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .find(|name| std::env::var_os(name).is_some());
    match (std::env::var(ROOTS), named) {
        (Ok(roots), _) => roots,
        (Err(_), Some(name)) => format!("those of {name} alone"),
        (Err(_), None) => "those of this machine".to_owned(),
    }
}

/// Trusts the authorities of a file beside those that are trusted anyway.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub(super) fn trust(ca_file: &Path) -> Result<(), Failure> {
    if std::env::var_os(ROOTS).is_some() {
        return Ok(());
    }
    let shown = ca_file.display();
    let wrong = |happened: String| {
        Failure::new(ExitKind::Usage, happened)
            .kept("nothing was read or written")
            .action("set `ca_file` in [network] to a file with certificates in PEM form")
    };
    let own = std::fs::read(ca_file)
        .map_err(|error| wrong(format!("`ca_file` {shown} cannot be read: {error}")))?;
    let own = match text::decode(&own) {
        // Without the mark that would hide the first certificate.
        Ok(text) => text.as_bytes().to_vec(),
        Err(fault @ TextFault::Utf16) => {
            return Err(wrong(format!("`ca_file` {shown} {fault}")));
        }
        // Comments between certificates may have any encoding.
        Err(_) => own,
    };
    let count = reqwest::Certificate::from_pem_bundle(&own).map_or(0, |found| found.len());
    if count == 0 {
        let happened = format!("`ca_file` {shown} contains no certificate in PEM form");
        return Err(wrong(happened));
    }
    trust_also(&own, &format!("{count} of {shown}"))
}

#[cfg(target_os = "linux")]
fn trust_also(own: &[u8], own_shown: &str) -> Result<(), Failure> {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::fs::File;
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    let machine = rustls_native_certs::load_native_certs().certs;
    let shown = format!("{} of this machine, {own_shown}", machine.len());
    let mut pem = String::new();
    for certificate in machine {
        let text = BASE64_STANDARD.encode(certificate);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        // The form has lines of 64 characters, all of which are ASCII.
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    let failed = |error: std::io::Error| {
        Failure::from_error(ExitKind::Unforeseen, &error)
            .kept("nothing was read or written")
            .action("remove `ca_file`, and set SSL_CERT_FILE to a file with all authorities")
    };
    // Without CLOEXEC, so that it is there after the new start.
    let file = memfd_create("trailhouse-roots", MemfdFlags::empty());
    let mut file = File::from(file.map_err(|error| failed(error.into()))?);
    file.write_all(pem.as_bytes())
        .and_then(|()| file.write_all(own))
        .map_err(failed)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    start_again(
        &[("SSL_CERT_FILE", &path), (ROOTS, &shown)],
        &["SSL_CERT_DIR"],
    )
}

#[cfg(not(target_os = "linux"))]
fn trust_also(_own: &[u8], _own_shown: &str) -> Result<(), Failure> {
    Err(
        Failure::new(ExitKind::Usage, "`ca_file` works on Linux only")
            .kept("nothing was read or written")
            .action("set SSL_CERT_FILE to a file with all authorities instead"),
    )
}

/// Starts the program again in its own place; returns only where that fails.
#[cfg(unix)]
fn start_again(set: &[(&str, &str)], unset: &[&str]) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    let mut arguments = std::env::args_os();
    let name = arguments.next();
    let failed = |error: std::io::Error| {
        Failure::new(
            ExitKind::Unforeseen,
            format!("the program cannot restart itself: {error}"),
        )
        .kept("nothing was read or written")
        .action("set NO_PROXY to the addresses of metadata servers, or SSL_CERT_FILE, yourself")
    };
    let mut command = std::process::Command::new(std::env::current_exe().map_err(failed)?);
    if let Some(name) = name {
        command.arg0(name);
    }
    command.args(arguments).envs(set.iter().copied());
    for name in unset {
        command.env_remove(name);
    }
    Err(failed(command.exec()))
}

#[cfg(not(unix))]
fn start_again(_set: &[(&str, &str)], _unset: &[&str]) -> Result<(), Failure> {
    Ok(())
}
