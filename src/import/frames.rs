//! Cutting a stream of JSON into its outermost values, without parsing one.
//!
//! Two forms are told apart by how a file begins. Where its first line is a value of its own, each line is one
//! (NDJSON): a line that is damaged costs itself alone. Otherwise values follow each other with or without white
//! space, and an array at the top is taken for its elements: an array of any length is never held. Inside a value
//! only quotes and brackets are looked at, as everywhere where records are cut out of foreign bytes.

use crate::event::json::{self, JsonKind};
use bytes::Bytes;
use std::io::{self, Read};

/// What lies between two cuts.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// An object.
    Object(Bytes),
    /// Something else: a damaged line, text, a number.
    Other(Bytes),
    /// Something that is larger than may be held. It was passed over.
    TooLarge {
        /// Its bytes.
        bytes: u64,
    },
}

/// The frames of a stream, each of at most so many bytes.
pub struct Frames<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where in the buffer the rest begins.
    at: usize,
    has_ended: bool,
    most: usize,
    form: Option<Form>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Lines,
    Values { in_array: bool },
}

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<R: Read> Frames<R> {
    /// Begins to cut `input`. Nothing above `most` bytes is held as one.
    pub fn new(input: R, most: usize) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            at: 0,
            has_ended: false,
            most,
            form: None,
        }
    }

    /// What is left of the input.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// The next frame; `None` after the last one.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where a value does not end, and whatever the input fails with. Everything
    /// before it was returned.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let form = match self.form {
            Some(form) => form,
            None => {
                let form = self.recognise()?;
                self.form = Some(form);
                form
            }
        };
        match form {
            Form::Lines => self.next_line(),
            Form::Values { .. } => self.next_value(),
        }
    }

    /// Reads on. Whether there was anything.
    fn fill(&mut self) -> io::Result<bool> {
        if self.has_ended {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + BLOCK, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done,
            }
        };
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        self.has_ended = read? == 0;
        Ok(!self.has_ended)
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Passes white space over, and returns the byte after it.
    fn skip_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            let space = self.rest().iter().take_while(|it| it.is_ascii_whitespace());
            self.at += space.count();
            if let Some(byte) = self.rest().first() {
                return Ok(Some(*byte));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    fn recognise(&mut self) -> io::Result<Form> {
        while self.rest().len() < BYTE_ORDER_MARK.len() && self.fill()? {}
        if self.rest().starts_with(BYTE_ORDER_MARK) {
            self.at += BYTE_ORDER_MARK.len();
        }
        let values = Form::Values { in_array: false };
        if self.skip_space()? != Some(b'{') {
            return Ok(values);
        }
        let end = loop {
            if let Some(end) = self.rest().iter().position(|it| *it == b'\n') {
                break end;
            }
            if self.rest().len() > self.most {
                // Nobody writes lines like that; whoever does gets the form that needs none.
                return Ok(values);
            }
            if !self.fill()? {
                break self.rest().len();
            }
        };
        let line = self.rest()[..end].trim_ascii_end();
        Ok(match end <= self.most && is_object(line) {
            true => Form::Lines,
            false => values,
        })
    }

    fn next_line(&mut self) -> io::Result<Option<Frame>> {
        let mut dropped = 0;
        // Where no line ends before.
        let mut searched = 0;
        loop {
            let end = self.rest()[searched..].iter().position(|it| *it == b'\n');
            let (line, after) = match end {
                Some(end) => (searched + end, searched + end + 1),
                None if self.rest().len() > self.most => {
                    dropped += self.rest().len() as u64;
                    self.at = self.buffer.len();
                    searched = 0;
                    if self.fill()? {
                        continue;
                    }
                    (0, 0)
                }
                None => {
                    searched = self.rest().len();
                    if self.fill()? {
                        continue;
                    }
                    (searched, searched)
                }
            };
            let is_last = line == after;
            let text = self.rest()[..line].trim_ascii();
            let frame = if dropped > 0 || line > self.most {
                Some(Frame::TooLarge {
                    bytes: dropped + line as u64,
                })
            } else if text.is_empty() {
                None
            } else {
                let bytes = Bytes::copy_from_slice(text);
                Some(match is_object(text) {
                    true => Frame::Object(bytes),
                    false => Frame::Other(bytes),
                })
            };
            self.at += after;
            match frame {
                Some(frame) => return Ok(Some(frame)),
                None if is_last => return Ok(None),
                None => (dropped, searched) = (0, 0),
            }
        }
    }

    fn next_value(&mut self) -> io::Result<Option<Frame>> {
        let mut in_array = self.form == Some(Form::Values { in_array: true });
        loop {
            match self.skip_space()? {
                None if in_array => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => return Ok(None),
                Some(b'[') if !in_array => in_array = true,
                Some(b']') if in_array => in_array = false,
                Some(b',') => {}
                Some(b'{' | b'[') => return self.brackets().map(Some),
                Some(_) => return self.scalar().map(Some),
            }
            self.at += 1;
            self.form = Some(Form::Values { in_array });
        }
    }

    /// A value in brackets.
    fn brackets(&mut self) -> io::Result<Frame> {
        let is_object = self.rest().first() == Some(&b'{');
        let mut nesting = OpenBrackets::default();
        let (mut searched, mut dropped) = (0, 0);
        loop {
            if let Some(end) = nesting.end(&self.rest()[searched..]) {
                let end = searched + end;
                let frame = match dropped {
                    0 if end <= self.most => {
                        let bytes = Bytes::copy_from_slice(&self.rest()[..end]);
                        match is_object {
                            true => Frame::Object(bytes),
                            false => Frame::Other(bytes),
                        }
                    }
                    dropped => Frame::TooLarge {
                        bytes: dropped + end as u64,
                    },
                };
                self.at += end;
                return Ok(frame);
            }
            searched = self.rest().len();
            if searched > self.most || dropped > 0 {
                dropped += searched as u64;
                self.at = self.buffer.len();
                searched = 0;
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// A value without brackets, or what is no value: up to the end of its line, a comma or a bracket.
    fn scalar(&mut self) -> io::Result<Frame> {
        let (mut searched, mut dropped) = (0, 0);
        loop {
            // At least one byte, so that whatever is there is passed.
            let from = searched.max(usize::from(dropped == 0));
            let end = self.rest().iter().skip(from);
            let mut end = end;
            let end = end.position(|it| matches!(it, b',' | b'[' | b']' | b'{' | b'}' | b'\n'));
            let end = match end {
                Some(end) => from + end,
                None => {
                    searched = self.rest().len();
                    if searched > self.most {
                        dropped += searched as u64;
                        self.at = self.buffer.len();
                        searched = 0;
                    }
                    if self.fill()? {
                        continue;
                    }
                    self.rest().len()
                }
            };
            let frame = match dropped {
                0 if end <= self.most => {
                    Frame::Other(Bytes::copy_from_slice(self.rest()[..end].trim_ascii_end()))
                }
                dropped => Frame::TooLarge {
                    bytes: dropped + end as u64,
                },
            };
            self.at += end;
            return Ok(frame);
        }
    }
}

/// Whether these bytes are one object and nothing else, as far as its brackets say.
fn is_object(text: &[u8]) -> bool {
    text.first() == Some(&b'{')
        && json::value_end(text, 0)
            .is_ok_and(|(kind, end)| kind == JsonKind::Object && end == text.len())
}

/// Where a value in brackets ends.
#[derive(Default)]
struct OpenBrackets {
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl OpenBrackets {
    /// The offset after the last bracket, if it is in this part.
    fn end(&mut self, part: &[u8]) -> Option<usize> {
        for (at, byte) in part.iter().enumerate() {
            if self.is_escaped {
                self.is_escaped = false;
                continue;
            }
            match byte {
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a few bytes at a time, so that every cut falls somewhere once.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let now = self.0.len().min(self.1).min(into.len());
            let (given, rest) = self.0.split_at(now);
            into[..now].copy_from_slice(given);
            self.0 = rest;
            Ok(now)
        }
    }

    fn all(text: &[u8], most: usize) -> Vec<String> {
        let each: Vec<Vec<String>> = [1, 2, 3, 7, usize::MAX]
            .map(|pace| read(Slowly(text, pace), most))
            .into();
        assert!(each.iter().all(|one| *one == each[0]), "{each:?}");
        each[0].clone()
    }

    fn read(input: impl Read, most: usize) -> Vec<String> {
        let mut frames = Frames::new(input, most);
        let mut read = Vec::new();
        loop {
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            match frames.next_frame() {
                Ok(Some(Frame::Object(bytes))) => read.push(text(&bytes)),
                Ok(Some(Frame::Other(bytes))) => read.push(format!("? {}", text(&bytes))),
                Ok(Some(Frame::TooLarge { bytes })) => read.push(format!("> {bytes}")),
                Ok(None) => return read,
                Err(error) => {
                    read.push(format!("! {:?}", error.kind()));
                    return read;
                }
            }
        }
    }

    #[test]
    fn lines_and_values_are_told_apart() {
        for (text, frames) in [
            ("", &[][..]),
            (" \n\n", &[]),
            ("{\"a\":1}", &["{\"a\":1}"]),
            ("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":1}\r\n\r\n{\"b\":2}", &["{\"a\":1}", "{\"b\":2}"]),
            ("\u{feff}{\"a\":1}\n", &["{\"a\":1}"]),
            ("[{\"a\":1},{\"b\":2}]", &["{\"a\":1}", "{\"b\":2}"]),
            (
                "[\n {\"a\":1},\n {\"b\":\n2}\n]\n",
                &["{\"a\":1}", "{\"b\":\n2}"],
            ),
            ("[]", &[]),
            ("[{\"a\":1}][{\"b\":2}]", &["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":1}{\"b\":2}", &["{\"a\":1}", "{\"b\":2}"]),
            (
                "{\n\"a\":\"}\\\"{\"\n}\n{}",
                &["{\n\"a\":\"}\\\"{\"\n}", "{}"],
            ),
            ("[[1],2,\"x\"]", &["? [1]", "? 2", "? \"x\""]),
            ("hello\n{\"a\":1}", &["? hello", "{\"a\":1}"]),
            ("}", &["? }"]),
        ] {
            assert_eq!(all(text.as_bytes(), 1_000), frames, "{text:?}");
        }
    }

    #[test]
    fn a_damaged_line_costs_itself_alone() {
        let text = b"{\"a\":1}\n{\"b\":\"\nnothing\n{\"c\":3}\n";
        let frames = ["{\"a\":1}", "? {\"b\":\"", "? nothing", "{\"c\":3}"];
        assert_eq!(all(text, 1_000), frames);
    }

    #[test]
    fn what_breaks_off_is_said_after_what_came_before() {
        for text in ["[{\"a\":1},{\"b\":", "[{\"a\":1}", "[{\"a\":1},"] {
            let read = all(text.as_bytes(), 1_000);
            assert_eq!(read, ["{\"a\":1}", "! UnexpectedEof"], "{text}");
        }
        // The last line of a file that is still written.
        let read = all(b"{\"a\":1}\n{\"b\":", 1_000);
        assert_eq!(read, ["{\"a\":1}", "? {\"b\":"]);
    }

    #[test]
    fn what_is_too_large_is_passed_over() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(200_000));
        let size = large.len();
        for (text, last) in [
            (format!("{{\"a\":1}}\n{large}\n{{\"b\":2}}\n"), "{\"b\":2}"),
            (format!("[{{\"a\":1}},{large},{{\"b\":2}}]"), "{\"b\":2}"),
        ] {
            let frames = read(Slowly(text.as_bytes(), usize::MAX), 100_000);
            assert_eq!(frames, ["{\"a\":1}", &format!("> {size}"), last]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            all(&text, 20);
        }

        #[test]
        fn any_objects_come_out(
            numbers in proptest::collection::vec(any::<u16>(), 0..20),
            as_array in any::<bool>(),
        ) {
            let objects: Vec<String> = numbers.iter().map(|n| format!("{{\"n\":{n}}}")).collect();
            let text = match as_array {
                true => format!("[{}]", objects.join(",")),
                false => objects.join("\n"),
            };
            prop_assert_eq!(all(text.as_bytes(), 1_000), objects);
        }
    }
}
