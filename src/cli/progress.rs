//! How far a run has come: a bar on stderr where that is a terminal, else a line now and then.

use std::fmt;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

use super::escape::escape;
use super::stderr::{add_bar, remove_bar, to_stderr};
use crate::plural::{counted, thousands};
use crate::waits::{NamedWaits, Wait};

/// When to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressChoice {
    /// A bar on a terminal, elsewhere lines with -v
    Auto,
    /// Always; as lines where stderr is not a terminal
    Always,
    /// Never
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProgressKind {
    Bar,
    Lines,
    Silent,
}

/// Where nobody watches a bar, one line in this time is enough.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl ProgressKind {
    pub(super) fn choose(choice: ProgressChoice, quiet: bool, verbose: bool) -> Self {
        Self::decide(choice, quiet, verbose, std::io::stderr().is_terminal())
    }

    fn decide(choice: ProgressChoice, quiet: bool, verbose: bool, terminal: bool) -> Self {
        match choice {
            ProgressChoice::Never => Self::Silent,
            ProgressChoice::Auto if quiet => Self::Silent,
            _ if terminal => Self::Bar,
            ProgressChoice::Always => Self::Lines,
            ProgressChoice::Auto if verbose => Self::Lines,
            ProgressChoice::Auto => Self::Silent,
        }
    }
}

/// A handle that a run tells how far it has come. Cheap to clone and to call; dropping the last
/// one takes the bar away.
#[derive(Debug, Clone)]
pub struct RunProgress(Arc<ProgressInner>);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Records,
    Files,
    /// Nothing: what is being done says how far it is.
    Nothing,
}

impl Unit {
    const fn one(self) -> &'static str {
        match self {
            Self::Records => "record",
            Self::Files => "file",
            Self::Nothing => "",
        }
    }

    const fn many(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Files => "files",
            Self::Nothing => "",
        }
    }
}

#[derive(Debug)]
enum ProgressInner {
    /// A bar, and what is being done while nothing is waited for.
    Bar(ProgressBar, Unit, Mutex<String>),
    Lines(Lines),
    Silent,
}

impl RunProgress {
    pub(super) fn new(kind: ProgressKind, unit: Unit) -> Self {
        Self(Arc::new(match kind {
            ProgressKind::Bar => {
                let bar = ProgressBar::new_spinner().with_style(spinner(unit));
                // Ticks before it is added would draw a frame that nothing clears.
                let bar = add_bar(bar);
                bar.enable_steady_tick(Duration::from_millis(120));
                ProgressInner::Bar(bar, unit, Mutex::default())
            }
            ProgressKind::Lines => ProgressInner::Lines(Lines::new(Instant::now(), unit)),
            ProgressKind::Silent => ProgressInner::Silent,
        }))
    }

    /// A handle that shows nothing.
    pub fn silent() -> Self {
        Self(Arc::new(ProgressInner::Silent))
    }

    /// Says how many there are expected to be in all, or that nobody knows. May change at any time.
    pub fn set_total(&self, total: Option<u64>) {
        match &*self.0 {
            ProgressInner::Bar(bar, unit, _) => match total {
                Some(total) => {
                    bar.set_style(line(*unit));
                    bar.set_length(total);
                }
                None => {
                    bar.set_style(spinner(*unit));
                    bar.unset_length();
                }
            },
            ProgressInner::Lines(lines) => lines.total.store(total.unwrap_or(0), Ordering::Relaxed),
            ProgressInner::Silent => {}
        }
    }

    /// Counts what has been dealt with.
    pub fn inc(&self, done: u64) {
        match &*self.0 {
            ProgressInner::Bar(bar, ..) => bar.inc(done),
            ProgressInner::Lines(lines) => {
                lines.done.fetch_add(done, Ordering::Relaxed);
                if let Some(text) = lines.due(Instant::now()) {
                    to_stderr(&text);
                }
            }
            ProgressInner::Silent => {}
        }
    }

    /// Says what is being done, in a few words.
    pub fn message(&self, text: &str) {
        match &*self.0 {
            ProgressInner::Bar(bar, _, said) => {
                let text = escape(text).into_owned();
                bar.set_message(text.clone());
                *said.lock().unwrap_or_else(PoisonError::into_inner) = text;
            }
            ProgressInner::Lines(lines) => {
                lines.say(&escape(text));
                if let Some(text) = lines.due(Instant::now()) {
                    to_stderr(&text);
                }
            }
            ProgressInner::Silent => {}
        }
    }

    /// Shows what is waited for, and when that is over, what is being done.
    fn waiting(&self, name: &str, wait: Option<&Wait>) {
        match (&*self.0, wait) {
            (ProgressInner::Bar(bar, unit, _), Some(wait)) => {
                bar.set_style(waiting(*unit));
                bar.set_message(escape(&format!("{name}: {wait}")).into_owned());
            }
            (ProgressInner::Bar(bar, unit, said), None) => {
                let said = said.lock().unwrap_or_else(PoisonError::into_inner);
                if bar.message() != *said {
                    bar.set_style(match bar.length() {
                        Some(_) => line(*unit),
                        None => spinner(*unit),
                    });
                    bar.set_message(said.clone());
                }
            }
            (ProgressInner::Lines(_), Some(wait)) => self.message(&format!("{name}: {wait}")),
            (ProgressInner::Lines(_), None) | (ProgressInner::Silent, _) => {}
        }
    }

    /// Shows the waits between two tries, for as long as a handle is left.
    pub(super) fn waits(&self) -> NamedWaits {
        let progress = Arc::downgrade(&self.0);
        Arc::new(move |name, wait| {
            if let Some(progress) = progress.upgrade() {
                Self(progress).waiting(name, wait);
            }
        })
    }
}

