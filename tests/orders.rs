//! Orders to a double of a service: which of its next operations meet a fault, and where the world stops.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Mutex;
use tokio::sync::Notify;

/// Orders by kind of operation. Each double says what its kinds are and what a fault does.
#[derive(Debug)]
pub struct Orders<On, Fault> {
    book: Mutex<OrderBook<On, Fault>>,
    hung: Notify,
    resumed: Notify,
}

#[derive(Debug)]
struct OrderBook<On, Fault> {
    /// The next faults of operations whose description contains the text.
    queue: VecDeque<(On, &'static str, Fault)>,
    /// Stop the world at this changing operation, counted from 0.
    stop_at: Option<(usize, Fault)>,
    changes: usize,
}

impl<On, Fault> Default for Orders<On, Fault> {
    fn default() -> Self {
        Self {
            book: Mutex::new(OrderBook {
                queue: VecDeque::new(),
                stop_at: None,
                changes: 0,
            }),
            hung: Notify::new(),
            resumed: Notify::new(),
        }
    }
}

impl<On: Copy, Fault: Copy> Orders<On, Fault> {
    /// The next operation of that kind whose description contains `text` gets `fault`.
    pub fn next(&self, on: On, text: &'static str, fault: Fault) -> &Self {
        let mut book = self.book.lock().unwrap();
        book.queue.push_back((on, text, fault));
        self
    }

    /// The changing operation number `at`, from 0, gets `fault`.
    pub fn stop_at(&self, at: usize, fault: Fault) {
        self.book.lock().unwrap().stop_at = Some((at, fault));
    }

    /// Takes back every order.
    pub fn calm(&self) {
        let mut book = self.book.lock().unwrap();
        book.queue.clear();
        book.stop_at = None;
    }

    /// How many changing operations there have been.
    pub fn changes(&self) -> usize {
        self.book.lock().unwrap().changes
    }

    /// Returns once an operation hangs or pauses.
    pub async fn hung(&self) {
        self.hung.notified().await;
    }

    /// Lets the operation go on that pauses.
    pub fn resume(&self) {
        self.resumed.notify_one();
    }

    /// Carries out `work` until an operation of it hangs or pauses.
    pub async fn work_until_hung(&self, work: Pin<&mut impl Future>) {
        tokio::select! {
            _ = work => panic!("it waits"),
            () = self.hung() => {}
        }
    }

    /// The fault that is ordered for an operation, which takes the order out. `is_hit` says which kinds of order
    /// may hit it.
    pub fn take(&self, what: &str, is_change: bool, is_hit: impl Fn(On) -> bool) -> Option<Fault> {
        let mut book = self.book.lock().unwrap();
        if is_change {
            let number = book.changes;
            book.changes += 1;
            if let Some((at, fault)) = book.stop_at
                && at == number
            {
                return Some(fault);
            }
        }
        let mut queue = book.queue.iter();
        let hit = queue.position(|(on, text, _)| is_hit(*on) && what.contains(text));
        let (_, _, fault) = hit.and_then(|place| book.queue.remove(place))?;
        Some(fault)
    }

    /// Never returns.
    pub async fn hang<T>(&self) -> T {
        self.hung.notify_one();
        std::future::pending().await
    }

    /// Returns once the test resumes the double.
    pub async fn pause(&self) {
        self.hung.notify_one();
        self.resumed.notified().await;
    }
}
