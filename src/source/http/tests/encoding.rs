//! Answers that come encoded although nobody asked for it.

use super::*;
use async_compression::Level;
use async_compression::futures::bufread::{
    BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
};
use futures::io::{AsyncReadExt as _, Cursor};

/// The text in one encoding; `raw` is deflate without the header of zlib.
async fn encoded(encoding: &str, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let text = Cursor::new(text);
    let read = match encoding {
        "gzip" => GzipEncoder::new(text).read_to_end(&mut out).await,
        "deflate" => ZlibEncoder::new(text).read_to_end(&mut out).await,
        "raw" => DeflateEncoder::new(text).read_to_end(&mut out).await,
        "br" => {
            BrotliEncoder::with_quality(text, Level::Fastest)
                .read_to_end(&mut out)
                .await
        }
        "zstd" => ZstdEncoder::new(text).read_to_end(&mut out).await,
        other => panic!("{other}"),
    };
    read.unwrap();
    out
}

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn every_encoding_is_decoded_though_none_was_asked_for() {
    let text = br#"{"results":[],"total":0}"#;
    for (named, made) in [
        ("gzip", "gzip"),
        ("X-GZip", "gzip"),
        ("deflate", "deflate"),
        ("deflate", "raw"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("identity, gzip", "gzip"),
    ] {
        let body = encoded(made, text).await;
        let header = format!("Content-Encoding: {named}\r\n");
        let (got, _client, server) = get_from(vec![answer(&header, &body)]).await;
        assert_eq!(got.as_deref(), Ok(text.as_slice()), "{named} as {made}");
        let head = server.heads()[0].to_ascii_lowercase();
        assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
    }
}

#[tokio::test]
async fn encodings_on_top_of_each_other_are_taken_off_in_turn() {
    let text = br#"{"results":[],"total":0}"#;
    let body = encoded("br", &encoded("gzip", text).await).await;
    for headers in [
        "Content-Encoding: gzip, br\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: br\r\n",
    ] {
        let (got, ..) = get_from(vec![answer(headers, &body)]).await;
        assert_eq!(got.as_deref(), Ok(text.as_slice()), "{headers}");
    }
    let (got, ..) = get_from(vec![answer("Content-Encoding: br, gzip\r\n", &body)]).await;
    assert_eq!(got.unwrap_err().code(), "cut_off");
}

#[tokio::test]
async fn two_streams_after_each_other_are_one_body() {
    for encoding in ["gzip", "zstd"] {
        let body = [
            encoded(encoding, b"{\"results\":[],").await,
            encoded(encoding, b"\"total\":0}").await,
        ];
        let header = format!("Content-Encoding: {encoding}\r\n");
        let (got, ..) = get_from(vec![answer(&header, &body.concat())]).await;
        assert_eq!(
            got.as_deref(),
            Ok(br#"{"results":[],"total":0}"#.as_slice())
        );
    }
}

#[tokio::test]
async fn the_bound_is_one_of_the_decoded_text() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let header = format!("Content-Encoding: {encoding}\r\n");
        let fits = encoded(encoding, &[b' '; 1000]).await;
        let (got, ..) = get_from(vec![answer(&header, &fits)]).await;
        assert_eq!(got.map(|body| body.len()), Ok(1000), "{encoding}");
        // 2 MiB of it in some hundred bytes.
        let bomb = encoded(encoding, &vec![b' '; 2 << 20]).await;
        let (got, client, _server) = get_from(vec![answer(&header, &bomb)]).await;
        assert_eq!(got, Err(SourceError::TooLarge { cap: 1000 }), "{encoding}");
        assert_eq!(client.requests(), 1);
    }
}

#[tokio::test]
async fn what_is_not_as_its_header_says_is_asked_for_again() {
    let text = br#"{"results":[],"total":0}"#;
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let header = format!("Content-Encoding: {encoding}\r\n");
        let whole = encoded(encoding, text).await;
        let half = answer(&header, &whole[..whole.len() - 3]);
        let good = answer(&header, &whole);
        let (got, client, _server) = get_from(vec![half.clone(), good]).await;
        assert_eq!(got.as_deref(), Ok(text.as_slice()), "{encoding}");
        assert_eq!(client.requests(), 2);
        for bad in [half, answer(&header, text)] {
            let (got, ..) = get_from(vec![bad]).await;
            let error = got.unwrap_err();
            assert_eq!(error.code(), "cut_off", "{error}");
            assert!(error.to_string().contains(encoding), "{error}");
        }
    }
}

#[tokio::test]
async fn an_encoding_that_is_not_known_is_named() {
    for (header, named) in [
        ("Content-Encoding: compress\r\n", "\"compress\""),
        ("Content-Encoding: gzip, dcz\r\n", "\"dcz\""),
    ] {
        let (got, client, _server) = get_from(vec![answer(header, b"\x1f\x9d")]).await;
        let error = got.unwrap_err();
        assert_eq!(error.code(), "not_the_interface");
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(client.requests(), 1);
    }
}

#[tokio::test]
async fn the_words_of_a_refusal_are_decoded_too() {
    let body = encoded("gzip", br#"{"message":"size: must be less"}"#).await;
    let head = format!(
        "HTTP/1.1 422 Unprocessable\r\nConnection: close\r\nContent-Encoding: gzip\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let (got, ..) = get_from(vec![[head.as_bytes(), &body].concat()]).await;
    assert_eq!(
        got.unwrap_err().to_string(),
        "the source refuses the request (422): size: must be less"
    );
}
