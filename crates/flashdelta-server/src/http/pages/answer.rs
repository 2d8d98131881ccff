//! Responses of pages.

use askama::Template;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use serde::Deserialize;

use crate::Error;

/// A page.
pub(super) fn page(page: &impl Template) -> Result<Response, Error> {
    let text = page.render();
    let text = text.map_err(|error| Error::io("a page")(std::io::Error::other(error)))?;
    Ok(Html(text).into_response())
}

/// A page that was sent a form with a mistake.
pub(super) fn refused(template: &impl Template, error: &Error) -> Result<Response, Error> {
    let status = super::super::error::status(error);
    page(template).map(|page| (status, page).into_response())
}

/// Has the browser get another page: after a form, so that it is not sent twice.
pub(super) fn go(to: &str) -> Response {
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/ui"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// What has been done just now, in the address of a page.
#[derive(Deserialize)]
pub(super) struct Done {
    pub(super) done: Option<String>,
}

/// Shows an error that whoever asks is the cause of; others end the request.
pub(super) fn told(error: Error) -> Result<(Error, String), Error> {
    match super::super::error::status(&error).is_client_error() {
        true => {
            let text = error.to_string();
            Ok((error, text))
        }
        false => Err(error),
    }
}
