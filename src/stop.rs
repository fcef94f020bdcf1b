//! Being asked to stop, and how long what is under way may then go on.
//!
//! The rule: every wait, read, lock and connection ends within `GRACE` of the first request to stop, and
//! the process ends at once at the second. Reading from a source ends at the first, since what was not
//! read is read by the next run; each read of a store and each call to a warehouse has `GRACE`; and what
//! was read is still committed, if that takes no longer than `LAST_COMMIT`. Whatever is cut off is what a
//! crash at the same place would have cut off.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long a single wait, read or connection may last after the first request to stop.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// How long after it what was read may take to be committed.
pub(crate) const LAST_COMMIT: Duration = Duration::from_secs(20);

/// What was under way was given up, since the program was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program was asked to stop")]
pub(crate) struct Stopped;

/// Tells whoever waits that somebody has asked to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Instant>>);

/// The other end of [`Stop`].
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<Instant>>);

/// What the signals of this process say.
static OF_PROCESS: LazyLock<Stopper> = LazyLock::new(|| Stop::pair().0);

impl Stop {
    /// One that is told by the other.
    pub fn pair() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(None);
        (Stopper(sender), Self(receiver))
    }

    /// What the signals of this process say.
    pub fn of_process() -> Self {
        Self(OF_PROCESS.0.subscribe())
    }

    /// Asks this process to stop.
    pub(crate) fn ask_process() {
        OF_PROCESS.ask();
    }

    /// Returns once somebody asks, and says when that was.
    pub(crate) async fn asked(&self) -> Instant {
        let mut asked = self.0.clone();
        loop {
            if let Some(at) = *asked.borrow_and_update() {
                return at;
            }
            if asked.changed().await.is_err() {
                // Nobody can ask any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Does something that is of no use once somebody asks to stop.
    pub(crate) async fn or_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        self.until(|asked| asked, work).await
    }

    /// Does something that has `GRACE` from the first request to stop.
    pub(crate) async fn within_grace<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        self.until(|asked| asked + GRACE, work).await
    }

    /// Does one step towards committing what was read: it has `GRACE` from the request to stop or from
    /// its own begin, and all steps together have `LAST_COMMIT`.
    pub(crate) async fn step<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        let began = Instant::now();
        let end = |asked: Instant| (asked.max(began) + GRACE).min(asked + LAST_COMMIT);
        self.until(end, work).await
    }

    /// Writes something on the way to a commit, which takes as long as there is data.
    pub(crate) async fn write<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        self.until(|asked| asked + LAST_COMMIT, work).await
    }

    async fn until<T>(
        &self,
        end: impl Fn(Instant) -> Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        let end = async { sleep_until(end(self.asked().await)).await };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = end => Err(Stopped),
        }
    }
}

impl Stopper {
    /// Asks to stop; only the first time counts.
    pub fn ask(&self) {
        self.0.send_if_modified(|asked| {
            let is_first = asked.is_none();
            if is_first {
                *asked = Some(Instant::now());
            }
            is_first
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const SECOND: Duration = Duration::from_secs(1);

    /// How long something that never ends takes, asked to stop after three seconds.
    async fn seconds<F: Future<Output = Result<(), Stopped>>>(
        within: impl FnOnce(Stop) -> F,
    ) -> u64 {
        let (stopper, stop) = Stop::pair();
        let began = Instant::now();
        let asking = async {
            sleep(3 * SECOND).await;
            stopper.ask();
            sleep(SECOND).await;
            // Only the first request counts.
            stopper.ask();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = within(stop) => assert_eq!(ended, Err(Stopped)),
            () = asking => {}
        }
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn each_kind_of_work_ends_when_it_should() {
        let never = || std::future::pending::<()>();
        assert_eq!(
            seconds(|it| async move { it.or_stopped(never()).await }).await,
            3
        );
        assert_eq!(
            seconds(|it| async move { it.within_grace(never()).await }).await,
            8
        );
        assert_eq!(seconds(|it| async move { it.step(never()).await }).await, 8);
        assert_eq!(
            seconds(|it| async move { it.write(never()).await }).await,
            23
        );
    }

    #[tokio::test(start_paused = true)]
    async fn steps_that_go_on_have_an_end_in_all() {
        let (stopper, stop) = Stop::pair();
        stopper.ask();
        let began = Instant::now();
        let mut steps = 0;
        while stop.step(sleep(4 * SECOND)).await.is_ok() {
            steps += 1;
        }
        assert_eq!((steps, began.elapsed()), (5, LAST_COMMIT));
        // What is ready is not refused.
        assert_eq!(stop.step(async { 1 }).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_who_can_ask_is_no_request() {
        let (stopper, stop) = Stop::pair();
        drop(stopper);
        assert_eq!(stop.or_stopped(sleep(SECOND)).await, Ok(()));
    }
}
