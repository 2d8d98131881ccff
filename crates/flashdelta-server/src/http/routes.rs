//! All routes, and who may use them.

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{on, MethodFilter, MethodRouter};
use axum::Router;

use super::access::{self, Access};
use super::{api as operators, ddi, health, pages, update, watch};
use crate::{Error, Service};

/// A route.
#[derive(Clone, Debug)]
pub struct Route {
    /// `GET`, say.
    pub method: Method,
    /// Its path, with `{…}` for parts.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Routes that are added one by one, each with who may use it.
pub(super) struct Api {
    service: Service,
    router: Router<Service>,
    routes: Vec<Route>,
}

impl Api {
    /// One more route.
    pub(super) fn route<H, T>(
        self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Service>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        self.add(method, path, access, on(filter, handler))
    }

    /// One more route, whose body is a file.
    pub(super) fn upload<H, T>(
        self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Service>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        let limit = DefaultBodyLimit::max(self.service.config().max_upload << 20);
        self.add(method, path, access, on(filter, handler).layer(limit))
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: MethodRouter<Service>,
    ) -> Self {
        let state = (self.service.clone(), access);
        let handler = match access {
            Access::Visitor | Access::Page(_) => {
                handler.layer(from_fn_with_state(state, pages::guard))
            }
            _ => handler.layer(from_fn_with_state(state, access::check)),
        };
        self.router = self.router.route(path, handler);
        self.routes.push(Route { method, path, access });
        self
    }
}

fn api(service: &Service) -> Api {
    let api = Api { service: service.clone(), router: Router::new(), routes: Vec::new() };
    let api = api.route(Method::GET, "/healthz", Access::Anybody, health::health);
    let api = api.route(Method::GET, "/metrics", Access::Metrics, watch::metrics);
    pages::add(ddi::add(update::add(operators::add(api))))
}

/// All routes as a service.
pub fn router(service: &Service) -> Router {
    let nothing =
        || async { (StatusCode::NOT_FOUND, Error::NotFound { what: "such address".into() }) };
    let router = api(service).router.fallback(nothing);
    // Outside of all else; what has no route is counted, too.
    let watched = from_fn_with_state(service.clone(), watch::watch);
    router.layer(watched).with_state(service.clone())
}

/// All routes, for tests and documents.
pub fn routes(service: &Service) -> Vec<Route> {
    api(service).routes
}
