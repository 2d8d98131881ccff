//! Nobody gets in without a token, or into what is another tenant's.

use reqwest::{Method, StatusCode};
use serde_json::json;

use flashdelta_server::auth::Role;
use flashdelta_server::http::{routes, Access, Route};
use flashdelta_server::{Config, Service};

use crate::browser::{leads_to, Browser};
use crate::fleet;
use crate::server::{Server, Setup};

/// What browsers that are not signed in get.
const OF_VISITORS: [&str; 4] = ["/", "/ui/style.css", "/ui/icon.svg", "/ui/login"];

crate::on_both_databases!(no_token_no_content tenants_are_apart);

async fn all_routes() -> Vec<Route> {
    let folder = tempfile::tempdir().unwrap();
    routes(&Service::open(&Config::new(folder.path())).await.unwrap())
}

/// A path with names of things that are there.
fn filled(path: &str) -> String {
    [
        ("{product}", "heron"),
        ("{version}", "1.0"),
        ("{sha256}", &fleet::digest(&fleet::firmware("cortex-m-1.0.bin"))),
        ("{device}", "h-1"),
        ("{controller}", "h-1"),
        ("{tenant}", "default"),
        ("{action}", "1"),
        ("{module}", "1-0"),
        ("{file}", "application.fdp"),
        ("{name}", "notes"),
        ("{id}", "1234"),
        ("{rule}", "all"),
        ("{operator}", "somebody"),
    ]
    .iter()
    .fold(path.to_owned(), |path, (part, value)| path.replace(part, value))
}

async fn no_token_no_content(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let held = fleet::digest(&fleet::firmware("cortex-m-1.0.bin"));
    let device = fleet::device(&server, "h-1", "heron", &held).await;
    let other = fleet::device(&server, "h-2", "heron", &held).await;
    let viewer = setup.output("token", &["add", "--role", "viewer", "x"]).trim().to_owned();
    let password = setup.output("operator", &["add", "--generate", "looker"]);
    let looker = Browser::signed_in(&server, "default", "looker", password.trim()).await;
    let stranger = Browser::new(&server);
    let routes = all_routes().await;
    assert!(routes.len() > 60);
    for Route { method, path, access } in routes {
        let status = |token: String, scheme: &'static str| {
            let request = server.client.request(method.clone(), server.url(&filled(path)));
            let request = match scheme {
                "" => request,
                scheme => request.header("authorization", format!("{scheme} {token}")),
            };
            async { request.send().await.unwrap().status() }
        };
        let what = format!("{method} {path}");
        match access {
            Access::Anybody => assert_eq!(path, "/healthz"),
            Access::Visitor => {
                assert!(OF_VISITORS.contains(&path), "{path}");
                let found = server.client.request(method.clone(), server.url(path));
                let text = found.send().await.unwrap().text().await.unwrap();
                assert!(!text.contains("heron"), "{path}");
            }
            Access::Page(role) => {
                // A token is no session: who has none is shown how to sign in.
                for token in ["", &*server.token] {
                    let request = stranger.request(method.clone(), &filled(path));
                    let request =
                        if token.is_empty() { request } else { request.bearer_auth(token) };
                    let found = request.send().await.unwrap();
                    assert!(leads_to(&found).starts_with("/ui/login"), "{what}");
                }
                let found = looker.request(method.clone(), &filled(path)).send().await.unwrap();
                let is_refused = found.status() == StatusCode::FORBIDDEN;
                // Of the forms that viewers may send, it is the form that is wrong.
                let is_of_viewers = role == Role::Viewer && method == Method::GET;
                assert_eq!(!is_refused, is_of_viewers, "{what}: {}", found.status());
            }
            _ => {}
        }
        if matches!(access, Access::Anybody | Access::Visitor | Access::Page(_)) {
            continue;
        }
        for (token, scheme) in [
            ("", ""),
            ("", "Bearer"),
            ("fdo_00", "Bearer"),
            (&*device, "Basic"),
            (&*device, "GatewayToken"),
            (&*server.token, "TargetToken"),
        ] {
            let found = status(token.to_owned(), scheme).await;
            assert_eq!(found, StatusCode::UNAUTHORIZED, "{what} {scheme} {token}");
        }
        // Devices are no operators, and operators no devices.
        let (wrong, least) = match access {
            Access::Device => (server.token.clone(), StatusCode::FORBIDDEN),
            _ => (device.clone(), StatusCode::FORBIDDEN),
        };
        assert_eq!(status(wrong, "Bearer").await, least, "{what}");
        if access == Access::Device && path.contains("{controller}") {
            assert_eq!(status(other.clone(), "TargetToken").await, StatusCode::FORBIDDEN, "{what}");
        }
        if let Access::Operator(role) = access {
            let found = status(viewer.clone(), "Bearer").await;
            let is_for_viewers = role == Role::Viewer;
            assert_eq!(found != StatusCode::FORBIDDEN, is_for_viewers, "{what}: {found}");
        }
    }
}

