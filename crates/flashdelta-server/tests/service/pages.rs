//! The pages, as a browser without JavaScript sees them.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::browser::{leads_to, Browser};
use crate::fleet::{self, digest, firmware};
use crate::server::Setup;

crate::on_both_databases!(a_roll_out_is_staged_by_forms text_stays_text mistakes_are_shown);

async fn a_roll_out_is_staged_by_forms(setup: Setup) {
    let server = setup.start();
    let browser = Browser::signed_in(&server, "default", "admin", &server.password).await;
    let overview = browser.page("/ui").await;
    for first in ["Enter a product", "Upload releases", "Enter devices", "Start a roll-out"] {
        assert!(overview.contains(first), "{first}");
    }
    let form = browser.form("/ui/products", "/ui/products").await;
    let answer = browser.send(&form.with("name", "heron 2").with("title", "Heron")).await;
    let shelf = "/ui/products/heron%202";
    assert_eq!(leads_to(&answer), format!("{shelf}?done=product"));
    for version in ["1.0", "1.1"] {
        let form = browser.form(shelf, &format!("{shelf}/releases")).await;
        let name = format!("cortex-m-{version}.bin");
        let form = form.with("version", version).with("notes", "As built");
        let answer = browser.upload(&form, &name, &firmware(&name)).await;
        assert_eq!(leads_to(&answer), format!("{shelf}?done=release"));
    }
    let form = browser.form("/ui/devices", "/ui/devices").await;
    let form = form.with("id", "h/1 ü").with("product", "heron 2").with("profile", "small");
    let entered = browser.send(&form).await;
    assert_eq!(entered.status(), StatusCode::OK);
    let entered = entered.text().await.unwrap();
    let token = entered.split("<code class=\"secret\">").nth(1).unwrap();
    let token = token.split('<').next().unwrap();
    assert!(entered.contains("/ui/devices/h%2F1%20%C3%BC"));
    assert!(token.starts_with("fdd_") && token.len() == 68);
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let asked = server.request(Method::GET, &format!("/v1/update?digest={held}"), token);
    assert_eq!(asked.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let device = browser.page("/ui/devices/h%2F1%20%C3%BC").await;
    assert!(device.contains("no rule gives the device a release"), "{device}");
    // It begins, goes to the next stage, and is paused, resumed and aborted.
    let new = format!("{shelf}/rollouts/new?release=1.1");
    let form = browser.form(&new, &format!("{shelf}/rollouts")).await;
    let form = form.with("rule", "first").with("release", "1.1").with("share", "5");
    assert_eq!(leads_to(&browser.send(&form).await), "/ui/rollouts?done=rollout");
    let rollouts = browser.page("/ui/rollouts?done=rollout").await;
    assert!(rollouts.contains("Updated: 0 of 1 devices") && rollouts.contains("Stage: 5 %"));
    assert!(rollouts.contains("The roll-out has begun."));
    let change = format!("{shelf}/rollouts/first");
    for (what, share, state) in
        [("pause", "", "paused"), ("resume", "", "running"), ("stage", "100", "running")]
    {
        let form = browser.form("/ui/rollouts", &change).await;
        let answer = browser.send(&form.with("do", what).with("share", share)).await;
        assert_eq!(leads_to(&answer), "/ui/rollouts?done=changed#first");
        let page = browser.page("/ui/rollouts").await;
        assert!(page.contains(&format!("<span class=\"badge {state}\">")), "{what}");
    }
    let device = browser.page("/ui/devices/h%2F1%20%C3%BC").await;
    assert!(device.contains("Release 1.1, with ") && device.contains("delta"), "{device}");
    let asked = server.request(Method::GET, &format!("/v1/update?digest={held}"), token);
    assert_eq!(asked.send().await.unwrap().status(), StatusCode::OK);
    let changes = browser.page(&format!("{shelf}/changes")).await;
    assert!(changes.contains("<rect class=\"new\"") && changes.contains("of thumb"), "{changes}");
    let new = digest(&firmware("cortex-m-1.1.bin"));
    let asked = server.request(Method::GET, &format!("/v1/update?digest={new}"), token);
    assert_eq!(asked.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(browser.page("/ui/rollouts").await.contains("Updated: 1 of 1 devices"));
    assert!(browser.page("/ui/savings").await.contains("50.0 KiB"));
    let form = browser.form("/ui/rollouts", &change).await.with("do", "abort");
    assert_eq!(leads_to(&browser.send(&form).await), "/ui/rollouts?done=aborted");
    assert!(browser.page("/ui/rollouts").await.contains("badge ended"));
    // The log says who it was.
    let audit = browser.page("/ui/audit").await;
    assert!(audit.contains("roll-out aborted") && audit.contains("<td data-label=\"Who\">admin"));
}

async fn text_stays_text(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let nasty = "<script>alert(1)</script>\"'&";
    let encoded = "%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%27%26";
    let product = json!({"name": "heron", "title": nasty});
    server.put("/v1/products/heron", &product).await;
    let device = json!({"id": nasty, "product": "heron", "model": nasty, "tags": ["<b>"],
        "attributes": {"<i>": nasty}});
    let entered = server.put(&format!("/v1/devices/{encoded}"), &device).await;
    let token = entered["token"].as_str().unwrap();
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let update = server.request(Method::GET, &format!("/v1/update?digest={held}"), token);
    assert_eq!(update.send().await.unwrap().status(), StatusCode::OK);
    let report = json!({"action": 1, "result": "failure", "message": nasty});
    let request = server.request(Method::POST, "/v1/update/report", token).json(&report);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let rule = json!({"id": "<rule>", "release": "1.1", "condition": "model != '<script>'"});
    server.post("/v1/products/heron/rollouts", &rule).await;
    server.post("/v1/tokens", &json!({"kind": "gateway", "name": nasty})).await;
    let browser = Browser::signed_in(&server, "default", "admin", &server.password).await;
    for path in [
        "/ui",
        "/ui/products",
        "/ui/products/heron",
        "/ui/products/heron/rollouts/new?rule=%3Cscript%3E&condition=%3Cscript%3E",
        "/ui/rollouts",
        "/ui/devices?search=%3Cscript%3E",
        &format!("/ui/devices/{encoded}"),
        "/ui/keys",
        "/ui/audit",
    ] {
        let page = browser.page(path).await;
        for tag in ["<script", "<b>", "<i>", "<rule>", "\"'&"] {
            assert!(!page.contains(tag), "{path}: {tag}");
        }
        let is_shown = page.contains("&#60;script") || page.contains("&#60;rule");
        assert!(is_shown, "{path}: {page}");
        assert!(!page.contains(" style=") && !page.contains(" onclick="), "{path}");
    }
    let nobody = browser.request(Method::GET, &format!("/ui/devices/x{encoded}")).send().await;
    let nobody = nobody.unwrap();
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
    let text = nobody.text().await.unwrap();
    assert!(text.contains("&#60;script") && !text.contains("<script"), "{text}");
}

async fn mistakes_are_shown(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let browser = Browser::signed_in(&server, "default", "admin", &server.password).await;
    let refused = |answer: reqwest::Response, status: u16, part: &'static str| async move {
        assert_eq!(answer.status(), status);
        let text = answer.text().await.unwrap();
        assert!(text.contains("role=\"alert\"") && text.contains(part), "{part}: {text}");
    };
    let form = browser.form("/ui/products", "/ui/products").await;
    refused(browser.send(&form.clone().with("name", "heron")).await, 409, "already").await;
    refused(browser.send(&form.with("name", "a/b")).await, 422, "a/b").await;
    let upload = browser.form("/ui/products/heron", "/ui/products/heron/releases").await;
    let upload = upload.with("version", "1.1");
    refused(browser.upload(&upload, "", b"x").await, 422, "the file of the release").await;
    refused(browser.upload(&upload, "x.bin", b"other").await, 422, "1.1").await;
    let to = "/ui/products/heron/rollouts";
    let form = browser.form("/ui/products/heron/rollouts/new", to).await;
    let form = form.with("rule", "mine").with("release", "1.1").with("share", "10");
    let answer = browser.send(&form.clone().with("condition", "yaer > 2020")).await;
    // What was entered is still there.
    refused(answer, 422, "value=\"yaer &#62; 2020\"").await;
    refused(browser.send(&form.clone().with("rule", "all")).await, 422, "all").await;
    refused(browser.send(&form.with("share", "many")).await, 422, "many").await;
    let form = browser.form("/ui/products/heron", "/ui/products/heron/limits").await;
    refused(browser.send(&form.with("failure_percent", "101")).await, 422, "101").await;
    let form = browser.form("/ui/keys", "/ui/keys/operators").await;
    let form = form.with("name", "carl").with("role", "viewer").with("password", "short");
    refused(browser.send(&form).await, 422, "12 to 256").await;
    let form = browser.form("/ui/rollouts", &format!("{to}/all")).await.with("do", "nothing");
    refused(browser.send(&form).await, 422, "pause, resume").await;
    let gone = browser.request(Method::GET, "/ui/products/egret").send().await.unwrap();
    refused(gone, 404, "there is no product egret").await;
}
