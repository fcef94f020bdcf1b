//! Content encodings that nobody asked for: gateways compress answers whatever the request says.

use std::fmt;
use std::pin::Pin;

use async_compression::futures::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use futures::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Most encodings on top of each other. One is usual, two have been seen, more are an attack.
const MOST: usize = 3;

/// Window of zstd that is accepted, as a power of two: the 8 MiB to which RFC 9659 limits senders.
const ZSTD_WINDOW: u32 = 23;

/// Decoders with a window of megabytes (8 MiB for zstd, 16 MiB for brotli) that are at work at once, so
/// that their windows are no more than one share of a run's memory.
static LARGE_DECODERS: Semaphore = Semaphore::const_new(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The encodings of one body, in the order in which they were applied.
///
/// The rule for bodies that came encoded although every request of ours asks for `identity`: gzip,
/// deflate (with or without the zlib header), br and zstd are decoded, also on top of each other; the
/// bound of a body is one of its decoded text, and is met while decoding; anything else is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Encodings(Vec<Encoding>);

/// An encoding that cannot be decoded, or too many.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodingError {
    #[error("the response has the unrequested content encoding {0:?}, which is not supported")]
    Unknown(&'static str),
    #[error("the response has more than {MOST} content encodings, none of them requested")]
    TooMany,
}

/// The name of an encoding that is registered at IANA and not decoded here. Any other text in its place is
/// foreign, and is not repeated.
fn registered(name: &str) -> &'static str {
    let names = [
        "aes128gcm",
        "compress",
        "dcb",
        "dcz",
        "exi",
        "pack200-gzip",
        "x-compress",
    ];
    let known = names.into_iter().find(|known| *known == name);
    known.unwrap_or("(not registered)")
}

impl Encodings {
    /// The encodings that headers name.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, EncodingError> {
        let mut found = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            for name in value.split(',').map(str::trim) {
                found.push(match name {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Encoding::Gzip,
                    "deflate" => Encoding::Deflate,
                    "br" => Encoding::Brotli,
                    "zstd" => Encoding::Zstd,
                    other => return Err(EncodingError::Unknown(registered(other))),
                });
                if found.len() > MOST {
                    return Err(EncodingError::TooMany);
                }
            }
        }
        Ok(Self(found))
    }

    /// Whether the body is the text itself.
    pub(crate) fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until there is memory for the windows of the decoders.
    pub(crate) async fn room(&self) -> Option<SemaphorePermit<'static>> {
        let large = |encoding: &Encoding| matches!(encoding, Encoding::Brotli | Encoding::Zstd);
        if !self.0.iter().any(large) {
            return None;
        }
        // The semaphore is never closed.
        LARGE_DECODERS.acquire().await.ok()
    }

    /// The decoded text.
    ///
    /// # Errors
    /// Reading the first bytes, which tell the two forms of deflate apart.
    pub(crate) async fn decode(&self, body: DecodedBody) -> std::io::Result<DecodedBody> {
        let mut body = body;
        for encoding in self.0.iter().rev() {
            body = decoded(*encoding, body).await?;
        }
        Ok(body)
    }
}

impl fmt::Display for Encodings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, encoding) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            let name = match encoding {
                Encoding::Gzip => "gzip",
                Encoding::Deflate => "deflate",
                Encoding::Brotli => "br",
                Encoding::Zstd => "zstd",
            };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}

/// The bytes of a body as they come.
pub(crate) type DecodedBody = Pin<Box<dyn AsyncBufRead + Send>>;

async fn decoded(encoding: Encoding, mut body: DecodedBody) -> std::io::Result<DecodedBody> {
    // A sender may end one stream and begin another, which belongs to the same body.
    macro_rules! decoder {
        ($decoder:expr) => {{
            let mut decoder = $decoder;
            decoder.multiple_members(true);
            buffered(decoder)
        }};
    }
    Ok(match encoding {
        Encoding::Gzip => decoder!(GzipDecoder::new(body)),
        Encoding::Deflate if is_zlib(body.fill_buf().await?) => decoder!(ZlibDecoder::new(body)),
        Encoding::Deflate => decoder!(DeflateDecoder::new(body)),
        Encoding::Brotli => decoder!(BrotliDecoder::new(body)),
        Encoding::Zstd => {
            let window = [DParameter::window_log_max(ZSTD_WINDOW)];
            decoder!(ZstdDecoder::with_params(body, &window))
        }
    })
}

fn buffered(decoder: impl AsyncRead + Send + 'static) -> DecodedBody {
    Box::pin(BufReader::new(decoder))
}

/// Whether a body begins as zlib does (RFC 1950). Some senders leave the header out and send what it
/// is about (RFC 1951) as "deflate".
fn is_zlib(start: &[u8]) -> bool {
    match *start {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
        }
        // Nothing to tell by, as in a body that came in pieces.
        [method] => method & 0x0f == 8,
        [] => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn of(values: &[&str]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        let encodings = Encodings::of(&headers);
        encodings
            .map(|it| it.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_header_counts_and_what_is_not_known_is_named() {
        for (values, named) in [
            (&[][..], ""),
            (&["identity"], ""),
            (&["GZIP"], "gzip"),
            (&["x-gzip, br"], "gzip, br"),
            (&["deflate", "zstd"], "deflate, zstd"),
        ] {
            assert_eq!(of(values), Ok(named.to_owned()));
        }
        for (values, part) in [
            (&["compress"][..], "\"compress\""),
            (&["gzip, dcb\u{7f}"], "dcb"),
            (&["gzip,gzip,gzip,gzip"], "more than 3"),
        ] {
            if let Ok(value) = HeaderValue::from_str(values[0]) {
                let mut headers = HeaderMap::new();
                headers.append(CONTENT_ENCODING, value);
                let error = Encodings::of(&headers).unwrap_err().to_string();
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn the_two_forms_of_deflate_are_told_apart() {
        for (start, zlib) in [
            (&[0x78, 0x9c, 1][..], true),
            (&[0x78, 0x01], true),
            (&[0x78, 0x02], false),
            (&[0x4b, 0x4c], false),
            (&[0x78], true),
        ] {
            assert_eq!(is_zlib(start), zlib, "{start:?}");
        }
    }
}