/// What one tenant has, another one cannot see or change by any route.
async fn tenants_are_apart(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let held = fleet::digest(&fleet::firmware("cortex-m-1.0.bin"));
    let device = fleet::device(&server, "h-1", "heron", &held).await;
    let update = server.request(Method::GET, "/v1/update", &device).send().await.unwrap();
    assert_eq!(update.status(), StatusCode::OK);
    server.post("/v1/devices/h-1/psk", &json!({})).await;
    let before = everything(&server).await;
    let admin = setup.output("tenant", &["add", "other"]).trim().to_owned();
    let gateway = setup.output("token", &["--tenant", "other", "add", "--kind", "gateway", "g"]);
    let gateway = gateway.trim();
    let arguments = ["--tenant", "other", "add", "--role", "admin", "--generate", "theirs"];
    let password = setup.output("operator", &arguments);
    let browser = Browser::signed_in(&server, "other", "theirs", password.trim()).await;
    let csrf = browser.form("/ui", "/ui/logout").await.fields["csrf"].clone();
    for Route { method, path, access } in all_routes().await {
        let token = match access {
            Access::Anybody | Access::Visitor => continue,
            // What ends the session ends the test.
            Access::Page(_) if path == "/ui/logout" => continue,
            Access::Page(_) => {
                for fields in [
                    "name=heron&id=h-1&product=heron&profile=small",
                    "do=abort&rule=all&release=1.1&share=100",
                    "do=pause&from=1.0&to=1.1&role=viewer",
                ] {
                    let body = format!("csrf={csrf}&{fields}");
                    let request = browser.request(method.clone(), &filled(path)).body(body);
                    let answer = request.send().await.unwrap();
                    let (status, text) = (answer.status(), answer.text().await.unwrap());
                    assert!(!status.is_server_error(), "{method} {path}: {status} {text}");
                    let is_theirs = text.contains("Heron") || text.contains("46.7 KiB");
                    assert!(!is_theirs && !text.contains(&held), "{method} {path}: {text}");
                }
                continue;
            }
            Access::Device => gateway,
            Access::Operator(_) | Access::Metrics => &admin,
        };
        for body in [
            json!({"name": "heron", "id": "h-1", "product": "heron"}),
            json!({"product": "heron", "version": "1.0", "components":
                [{"name": "application", "image": held}]}),
            json!({"kind": "gateway", "name": "theirs"}),
            json!({"device": "h-1", "action": 1, "result": "failure"}),
            json!({"status": {"execution": "closed", "result": {"finished": "failure"}}}),
            json!({"data": {"product": "heron", "digest": "00".repeat(32)}}),
        ] {
            let request = server.request(method.clone(), &filled(path), token).json(&body);
            let response = request.send().await.unwrap();
            let (status, text) = (response.status(), response.text().await.unwrap());
            assert!(!status.is_server_error(), "{method} {path}: {status} {text}");
            assert!(!text.contains("Heron") && !text.contains("47800"), "{method} {path}: {text}");
            if path.contains("{file}") || path.contains("Base/") || path.contains("cancel") {
                assert!(!status.is_success(), "{method} {path}: {status} {text}");
            }
        }
    }
    assert_eq!(everything(&server).await, before);
}

/// All that an operator sees, but when devices asked.
async fn everything(server: &Server) -> Vec<serde_json::Value> {
    let mut all = Vec::new();
    for Route { method, path, access } in all_routes().await {
        let is_seen = matches!(access, Access::Operator(_)) && method == Method::GET;
        if is_seen && !path.contains("{id}") {
            let path = match path.ends_with("/changes") {
                true => format!("{}?from=1.0&to=1.1", filled(path)),
                false => filled(path),
            };
            all.push(server.get(&path).await);
        }
    }
    all
}
