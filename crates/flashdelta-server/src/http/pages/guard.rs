//! Who may see a page. It is settled before anything of a request is read.

use core::net::SocketAddr;

use askama::Template;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};

use super::super::access::Access;
use super::super::encoded::encoded;
use super::super::error::Told;
use super::answer::go;
use super::frame::Frame;
use super::visitor::Visitor;
use crate::auth::Role;
use crate::config::Config;
use crate::{Error, Service};

/// Nothing but what this server sends itself, and no script at all.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Lets a request through, with who asks; shows how to sign in; or says why not.
pub(in super::super) async fn guard(
    State((service, access)): State<(Service, Access)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let permitted = permitted(&service, access, &parts).await;
    let visitor = permitted.as_ref().ok().cloned().flatten();
    let response = match permitted {
        Ok(visitor) => {
            if let Some(visitor) = visitor {
                parts.extensions.insert(visitor);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(Error::Unauthorized) if parts.method == Method::GET => {
            let to = parts.uri.path_and_query().map_or("/ui", |to| to.as_str());
            go(&format!("/ui/login?next={}", encoded(to)))
        }
        Err(Error::Unauthorized) => go("/ui/login"),
        Err(error) => error.into_response(),
    };
    dressed(response, visitor.as_ref())
}

async fn permitted(
    service: &Service,
    access: Access,
    parts: &Parts,
) -> Result<Option<Visitor>, Error> {
    if parts.method != Method::GET && !is_same_site(service.config(), &parts.headers) {
        return Err(Error::Forbidden { needs: "a form of this server" });
    }
    // Pages that anybody may see do not depend on who it is.
    let Access::Page(role) = access else { return Ok(None) };
    let secret = cookie(service.config(), &parts.headers).ok_or(Error::Unauthorized)?;
    let found = signed_in(service, secret).await;
    if let Err(Error::Unauthorized) = &found {
        // Only cookies that are wrong: without one it is a visit.
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = address.map(|at| at.ip().to_string()).unwrap_or_default();
        service.stranger_limiter().take(&address)?;
    }
    let visitor = found?;
    match visitor.caller().role >= role && visitor.caller().role != Role::Metrics {
        true => Ok(Some(visitor)),
        false => Err(Error::Forbidden { needs: role.name() }),
    }
}

async fn signed_in(service: &Service, secret: &str) -> Result<Visitor, Error> {
    let caller = service.database().signed_in(secret).await?;
    Ok(Visitor::new(caller, secret))
}

/// The name of the cookie. With TLS browsers take care that no other server has set it.
fn cookie_name(config: &Config) -> &'static str {
    match config.is_secure() {
        true => "__Host-flashdelta",
        false => "flashdelta",
    }
}

fn cookie<'h>(config: &Config, headers: &'h HeaderMap) -> Option<&'h str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    let name = cookie_name(config);
    pairs.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
}

/// The header that sets the cookie: for this many seconds, or to nothing.
pub(super) fn set_cookie(
    config: &Config,
    secret: &str,
    seconds: i64,
) -> Result<HeaderValue, Error> {
    let secure = if config.is_secure() { "; Secure" } else { "" };
    let text = format!(
        "{}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
        cookie_name(config)
    );
    HeaderValue::from_str(&text).map_err(|_| Error::bad("cookie", "", "text for a header"))
}

/// Whether a form was sent by a page of this server, as far as the browser tells. (What it has to
/// say is asked for as well; but a form for signing in has no session yet.)
fn is_same_site(config: &Config, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return true };
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let public = config.public_url.as_deref().unwrap_or_default();
    text(HOST.as_str()) == Some(host) || (!public.is_empty() && origin == origin_of(public))
}

fn origin_of(url: &str) -> String {
    url.parse::<url::Url>().map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem<'a> {
    frame: Frame,
    message: &'a str,
}

/// The response with what all pages say to browsers; errors as pages.
fn dressed(response: Response, visitor: Option<&Visitor>) -> Response {
    let told = response.extensions().get::<Told>().cloned();
    let mut response = match told {
        Some(Told(message)) => as_page(response, visitor, &message),
        None => response,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not none: then forms would not say where they come from.
        (REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn as_page(response: Response, visitor: Option<&Visitor>, message: &str) -> Response {
    let title = match response.status() {
        StatusCode::FORBIDDEN => "Not permitted",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "Later",
        status if status.is_server_error() => "The server failed",
        _ => "That did not work",
    };
    let frame = Frame::of(visitor, title, "");
    match (Problem { frame, message }).render() {
        Ok(page) => {
            let mut page = (response.status(), Html(page)).into_response();
            let retry = response.headers().get(axum::http::header::RETRY_AFTER);
            if let Some(retry) = retry {
                page.headers_mut().insert(axum::http::header::RETRY_AFTER, retry.clone());
            }
            page
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn forms_of_other_sites_are_told() {
        let mut config = Config::new("x");
        config.public_url = Some("https://updates.example/".into());
        for (pairs, is_same) in [
            (&[][..], true),
            (&[("host", "a:80"), ("origin", "http://a:80")], true),
            (&[("host", "a"), ("origin", "https://updates.example")], true),
            (&[("host", "a"), ("origin", "http://b")], false),
            (&[("host", "a"), ("origin", "null")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
        ] {
            assert_eq!(is_same_site(&config, &headers(pairs)), is_same, "{pairs:?}");
        }
    }

    #[test]
    fn cookies_are_found_among_others() {
        let config = Config::new("x");
        let found = headers(&[("cookie", "a=1; flashdelta=secret ;b=2")]);
        assert_eq!(cookie(&config, &found), Some("secret"));
        assert_eq!(cookie(&config, &headers(&[("cookie", "xflashdelta=1")])), None);
        let mut config = config;
        config.public_url = Some("https://updates.example".into());
        assert_eq!(cookie(&config, &found), None);
        let set = set_cookie(&config, "s", 60).unwrap();
        let expected = "__Host-flashdelta=s; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(set.to_str().unwrap(), expected);
    }
}
