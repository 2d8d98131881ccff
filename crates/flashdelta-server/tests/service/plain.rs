//! The plain request: a device from 1.0 to 1.1.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::fleet::{self, apply, digest, firmware};
use crate::server::{json, Setup};

crate::on_both_databases!(a_device_is_updated a_download_goes_on reports_count_once
    gateways_speak_for_devices
    who_says_nothing_is_in_no_loop);

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

async fn a_device_is_updated(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let (old, new) = (firmware("cortex-m-1.0.bin"), firmware("cortex-m-1.1.bin"));
    let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
    let ask = |held: &[u8]| {
        let path = format!("/v1/update?product=heron&digest={}&profile=small", digest(held));
        let request = server.request(Method::GET, &path, &token);
        async { request.send().await.unwrap() }
    };
    let found = ask(&old).await;
    assert_eq!(found.status(), StatusCode::OK);
    assert_eq!(header(&found, "x-flashdelta-kind"), "delta");
    assert_eq!(header(&found, "x-flashdelta-release"), "1.1");
    assert_eq!(header(&found, "x-flashdelta-image"), digest(&new));
    let (sent, tag) =
        (header(&found, "x-flashdelta-digest").to_owned(), header(&found, "etag").to_owned());
    let patch = found.bytes().await.unwrap();
    assert_eq!((digest(&patch), tag), (sent.clone(), format!("\"{sent}\"")));
    assert!(patch.len() < new.len() / 4, "{}", patch.len());
    let made = apply(&old, &patch);
    assert!(made == new);
    // Asked again it is the same, and the same action.
    let again = ask(&old).await;
    assert_eq!(header(&again, "x-flashdelta-action"), "1");
    assert_eq!(again.bytes().await.unwrap(), patch);
    // With what it holds now it has arrived, and that is a report.
    let none = ask(&made).await;
    assert_eq!(none.status(), StatusCode::NO_CONTENT);
    assert!(header(&none, "x-flashdelta-reason").contains("holds release 1.1"));
    let actions = server.get("/v1/devices/h-1/actions").await;
    assert_eq!(
        (actions[0]["state"].as_str(), actions.as_array().unwrap().len()),
        (Some("succeeded"), 1)
    );
    let rollouts = server.get("/v1/products/heron/rollouts").await;
    assert_eq!(
        (&rollouts[0]["offered"], &rollouts[0]["succeeded"], &rollouts[0]["failed"]),
        (&json!(1), &json!(1), &json!(0))
    );
    // An image that nobody knows is replaced by a whole one.
    let whole = ask(b"something else").await;
    assert_eq!((whole.status(), header(&whole, "x-flashdelta-kind")), (StatusCode::OK, "whole"));
    assert!(apply(b"", &whole.bytes().await.unwrap()) == new);
    for wrong in ["digest=12", "product=egret", "profile=pdp11", "ram=x", "wait=-1", "device=h-2"] {
        let path = format!("/v1/update?{wrong}");
        let response = server.request(Method::GET, &path, &token).send().await.unwrap();
        assert!(response.status().is_client_error(), "{wrong}: {}", response.status());
    }
}

