//! The catalogue by HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{json, Value};

use crate::fleet::{self, firmware};
use crate::server::{json, Setup};

crate::on_both_databases!(the_catalogue_is_entered mistakes_are_told);

async fn the_catalogue_is_entered(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let products = server.get("/v1/products").await;
    assert_eq!(products[0]["title"], "Heron");
    let releases = server.get("/v1/products/heron/releases").await;
    assert_eq!(
        (releases[0]["version"].as_str(), releases.as_array().unwrap().len()),
        (Some("1.0"), 2)
    );
    let sha256 = releases[0]["components"][0]["image"].as_str().unwrap();
    let file = server.get(&format!("/v1/files/{sha256}")).await;
    assert_eq!((file["size"].as_u64(), file["format"].as_str()), (Some(47800), Some("raw")));
    // Any format, and the same memory.
    let upload = |name: &'static str| {
        let path = format!("/v1/files?name={name}");
        server.request(Method::POST, &path, &server.token).body(firmware(name))
    };
    let srec = json(upload("cortex-m-1.0.s19").send().await.unwrap(), StatusCode::OK).await;
    assert_eq!((srec["format"].as_str(), &srec["memory"]["size"]), (Some("srec"), &json!(47800)));
    // A release of several components, in one document.
    let release = json!({
        "product": "heron", "version": "2.0", "hardware": {"first": 2, "last": 3},
        "components": [
            {"name": "application", "image": sha256},
            {"name": "radio", "kind": "radio", "image": srec["sha256"]},
        ],
    });
    server.put("/v1/products/heron/releases/2.0", &release).await;
    // Devices, with what conditions ask about.
    let token =
        fleet::device(&server, "h-1", "heron", file["memory"]["sha256"].as_str().unwrap()).await;
    assert!(token.starts_with("fdd_"));
    let stored = server.get("/v1/devices/h-1").await;
    assert_eq!(stored["device"]["product"], "heron");
    assert_eq!(server.get("/v1/devices?product=heron").await.as_array().unwrap().len(), 1);
    assert_eq!(server.get("/v1/devices?product=egret").await.as_array().unwrap().len(), 0);
    let plan = server.get("/v1/devices/h-1/plan").await;
    assert_eq!((plan["answer"].as_str(), plan["release"].as_str()), (Some("update"), Some("1.1")));
    assert!(plan["why"].to_string().contains("rule all: release 1.1"), "{plan}");
    // All of it was noted, and survives the server.
    let audit = server.get("/v1/audit").await;
    let what: Vec<&str> =
        audit.as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    for expected in ["device", "release", "file", "rules", "product"] {
        assert!(what.contains(&expected), "{what:?}");
    }
    let token = server.token.clone();
    server.kill();
    let mut server = setup.start();
    server.token = token;
    assert_eq!(server.get("/v1/products/heron/releases").await.as_array().unwrap().len(), 3);
}

async fn mistakes_are_told(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let refused = |method: Method, path: &'static str, body: Value, status: u16| {
        let request = server.request(method, path, &server.token).json(&body);
        async move {
            let response = request.send().await.unwrap();
            json(response, StatusCode::from_u16(status).unwrap()).await["error"].take()
        }
    };
    let rules = |condition: &str, release: &str| {
        json!({"product": "heron", "assignments":
            [{"id": "all", "condition": condition, "release": release}]})
    };
    let path = "/v1/products/heron/rules";
    let error = refused(Method::PUT, path, rules("yaer > 2020", "1.1"), 422).await;
    assert!(error["message"].as_str().unwrap().contains("yaer"), "{error}");
    let error = refused(Method::PUT, path, rules("true", "9.9"), 422).await;
    assert_eq!(error["code"], "unknown-release");
    let error = refused(Method::PUT, "/v1/products/egret/rules", rules("true", "1.1"), 422).await;
    assert_eq!(error["code"], "bad-value");
    let nowhere = json!({"product": "heron", "version": "3", "components":
        [{"name": "a", "image": "00".repeat(32)}]});
    refused(Method::PUT, "/v1/products/heron/releases/3", nowhere, 404).await;
    let other = json!({"id": "b", "product": "heron"});
    refused(Method::PUT, "/v1/devices/a", other, 422).await;
    let unknown = json!({"id": "a", "product": "egret"});
    refused(Method::PUT, "/v1/devices/a", unknown, 404).await;
    refused(Method::PUT, "/v1/products/a%2Fb", json!({"name": "a/b"}), 422).await;
    refused(Method::PUT, "/v1/products/heron", json!("text"), 422).await;
    refused(Method::GET, "/v1/devices/nobody", Value::Null, 404).await;
    refused(Method::GET, "/v1/files/12", Value::Null, 422).await;
    // Text that one of the databases cannot have.
    for path in ["/v1/devices/%00", "/v1/products/%00", "/v1/devices?after=%00", "/v1/tokens/%00"] {
        let method = if path.contains("tokens") { Method::DELETE } else { Method::GET };
        let response = server.request(method, path, &server.token).send().await.unwrap();
        assert!(!response.status().is_server_error(), "{path}: {}", response.status());
    }
    // Nobody locks himself out.
    let tokens = server.get("/v1/tokens").await;
    let own: &'static str = format!("/v1/tokens/{}", tokens[0]["id"].as_str().unwrap()).leak();
    refused(Method::DELETE, own, Value::Null, 422).await;
    // Another file under the same version is another release.
    let path = "/v1/products/heron/releases?version=1.1&name=x.bin";
    refused(Method::POST, path, json!("other"), 422).await;
}
