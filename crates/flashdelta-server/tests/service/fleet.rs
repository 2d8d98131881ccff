//! A small fleet: the firmware of the test data, products, devices.

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{json, Value};

use crate::server::{json, Server};

pub(crate) fn firmware(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/firmware"));
    std::fs::read(folder.join(name)).unwrap()
}

/// SHA-256 of the memory of an image that is a raw file.
pub(crate) fn digest(bytes: &[u8]) -> String {
    flashdelta_fleet::Digest::of(bytes).to_string()
}

/// The product "heron" with releases 1.0 and 1.1 for Cortex-M, which all devices get the latter of.
pub(crate) async fn heron(server: &Server) {
    server.put("/v1/products/heron", &json!({"name": "heron", "title": "Heron"})).await;
    for version in ["1.0", "1.1"] {
        let file = format!("cortex-m-{version}.bin");
        release(server, "heron", version, &file, firmware(&file)).await;
    }
    assign(server, "heron", "1.1").await;
}

pub(crate) async fn release(
    server: &Server,
    product: &str,
    version: &str,
    name: &str,
    file: Vec<u8>,
) -> Value {
    let path = format!("/v1/products/{product}/releases?version={version}&name={name}");
    let upload = server.request(Method::POST, &path, &server.token).body(file);
    json(upload.send().await.unwrap(), StatusCode::OK).await
}

pub(crate) async fn assign(server: &Server, product: &str, version: &str) {
    let rules = json!({
        "product": product,
        "assignments": [{"id": "all", "release": version}],
    });
    server.put(&format!("/v1/products/{product}/rules"), &rules).await;
}

/// Enters a device, which holds an image; gives its token.
pub(crate) async fn device(server: &Server, id: &str, product: &str, running: &str) -> String {
    let mut device = json!({
        "id": id,
        "product": product,
        "applier": {"profile": "small", "takes_files": false},
    });
    if !running.is_empty() {
        device["running"] = running.into();
    }
    let entered = server.put(&format!("/v1/devices/{id}"), &device).await;
    entered["token"].as_str().unwrap().to_owned()
}

/// What a device does with a patch.
pub(crate) fn apply(old: &[u8], patch: &[u8]) -> Vec<u8> {
    use flashdelta::door::{apply, ApplyRequest};
    let old = flashdelta::Input::from_bytes(old);
    apply(&old, patch, ApplyRequest::new()).unwrap().bytes
}
