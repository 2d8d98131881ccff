//! The document of the API has all routes, and no other ones.

use std::collections::BTreeSet;

use flashdelta_server::http::{routes, Access};
use flashdelta_server::{Config, Service};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::server::Setup;

#[tokio::test]
async fn the_document_has_all_routes() {
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::open(&Config::new(folder.path())).await.unwrap();
    let mut routes = routes(&service);
    // Pages are for people.
    routes.retain(|route| !matches!(route.access, Access::Visitor | Access::Page(_)));
    let in_code: BTreeSet<_> = routes
        .iter()
        .map(|route| (route.path.to_owned(), route.method.as_str().to_ascii_lowercase()))
        .collect();
    let paths = document["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys().filter(|key| *key != "parameters");
        methods.map(move |method| (path.clone(), method.clone()))
    });
    assert_eq!(methods.collect::<BTreeSet<_>>(), in_code);
    for route in &routes {
        let operation = &paths[route.path][route.method.as_str().to_ascii_lowercase()];
        let scheme = match route.access {
            Access::Anybody => {
                assert_eq!(operation["security"], serde_json::json!([]), "{}", route.path);
                continue;
            }
            Access::Device => "device",
            Access::Operator(_) | Access::Metrics => "operator",
            Access::Visitor | Access::Page(_) => unreachable!(),
        };
        assert!(operation["security"][0][scheme].is_array(), "{} {}", route.method, route.path);
        if let Access::Operator(role) = route.access {
            let description = operation["description"].as_str().unwrap();
            assert!(description.contains(role.name()), "{} {}", route.method, route.path);
        }
        // Every part of the path is described.
        let of_operation = operation["parameters"].as_array().cloned().unwrap_or_default();
        let of_path = paths[route.path]["parameters"].as_array().cloned().unwrap_or_default();
        let described: BTreeSet<String> = of_operation
            .iter()
            .chain(&of_path)
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
            .collect();
        let parts: BTreeSet<String> =
            route.path.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect();
        assert_eq!(described, parts, "{}", route.path);
    }
    references(&document, &document);
}

/// Every reference leads somewhere.
fn references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            fields.values().for_each(|value| references(document, value));
        }
        Value::Array(values) => values.iter().for_each(|value| references(document, value)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_serves_the_document() {
    let setup = Setup::sqlite();
    let server = setup.start();
    let document = server.get("/v1/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let without = server.request(Method::GET, "/v1/openapi.json", "").send().await.unwrap();
    assert_eq!(without.status(), StatusCode::UNAUTHORIZED);
}
