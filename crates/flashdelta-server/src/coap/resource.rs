//! What can be asked for by CoAP.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use coap_lite::ResponseType;

use super::kept::{Kept, Source, Stored};
use super::message::{Answer, Envelope, Method, Request};
use crate::auth::{Caller, TokenKind};
use crate::devices::{self, Action, Content, Next, PlainReport, Question};
use crate::metrics::RequestLabels;
use crate::{Error, Service};

/// How it is known who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    /// By the identity of its key.
    Psk(Arc<str>),
    /// By the token in the request.
    Token,
}

/// What comes of a request.
pub(super) struct Reply {
    pub(super) answer: Answer,
    /// What is to be kept for further blocks.
    pub(super) kept: Option<Arc<Kept>>,
}

/// What requests count as, beside those of HTTP.
const METHOD: &str = "COAP";

const UPDATE: &str = "/v1/update";
const OFFER: &str = "/v1/update/offer";
const REPORT: &str = "/v1/update/report";

/// How long a transfer may rest before it is asked anew what there is for the device.
const REST: Duration = Duration::from_secs(300);

/// A client sends its request again after 2 seconds: what takes longer is asked again later.
const WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

const TEXT: u16 = 0;
const OCTETS: u16 = 42;

/// Answers a request; `kept` is what its sender is being sent.
pub(super) async fn reply(
    service: &Service,
    from: IpAddr,
    asker: &Asker,
    envelope: &Envelope,
    request: &Request,
    kept: Option<Arc<Kept>>,
) -> Reply {
    let start = Instant::now();
    let (answer, kept) = match answer(service, from, asker, envelope, request, kept).await {
        Ok((answer, kept)) => (answer, kept),
        Err(error) => (of_error(&error), None),
    };
    let route = match (request.method, &*request.path) {
        (Method::Get, UPDATE | OFFER) | (Method::Post, REPORT) => request.path.clone(),
        _ => "none".to_owned(),
    };
    let code = u8::from(coap_lite::MessageClass::Response(answer.code));
    let status = u16::from(code >> 5) * 100 + u16::from(code & 31);
    tracing::debug!(
        method = METHOD,
        route,
        status,
        ms = start.elapsed().as_millis() as u64,
        "answered"
    );
    let labels = RequestLabels { method: METHOD.to_owned(), route, status };
    service.metrics().answered(labels, start.elapsed());
    Reply { answer, kept }
}

/// Whether somebody can be told what is new there.
pub(super) fn is_observable(request: &Request) -> bool {
    request.method == Method::Get && request.path == OFFER
}

async fn answer(
    service: &Service,
    from: IpAddr,
    asker: &Asker,
    envelope: &Envelope,
    request: &Request,
    kept: Option<Arc<Kept>>,
) -> Result<(Answer, Option<Arc<Kept>>), Error> {
    let format = match (&*request.path, request.method) {
        (UPDATE, Method::Get) => OCTETS,
        (OFFER, Method::Get) | (REPORT, Method::Post) => TEXT,
        (UPDATE | OFFER | REPORT, _) => {
            return Ok((Answer::new(ResponseType::MethodNotAllowed), None));
        }
        _ => return Ok((Answer::new(ResponseType::NotFound), None)),
    };
    if request.accept.is_some_and(|wanted| wanted != u32::from(format)) {
        return Ok((Answer::new(ResponseType::NotAcceptable), None));
    }
    let is_going_on = request.block.is_some_and(|block| block.number > 0);
    let kept = kept.filter(|kept| is_going_on && kept.is_of(request, Instant::now()));
    let kept = match kept {
        // Who asks was known when it began; a transfer does not rest for long.
        Some(kept) => {
            service.block_limiter().take(&from.to_string())?;
            kept
        }
        None => {
            let _permit = service.admit().ok_or(Error::NotReady { retry_after: 5 })?;
            let by = caller(service, from, asker, request).await?;
            if request.path == REPORT {
                return report(service, &by, request).await.map(|answer| (answer, None));
            }
            match begin(service, &by, request, format).await? {
                Some(kept) => Arc::new(kept),
                None => return Ok((nothing(service, format), None)),
            }
        }
    };
    if !is_going_on && request.tags.contains(&kept.tag) {
        let tag = kept.tag.clone();
        return Ok((Answer { tag, ..Answer::new(ResponseType::Valid) }, Some(kept)));
    }
    let is_secure = matches!(asker, Asker::Psk(_));
    let block = match kept.block(request, envelope, is_secure) {
        Ok(block) => block,
        Err(answer) => return Ok((answer, Some(kept))),
    };
    let payload = kept.read(service, block).await?;
    Ok((kept.answer(request, block, payload), Some(kept)))
}

