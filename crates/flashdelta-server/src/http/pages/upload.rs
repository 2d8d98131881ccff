//! Forms with a file.

use axum::extract::{FromRequest, Multipart, Request};
use axum::RequestExt as _;
use bytes::Bytes;

use super::fields::Fields;
use super::visitor::Visitor;
use crate::Error;

/// A form with a file, which a page of this session has sent.
pub(super) struct Upload {
    pub(super) fields: Fields,
    pub(super) file_name: String,
    pub(super) bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Error> {
        let visitor = request.extract_parts::<Visitor>().await?;
        let expected = "a form with a file, not larger than the server takes";
        let multipart = Multipart::from_request(request, state).await;
        let mut multipart =
            multipart.map_err(|error| Error::bad("form", error.body_text(), expected))?;
        let wrong = |error: axum::extract::multipart::MultipartError| {
            Error::bad("form", error.body_text(), expected)
        };
        let (mut pairs, mut file) = (Vec::new(), None);
        // It comes first, so that nothing is read for others.
        let mut is_ours = false;
        while let Some(field) = multipart.next_field().await.map_err(wrong)? {
            let name = field.name().unwrap_or_default().to_owned();
            if !is_ours && name != "csrf" {
                visitor.check_form("")?;
            }
            if name == "file" {
                let file_name = field.file_name().unwrap_or_default().to_owned();
                file = Some((file_name, field.bytes().await.map_err(wrong)?));
                continue;
            }
            let text = field.text().await.map_err(wrong)?;
            if name == "csrf" {
                visitor.check_form(&text)?;
                is_ours = true;
            }
            pairs.push((name, text));
        }
        visitor.check_form(if is_ours { visitor.csrf() } else { "" })?;
        let (file_name, bytes) = file.unwrap_or_default();
        if file_name.is_empty() {
            return Err(Error::bad("file", "none", "the file of the release"));
        }
        Ok(Self { fields: Fields::of(pairs), file_name, bytes })
    }
}
