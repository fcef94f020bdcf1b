//! Named places where a debug build can be made to die, so that tests can look at what a crash
//! there leaves behind. A release build has none of it.
//!
//! `TRAILHOUSE_FAILPOINT=name` aborts the process at the first hit of `name`, `name=N` at the Nth.
//! `TRAILHOUSE_FAILPOINT_LOG=FILE` appends the name of every hit to a file, one per line.

/// Marks a place between two effects. Dies here if the environment asks for it.
#[cfg(debug_assertions)]
pub(crate) fn hit(name: &'static str) {
    armed::hit(name);
}

/// Marks a place between two effects; nothing in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn hit(_name: &'static str) {}

#[cfg(debug_assertions)]
mod armed {
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct FailpointSettings {
        name: String,
        at: u64,
        hits: AtomicU64,
        log: Option<PathBuf>,
    }

    static SETTINGS: OnceLock<FailpointSettings> = OnceLock::new();

    pub(super) fn hit(name: &'static str) {
        let settings = SETTINGS.get_or_init(read);
        if let Some(log) = &settings.log {
            let written = OpenOptions::new()
                .create(true)
                .append(true)
                .open(log)
                .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
            if let Err(error) = written {
                eprintln!("failpoint log {} cannot be written: {error}", log.display());
            }
        }
        if settings.name == name && settings.hits.fetch_add(1, Ordering::SeqCst) + 1 == settings.at
        {
            std::process::abort();
        }
    }

    fn read() -> FailpointSettings {
        let wanted = std::env::var("TRAILHOUSE_FAILPOINT").unwrap_or_default();
        let (name, at) = parse(&wanted);
        FailpointSettings {
            name: name.to_owned(),
            at,
            hits: AtomicU64::new(0),
            log: std::env::var_os("TRAILHOUSE_FAILPOINT_LOG").map(PathBuf::from),
        }
    }

    /// A count that is no number means the first hit: a crash test that never crashes would
    /// pass for the wrong reason.
    fn parse(wanted: &str) -> (&str, u64) {
        match wanted.split_once('=') {
            Some((name, count)) => (name, count.parse().unwrap_or(1)),
            None => (wanted, 1),
        }
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_form_is_name_or_name_and_count() {
            assert_eq!(
                super::parse("disk.put.after_link"),
                ("disk.put.after_link", 1)
            );
            assert_eq!(super::parse("commit=3"), ("commit", 3));
            assert_eq!(super::parse(""), ("", 1));
        }
    }
}
