//! Any file comes to an end, and is cut into the same values however it arrives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{self, Read};
use trailhouse::import::{Frame, Frames};

const MOST: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let whole = frames(bytes);
    assert_eq!(whole, frames(Slowly(bytes)));
});

fn frames(input: impl Read) -> Vec<Result<Frame, io::ErrorKind>> {
    let mut frames = Frames::new(input, MOST);
    let mut read = Vec::new();
    loop {
        match frames.next_frame() {
            Ok(Some(frame)) => read.push(Ok(frame)),
            Ok(None) => return read,
            Err(error) => {
                read.push(Err(error.kind()));
                return read;
            }
        }
    }
}

/// Gives a byte at a time.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (now, rest) = self.0.split_at(self.0.len().min(1).min(into.len()));
        into[..now.len()].copy_from_slice(now);
        self.0 = rest;
        Ok(now.len())
    }
}
