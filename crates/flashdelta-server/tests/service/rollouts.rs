//! Roll-outs by the API, savings, and what changed.

use reqwest::{Method, StatusCode};
use serde_json::{json, Value};

use crate::fleet::{self, digest, firmware};
use crate::server::{json, Server, Setup};

crate::on_both_databases!(a_roll_out_goes_by_stages changes_come_from_the_patch
    devices_are_found);

async fn patch(server: &Server, path: &str, body: Value) -> Value {
    let request = server.request(Method::PATCH, path, &server.token).json(&body);
    json(request.send().await.unwrap(), StatusCode::OK).await
}

async fn a_roll_out_goes_by_stages(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let mut tokens = Vec::new();
    for number in 0..20 {
        tokens.push(fleet::device(&server, &format!("h-{number}"), "heron", &held).await);
    }
    server.put("/v1/products/heron/rules", &json!({"product": "heron"})).await;
    let path = "/v1/products/heron/rollouts";
    let asks = |token: &str| {
        let request = server.request(Method::GET, "/v1/update", token);
        async { request.send().await.unwrap().status() }
    };
    assert_eq!(asks(&tokens[0]).await, StatusCode::NO_CONTENT);
    let wanted = json!({"id": "first", "release": "1.1", "share": 30, "condition": "id != 'h-0'"});
    let made = server.post(path, &wanted).await;
    assert_eq!((&made["state"], &made["assignment"]["share"]), (&json!("running"), &json!(30)));
    let one = format!("{path}/first");
    let reach = server.get(&one).await["reach"].clone();
    let reached = reach["reached"].as_u64().unwrap();
    assert!(reach["devices"] == 19 && (1..19).contains(&reached), "{reach}");
    let mut offered = 0;
    for token in &tokens {
        offered += u64::from(asks(token).await == StatusCode::OK);
    }
    assert_eq!(offered, reached);
    // The same name twice, and mistakes.
    for (wrong, status) in [
        (wanted.clone(), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"id": "b", "release": "9"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"id": "b", "release": "1.1", "share": 101}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let request = server.request(Method::POST, path, &server.token).json(&wrong);
        json(request.send().await.unwrap(), status).await;
    }
    // Paused: what is not begun is taken back.
    assert_eq!(patch(&server, &one, json!({"paused": true})).await["state"], "paused");
    for token in &tokens {
        assert_eq!(asks(token).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(
        patch(&server, &one, json!({"paused": false, "share": 100})).await["state"],
        "running"
    );
    assert_eq!(asks(&tokens[0]).await, StatusCode::NO_CONTENT);
    let new = digest(&firmware("cortex-m-1.1.bin"));
    for token in &tokens[1..] {
        assert_eq!(asks(token).await, StatusCode::OK);
        let request = server.request(Method::GET, &format!("/v1/update?digest={new}"), token);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    }
    let rollout = server.get(&one).await;
    assert_eq!(rollout["reach"], json!({"devices": 19, "reached": 19, "updated": 19}));
    assert_eq!(rollout["succeeded"], 19);
    let savings = server.get("/v1/savings").await;
    let (sent, whole) = (savings[0]["bytes"].as_u64(), savings[0]["whole_bytes"].as_u64());
    let size = firmware("cortex-m-1.1.bin").len() as u64;
    assert_eq!((&savings[0]["updates"], whole), (&json!(19), Some(19 * size)));
    assert!(sent.unwrap() * 5 < whole.unwrap(), "{savings}");
    let request = server.request(Method::DELETE, &one, &server.token);
    json(request.send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(server.get(path).await[0]["state"], "ended");
    let gone = server.request(Method::PATCH, &one, &server.token).json(&json!({"paused": true}));
    assert_eq!(gone.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let audit = server.get("/v1/audit").await;
    let what: Vec<&str> =
        audit.as_array().unwrap().iter().filter_map(|entry| entry["what"].as_str()).collect();
    for expected in ["roll-out", "roll-out paused", "roll-out resumed", "roll-out aborted"] {
        assert!(what.contains(&expected), "{what:?}");
    }
}

async fn changes_come_from_the_patch(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let path = "/v1/products/heron/changes?from=1.0&to=1.1";
    assert_eq!(server.get(path).await["state"], "missing");
    server.post(path, &Value::Null).await;
    let mut found = Value::Null;
    for _ in 0..1200 {
        found = server.get(path).await;
        if found["state"] != "pending" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!((&found["state"], &found["isa"]), (&json!("ready"), &json!("thumb")));
    let blocks = found["blocks"].as_array().unwrap();
    let (new, block) = (found["new_size"].as_u64().unwrap(), found["block_size"].as_u64().unwrap());
    let size = firmware("cortex-m-1.1.bin").len() as u64;
    assert_eq!((new, blocks.len() as u64), (size, new.div_ceil(block)));
    let spent: u64 = blocks.iter().map(|block| block["patch_bytes"].as_u64().unwrap()).sum();
    let patch = found["patch_size"].as_u64().unwrap();
    assert!(spent < patch && spent * 10 > patch * 9, "{spent} of {patch}");
    assert!(blocks.iter().any(|block| block["is_same"] == true));
    let same = server.get("/v1/products/heron/changes?from=1.0&to=1.0").await;
    assert_eq!((&same["state"], &same["patch_size"]), (&json!("ready"), &json!(0)));
    for (query, status) in [("from=1.0&to=9", 422), ("from=1.0&to=1.1&component=radio", 404)] {
        let path = format!("/v1/products/heron/changes?{query}");
        let answer = server.request(Method::GET, &path, &server.token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{query}");
    }
}

async fn devices_are_found(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    for (id, serial, batch) in [("h-1", "SN_100%", "b"), ("h-2", "SNX100", "b"), ("g-3", "", "c")] {
        let device = json!({"id": id, "product": "heron", "serial": serial, "batch": batch});
        server.put(&format!("/v1/devices/{id}"), &device).await;
    }
    for (search, expected) in [
        ("H-", &["h-1", "h-2"][..]),
        ("3", &["g-3"]),
        ("sn_", &["h-1"]),
        ("SN_100%25", &["h-1"]),
        ("snx", &["h-2"]),
        ("100", &[]),
        ("!", &[]),
        ("'", &[]),
    ] {
        let found = server.get(&format!("/v1/devices?search={search}")).await;
        let ids: Vec<&str> =
            found.as_array().unwrap().iter().map(|device| device["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{search}");
    }
}
