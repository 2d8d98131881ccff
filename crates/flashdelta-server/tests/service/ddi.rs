//! hawkBit's DDI, with the crate `hawkbit` as it is, and by requests where that has no word.

use std::path::Path;

use hawkbit::ddi::{Client, ClientAuthorization, Execution, Finished, Mode, Reply};
use reqwest::{Method, StatusCode};
use serde_json::{json, Value};

use crate::fleet::{self, apply, digest, firmware};
use crate::server::{json, Server, Setup};

crate::on_both_databases!(a_hawkbit_client_is_updated failures_are_reported
    what_is_not_wanted_any_more_is_stopped downloads_go_on);

fn client(server: &Server, id: &str, token: &str) -> Client {
    let token = ClientAuthorization::TargetToken(token.to_owned());
    Client::new(&server.url(""), "DEFAULT", id, token, None, None, None).unwrap()
}

/// Polls until there is an update; the delta is being made meanwhile.
async fn update(client: &Client) -> hawkbit::ddi::UpdatePreFetch {
    for _ in 0..1200 {
        if let Some(update) = client.poll().await.unwrap().update() {
            return update;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("no update");
}

#[derive(serde::Serialize)]
struct Attributes {
    product: &'static str,
    digest: String,
    profile: &'static str,
    region: &'static str,
}

async fn config(reply: &Reply, image: &[u8]) {
    let request = reply.config_data_request().expect("it is asked what it is");
    let data =
        Attributes { product: "heron", digest: digest(image), profile: "small", region: "eu" };
    request
        .upload(Execution::Closed, Finished::Success, Some(Mode::Merge), data, vec![])
        .await
        .unwrap();
}

async fn a_hawkbit_client_is_updated(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let (old, new) = (firmware("cortex-m-1.0.bin"), firmware("cortex-m-1.1.bin"));
    let token = fleet::device(&server, "h-1", "heron", "").await;
    let client = client(&server, "h-1", &token);
    let first = client.poll().await.unwrap();
    assert_eq!(first.polling_sleep().unwrap().as_secs() % 10, 0);
    config(&first, &old).await;
    let update = update(&client).await.fetch().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chunks: Vec<_> = update.chunks().collect();
    assert_eq!((chunks.len(), chunks[0].part(), chunks[0].version()), (1, "application", "1.1"));
    update.send_feedback(Execution::Proceeding, Finished::None, vec!["downloading"]).await.unwrap();
    let artifacts = update.download(folder.path()).await.unwrap();
    artifacts[0].check_md5().await.unwrap();
    artifacts[0].check_sha1().await.unwrap();
    artifacts[0].check_sha256().await.unwrap();
    let patch = read(artifacts[0].file());
    let artifact = chunks[0].artifacts().next().unwrap();
    assert_eq!((artifact.size() as usize, artifact.filename()), (patch.len(), "application.fdp"));
    assert!(apply(&old, &patch) == new);
    update.send_feedback(Execution::Closed, Finished::Success, vec![]).await.unwrap();
    // Twice is no more than once.
    update.send_feedback(Execution::Closed, Finished::Success, vec![]).await.unwrap();
    let after = client.poll().await.unwrap();
    assert!(after.update().is_none() && after.config_data_request().is_none());
    assert_eq!(server.get("/v1/products/heron/rollouts").await[0]["succeeded"], 1);
    let stored = server.get("/v1/devices/h-1").await;
    assert_eq!(stored["device"]["running"], digest(&new));
    assert_eq!(stored["device"]["attributes"]["region"], "eu");
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

async fn failures_are_reported(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let old = firmware("cortex-m-1.0.bin");
    let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
    let client = client(&server, "h-1", &token);
    let update = update(&client).await.fetch().await.unwrap();
    update
        .send_feedback(Execution::Closed, Finished::Failure, vec!["no space", "on the device"])
        .await
        .unwrap();
    assert!(client.poll().await.unwrap().update().is_none());
    let stored = server.get("/v1/devices/h-1").await;
    assert_eq!((&stored["failures"], &stored["failing"]), (&json!(1), &json!("1.1")));
    let actions = server.get("/v1/devices/h-1/actions").await;
    assert_eq!((&actions[0]["state"], actions.as_array().unwrap().len()), (&json!("failed"), 1));
    let reports = server.get("/v1/devices/h-1/actions/1").await;
    assert_eq!(reports[0]["message"], "no space\non the device");
}

/// A request of a device, as it goes over the wire.
async fn ask(server: &Server, method: Method, path: &str, token: &str, body: Value) -> Value {
    let request = server.client.request(method, server.url(path));
    let request = request.header("authorization", format!("TargetToken {token}"));
    json(request.json(&body).send().await.unwrap(), StatusCode::OK).await
}

async fn what_is_not_wanted_any_more_is_stopped(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let old = firmware("cortex-m-1.0.bin");
    let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
    let client = client(&server, "h-1", &token);
    let pause = |paused: bool| {
        let rules = json!({"product": "heron", "assignments":
            [{"id": "all", "release": "1.1", "paused": paused}]});
        let server = &server;
        async move { server.put("/v1/products/heron/rules", &rules).await }
    };
    // What was not begun is gone.
    update(&client).await;
    pause(true).await;
    assert!(client.poll().await.unwrap().update().is_none());
    assert_eq!(server.get("/v1/devices/h-1/actions").await[0]["state"], "cancelled");
    // What was begun is stopped by the device.
    pause(false).await;
    let begun = update(&client).await.fetch().await.unwrap();
    begun.send_feedback(Execution::Proceeding, Finished::None, vec![]).await.unwrap();
    pause(true).await;
    let reply = client.poll().await.unwrap();
    assert!(reply.update().is_none());
    let cancel = reply.cancel_action().expect("it is to stop");
    let id = cancel.id().await.unwrap();
    assert_eq!(id, "2");
    // It cannot: it goes on, and is asked again as long as it is not wanted.
    cancel.send_feedback(Execution::Rejected, Finished::None, vec!["flashing"]).await.unwrap();
    assert_eq!(server.get("/v1/devices/h-1/actions").await[0]["state"], "running");
    let cancel = client.poll().await.unwrap().cancel_action().unwrap();
    cancel.send_feedback(Execution::Closed, Finished::Success, vec![]).await.unwrap();
    assert!(client.poll().await.unwrap().cancel_action().is_none());
    assert_eq!(server.get("/v1/devices/h-1/actions").await[0]["state"], "cancelled");
    let rollout = &server.get("/v1/products/heron/rollouts").await[0];
    assert_eq!((&rollout["succeeded"], &rollout["failed"]), (&json!(0), &json!(0)));
}

async fn downloads_go_on(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let old = firmware("cortex-m-1.0.bin");
    let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
    let begun = update(&client(&server, "h-1", &token)).await.fetch().await.unwrap();
    let whole = tempfile::tempdir().unwrap();
    let whole = read(begun.download(whole.path()).await.unwrap()[0].file());
    // The client goes on where it was.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("application.fdp.part"), &whole[..700]).unwrap();
    assert!(read(begun.download(folder.path()).await.unwrap()[0].file()) == whole);
    let base = "/default/controller/v1/h-1";
    let root = ask(&server, Method::GET, base, &token, Value::Null).await;
    let href = root["_links"]["deploymentBase"]["href"].as_str().unwrap().to_owned();
    let path = href.strip_prefix(&server.url("")).unwrap();
    let deployment = ask(&server, Method::GET, path, &token, Value::Null).await;
    let artifact = &deployment["deployment"]["chunks"][0]["artifacts"][0];
    let href = artifact["_links"]["download-http"]["href"].as_str().unwrap();
    let get = |range: &str| {
        let request = server.client.get(href).header("range", range);
        let request = request.header("authorization", format!("TargetToken {token}"));
        async { request.send().await.unwrap() }
    };
    let (first, rest) = (get("bytes=0-99").await, get("bytes=100-").await);
    assert_eq!(
        (first.status(), rest.status()),
        (StatusCode::PARTIAL_CONTENT, StatusCode::PARTIAL_CONTENT)
    );
    let patch = [first.bytes().await.unwrap(), rest.bytes().await.unwrap()].concat();
    assert_eq!(artifact["hashes"]["sha256"], digest(&patch));
    assert!(patch == whole);
    assert!(apply(&old, &patch) == firmware("cortex-m-1.1.bin"));
}
