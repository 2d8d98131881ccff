//! Operators, passwords and sessions.

use std::io::Write as _;
use std::process::Stdio;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::browser::{leads_to, Browser};
use crate::server::Setup;

crate::on_both_databases!(operators_sign_in_and_out forms_of_others_are_refused
    guesses_are_slowed_down an_admin_from_before_the_first_start_stays
    operators_are_entered_by_the_api);

/// `operator add`, with the password on the standard input.
fn add(setup: &Setup, arguments: &[&str], password: &str) -> bool {
    let mut command = setup.command("operator");
    let command = command.args(arguments).stdin(Stdio::piped()).stderr(Stdio::null());
    let mut program = command.spawn().unwrap();
    writeln!(program.stdin.take().unwrap(), "{password}").unwrap();
    program.wait().unwrap().success()
}

async fn operators_sign_in_and_out(setup: Setup) {
    // Before the first start, too.
    assert!(add(&setup, &["add", "--role", "editor", "anna"], "correct horse battery"));
    assert!(!add(&setup, &["add", "--role", "editor", "bert"], "too short"));
    assert!(!add(&setup, &["add", "--role", "metrics", "bert"], "correct horse battery"));
    let server = setup.start();
    assert_eq!(setup.output("operator", &["list"]), "admin\tadmin\neditor\tanna\n");
    let mut browser = Browser::new(&server);
    let asked = browser.request(Method::GET, "/ui/devices?search=a").send().await.unwrap();
    assert_eq!(leads_to(&asked), "/ui/login?next=%2Fui%2Fdevices%3Fsearch%3Da");
    for (tenant, name, password) in [
        ("default", "anna", "correct horse batterx"),
        ("default", "nobody", "correct horse battery"),
        ("nowhere", "anna", "correct horse battery"),
        ("default", "anna", ""),
    ] {
        let answer = browser.sign_in(tenant, name, password).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.text().await.unwrap().contains("do not go together"));
        assert_eq!(browser.cookie, "");
    }
    let form = browser.form("/ui/login?next=//evil.example/", "/ui/login").await;
    assert_eq!(form.fields["next"], "/ui");
    let answer = browser.sign_in("default", "anna", "correct horse battery").await;
    assert_eq!(leads_to(&answer), "/ui");
    assert!(browser.page("/ui").await.contains("anna"));
    // An editor sees no keys, and a session is no token.
    for path in ["/ui/keys", "/ui/audit"] {
        let answer = browser.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
    let api = browser.request(Method::GET, "/v1/products").send().await.unwrap();
    assert_eq!(api.status(), StatusCode::UNAUTHORIZED);
    // Another password ends all sessions.
    let other = Browser::signed_in(&server, "default", "anna", "correct horse battery").await;
    let form = browser.form("/ui/account", "/ui/account").await;
    let form = form.with("before", "correct horse batterx").with("password", "staple after staple");
    let refused = browser.send(&form).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let form = form.with("before", "correct horse battery");
    assert_eq!(leads_to(&browser.send(&form).await), "/ui/login");
    for browser in [&browser, &other] {
        let asked = browser.request(Method::GET, "/ui").send().await.unwrap();
        assert!(leads_to(&asked).starts_with("/ui/login"));
    }
    let answer = browser.sign_in("default", "anna", "staple after staple").await;
    assert_eq!(leads_to(&answer), "/ui");
    let before = browser.cookie.clone();
    let form = browser.form("/ui", "/ui/logout").await;
    let out = browser.send(&form).await;
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    // The server has ended it, whatever the browser keeps.
    browser.cookie = before;
    let asked = browser.request(Method::GET, "/ui").send().await.unwrap();
    assert!(leads_to(&asked).starts_with("/ui/login"));
    let audit = server.get("/v1/audit").await;
    let audit = audit.as_array().unwrap();
    let has = |who, what| audit.iter().any(|entry| entry["who"] == who && entry["what"] == what);
    assert!(has("anna", "signed in") && has("anna", "operator") && has("server", "operator"));
    setup.output("operator", &["remove", "anna"]);
    let answer = browser.sign_in("default", "anna", "staple after staple").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

async fn an_admin_from_before_the_first_start_stays(setup: Setup) {
    assert!(add(&setup, &["add", "--role", "admin", "admin"], "correct horse battery"));
    let server = setup.start();
    assert_eq!(server.password, "unchanged");
    Browser::signed_in(&server, "default", "admin", "correct horse battery").await;
}

async fn forms_of_others_are_refused(setup: Setup) {
    let server = setup.start();
    let browser = Browser::signed_in(&server, "default", "admin", &server.password).await;
    let form = browser.form("/ui/products", "/ui/products").await.with("name", "heron");
    // Of another session: it is no good in this one.
    let other = Browser::signed_in(&server, "default", "admin", &server.password).await;
    let others = other.form("/ui/products", "/ui/products").await.with("name", "heron");
    assert_ne!(others.fields["csrf"], form.fields["csrf"]);
    for wrong in [&*others.fields["csrf"], "", &form.fields["csrf"][1..]] {
        let answer = browser.send(&form.clone().with("csrf", wrong)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{wrong}");
    }
    let mut without = form.clone();
    without.fields.remove("csrf");
    assert_eq!(browser.send(&without).await.status(), StatusCode::FORBIDDEN);
    // And what a browser tells of where a form comes from.
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        for path in ["/ui/products", "/ui/login"] {
            let body = format!("csrf={}&name=heron", form.fields["csrf"]);
            let request = browser.request(Method::POST, path).header(name, value).body(body);
            let status = request.send().await.unwrap().status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{name} {path}");
        }
    }
    assert_eq!(server.get("/v1/products").await, json!([]));
    let request = browser.request(Method::POST, "/ui/products/heron/releases");
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    let body = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\
                a\r\n--x--\r\n";
    assert_eq!(request.body(body).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(leads_to(&browser.send(&form).await), "/ui/products/heron?done=product");
}

async fn guesses_are_slowed_down(setup: Setup) {
    let server = setup.start_with(&["--sign-ins", "3"]);
    let mut browser = Browser::new(&server);
    // Of somebody, and of nobody, alike.
    for name in ["admin", "nobody"] {
        for _ in 0..3 {
            let answer = browser.sign_in("default", name, "guess after guess").await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        }
        let answer = browser.sign_in("default", name, &server.password).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{name}");
    }
    assert_eq!(browser.cookie, "");
}

async fn operators_are_entered_by_the_api(setup: Setup) {
    let server = setup.start();
    let wanted = json!({"role": "viewer", "password": "correct horse battery"});
    server.put("/v1/operators/carl", &wanted).await;
    let operators = server.get("/v1/operators").await;
    assert_eq!((&operators[1]["name"], &operators[1]["role"]), (&json!("carl"), &json!("viewer")));
    assert!(!operators.to_string().contains("argon2"));
    Browser::signed_in(&server, "default", "carl", "correct horse battery").await;
    for (name, role, password) in [
        ("carl", "viewer", "short"),
        ("carl", "metrics", "correct horse battery"),
        ("server", "viewer", "correct horse battery"),
        ("0123456789abcdef", "viewer", "correct horse battery"),
    ] {
        let path = format!("/v1/operators/{name}");
        let body = json!({"role": role, "password": password});
        let request = server.request(Method::PUT, &path, &server.token).json(&body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{name} {role} {password}");
        assert!(!answer.text().await.unwrap().contains(password));
    }
    let delete = |name: &str| {
        server.request(Method::DELETE, &format!("/v1/operators/{name}"), &server.token).send()
    };
    assert_eq!(delete("carl").await.unwrap().status(), StatusCode::OK);
    assert_eq!(delete("carl").await.unwrap().status(), StatusCode::NOT_FOUND);
    // Nobody locks himself out.
    let browser = Browser::signed_in(&server, "default", "admin", &server.password).await;
    let keys = browser.form("/ui/keys", "/ui/keys/operators").await;
    let own = crate::browser::Form { action: "/ui/keys/operators/admin".into(), ..keys };
    assert_eq!(browser.send(&own).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}
