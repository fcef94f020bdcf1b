//! Waits before a request is sent again, for whoever shows progress.
//!
//! Each client of a source, a store or a warehouse has a [`Waits`] and reports to it; the command line
//! listens. Without a listener nothing happens.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A wait before the same request is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Why, in a word or two: `503`, `no connection`.
    pub reason: String,
    /// For how long, where that is known.
    pub time: Option<Duration>,
    /// Number of the next try, and of the last one, where these are known.
    pub tries: Option<(u32, Option<u32>)>,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, trying again", self.reason)?;
        if let Some(time) = self.time {
            let seconds = time.as_millis().div_ceil(1_000).max(1);
            write!(f, " in {seconds} s")?;
        }
        match self.tries {
            Some((next, Some(last))) => write!(f, " (try {next} of {last})"),
            Some((next, None)) => write!(f, " (try {next})"),
            None => Ok(()),
        }
    }
}

/// Is called with each wait, and with `None` when it is over.
pub type WaitListener = Box<dyn Fn(Option<&Wait>) + Send + Sync>;

/// Is called with the name of what is asked and each wait, and with `None` when it is over.
pub type NamedWaits = Arc<dyn Fn(&str, Option<&Wait>) + Send + Sync>;

/// Where the waits of one client are reported. Clones share the listener.
#[derive(Clone, Default)]
pub struct Waits(Arc<OnceLock<WaitListener>>);

impl Waits {
    /// Has waits reported from now on. The first listener stays.
    pub fn listen(&self, listener: WaitListener) {
        let _ = self.0.set(listener);
    }

    /// Has waits reported under a name from now on.
    pub fn listen_as(&self, name: &str, listener: &NamedWaits) {
        let (name, listener) = (name.to_owned(), Arc::clone(listener));
        self.listen(Box::new(move |wait| listener(&name, wait)));
    }

    /// Reports a wait, or that it is over.
    pub(crate) fn report(&self, wait: Option<&Wait>) {
        if let Some(listener) = self.0.get() {
            listener(wait);
        }
    }
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_wait_is_told_in_a_few_words() {
        let wait = |reason: &str, millis: Option<u64>, tries| Wait {
            reason: reason.to_owned(),
            time: millis.map(Duration::from_millis),
            tries,
        };
        for (wait, said) in [
            (
                wait("503", Some(7_200), Some((3, Some(6)))),
                "503, trying again in 8 s (try 3 of 6)",
            ),
            (
                wait("no connection", Some(0), Some((2, None))),
                "no connection, trying again in 1 s (try 2)",
            ),
            (wait("429", None, None), "429, trying again"),
        ] {
            assert_eq!(wait.to_string(), said);
        }
    }

    #[test]
    fn clones_share_the_listener() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let waits = Waits::default();
        let other = waits.clone();
        other.report(None);
        let log = Arc::clone(&heard);
        waits.listen(Box::new(move |wait| {
            log.lock().unwrap().push(wait.map(Wait::to_string));
        }));
        let wait = Wait {
            reason: "429".to_owned(),
            time: None,
            tries: None,
        };
        other.report(Some(&wait));
        other.report(None);
        let heard = heard.lock().unwrap().clone();
        assert_eq!(heard, [Some("429, trying again".to_owned()), None]);
    }
}
