//! Starting, ending, and the first token.

use reqwest::{Method, StatusCode};

use crate::server::Setup;

crate::on_both_databases!(a_server_starts_and_ends tokens_are_made_and_revoked);

async fn a_server_starts_and_ends(setup: Setup) {
    let server = setup.start();
    assert!(server.token.starts_with("fdo_") && server.token.len() == 68, "{}", server.token);
    let health = server.request(Method::GET, "/healthz", "").send().await.unwrap();
    assert_eq!((health.status(), &*health.text().await.unwrap()), (StatusCode::OK, "ok\n"));
    let other = server.request(Method::GET, "/nothing", "").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    assert!(server.stop());
    // A second one finds what the first one made, and prints no token.
    let again = setup.start();
    let tokens = setup.output("token", &["list"]);
    assert!(tokens.contains("\toperator\tadmin\tmade at the first start\n"), "{tokens}");
    assert_eq!(tokens.lines().count(), 1);
    again.kill();
    // After a kill, too.
    assert!(setup.start().stop());
}

async fn tokens_are_made_and_revoked(setup: Setup) {
    drop(setup.start());
    let made = setup.output("token", &["add", "--role", "editor", "build server"]);
    assert!(made.starts_with("fdo_"), "{made}");
    assert!(setup.output("token", &["add", "--kind", "gateway", "line 1"]).starts_with("fdg_"));
    let list = setup.output("token", &["list"]);
    let line = list.lines().find(|line| line.ends_with("build server")).unwrap();
    let id = line.split('\t').next().unwrap();
    assert!(!list.contains(made.trim()));
    setup.output("token", &["remove", id]);
    assert!(!setup.output("token", &["list"]).contains("build server"));
    // Tokens are of one tenant.
    assert!(setup.output("tenant", &["add", "other"]).starts_with("fdo_"));
    assert_eq!(setup.output("tenant", &["list"]), "default\nother\n");
    assert_eq!(setup.output("token", &["--tenant", "other", "list"]).lines().count(), 1);
    for wrong in [&["add", "Other"][..], &["add", "other"], &["add", "v1"]] {
        assert!(!setup.command("tenant").args(wrong).output().unwrap().status.success());
    }
}
