//! All routes, and who may use them.

use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::Router;

use super::access::{self, Access};
use super::table::{Route, Table};
use super::{api, auxiliary, ddi, health, pages, update, watch};
use crate::{Error, Service};

fn table(service: &Service) -> Table {
    let table = Table::new(service.config().max_upload << 20);
    let table = table.route(Method::GET, "/healthz", Access::Anybody, health::health);
    let table = table.route(Method::GET, "/metrics", Access::Metrics, watch::metrics);
    pages::add(ddi::add(auxiliary::add(update::add(api::add(table)))))
}

/// All routes as a service.
pub fn router(service: &Service) -> Router {
    let nothing =
        || async { (StatusCode::NOT_FOUND, Error::NotFound { what: "such address".into() }) };
    let mut router = Router::new();
    for (route, handler) in table(service).routes {
        let state = (service.clone(), route.access);
        let handler = match route.access {
            Access::Visitor | Access::Page(_) => {
                handler.layer(from_fn_with_state(state, pages::guard))
            }
            _ => handler.layer(from_fn_with_state(state, access::check)),
        };
        router = router.route(route.path, handler);
    }
    // Outside of all else; what has no route is counted, too.
    let watched = from_fn_with_state(service.clone(), watch::watch);
    router.fallback(nothing).layer(watched).with_state(service.clone())
}

/// All routes, for tests and documents.
pub fn routes(service: &Service) -> Vec<Route> {
    table(service).routes.into_iter().map(|(route, _)| route).collect()
}
