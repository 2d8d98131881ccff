//! Errors as responses.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde::Serialize;

use crate::Error;

/// What a response that is an error says, for those that show it in another way.
#[derive(Clone, Debug)]
pub(super) struct Told(pub(super) String);

/// `{"error": {"code": …, "message": …}}`
#[derive(Serialize)]
struct Body {
    error: Details,
}

#[derive(Serialize)]
struct Details {
    code: &'static str,
    message: String,
}

pub(super) fn status(error: &Error) -> StatusCode {
    match error {
        Error::Bad { .. } | Error::Catalogue(_) | Error::Rule(_) | Error::Firmware(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::Exists { .. } => StatusCode::CONFLICT,
        Error::Unauthorized => StatusCode::UNAUTHORIZED,
        Error::Forbidden { .. } => StatusCode::FORBIDDEN,
        Error::NotReady { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = status(&self);
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => {
                // What it is, is for the log: it may tell of what is none of the caller's.
                tracing::error!(error = %self, "a request failed");
                "the server failed; its log says why".to_owned()
            }
            _ => self.to_string(),
        };
        let told = Told(message.clone());
        let body = Body { error: Details { code: self.code(), message } };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(told);
        if let Self::NotReady { retry_after } | Self::TooMany { retry_after } = self {
            response.headers_mut().insert(RETRY_AFTER, retry_after.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let schemes = axum::http::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, schemes);
        }
        response
    }
}
