//! The Dockerfile, and what the final image must hold for the binary to start.

use std::fs;
use std::process::Command;

use crate::missing::{Stop, Suite};
use crate::python::{Environment, output, repository};

/// Shared libraries of the final image that the binary may need.
const LIBRARIES: [&str; 5] = [
    "libc.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

pub(crate) fn add_to(suite: &mut Suite) {
    suite.add("dockerfile::has_no_lint", has_no_lint);
    suite.add(
        "dockerfile::runs_as_a_number_that_is_not_root",
        runs_as_a_number_that_is_not_root,
    );
    suite.add(
        "dockerfile::image_has_every_library",
        image_has_every_library,
    );
}

fn has_no_lint() -> Result<(), Stop> {
    let mut hadolint = Environment::new("hadolint")?.program("hadolint");
    let lint = hadolint
        .args(["--failure-threshold", "style"])
        .arg(repository().join("Dockerfile"))
        .output()?;
    if lint.status.success() && lint.stdout.is_empty() {
        Ok(())
    } else {
        Err(Stop::Failed(
            String::from_utf8_lossy(&[lint.stdout, lint.stderr].concat()).into_owned(),
        ))
    }
}

/// Whoever runs the image without naming a user does not run it as root, and the user is a number,
/// since Kubernetes cannot tell whether a name is root.
fn runs_as_a_number_that_is_not_root() -> Result<(), Stop> {
    let dockerfile = fs::read_to_string(repository().join("Dockerfile"))?;
    let user = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("USER "))
        .next_back()
        .unwrap_or_default();
    let (user, group) = user.split_once(':').unwrap_or((user, "0"));
    for id in [user, group] {
        assert_ne!(id.parse::<u32>()?, 0, "the last USER is root");
    }
    Ok(())
}

/// The final image has no package manager to add a library later. This binary has all features, so
/// it needs at least what the lean one needs.
fn image_has_every_library() -> Result<(), Stop> {
    let ldd =
        output(Command::new("ldd").arg(env!("CARGO_BIN_EXE_trailhouse"))).map_err(Stop::Missing)?;
    let ldd = String::from_utf8(ldd.stdout)?;
    let unknown: Vec<&str> = ldd
        .lines()
        .filter(|line| line.contains('/'))
        .filter(|line| !LIBRARIES.iter().any(|library| line.contains(library)))
        .collect();
    assert!(unknown.is_empty(), "not in the image: {unknown:?}");
    Ok(())
}