async fn a_download_goes_on(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let token =
        fleet::device(&server, "h-1", "heron", &digest(&firmware("cortex-m-1.0.bin"))).await;
    let ask = |headers: &[(&'static str, String)]| {
        let mut request = server.request(Method::GET, "/v1/update", &token);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        async { request.send().await.unwrap() }
    };
    let whole = ask(&[]).await;
    let tag = header(&whole, "etag").to_owned();
    let patch = whole.bytes().await.unwrap();
    let mut got = Vec::new();
    while got.len() < patch.len() {
        let range = format!("bytes={}-{}", got.len(), got.len() + 999);
        let part = ask(&[("range", range), ("if-range", tag.clone())]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        let end = (got.len() + 1000).min(patch.len());
        let expected = format!("bytes {}-{}/{}", got.len(), end - 1, patch.len());
        assert_eq!(header(&part, "content-range"), expected);
        got.extend_from_slice(&part.bytes().await.unwrap());
    }
    assert!(got == patch);
    let other = ask(&[("range", "bytes=5-".into()), ("if-range", "\"x\"".into())]).await;
    assert_eq!((other.status(), other.bytes().await.unwrap()), (StatusCode::OK, patch.clone()));
    let outside = ask(&[("range", format!("bytes={}-", patch.len()))]).await;
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let known = ask(&[("if-none-match", tag)]).await;
    assert_eq!((known.status(), known.bytes().await.unwrap().len()), (StatusCode::NOT_MODIFIED, 0));
}

async fn reports_count_once(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let limit = async |retry_seconds: u32| {
        let limits = json!({"retry_seconds": retry_seconds, "most_failures": 2,
            "after_reports": 4, "failure_percent": 50});
        server.put("/v1/products/heron/limits", &limits).await;
    };
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let rollout = || async { server.get("/v1/products/heron/rollouts").await[0].take() };
    let ask = |token: String| {
        let request = server.request(Method::GET, "/v1/update", &token);
        async { request.send().await.unwrap() }
    };
    let say = |token: String, action: String, result: &'static str| {
        let action: i64 = action.parse().unwrap();
        let body = json!({"action": action, "result": result, "message": "flash is worn"});
        let request = server.request(Method::POST, "/v1/update/report", &token).json(&body);
        async {
            json(request.send().await.unwrap(), StatusCode::OK).await["counted"].as_bool().unwrap()
        }
    };
    // After a failure it is asked again later.
    limit(3600).await;
    let token = fleet::device(&server, "h-0", "heron", &held).await;
    let action = header(&ask(token.clone()).await, "x-flashdelta-action").to_owned();
    assert!(say(token.clone(), action.clone(), "failure").await);
    let held_back = ask(token).await;
    assert_eq!(held_back.status(), StatusCode::NO_CONTENT);
    assert!(
        header(&held_back, "x-flashdelta-reason").contains("it has failed to install 1.1 1 times")
    );
    // And then no more.
    limit(0).await;
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    let action = header(&ask(token.clone()).await, "x-flashdelta-action").to_owned();
    assert!(say(token.clone(), action.clone(), "proceeding").await);
    assert!(say(token.clone(), action.clone(), "failure").await);
    assert!(!say(token.clone(), action.clone(), "failure").await);
    assert!(!say(token.clone(), action.clone(), "success").await);
    assert_eq!(rollout().await["failed"], 2);
    let second = header(&ask(token.clone()).await, "x-flashdelta-action").to_owned();
    assert_ne!(second, action);
    assert!(say(token.clone(), second, "failure").await);
    assert_eq!(ask(token.clone()).await.status(), StatusCode::NO_CONTENT);
    // One more, and the roll-out stops for all.
    let other = fleet::device(&server, "h-2", "heron", &held).await;
    let action = header(&ask(other.clone()).await, "x-flashdelta-action").to_owned();
    assert!(say(other, action, "failure").await);
    assert!(rollout().await["stopped_at"].as_i64().unwrap() > 0);
    assert_eq!(server.get("/v1/products/heron/rules").await["assignments"][0]["paused"], true);
    let third = fleet::device(&server, "h-3", "heron", &held).await;
    let stopped = ask(third.clone()).await;
    assert!(header(&stopped, "x-flashdelta-reason").contains("it is paused"));
    assert_eq!(server.get("/v1/audit").await[1]["what"], "roll-out stopped");
    // Going on is saving the rules anew.
    fleet::assign(&server, "heron", "1.1").await;
    assert_eq!(ask(third).await.status(), StatusCode::OK);
    assert_eq!(rollout().await["failed"], 0);
}

/// A device that falls back without a word asks again and again: it is slowed down, too.
async fn who_says_nothing_is_in_no_loop(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let limits = json!({"retry_seconds": 3600, "most_starts": 3});
    server.put("/v1/products/heron/limits", &limits).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    let ask = |headers: &'static [(&'static str, &'static str)]| {
        let mut request = server.request(Method::GET, "/v1/update", &token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        async { request.send().await.unwrap() }
    };
    for _ in 0..3 {
        assert_eq!(ask(&[]).await.status(), StatusCode::OK);
        // To go on, and to look, is no start.
        assert_eq!(ask(&[("range", "bytes=9-")]).await.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(ask(&[("if-none-match", "*")]).await.status(), StatusCode::NOT_MODIFIED);
    }
    let refused = ask(&[]).await;
    assert_eq!(refused.status(), StatusCode::NO_CONTENT);
    assert!(header(&refused, "x-flashdelta-reason").contains("begun too often"));
    let stored = server.get("/v1/devices/h-1").await;
    assert_eq!((&stored["failures"], &stored["failing"]), (&json!(1), &json!("1.1")));
    assert_eq!(server.get("/v1/products/heron/rollouts").await[0]["failed"], 1);
    let said = server.get("/v1/devices/h-1/actions/1").await;
    assert!(said[0]["message"].as_str().unwrap().contains("begun 3 times"), "{said}");
    // Later it is asked again: not before that.
    let held_back = ask(&[]).await;
    assert_eq!(held_back.status(), StatusCode::NO_CONTENT);
    assert!(header(&held_back, "x-flashdelta-reason").contains("not offered for 3"));
}

async fn gateways_speak_for_devices(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let made = server.post("/v1/tokens", &json!({"kind": "gateway", "name": "line"})).await;
    let gateway = made["token"].as_str().unwrap();
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let ask = |query: String| {
        let request = server.request(Method::GET, &format!("/v1/update?{query}"), gateway);
        async { request.send().await.unwrap() }
    };
    assert_eq!(ask(String::new()).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ask("device=new-1".into()).await.status(), StatusCode::NO_CONTENT);
    let found =
        ask(format!("device=new-1&product=heron&digest={held}&profile=small&region=eu")).await;
    assert_eq!((found.status(), header(&found, "x-flashdelta-kind")), (StatusCode::OK, "delta"));
    let stored = server.get("/v1/devices/new-1").await;
    assert_eq!(stored["device"]["attributes"]["region"], "eu");
}
