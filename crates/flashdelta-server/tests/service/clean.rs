//! Releases that are removed, and the end of what nobody needs any more.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::fleet::{self, apply, digest, firmware};
use crate::server::{Server, Setup};

crate::on_both_databases!(what_nobody_needs_is_removed);

async fn remove(server: &Server, version: &str) -> StatusCode {
    let path = format!("/v1/products/heron/releases/{version}");
    server.request(Method::DELETE, &path, &server.token).send().await.unwrap().status()
}

/// The number of contents in the store.
fn stored(setup: &Setup) -> usize {
    fn files(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
    }
    files(&setup.folder.path().join("data/contents"))
}

async fn what_nobody_needs_is_removed(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let [old, new] = ["cortex-m-1.0.bin", "cortex-m-1.1.bin"].map(firmware);
    let last = [&new[..], b"and more"].concat();
    fleet::release(&server, "heron", "1.2", "c.bin", last.clone()).await;
    let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
    let ask = |held: &[u8]| {
        let path = format!("/v1/update?digest={}", digest(held));
        let request = server.request(Method::GET, &path, &token);
        async { request.send().await.unwrap() }
    };
    assert_eq!(ask(&old).await.status(), StatusCode::OK);
    assert_eq!(ask(&new).await.status(), StatusCode::NO_CONTENT);
    // A file that no release has, and what stays for as long as it is new.
    let upload = server.request(Method::POST, "/v1/files?name=x.bin", &server.token);
    assert!(upload.body(vec![7; 5000]).send().await.unwrap().status().is_success());
    assert_eq!(stored(&setup), 5);
    let said = setup.output("clean", &[]);
    assert_eq!(said, "default: 0 files, 0 patches; 0 contents of the store, 0 bytes\n");
    let said = setup.output("clean", &["--keep", "0"]);
    assert_eq!(said, "default: 1 files, 0 patches; 1 contents of the store, 5000 bytes\n");
    // A release that a rule names is not removed, nor one that there is not.
    assert_eq!(remove(&server, "1.1").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(remove(&server, "9").await, StatusCode::UNPROCESSABLE_ENTITY);
    fleet::assign(&server, "heron", "1.2").await;
    // A device has begun with a patch from a release that is removed then: it goes on with that.
    let begun = ask(&new).await;
    assert_eq!(begun.status(), StatusCode::OK);
    let patch = begun.bytes().await.unwrap();
    for version in ["1.0", "1.1"] {
        assert_eq!(remove(&server, version).await, StatusCode::OK);
    }
    let said = setup.output("clean", &["--keep", "0"]);
    assert!(said.starts_with("default: 2 files, 2 patches; 3 contents of the store, "), "{said}");
    let again = ask(&new).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.bytes().await.unwrap(), patch);
    assert!(apply(&new, &patch) == last);
    assert_eq!(ask(&last).await.status(), StatusCode::NO_CONTENT);
    // Then that is gone, too; a device that holds what is removed gets all of the last release.
    let said = setup.output("clean", &["--keep", "0"]);
    assert!(said.starts_with("default: 0 files, 0 patches; 1 contents of the store, "), "{said}");
    assert_eq!(stored(&setup), 1);
    let token = fleet::device(&server, "h-2", "heron", &digest(&old)).await;
    let path = format!("/v1/update?digest={}", digest(&old));
    let found = server.request(Method::GET, &path, &token).send().await.unwrap();
    assert_eq!(found.headers()["x-flashdelta-kind"], "whole");
    // What was removed can be entered again.
    fleet::release(&server, "heron", "1.0", "c.bin", old.clone()).await;
    let releases = server.get("/v1/products/heron/releases").await;
    assert_eq!(releases.as_array().unwrap().len(), 2);
    let audit = server.get("/v1/audit").await;
    assert!(audit
        .as_array()
        .unwrap()
        .iter()
        .any(|entry| entry["what"] == json!("release removed")));
}
