//! Routes as they are added, each with who may use it.

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{on, MethodFilter, MethodRouter};

use super::access::Access;
use crate::Service;

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

/// Routes that are added one by one. Who may use them is held where they are put together.
pub(super) struct Table {
    /// The largest file that can be uploaded, in bytes.
    largest: usize,
    pub(super) routes: Vec<(Route, MethodRouter<Service>)>,
}

impl Table {
    pub(super) fn new(largest: usize) -> Self {
        Self { largest, routes: Vec::new() }
    }

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
        let handler = on(filter(&method), handler);
        self.add(Route { method, path, access }, handler)
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
        let limit = DefaultBodyLimit::max(self.largest);
        let handler = on(filter(&method), handler).layer(limit);
        self.add(Route { method, path, access }, handler)
    }

    fn add(mut self, route: Route, handler: MethodRouter<Service>) -> Self {
        self.routes.push((route, handler));
        self
    }
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}