impl Drop for ProgressInner {
    fn drop(&mut self) {
        if let Self::Bar(bar, ..) = self {
            bar.finish_and_clear();
            remove_bar(bar);
        }
    }
}

/// While nobody knows how many there are.
const SPINNER: &str = "{spinner} {human_pos} {unit}  {rate}  {elapsed}  {wide_msg}";

/// Where nothing is counted.
const PLAIN: &str = "{spinner} {elapsed}  {wide_msg}";

/// When the number is known.
const BAR: &str = "{bar:24} {human_pos}/{human_len} {unit}  {rate}  {eta} left  {wide_msg}";

/// While something is waited for, which needs the room and has neither rate nor end.
const WAITING: &str = "{spinner} {human_pos} {unit}  {wide_msg}";

fn spinner(unit: Unit) -> ProgressStyle {
    match unit {
        Unit::Records | Unit::Files => style(SPINNER, unit),
        Unit::Nothing => style(PLAIN, unit),
    }
}

fn waiting(unit: Unit) -> ProgressStyle {
    match unit {
        Unit::Records | Unit::Files => style(WAITING, unit),
        Unit::Nothing => style(PLAIN, unit),
    }
}

fn line(unit: Unit) -> ProgressStyle {
    style(BAR, unit).progress_chars("=> ")
}

fn style(template: &str, unit: Unit) -> ProgressStyle {
    // A test shows that all templates parse; without them the plain bar still works.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "unit",
            move |_: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = out.write_str(unit.many());
            },
        )
        // Nobody reads fractions of what is gone in a tenth of a second.
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
        })
}

/// Progress as lines: counted without a lock, printed at most once in [`LINE_EVERY`].
#[derive(Debug)]
struct Lines {
    done: AtomicU64,
    total: AtomicU64,
    unit: Unit,
    last: Mutex<(Instant, String)>,
}

impl Lines {
    fn new(now: Instant, unit: Unit) -> Self {
        Self {
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            unit,
            last: Mutex::new((now, String::new())),
        }
    }

    fn say(&self, message: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        message.clone_into(&mut last.1);
    }

    /// The line to print, where one is due at `now`.
    fn due(&self, now: Instant) -> Option<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(last.0) < LINE_EVERY {
            return None;
        }
        last.0 = now;
        if self.unit == Unit::Nothing {
            return Some(format!("progress: {}\n", last.1));
        }
        let done = self.done.load(Ordering::Relaxed);
        let count = |number| counted(number, self.unit.one(), self.unit.many());
        let how_many = match self.total.load(Ordering::Relaxed) {
            0 => count(done),
            total => format!("{} of {}", thousands(done), count(total)),
        };
        let gap = if last.1.is_empty() { "" } else { ", " };
        Some(format!("progress: {how_many}{gap}{}\n", last.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_needs_a_terminal_and_lines_need_a_wish() {
        use ProgressChoice::{Always, Auto, Never};
        use ProgressKind::{Bar, Lines, Silent};
        for (choice, quiet, verbose, terminal, kind) in [
            (Auto, false, false, true, Bar),
            (Auto, true, false, true, Silent),
            (Auto, false, false, false, Silent),
            (Auto, false, true, false, Lines),
            (Always, false, false, false, Lines),
            (Always, true, false, true, Bar),
            (Never, false, true, true, Silent),
        ] {
            assert_eq!(ProgressKind::decide(choice, quiet, verbose, terminal), kind);
        }
    }

    #[test]
    fn the_templates_parse() {
        for template in [SPINNER, PLAIN, BAR, WAITING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_bar_goes_when_its_last_handle_goes() {
        let progress = RunProgress::new(ProgressKind::Bar, Unit::Records);
        let other = progress.clone();
        progress.set_total(Some(10));
        progress.inc(3);
        progress.message("source \u{1b}[2J");
        progress.set_total(None);
        let ProgressInner::Bar(bar, ..) = &*progress.0 else {
            panic!("{progress:?}");
        };
        let bar = bar.clone();
        assert_eq!((bar.position(), bar.length()), (3, None));
        assert_eq!(bar.message(), "source \\u{1b}[2J");
        let wait = Wait {
            reason: "503".to_owned(),
            time: Some(Duration::from_secs(8)),
            tries: Some((3, Some(6))),
        };
        let waits = progress.waits();
        waits("kestra-prod", Some(&wait));
        assert_eq!(
            bar.message(),
            "kestra-prod: 503, trying again in 8 s (try 3 of 6)"
        );
        waits("kestra-prod", None);
        assert_eq!(bar.message(), "source \\u{1b}[2J");
        drop(progress);
        assert!(!bar.is_finished());
        drop(other);
        assert!(bar.is_finished(), "the listener keeps no bar");
        waits("kestra-prod", Some(&wait));
    }

    #[test]
    fn lines_come_now_and_then() {
        let start = Instant::now();
        let lines = Lines::new(start, Unit::Records);
        lines.done.store(700, Ordering::Relaxed);
        assert_eq!(lines.due(start + Duration::from_secs(9)), None);
        let at = start + Duration::from_secs(10);
        assert_eq!(lines.due(at).as_deref(), Some("progress: 700 records\n"));
        assert_eq!(lines.due(at), None);
        lines.total.store(1_000, Ordering::Relaxed);
        lines.say("source kestra-prod");
        assert_eq!(
            lines.due(at + LINE_EVERY).as_deref(),
            Some("progress: 700 of 1,000 records, source kestra-prod\n")
        );
        let lines = Lines::new(start, Unit::Nothing);
        lines.say("bq: 3 of 38 entries");
        assert_eq!(
            lines.due(start + LINE_EVERY).as_deref(),
            Some("progress: bq: 3 of 38 entries\n")
        );
    }
}
