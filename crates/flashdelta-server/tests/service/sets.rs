//! Releases of several components: one component set for devices that take them; and what goes with
//! a release.

use std::collections::BTreeMap;

use flashdelta::set::{apply_signed, ComponentName};
use flashdelta::sign::{PrivateKey, TrustedKeys};
use flashdelta::verify::Algorithm;
use reqwest::{Method, Response, StatusCode};
use serde_json::{json, Value};

use crate::fleet::{self, digest, firmware};
use crate::server::{json, Server, Setup};

crate::on_both_databases!(a_release_is_one_set what_cannot_be_in_a_set_is_not_offered
    auxiliary_contents_go_with_a_release);

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

fn radio(version: u8) -> Vec<u8> {
    (0..6000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 | version).collect()
}

/// Uploads a file, gives its digest.
async fn upload(server: &Server, name: &str, file: Vec<u8>) -> String {
    let path = format!("/v1/files?name={name}");
    let sent = server.request(Method::POST, &path, &server.token).body(file).send().await;
    json(sent.unwrap(), StatusCode::OK).await["sha256"].as_str().unwrap().to_owned()
}

/// A release of an application and a radio behind it.
async fn release(server: &Server, version: &str, app: &str, radio: &str, more: Value) {
    let mut body = json!({
        "product": "heron", "version": version,
        "components": [
            {"name": "radio", "kind": "radio", "place": {"child": {"id": 1, "name": "radio"}},
             "image": radio},
            {"name": "app", "place": {"partition": "ota"}, "image": app},
        ],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.put(&format!("/v1/products/heron/releases/{version}"), &body).await;
}

/// The product, with releases 1.0 to 1.2; the radio is the same in 1.1 and 1.2.
async fn product(server: &Server) {
    server.put("/v1/products/heron", &json!({"name": "heron"})).await;
    let apps = [
        upload(server, "app-1.0.bin", firmware("cortex-m-1.0.bin")).await,
        upload(server, "app-1.1.bin", firmware("cortex-m-1.1.bin")).await,
    ];
    let radios = [
        upload(server, "radio-1.bin", radio(0)).await,
        upload(server, "radio-2.bin", radio(1)).await,
    ];
    release(server, "1.0", &apps[0], &radios[0], json!({})).await;
    release(server, "1.1", &apps[0], &radios[1], json!({})).await;
    release(server, "1.2", &apps[1], &radios[1], json!({})).await;
    fleet::assign(server, "heron", "1.2").await;
}

async fn ask(server: &Server, token: &str, held: [&[u8]; 2], more: &str) -> Response {
    let [app, radio] = held.map(digest);
    let path = format!("/v1/update?digest=app={app},radio={radio}&profile=small{more}");
    server.request(Method::GET, &path, token).send().await.unwrap()
}

async fn a_release_is_one_set(setup: Setup) {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let path = setup.folder.path().join("key.pem");
    std::fs::write(&path, key.to_pem()).unwrap();
    let server = setup.start_with(&["--signing-key", path.to_str().unwrap()]);
    product(&server).await;
    let (old, new) = (firmware("cortex-m-1.0.bin"), firmware("cortex-m-1.1.bin"));
    let names = [
        ComponentName::Partition("ota".to_owned()),
        ComponentName::Child { id: 1, name: "radio".to_owned() },
    ];
    let holds = |app: &[u8], radio: &[u8]| {
        BTreeMap::from([(names[0].clone(), app.to_vec()), (names[1].clone(), radio.to_vec())])
    };
    let apply = |set: &[u8], held: &BTreeMap<_, _>| {
        apply_signed(set, held, None, Some(TrustedKeys::new([key.public()])))
    };
    let token = fleet::device(&server, "h-1", "heron", "").await;
    let found = ask(&server, &token, [&old, &radio(0)], "&sets=1&wait=20").await;
    assert_eq!(found.status(), StatusCode::OK);
    assert_eq!(header(&found, "x-flashdelta-kind"), "set");
    assert_eq!(header(&found, "x-flashdelta-release"), "1.2");
    assert!(!found.headers().contains_key("x-flashdelta-image"));
    assert!(header(&found, "x-flashdelta-signature").starts_with("ed25519;"));
    let sent = header(&found, "x-flashdelta-digest").to_owned();
    let set = found.bytes().await.unwrap();
    assert_eq!(digest(&set), sent);
    assert!(set.len() < new.len() / 2, "{}", set.len());
    assert_eq!(apply(&set, &holds(&old, &radio(0))).unwrap(), holds(&new, &radio(1)));
    // Each component has to be what the set starts from.
    assert!(apply(&set, &holds(&old, &new)).is_err());
    // For others that hold the same it is the same, made once.
    let other = fleet::device(&server, "h-2", "heron", "").await;
    let again = ask(&server, &other, [&old, &radio(0)], "&sets=1&wait=20").await;
    assert_eq!(again.bytes().await.unwrap(), set);
    // The device has arrived when it holds all of it.
    let none = ask(&server, &token, [&new, &radio(1)], "&sets=1").await;
    assert_eq!(none.status(), StatusCode::NO_CONTENT);
    let actions = server.get("/v1/devices/h-1/actions").await;
    assert_eq!(actions[0]["state"], "succeeded");
    // What is right already is not sent, and must be right.
    let third = fleet::device(&server, "h-3", "heron", "").await;
    let half = ask(&server, &third, [&old, &radio(1)], "&sets=1&wait=20").await;
    let half = half.bytes().await.unwrap();
    assert!(half.len() < set.len());
    assert_eq!(apply(&half, &holds(&old, &radio(1))).unwrap(), holds(&new, &radio(1)));
    assert!(apply(&half, &holds(&old, &radio(0))).is_err());
    // One whose radio nobody knows gets a whole one, whatever is there.
    let fourth = fleet::device(&server, "h-4", "heron", "").await;
    let whole = ask(&server, &fourth, [&old, b"other"], "&sets=1&wait=20").await;
    let whole = whole.bytes().await.unwrap();
    assert_eq!(apply(&whole, &holds(&old, b"other")).unwrap(), holds(&new, &radio(1)));
    // Who does not say that it takes sets gets each by itself.
    let fifth = fleet::device(&server, "h-5", "heron", "").await;
    for (component, kind) in [("app", "delta"), ("radio", "delta")] {
        let more = format!("&wait=20&component={component}");
        let found = ask(&server, &fifth, [&old, &radio(0)], &more).await;
        assert_eq!(header(&found, "x-flashdelta-kind"), kind);
        assert_eq!(header(&found, "x-flashdelta-component"), component);
    }
    // By the DDI it is one artifact.
    let path = "/default/controller/v1/h-2/deploymentBase/2";
    let request = server.client.get(server.url(path));
    let request = request.header("authorization", format!("TargetToken {other}"));
    let deployment = json(request.send().await.unwrap(), StatusCode::OK).await;
    let chunks = deployment["deployment"]["chunks"].as_array().unwrap();
    assert_eq!((chunks.len(), &chunks[0]["artifacts"][0]["filename"]), (1, &json!("heron.fds")));
}

/// The reason is told, and nothing is half offered.
async fn what_cannot_be_in_a_set_is_not_offered(setup: Setup) {
    let server = setup.start();
    product(&server).await;
    let app = upload(&server, "app-1.1.bin", firmware("cortex-m-1.1.bin")).await;
    let radio_image = upload(&server, "radio-2.bin", radio(1)).await;
    // No set has names of more than 32 characters.
    let place = json!({"partition": "p".repeat(33)});
    let components = json!({"components": [
        {"name": "radio", "place": place, "image": radio_image},
        {"name": "app", "image": app},
    ]});
    release(&server, "2.0", &app, &radio_image, components).await;
    fleet::assign(&server, "heron", "2.0").await;
    let token = fleet::device(&server, "h-1", "heron", "").await;
    let held = [&*firmware("cortex-m-1.0.bin"), &*radio(0)];
    let found = ask(&server, &token, held, "&sets=1&wait=20").await;
    assert_eq!(found.status(), StatusCode::NO_CONTENT);
    let why = header(&found, "x-flashdelta-reason");
    assert!(why.contains("the set to release 2.0 could not be made"), "{why}");
    // By itself each can be had.
    let found = ask(&server, &token, held, "&sets=0&wait=20").await;
    assert_eq!(header(&found, "x-flashdelta-kind"), "delta");
}

async fn auxiliary_contents_go_with_a_release(setup: Setup) {
    let server = setup.start();
    product(&server).await;
    let notes = b"what is new: everything\n".repeat(100);
    let (app, radio_image) = (
        upload(&server, "app.bin", firmware("cortex-m-1.1.bin")).await,
        upload(&server, "radio.bin", radio(1)).await,
    );
    let sha256 = upload(&server, "notes.txt", notes.clone()).await;
    let more = json!({"auxiliary": [{"name": "notes", "sha256": sha256, "size": notes.len()}]});
    release(&server, "1.3", &app, &radio_image, more).await;
    let token = fleet::device(&server, "h-1", "heron", "").await;
    let get = |path: String, range: &'static str| {
        let mut request = server.request(Method::GET, &path, &token);
        if !range.is_empty() {
            request = request.header("range", range);
        }
        async { request.send().await.unwrap() }
    };
    let list = "/v1/update/auxiliary".to_owned();
    // What it holds nobody knows, and it gets nothing yet.
    assert_eq!(get(list.clone(), "").await.status(), StatusCode::NOT_FOUND);
    // It holds 1.0, and is updated to 1.2: neither has any.
    let old = firmware("cortex-m-1.0.bin");
    let found = ask(&server, &token, [&old, &radio(0)], "&wait=20").await;
    assert_eq!(found.status(), StatusCode::OK);
    let told = json(get(list.clone(), "").await, StatusCode::OK).await;
    assert_eq!(told, json!({"release": "1.2", "contents": []}));
    // Nobody sees those of other releases.
    for other in ["1.1", "1.3", "9"] {
        let path = format!("{list}?release={other}");
        assert_eq!(get(path, "").await.status(), StatusCode::NOT_FOUND, "{other}");
    }
    let path = format!("{list}/notes");
    assert_eq!(get(path.clone(), "").await.status(), StatusCode::NOT_FOUND);
    // Now it is updated to 1.3.
    fleet::assign(&server, "heron", "1.3").await;
    ask(&server, &token, [&old, &radio(0)], "&wait=20").await;
    let told = json(get(list.clone(), "").await, StatusCode::OK).await;
    assert_eq!((&told["release"], &told["contents"][0]["name"]), (&json!("1.3"), &json!("notes")));
    let found = get(path.clone(), "").await;
    assert_eq!(found.bytes().await.unwrap(), notes);
    let part = get(path.clone(), "bytes=10-19").await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), notes[10..20]);
    // The one that it holds, it may ask for as well.
    let held = json(get(format!("{list}?release=1.0"), "").await, StatusCode::OK).await;
    assert_eq!(held, json!({"release": "1.0", "contents": []}));
    // Without a token there is nothing.
    let stranger = server.client.get(server.url(&path)).send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
}
