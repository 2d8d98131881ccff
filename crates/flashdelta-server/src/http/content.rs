//! Contents, whole or a part: a download that broke off goes on (RFC 9110, 13 and 14).

use core::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;
use futures_util::TryStreamExt as _;

use crate::database::Tenant;
use crate::devices::Content;
use crate::{Error, Service};

/// What is to be sent of contents.
#[derive(PartialEq, Eq, Debug)]
enum Part {
    All,
    Some(Range<u64>),
    NotModified,
    /// The range is outside.
    Outside,
}

/// The response with contents, or what is asked of them.
pub(super) async fn send(
    service: &Service,
    tenant: &Tenant,
    content: &Content,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let tag = format!("\"{}\"", content.sha256);
    let part = part(headers, &tag, content.size);
    let response = Response::builder()
        .header(ETAG, &tag)
        .header(ACCEPT_RANGES, "bytes")
        // It is for who asked, and for nobody in between.
        .header(CACHE_CONTROL, "private, no-cache");
    let size = content.size;
    let (response, range) = match part {
        Part::All => (response.status(StatusCode::OK), 0..size),
        Part::Some(range) => {
            let of = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, of), range)
        }
        Part::NotModified => {
            return finish(response.status(StatusCode::NOT_MODIFIED).body(Body::empty()));
        }
        Part::Outside => {
            let response = response.header(CONTENT_RANGE, format!("bytes */{size}"));
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            return finish(response.status(status).body(Body::empty()));
        }
    };
    let length = range.end - range.start;
    let response =
        response.header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, length);
    service.metrics().sent(content.kind.name(), length);
    if length == 0 {
        return finish(response.body(Body::empty()));
    }
    let stream = service.contents().stream(tenant, &content.sha256, range).await?;
    finish(response.body(Body::from_stream(stream.map_err(|error| {
        tracing::error!(%error, "contents were cut short");
        error
    }))))
}

/// Whether contents are asked for from their start.
pub(super) fn is_from_start(content: &Content, headers: &HeaderMap) -> bool {
    match part(headers, &format!("\"{}\"", content.sha256), content.size) {
        Part::All => true,
        Part::Some(range) => range.start == 0,
        Part::NotModified | Part::Outside => false,
    }
}

fn finish(response: Result<Response, axum::http::Error>) -> Result<Response, Error> {
    response.map_err(|error| Error::bad("header", error.to_string(), "one that is possible"))
}

fn part(headers: &HeaderMap, tag: &str, size: u64) -> Part {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_tag = |tags: &str| {
        let mut tags = tags.split(',').map(str::trim);
        tags.any(|found| found == "*" || found.strip_prefix("W/").unwrap_or(found) == tag)
    };
    if text(IF_NONE_MATCH).is_some_and(is_tag) {
        return Part::NotModified;
    }
    // Of something else by now: all of it.
    if text(IF_RANGE).is_some_and(|found| found != tag) {
        return Part::All;
    }
    text(RANGE).map_or(Part::All, |range| of_range(range, size))
}

/// One range; what cannot be read, and several at once, is all of it.
fn of_range(text: &str, size: u64) -> Part {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Part::All;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Part::All,
        (Ok(first), _) if first >= size => Part::Outside,
        (Ok(first), Ok(last)) => Part::Some(first..last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.trim().is_empty() => Part::Some(first..size),
        (Err(_), Ok(0)) if first.trim().is_empty() => Part::Outside,
        (Err(_), Ok(last)) if first.trim().is_empty() && size > 0 => {
            Part::Some(size.saturating_sub(last)..size)
        }
        _ => Part::All,
    }
}

#[cfg(test)]
mod tests {
    use super::part as part_of;
    use super::*;

    #[test]
    fn ranges_are_read() {
        for (text, expected) in [
            ("bytes=0-", Part::Some(0..100)),
            ("bytes=10-19", Part::Some(10..20)),
            ("bytes=10-1000", Part::Some(10..100)),
            ("bytes=-5", Part::Some(95..100)),
            ("bytes=-500", Part::Some(0..100)),
            ("bytes=100-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=9-3", Part::All),
            ("bytes=0-1,5-6", Part::All),
            ("bytes=0-18446744073709551615", Part::Some(0..100)),
            ("bytes=-", Part::All),
            ("items=0-", Part::All),
        ] {
            assert_eq!(of_range(text, 100), expected, "{text}");
        }
        assert_eq!(of_range("bytes=0-", 0), Part::Outside);
        assert_eq!(of_range("bytes=-5", 0), Part::All);
    }

    #[test]
    fn conditions_come_first() {
        let part = |pairs: &[(HeaderName, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            part_of(&pairs.collect(), "\"a\"", 100)
        };
        assert_eq!(part(&[]), Part::All);
        assert_eq!(part(&[(IF_NONE_MATCH, "\"b\", W/\"a\"")]), Part::NotModified);
        assert_eq!(part(&[(IF_NONE_MATCH, "\"b\"")]), Part::All);
        assert_eq!(part(&[(RANGE, "bytes=1-"), (IF_RANGE, "\"a\"")]), Part::Some(1..100));
        assert_eq!(part(&[(RANGE, "bytes=1-"), (IF_RANGE, "\"b\"")]), Part::All);
    }
}
