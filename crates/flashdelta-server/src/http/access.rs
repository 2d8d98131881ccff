//! Who may use a route. It is settled before anything of a request is read.

use core::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum_server::tls::TlsInfo;

use crate::auth::{Caller, Role, TokenKind};
use crate::tls::Certified;
use crate::{Error, Service};

/// Who may use a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anybody: it tells nothing but that the server is there.
    Anybody,
    /// Browsers that are not signed in, too: a page that tells nothing.
    Visitor,
    /// Operators with this role, or a higher one, who are signed in.
    Page(Role),
    /// Operators with this role, or a higher one.
    Operator(Role),
    /// Tokens for metrics alone: these are of the whole server.
    Metrics,
    /// Devices, and gateways for them.
    Device,
}

/// Lets a request through, with who asks, or ends it.
pub(super) async fn check(
    State((service, access)): State<(Service, Access)>,
    request: Request,
    next: Next,
) -> Response {
    if access == Access::Anybody {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match permitted(&service, access, &mut parts).await {
        Ok(caller) => {
            parts.extensions.insert(Arc::new(caller));
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    }
}

async fn permitted(service: &Service, access: Access, parts: &mut Parts) -> Result<Caller, Error> {
    let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let address = address.map(|address| address.ip().to_string()).unwrap_or_default();
    let caller = caller(service, access, parts).await;
    match &caller {
        // Tokens cannot be guessed; this is to keep those that try from being a burden.
        Err(Error::Unauthorized) => service.stranger_limiter().take(&address)?,
        // A gateway speaks for many.
        Ok(caller) if caller.kind == TokenKind::Device => {
            service.device_limiter().take(&caller.token)?;
        }
        _ => {}
    }
    let caller = caller?;
    let Ok(named) = RawPathParams::from_request_parts(parts, &()).await else {
        return Err(Error::bad("address", parts.uri.path(), "one as documented"));
    };
    for (name, value) in &named {
        match name {
            // hawkBit's own tenant is called DEFAULT.
            "tenant" if !value.eq_ignore_ascii_case(caller.tenant.name()) => {
                return Err(Error::Forbidden { needs: "a token of that tenant" });
            }
            "controller" if caller.kind == TokenKind::Device && value != caller.device => {
                return Err(Error::Forbidden { needs: "the token of that device" });
            }
            _ => {}
        }
    }
    Ok(caller)
}

async fn caller(service: &Service, access: Access, parts: &Parts) -> Result<Caller, Error> {
    let Some((scheme, token)) = credentials(&parts.headers) else {
        let certified = certified(service, parts).filter(|_| access == Access::Device);
        let Certified { tenant, device } = certified.ok_or(Error::Unauthorized)?;
        return service.database().caller_by_certificate(&tenant, device).await;
    };
    let caller = service.database().caller(token).await?;
    let is_kind = match scheme {
        Scheme::Bearer => true,
        Scheme::Target => caller.kind == TokenKind::Device,
        Scheme::Gateway => caller.kind == TokenKind::Gateway,
    };
    match access {
        _ if !is_kind => Err(Error::Unauthorized),
        // A token is no session.
        Access::Visitor | Access::Page(_) => Err(Error::Unauthorized),
        Access::Device if caller.kind != TokenKind::Operator => Ok(caller),
        Access::Device => Err(Error::Forbidden { needs: "the token of a device or gateway" }),
        Access::Metrics if caller.kind == TokenKind::Operator && caller.role == Role::Metrics => {
            Ok(caller)
        }
        Access::Metrics => Err(Error::Forbidden { needs: Role::Metrics.name() }),
        Access::Operator(_) if caller.kind != TokenKind::Operator => {
            Err(Error::Forbidden { needs: "the token of an operator" })
        }
        Access::Operator(role) if caller.role < role => {
            Err(Error::Forbidden { needs: role.name() })
        }
        _ => Ok(caller),
    }
}

/// Whom the certificate of the connection names. It was checked by the handshake, and is again: it
/// may have expired since, and this tells whose it is.
fn certified(service: &Service, parts: &Parts) -> Option<Certified> {
    let tls = parts.extensions.get::<Arc<TlsInfo>>()?;
    service.authorities().whose(&tls.peer_certificates)
}

enum Scheme {
    Bearer,
    Target,
    Gateway,
}

/// The scheme and the token of a request.
fn credentials(headers: &HeaderMap) -> Option<(Scheme, &str)> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let scheme = match () {
        () if scheme.eq_ignore_ascii_case("Bearer") => Scheme::Bearer,
        // As hawkBit's clients have it.
        () if scheme.eq_ignore_ascii_case("TargetToken") => Scheme::Target,
        () if scheme.eq_ignore_ascii_case("GatewayToken") => Scheme::Gateway,
        () => return None,
    };
    Some((scheme, token.trim()))
}

/// Who asks, for handlers.
pub(super) struct By(pub(super) Arc<Caller>);

impl<S: Sync> FromRequestParts<S> for By {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Arc<Caller>>().cloned().map(Self).ok_or(Error::Unauthorized)
    }
}
