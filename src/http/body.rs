//! Reading the body of an answer: within bounds of size and time, whatever it is encoded in.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::io::AsyncReadExt as _;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::causes::chain;
use super::encoding::{EncodingError, Encodings};
use crate::foreign::Secrets;

/// How long a body may take for the next [`LEAST_BYTES`].
const PACE: Duration = Duration::from_secs(10);

/// Fewer bytes than this within [`PACE`] are a trickle, at which nobody reads on. A body that ends is
/// no trickle, however short it is.
const LEAST_BYTES: usize = 10 * 1024;

/// Bytes that are decoded at once.
const DECODED_AT_ONCE: usize = 64 * 1024;

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// Its text is larger than it may be.
    #[error("the response is larger than allowed")]
    TooLarge,
    /// It ended early, or is not what its headers say.
    #[error("{0}")]
    CutOff(String),
    /// It came more slowly than [`LEAST_BYTES`] within [`PACE`].
    #[error(
        "the response is too slow: fewer than {} KiB in {} s",
        LEAST_BYTES / 1024,
        PACE.as_secs()
    )]
    Trickle,
    /// It cannot be decoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

/// Why the bytes of a body ended early, below the decoders.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("{0}")]
    CutOff(String),
    #[error("it is too slow")]
    Trickle,
    #[error("it is too large")]
    TooLarge,
}

/// Reads the body of a response, decoded, of at most `most` bytes of text. `room` bytes are reserved:
/// only those that are written take memory, and none is copied because a buffer grew.
///
/// # Errors
/// See [`BodyError`].
pub(super) async fn read_body(
    response: Response,
    most: u64,
    room: usize,
    secrets: &Secrets,
) -> Result<Bytes, BodyError> {
    let encodings = Encodings::of(response.headers())?;
    if encodings.is_identity()
        && response
            .content_length()
            .is_some_and(|length| length > most)
    {
        return Err(BodyError::TooLarge);
    }
    let mut text = BytesMut::with_capacity(room);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    read_into(&mut text, response, most, &encodings, secrets).await?;
    Ok(text.freeze())
}

/// As much of a body as can be read, decoded, of at most `most` bytes; and why that is not all of it.
pub(super) async fn read_start(
    response: Response,
    most: usize,
    secrets: &Secrets,
) -> (Bytes, Option<BodyError>) {
    let mut text = BytesMut::new();
    let encodings = match Encodings::of(response.headers()) {
        Ok(encodings) => encodings,
        Err(error) => return (Bytes::new(), Some(error.into())),
    };
    let read = read_into(&mut text, response, most, &encodings, secrets).await;
    (text.freeze(), read.err())
}

/// Where it fails, `text` has what was read before.
async fn read_into(
    text: &mut BytesMut,
    response: Response,
    most: usize,
    encodings: &Encodings,
    secrets: &Secrets,
) -> Result<(), BodyError> {
    let _room = encodings.room().await;
    let secrets = secrets.clone();
    let bytes = response
        .bytes_stream()
        .map_err(move |error| StreamError::CutOff(chain(error, &secrets)));
    let mut bytes = Box::pin(paced(bytes));
    let mut add = |chunk: &[u8]| {
        let fits = chunk.len().min(most - text.len());
        text.extend_from_slice(&chunk[..fits]);
        match fits < chunk.len() {
            true => Err(BodyError::TooLarge),
            false => Ok(()),
        }
    };
    if encodings.is_identity() {
        while let Some(chunk) = bytes.next().await {
            add(&chunk?)?;
        }
        return Ok(());
    }
    // No encoding makes a text longer by more than this.
    let coded = most.saturating_add(most / 64).saturating_add(4096);
    let bytes = within(bytes, coded).map_err(io::Error::other);
    let of_decoder = |error: io::Error| BodyError::of_decoder(error, encodings);
    let coded = Box::pin(bytes.into_async_read());
    let mut decoded = encodings.decode(coded).await.map_err(of_decoder)?;
    let mut buffer = vec![0; DECODED_AT_ONCE];
    loop {
        let read = decoded.read(&mut buffer).await.map_err(of_decoder)?;
        if read == 0 {
            return Ok(());
        }
        add(&buffer[..read])?;
    }
}

