//! A backup as `docs/service.md` has it, and what comes of it.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::fleet::{self, apply, digest, firmware};
use crate::server::{Server, Setup};

crate::on_both_databases!(devices_go_on_after_a_restore);

/// The database first, then the store: by the tools of the databases, while the server runs. False,
/// said aloud: there are none here.
fn back_up(setup: &Setup, to: &Path) -> bool {
    let data = setup.folder.path().join("data");
    let dump = match setup.database() {
        None => Command::new("sqlite3")
            .arg(data.join("flashdelta.db"))
            .arg(format!(".backup {}", to.join("copy.db").display()))
            .status(),
        Some(url) => Command::new("pg_dump")
            .args(["-Fc", "-d", url, "-f"])
            .arg(to.join("copy.dump"))
            .status(),
    };
    let Ok(status) = dump else {
        let said = b"SKIPPED: no sqlite3 or no pg_dump here (Debian: apt-get install sqlite3)\n";
        let _ = std::io::stderr().write_all(said);
        return false;
    };
    assert!(status.success());
    copy(&data.join("contents"), &to.join("contents"));
    true
}

/// Another folder and database, with what was backed up.
fn restore(from: &Path, setup: &Setup) {
    let data = setup.folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    match setup.database() {
        None => drop(std::fs::copy(from.join("copy.db"), data.join("flashdelta.db")).unwrap()),
        Some(url) => {
            let mut restore = Command::new("pg_restore");
            restore.args(["--no-owner", "-d", url]).arg(from.join("copy.dump"));
            assert!(restore.status().unwrap().success());
        }
    }
    copy(&from.join("contents"), &data.join("contents"));
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

/// Asks with what is held; gives the status, the tag and the patch.
async fn ask(server: &Server, token: &str, held: &[u8]) -> (StatusCode, String, Vec<u8>) {
    let path = format!("/v1/update?digest={}", digest(held));
    let found = server.request(Method::GET, &path, token).send().await.unwrap();
    let tag = found.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    (found.status(), tag.unwrap_or_default(), found.bytes().await.unwrap().to_vec())
}

async fn devices_go_on_after_a_restore(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let (old, new) = (firmware("cortex-m-1.0.bin"), firmware("cortex-m-1.1.bin"));
    let [first, second, third] = [
        fleet::device(&server, "h-1", "heron", &digest(&old)).await,
        fleet::device(&server, "h-2", "heron", &digest(&old)).await,
        fleet::device(&server, "h-3", "heron", &digest(&old)).await,
    ];
    // One has been updated, and one has begun.
    let (status, _, patch) = ask(&server, &first, &old).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ask(&server, &first, &new).await.0, StatusCode::NO_CONTENT);
    let (_, tag, _) = ask(&server, &second, &old).await;
    let backup = tempfile::tempdir().unwrap();
    if !back_up(&setup, backup.path()) {
        return;
    }
    // What happens after it is lost: a product, and a third device's update.
    server.put("/v1/products/late", &json!({"name": "late"})).await;
    assert_eq!(ask(&server, &third, &old).await.0, StatusCode::OK);
    assert_eq!(ask(&server, &third, &new).await.0, StatusCode::NO_CONTENT);
    let token = server.token.clone();
    server.kill();
    std::fs::remove_dir_all(setup.folder.path().join("data")).unwrap();
    let again = setup.another();
    restore(backup.path(), &again);
    let mut server = again.start_known();
    server.token = token;
    assert_eq!(server.get("/v1/products").await.as_array().unwrap().len(), 1);
    // The one that had begun goes on with the same bytes.
    let path = format!("/v1/update?digest={}", digest(&old));
    let rest = server.request(Method::GET, &path, &second);
    let rest = rest.header("if-range", &tag).header("range", "bytes=100-").send().await.unwrap();
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    let whole = [&patch[..100], &rest.bytes().await.unwrap()].concat();
    assert!(apply(&old, &whole) == new);
    assert_eq!(ask(&server, &second, &new).await.0, StatusCode::NO_CONTENT);
    // The others hold what they hold, whatever the database knows of it.
    for held in [&first, &third] {
        assert_eq!(ask(&server, held, &new).await.0, StatusCode::NO_CONTENT);
    }
    let savings = server.get("/v1/savings").await;
    assert_eq!(savings[0]["updates"], 2, "{savings}");
    // And new work is done.
    fleet::release(&server, "heron", "1.2", "c.bin", [&new[..], b"more"].concat()).await;
    fleet::assign(&server, "heron", "1.2").await;
    assert_eq!(ask(&server, &third, &new).await.0, StatusCode::OK);
}