/// Who asks, if it is a device that may.
async fn caller(
    service: &Service,
    from: IpAddr,
    asker: &Asker,
    request: &Request,
) -> Result<Caller, Error> {
    let found = match (asker, request.query.get("token")) {
        // Looked up again: the key may have been revoked since.
        (Asker::Psk(identity), _) => {
            service.database().caller_by_psk(identity).await.map(|found| found.0)
        }
        (Asker::Token, Some(token)) => service.database().caller(token).await,
        (Asker::Token, None) => Err(Error::Unauthorized),
    };
    match &found {
        Err(Error::Unauthorized) => service.stranger_limiter().take(&from.to_string())?,
        Ok(by) if by.kind == TokenKind::Device => service.device_limiter().take(&by.token)?,
        _ => {}
    }
    match found {
        Ok(by) if by.kind == TokenKind::Operator => {
            Err(Error::Forbidden { needs: "the token of a device or gateway" })
        }
        found => found,
    }
}

/// What there is for a device; `None`: nothing.
async fn begin(
    service: &Service,
    by: &Caller,
    request: &Request,
    format: u16,
) -> Result<Option<Kept>, Error> {
    let mut said = request.query.clone();
    said.remove("token");
    let question = Question::new(said);
    let most = LONGEST_WAIT.min(Duration::from_secs(service.config().longest_wait));
    let Next::Update(action) = question.ask(service, by, WAIT, most).await? else {
        return Ok(None);
    };
    let content = question.part(&action)?;
    let kept = |tag: &[u8], source| Kept {
        path: request.path.clone(),
        query: request.query.clone(),
        tag: tag.get(..8).unwrap_or(tag).to_vec(),
        format,
        max_age: service.config().poll_seconds,
        until: Instant::now() + REST,
        source,
    };
    Ok(Some(match &*request.path {
        OFFER => {
            let text = offer(&action, content);
            let tag = flashdelta_fleet::Digest::of(text.as_bytes());
            kept(tag.as_bytes(), Source::Text(text))
        }
        _ => {
            let tag = content.sha256.as_bytes().get(..8).unwrap_or_default();
            let is_from_start = request.block.is_none_or(|block| block.number == 0)
                && !request.tags.iter().any(|known| known == tag);
            let is_too_often =
                is_from_start && !devices::begin(service, &by.tenant, &action, content).await?;
            if is_too_often {
                return Ok(None);
            }
            let stored = Stored::new(&by.tenant, content.clone());
            kept(content.sha256.as_bytes(), Source::Stored(Box::new(stored)))
        }
    }))
}

/// The answer when there is nothing to do: it is no error, so that those who observe go on.
fn nothing(service: &Service, format: u16) -> Answer {
    let max_age = Some(service.config().poll_seconds);
    Answer { format: Some(format), max_age, ..Answer::new(ResponseType::Content) }
}

/// What an update is, a line each: what HTTP has in headers.
fn offer(action: &Action, content: &Content) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("action", action.id.to_string()),
        ("release", action.body.step.to_string()),
        ("component", content.component.to_string()),
        ("kind", content.kind.name().to_owned()),
        ("size", content.size.to_string()),
        ("digest", content.sha256.to_string()),
        ("image", content.image.map_or_else(String::new, |image| image.to_string())),
        ("signature", content.signature.clone()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "{name}={value}");
        }
    }
    text
}

async fn report(service: &Service, by: &Caller, request: &Request) -> Result<Answer, Error> {
    let report: PlainReport = serde_json::from_slice(&request.payload)
        .map_err(|error| Error::bad("body", error.to_string(), "JSON as documented"))?;
    report.take(service, by).await?;
    Ok(Answer::new(ResponseType::Changed))
}

fn of_error(error: &Error) -> Answer {
    let code = match error {
        Error::Bad { .. } | Error::Catalogue(_) | Error::Rule(_) | Error::Firmware(_) => {
            ResponseType::BadRequest
        }
        Error::NotFound { .. } => ResponseType::NotFound,
        Error::Exists { .. } => ResponseType::Conflict,
        Error::Unauthorized => ResponseType::Unauthorized,
        Error::Forbidden { .. } => ResponseType::Forbidden,
        Error::NotReady { .. } => ResponseType::ServiceUnavailable,
        Error::TooMany { .. } => ResponseType::TooManyRequests,
        _ => {
            tracing::error!(%error, "a request failed");
            return Answer::new(ResponseType::InternalServerError);
        }
    };
    let max_age = match error {
        Error::NotReady { retry_after } | Error::TooMany { retry_after } => Some(*retry_after),
        _ => None,
    };
    let text = match error {
        Error::Unauthorized => String::new(),
        error => error.to_string(),
    };
    Answer { max_age, ..Answer::text(code, &text) }
}