impl BodyError {
    fn of_decoder(error: io::Error, encodings: &Encodings) -> Self {
        let kind = error.kind();
        match error
            .into_inner()
            .map(|inner| inner.downcast::<StreamError>())
        {
            Some(Ok(error)) => (*error).into(),
            _ if kind == io::ErrorKind::UnexpectedEof => {
                Self::CutOff(format!("the {encodings} data ends early"))
            }
            Some(Err(_)) | None => {
                Self::CutOff(format!("it is not {encodings}, which its headers declare"))
            }
        }
    }
}

impl From<StreamError> for BodyError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::CutOff(said) => Self::CutOff(said),
            StreamError::Trickle => Self::Trickle,
            StreamError::TooLarge => Self::TooLarge,
        }
    }
}

/// The same bytes, of at most so many.
fn within(
    bytes: impl Stream<Item = Result<Bytes, StreamError>>,
    most: usize,
) -> impl Stream<Item = Result<Bytes, StreamError>> {
    let mut read = 0_usize;
    bytes.map(move |chunk| {
        let chunk = chunk?;
        read = read.saturating_add(chunk.len());
        match read > most {
            true => Err(StreamError::TooLarge),
            false => Ok(chunk),
        }
    })
}

/// The same bytes, unless they trickle.
fn paced(
    bytes: impl Stream<Item = Result<Bytes, StreamError>>,
) -> impl Stream<Item = Result<Bytes, StreamError>> {
    let bytes = Box::pin(bytes);
    let until = Instant::now() + PACE;
    futures::stream::unfold(Some((bytes, until, 0)), |going| async move {
        let (mut bytes, mut until, mut since) = going?;
        loop {
            match timeout_at(until, bytes.next()).await {
                Ok(None) => return None,
                Ok(Some(Ok(chunk))) => {
                    since += chunk.len();
                    return Some((Ok(chunk), Some((bytes, until, since))));
                }
                Ok(Some(Err(error))) => return Some((Err(error), None)),
                Err(_) if since >= LEAST_BYTES => {
                    since = 0;
                    // From now: whoever reads may have been busy with other things.
                    until = Instant::now() + PACE;
                }
                Err(_) => return Some((Err(StreamError::Trickle), None)),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads what comes in pieces of so many bytes, each so long after the other.
    async fn reads(pieces: usize, bytes: usize, pause: Duration) -> Result<usize, StreamError> {
        let source = futures::stream::unfold(pieces, move |left| async move {
            let left = left.checked_sub(1)?;
            tokio::time::sleep(pause).await;
            Some((Ok(Bytes::from(vec![b' '; bytes])), left))
        });
        paced(source)
            .try_fold(0, |sum, chunk| std::future::ready(Ok(sum + chunk.len())))
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_ends_and_what_is_slow_or_short_does_not() {
        let second = Duration::from_secs(1);
        assert_eq!(reads(100, 2048, second).await.ok(), Some(204_800));
        assert_eq!(reads(9, 1, second).await.ok(), Some(9));
        let began = Instant::now();
        assert!(matches!(
            reads(1000, 1, second).await,
            Err(StreamError::Trickle)
        ));
        assert_eq!(began.elapsed(), PACE);
        // One that was fast before.
        assert!(matches!(
            reads(10, 100_000, 11 * second).await,
            Err(StreamError::Trickle)
        ));
    }

    #[tokio::test]
    async fn more_than_the_bound_of_what_is_encoded_is_too_large() {
        let source = futures::stream::iter([Ok(Bytes::from_static(b"1234")); 1].into_iter());
        let ok: Result<Vec<Bytes>, _> = within(source, 4).try_collect().await;
        assert!(ok.is_ok());
        let source = futures::stream::iter(vec![
            Ok(Bytes::from_static(b"1234")),
            Ok(Bytes::from_static(b"5")),
        ]);
        let over: Result<Vec<Bytes>, _> = within(source, 4).try_collect().await;
        assert!(matches!(over, Err(StreamError::TooLarge)));
    }
}
