//! Patches are made once, within limits, and devices do not wait forever.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::fleet::{self, digest, firmware};
use crate::server::{Server, Setup};

crate::on_both_databases!(a_patch_is_made_once what_takes_too_much_is_not_made
    nobody_waits_forever separate_workers_make_patches
    the_job_of_a_killed_worker_is_taken_again damage_keeps_nobody_waiting);

async fn ask(server: &Server, token: &str) -> Response {
    server.request(Method::GET, "/v1/update?wait=20", token).send().await.unwrap()
}

async fn a_patch_is_made_once(setup: Setup) {
    let first = setup.start();
    let second = setup.start();
    fleet::heron(&first).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let mut asking = Vec::new();
    for number in 0..20 {
        let token = fleet::device(&first, &format!("h-{number}"), "heron", &held).await;
        let server = if number % 2 == 0 { &first } else { &second };
        let request = server.request(Method::GET, "/v1/update?wait=20", &token);
        asking.push(tokio::spawn(
            async move { request.send().await.unwrap().bytes().await.unwrap() },
        ));
    }
    let mut patches = Vec::new();
    for asked in asking {
        patches.push(asked.await.unwrap());
    }
    patches.dedup();
    assert_eq!(patches.len(), 1);
    assert_eq!(first.logged("patch made").await + second.logged("patch made").await, 1);
}

async fn what_takes_too_much_is_not_made(setup: Setup) {
    for limit in [["--job-memory", "4"], ["--job-seconds", "0"]] {
        let setup = match setup.is_sqlite() {
            true => Setup::sqlite(),
            false => Setup::postgres().unwrap(),
        };
        let server = setup.start_with(&limit);
        fleet::heron(&server).await;
        let old = firmware("cortex-m-1.0.bin");
        let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
        // Neither a delta nor a whole image; and it takes no files.
        let found = ask(&server, &token).await;
        assert_eq!(found.status(), StatusCode::NO_CONTENT, "{limit:?}");
        assert_eq!(server.logged("no patch made").await, 2, "{limit:?}");
        let device = json!({"id": "h-1", "product": "heron", "running": digest(&old)});
        server.put("/v1/devices/h-1", &device).await;
        let found = ask(&server, &token).await;
        assert_eq!(found.headers()["x-flashdelta-kind"], "file");
        assert!(found.bytes().await.unwrap() == firmware("cortex-m-1.1.bin"));
    }
}

async fn nobody_waits_forever(setup: Setup) {
    let server = setup.start_with(&["--workers", "0", "--patience", "1", "--longest-wait", "3"]);
    fleet::heron(&server).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    let start = std::time::Instant::now();
    let path = "/v1/update?wait=0";
    let at_once = server.request(Method::GET, path, &token).send().await.unwrap();
    assert_eq!(
        (at_once.status(), &at_once.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"10".parse().unwrap())
    );
    // It takes patches alone: so it has to come again.
    assert_eq!(ask(&server, &token).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!((3..60).contains(&start.elapsed().as_secs()));
    let device = json!({"id": "h-1", "product": "heron", "running": held});
    server.put("/v1/devices/h-1", &device).await;
    assert_eq!(ask(&server, &token).await.headers()["x-flashdelta-kind"], "file");
}

async fn separate_workers_make_patches(setup: Setup) {
    let server = setup.start_with(&["--workers", "0"]);
    fleet::heron(&server).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    let worker = setup.start_worker(&[]);
    let found = ask(&server, &token).await;
    assert_eq!(found.headers()["x-flashdelta-kind"], "delta");
    drop(worker);
}

async fn the_job_of_a_killed_worker_is_taken_again(setup: Setup) {
    const LEASE: [&str; 2] = ["--lease-seconds", "3"];
    let server = setup.start_with(&["--workers", "0", "--device-requests", "0"]);
    let metrics = setup.output("token", &["add", "--role", "metrics", "m"]);
    let running = || async {
        let request = server.request(Method::GET, "/metrics", metrics.trim());
        let text = request.send().await.unwrap().text().await.unwrap();
        text.contains("flashdelta_jobs_running 1")
    };
    // It may be made before it is looked: then there is one more job.
    let kinds = ["esp32", "riscv", "esp8266", "cortex-m"];
    for (number, kind) in (0..20).zip(kinds.iter().cycle()) {
        let product = format!("p-{number}");
        server.put(&format!("/v1/products/{product}"), &json!({"name": product})).await;
        let images = ["1.0", "1.1"].map(|version| {
            // Other ones each time: what is there is not made again.
            [firmware(&format!("{kind}-{version}.bin")), vec![number; 4]].concat()
        });
        for (version, image) in ["1.0", "1.1"].iter().zip(&images) {
            fleet::release(&server, &product, version, "a.bin", image.clone()).await;
        }
        fleet::assign(&server, &product, "1.1").await;
        let token = fleet::device(&server, &product, &product, &digest(&images[0])).await;
        let asked = server.request(Method::GET, "/v1/update?wait=0", &token).send().await.unwrap();
        assert_eq!(asked.status(), StatusCode::SERVICE_UNAVAILABLE);
        let first = setup.start_worker(&LEASE);
        while !running().await && ask_now(&server, &token).await != StatusCode::OK {}
        let start = std::time::Instant::now();
        drop(first);
        if !running().await {
            continue;
        }
        let _second = setup.start_worker(&LEASE);
        let found = ask(&server, &token).await;
        assert_eq!(found.headers()["x-flashdelta-kind"], "delta");
        assert!(fleet::apply(&images[0], &found.bytes().await.unwrap()) == images[1]);
        // Not before the lease has ended.
        assert!(start.elapsed().as_secs() >= 1, "{:?}", start.elapsed());
        return;
    }
    panic!("every patch was made before its worker was killed");
}

async fn ask_now(server: &Server, token: &str) -> StatusCode {
    server.request(Method::GET, "/v1/update?wait=0", token).send().await.unwrap().status()
}

async fn damage_keeps_nobody_waiting(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let old = digest(&firmware("cortex-m-1.0.bin"));
    let folder = setup.folder.path().join("data/contents/1").join(&old[..2]);
    let token = fleet::device(&server, "h-1", "heron", &old).await;
    let other = fleet::device(&server, "h-2", "heron", &digest(b"another image")).await;
    std::fs::write(folder.join(&old), b"something else").unwrap();
    // Without the old image there is no delta, but still a whole image.
    let found = ask(&server, &token).await;
    assert_eq!(found.headers()["x-flashdelta-kind"], "whole");
    assert!(fleet::apply(b"", &found.bytes().await.unwrap()) == firmware("cortex-m-1.1.bin"));
    std::fs::remove_file(folder.join(&old)).unwrap();
    assert_eq!(ask(&server, &other).await.status(), StatusCode::OK);
    assert_eq!(server.logged("no patch made").await, 1);
}
