//! Patches that are signed, by a key and by a command that has one.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use flashdelta::sign::{signatures, PrivateKey};
use flashdelta::verify::Algorithm;
use reqwest::{Method, Response, StatusCode};

use crate::fleet::{self, apply, digest, firmware};
use crate::server::Setup;

crate::on_both_databases!(patches_are_signed patches_are_signed_by_a_command
    a_command_that_fails_is_tried_less_and_less);

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

async fn patches_are_signed(setup: Setup) {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let path = setup.folder.path().join("key.pem");
    std::fs::write(&path, key.to_pem()).unwrap();
    let server = setup.start_with(&["--signing-key", path.to_str().unwrap()]);
    fleet::heron(&server).await;
    let old = firmware("cortex-m-1.0.bin");
    let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
    let found = server.request(Method::GET, "/v1/update", &token).send().await.unwrap();
    let text = header(&found, "x-flashdelta-signature").to_owned();
    let patch = found.bytes().await.unwrap();
    let made = &signatures(&patch).unwrap()[0];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(text, format!("ed25519;{};{}", hex(&made.key_id), hex(&made.bytes)));
    assert_eq!(made.key_id, key.public().key_id());
    assert!(apply(&old, &patch) == firmware("cortex-m-1.1.bin"));
}

/// A program that signs as one of an HSM does, by OpenSSL; `None`, said aloud: it is not here.
fn signing_program(setup: &Setup, key: &PrivateKey) -> Option<String> {
    if Command::new("openssl").arg("version").output().is_err() {
        let _ = std::io::stderr().write_all(b"SKIPPED: no openssl here\n");
        return None;
    }
    let folder = setup.folder.path();
    std::fs::write(folder.join("hsm.pem"), key.to_pem()).unwrap();
    let script = format!(
        "#!/bin/sh\nset -e\nmessage=$(mktemp)\ntrap 'rm $message' EXIT\ncat > $message\n\
         openssl pkeyutl -sign -rawin \"$@\" -inkey {0}/hsm.pem -in $message\n",
        folder.display()
    );
    let path = folder.join("sign");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    Some(path.display().to_string())
}

async fn patches_are_signed_by_a_command(setup: Setup) {
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let Some(program) = signing_program(&setup, &key) else { return };
    let public = setup.folder.path().join("hsm.pub.pem");
    std::fs::write(&public, key.public().to_pem()).unwrap();
    // OpenSSL writes DER.
    let command = format!("{program} -digest sha256");
    let arguments = ["--signing-command", &command, "--signing-public", public.to_str().unwrap()];
    let server = setup.start_with(&arguments);
    fleet::heron(&server).await;
    let old = firmware("cortex-m-1.0.bin");
    let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
    let found = server.request(Method::GET, "/v1/update", &token).send().await.unwrap();
    assert_eq!(found.status(), StatusCode::OK);
    assert!(header(&found, "x-flashdelta-signature").starts_with("p256;"));
    let patch = found.bytes().await.unwrap();
    assert_eq!(signatures(&patch).unwrap()[0].key_id, key.public().key_id());
    assert!(apply(&old, &patch) == firmware("cortex-m-1.1.bin"));
    drop(server);
    // Of another key than it is said to be: nothing goes out, and the job waits.
    let other = PrivateKey::generate(Algorithm::P256).unwrap().public().to_pem();
    std::fs::write(&public, other).unwrap();
    let arguments = [&arguments[..], &["--longest-wait", "3"]].concat();
    let mut server = setup.start_with(&arguments);
    let token = setup.output("token", &["add", "--role", "admin", "again"]);
    server.token = token.trim().to_owned();
    fleet::release(&server, "heron", "0.9", "c.bin", firmware("esp32-1.0.bin")).await;
    let held = digest(&firmware("esp32-1.0.bin"));
    let token = fleet::device(&server, "h-2", "heron", &held).await;
    let found = server.request(Method::GET, "/v1/update", &token).send().await.unwrap();
    assert_eq!(found.status(), StatusCode::SERVICE_UNAVAILABLE);
    let told = || {
        let log = server.log.lock().unwrap();
        log.iter().any(|entry| entry["message"] == "a worker failed")
    };
    for _ in 0..120 {
        if told() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("the log does not say that the command signs with another key");
}

/// Jobs wait for a command that fails; it is not called ever so often, and the log says it once.
async fn a_command_that_fails_is_tried_less_and_less(setup: Setup) {
    let folder = setup.folder.path();
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    let Some(program) = signing_program(&setup, &key) else { return };
    let [public, calls, mended, script] =
        ["hsm.pub.pem", "calls", "mended", "hsm"].map(|name| folder.join(name));
    std::fs::write(&public, key.public().to_pem()).unwrap();
    let text = format!(
        "#!/bin/sh\ndate +%s%N >> {}\n[ -e {} ] || {{ echo 'no HSM' >&2; exit 1; }}\n\
         exec {program} \"$@\"\n",
        calls.display(),
        mended.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let command = format!("{} -digest sha256", script.display());
    let key = ["--signing-command", &command, "--signing-public", public.to_str().unwrap()];
    let server = setup.start_with(&[&key[..], &["--device-requests", "0"]].concat());
    fleet::heron(&server).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    let ask = || server.request(Method::GET, "/v1/update?wait=1", &token).send();
    assert_eq!(ask().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    let called = || -> Vec<u64> {
        let text = std::fs::read_to_string(&calls).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    };
    for _ in 0..1200 {
        if called().len() >= 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let metrics = setup.output("token", &["add", "--role", "metrics", "m"]);
    let path = "/v1/products/heron/changes?from=1.0&to=1.1";
    let changes = server.get(path).await;
    assert_eq!(changes["state"], "pending");
    assert!(changes["why"].as_str().unwrap().contains("no HSM"), "{changes}");
    let counts = server.request(Method::GET, "/metrics", metrics.trim()).send().await.unwrap();
    let counts = counts.text().await.unwrap();
    assert!(counts.contains("\nflashdelta_jobs_held 1\n"), "{counts}");
    std::fs::write(&mended, "").unwrap();
    for _ in 0..60 {
        if ask().await.unwrap().status() == StatusCode::OK {
            break;
        }
    }
    let called = called();
    for (number, two) in called.windows(2).enumerate() {
        let waited = (two[1] - two[0]) / 1_000_000;
        assert!(waited >= 1000 << number, "{number}: {waited} ms");
    }
    assert!(server.get(path).await["why"].is_null());
    assert_eq!(server.logged("a worker failed").await, 1);
    assert_eq!(server.logged("workers work again").await, 1);
    let log = server.log.lock().unwrap();
    let made = log.iter().find(|entry| entry["message"] == "patch made").unwrap();
    assert_eq!(made["task"], "1.0 to 1.1 for small");
}
