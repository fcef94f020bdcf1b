//! Exit codes, and what goes to which stream.

use super::{code, json, root, told, trailhouse};

#[test]
fn wrong_usage_ends_with_2() {
    for (name, args) in [
        ("no-command", &[][..]),
        ("unknown-command", &["statsu"]),
        ("unknown-flag", &["keygen", "--rol", "writer"]),
        ("quiet-and-verbose", &["-q", "-v", "status"]),
        ("wrong-duration", &["run", "--deadline", "50"]),
        (
            "wrong-lake",
            &["verify", "--lake", "nowhere", "--public-key", "k"],
        ),
        (
            "wrong-since",
            &["verify", "--public-key", "k", "--since", "last-week"],
        ),
    ] {
        let output = trailhouse(root()).args(args).output().unwrap();
        assert_eq!(code(&output), 2, "{}", told(&output));
        assert!(output.stdout.is_empty(), "{}", told(&output));
        // Without a command the whole help is shown, which has its own snapshot.
        if !args.is_empty() {
            insta::assert_snapshot!(name, told(&output));
        }
    }
}

#[test]
fn with_json_even_wrong_usage_is_one_document() {
    for args in [
        &["--output", "json", "statsu"][..],
        &["keygen", "--output=json", "--rol", "writer"],
        &["--output", "json"],
    ] {
        let output = trailhouse(root()).args(args).output().unwrap();
        assert_eq!(code(&output), 2, "{}", told(&output));
        assert!(output.stderr.is_empty(), "{}", told(&output));
        let json = json(&output);
        assert_eq!(json["exit_code"], 2);
        assert_eq!(json["error"]["exit_code"], 2);
        assert_eq!(json["errors"].as_array().unwrap().len(), 1);
        assert!(!json["error"]["happened"].as_str().unwrap().is_empty());
    }
}

#[test]
fn colour_comes_only_when_it_is_wanted() {
    let stderr = |args: &[&str], no_color: bool| {
        let mut command = trailhouse(root());
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let output = command
            .args(args)
            .args(["-c", "nowhere.toml", "plan"])
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!stderr(&[], false).contains('\u{1b}'));
    assert!(!stderr(&["--color", "never"], false).contains('\u{1b}'));
    let coloured = stderr(&["--color", "always"], true);
    assert!(
        coloured.starts_with("\u{1b}[1;31merror\u{1b}[0m: "),
        "{coloured}"
    );
    let usage = trailhouse(root())
        .args(["--color=always", "statsu"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&usage.stderr).contains("\u{1b}["));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for args in [
        &["schema", "events"][..],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = trailhouse(root())
            .args(args)
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!(code(&output), 0, "{}", told(&output));
        assert!(output.stderr.is_empty(), "{}", told(&output));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_ends_with_4() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = trailhouse(root())
        .args(["schema", "events"])
        .stdout(full)
        .output()
        .unwrap();
    insta::assert_snapshot!("full", told(&output));
    assert_eq!(code(&output), 4);
}
