//! A simulated device: it asks, applies the patch to what it holds, and runs what comes of it.

use core::net::SocketAddr;

use axum::http::{HeaderMap, Method, StatusCode};
use coap_lite::ResponseType;
use flashdelta::door::{self, ApplyRequest};
use flashdelta::Input;
use flashdelta_fleet::Digest;
use serde_json::json;

use super::enter::Entered;
use super::family::Habit;
use super::http;
use crate::coap::Client;
use crate::Error;

/// Where the service is.
#[derive(Clone, Copy)]
pub(super) struct Addresses {
    pub(super) http: SocketAddr,
    pub(super) coap: SocketAddr,
}

/// What came of a question.
pub(super) enum Asked {
    /// It holds what it is to hold.
    Nothing,
    /// The patch is being made.
    Later,
    /// It was updated: bytes of the patch.
    Updated { bytes: usize },
    /// It was not: why.
    Failed(&'static str),
}

/// What the service has for a device.
struct Found {
    patch: Vec<u8>,
    /// Of the image that is to come of it.
    image: Digest,
    action: i64,
}

impl Entered {
    /// Asks once.
    ///
    /// # Errors
    ///
    /// [`Error`], if the service does not answer as it should.
    pub(super) async fn ask(&mut self, at: Addresses) -> Result<Asked, Error> {
        let found = match self.habit {
            Habit::Coap => self.by_coap(at.coap).await?,
            _ => self.by_http(at.http).await?,
        };
        let found = match found {
            Ok(found) => found,
            Err(nothing) => return Ok(nothing),
        };
        if self.habit == Habit::Broken {
            let why = "flash: sector 7 does not erase";
            let report = json!({"action": found.action, "result": "failure", "message": why});
            let body = report.to_string().into_bytes();
            let token = self.token.reveal();
            http::ask(at.http, Method::POST, "/v1/update/report", token, body).await?;
            return Ok(Asked::Failed(why));
        }
        let bytes = found.patch.len();
        let (old, patch) = (self.image, found.patch);
        // It takes a while, in a build that is not optimized.
        let applied = tokio::task::spawn_blocking(move || {
            door::apply(&Input::from_bytes(old), &patch, ApplyRequest::new())
        });
        let applied = applied.await.map_err(|error| Error::Make(error.to_string()))?;
        let made = applied.map_err(|error| Error::Make(error.to_string()))?.bytes;
        if Digest::of(&made) != found.image {
            return Err(Error::Make(format!("{}: another image came of the patch", self.id)));
        }
        let image = self.of.image(&found.image);
        self.image = image.ok_or_else(|| Error::Make("an image of nobody".to_owned()))?;
        Ok(Asked::Updated { bytes })
    }

    /// What it says of itself.
    fn says(&self) -> [String; 2] {
        let digest = Digest::of(self.image);
        [format!("digest={digest}"), format!("profile={}", self.of.profile)]
    }

    async fn by_http(&self, at: SocketAddr) -> Result<Result<Found, Asked>, Error> {
        let path = format!("/v1/update?{}", self.says().join("&"));
        let answer = http::ask(at, Method::GET, &path, self.token.reveal(), Vec::new()).await?;
        match answer.status {
            StatusCode::NO_CONTENT => Ok(Err(Asked::Nothing)),
            StatusCode::SERVICE_UNAVAILABLE => Ok(Err(Asked::Later)),
            StatusCode::OK => {
                let image = header(&answer.headers, "x-flashdelta-image")?.parse()?;
                let action = header(&answer.headers, "x-flashdelta-action")?;
                let action =
                    action.parse().map_err(|_| Error::bad("action", action, "a number"))?;
                Ok(Ok(Found { patch: answer.body.to_vec(), image, action }))
            }
            status => Err(Error::Make(format!("{}: the service answered {status}", self.id))),
        }
    }

    async fn by_coap(&self, at: SocketAddr) -> Result<Result<Found, Asked>, Error> {
        let mut client = Client::new(at).await?;
        let mut query = self.says().to_vec();
        query.push(format!("token={}", self.token.reveal()));
        let offer = client.get("/v1/update/offer", &query).await?;
        if offer.code == ResponseType::ServiceUnavailable {
            return Ok(Err(Asked::Later));
        }
        let text = String::from_utf8_lossy(&offer.payload).into_owned();
        if offer.code != ResponseType::Content {
            return Err(Error::Make(format!("{}: the service answered {text}", self.id)));
        }
        if text.is_empty() {
            return Ok(Err(Asked::Nothing));
        }
        let field = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.ok_or_else(|| Error::bad("offer", &*text, "action and image"))
        };
        let (image, action) = (field("image")?.parse()?, field("action")?);
        let action = action.parse().map_err(|_| Error::bad("action", action, "a number"))?;
        let patch = client.get("/v1/update", &query).await?;
        match patch.code {
            ResponseType::Content => Ok(Ok(Found { patch: patch.payload, image, action })),
            _ => Ok(Err(Asked::Later)),
        }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Error> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.ok_or_else(|| Error::bad("header", "", name))
}
