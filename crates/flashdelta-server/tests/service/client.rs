//! `flashdelta fleet`, the program as it is, beside a server.

use std::path::PathBuf;
use std::process::{Command, Output};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::network::deaf_tcp;
use crate::server::{Server, Setup};

crate::on_both_databases!(a_fleet_is_led_by_the_program mistakes_have_exit_codes
    certificates_are_checked);

/// The program: `FLASHDELTA` says where it is, or it is where the workspace builds it.
fn program() -> Option<PathBuf> {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug/flashdelta");
    let path = std::env::var_os("FLASHDELTA").map_or_else(|| PathBuf::from(built), PathBuf::from);
    if !path.is_file() {
        println!("skipped: no program {}; cargo build -p flashdelta-cli makes it", path.display());
        return None;
    }
    Some(path)
}

struct Client {
    program: PathBuf,
    server: String,
    token: String,
}

impl Client {
    fn of(server: &Server) -> Option<Self> {
        let (server, token) = (format!("http://{}/", server.address), server.token.clone());
        Some(Self { program: program()?, server, token })
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env("FLASHDELTA_SERVER", &self.server).env("FLASHDELTA_TOKEN", &self.token);
        command.arg("fleet").args(arguments).output().unwrap()
    }

    /// What it prints.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[arguments, &["--json"]].concat())).unwrap()
    }
}

fn file(name: &str) -> String {
    format!("{}/../../testdata/firmware/{name}", env!("CARGO_MANIFEST_DIR"))
}

async fn a_fleet_is_led_by_the_program(setup: Setup) {
    let server = setup.start();
    let Some(client) = Client::of(&server) else { return };
    assert_eq!(client.says(&["products", "list"]), "no product yet\n");
    let added = client.says(&["products", "add", "heron 2", "--title", "Heron"]);
    assert_eq!(added, "product heron 2\n");
    for (version, name) in [("1.0", "cortex-m-1.0.s19"), ("1.1", "cortex-m-1.1.hex")] {
        let notes = ["--notes", "as built"];
        let upload = ["releases", "upload", "heron 2", version, &file(name)];
        let said = client.says(&[&upload[..], &notes].concat());
        assert_eq!(said, format!("release {version} of heron 2\n"));
    }
    let releases = client.says(&["releases", "list", "heron 2"]);
    assert!(releases.contains("1.1") && releases.contains("as built"), "{releases}");
    let add = ["devices", "add", "h/1", "--product", "heron 2", "--profile", "small"];
    let token = client.says(&add);
    let token = token.trim();
    assert!(token.starts_with("fdd_"), "{token}");
    // What devices hold is the memory, not the file.
    let releases = client.json(&["releases", "list", "heron 2"]);
    let mut memories = Vec::new();
    for release in releases.as_array().unwrap() {
        let image = release["components"][0]["image"].as_str().unwrap();
        let file = server.get(&format!("/v1/files/{image}")).await;
        memories.push(file["memory"]["sha256"].as_str().unwrap().to_owned());
    }
    let [held, new] = <[String; 2]>::try_from(memories).unwrap();
    let ask = |digest: &str| {
        let path = format!("/v1/update?digest={digest}");
        let request = server.request(Method::GET, &path, token);
        async { request.send().await.unwrap().status() }
    };
    assert_eq!(ask(&held).await, StatusCode::NO_CONTENT);
    let next = client.says(&["devices", "next", "h/1"]);
    assert!(next.starts_with("nothing now\n") && next.contains("no rule gives"), "{next}");
    let create = ["rollouts", "create", "heron 2", "1.1", "--share", "0"];
    let made = client.says(&create);
    assert!(made.starts_with("to 1.1: release 1.1, running, 0 %; offered 0"), "{made}");
    let which = ["heron 2", "to 1.1"];
    let paused = client.json(&[&["rollouts", "pause"], &which[..]].concat());
    assert_eq!(paused["state"], "paused");
    client.says(&[&["rollouts", "resume"], &which[..]].concat());
    let stage = client.json(&[&["rollouts", "stage"], &which[..], &["100"]].concat());
    assert_eq!((&stage["state"], &stage["assignment"]["share"]), (&"running".into(), &100.into()));
    let next = client.says(&["devices", "next", "h/1"]);
    assert!(next.starts_with("release 1.1: ") && next.contains("delta"), "{next}");
    assert!(next.contains("  rule to 1.1: release 1.1\n"), "{next}");
    assert_eq!(ask(&held).await, StatusCode::OK);
    assert_eq!(ask(&new).await, StatusCode::NO_CONTENT);
    let show = client.says(&[&["rollouts", "show"], &which[..]].concat());
    assert!(show.contains("succeeded 1, failed 0; for 1 devices, come to 1, held by 1"), "{show}");
    let device = client.says(&["devices", "show", "h/1"]);
    assert!(device.contains("history") && device.contains("succeeded"), "{device}");
    let listed = client.says(&["devices", "list", "--search", "H/"]);
    assert!(listed.contains("h/1") && listed.contains("heron 2"), "{listed}");
    assert_eq!(client.says(&["devices", "list", "--search", "nobody"]), "no such device\n");
    let savings = client.json(&["savings"]);
    assert_eq!((&savings[0]["product"], &savings[0]["updates"]), (&"heron 2".into(), &1.into()));
    let said = client.says(&[&["rollouts", "abort"], &which[..]].concat());
    assert_eq!(said, "roll-out to 1.1 is aborted\n");
    assert_eq!(client.json(&["rollouts", "list", "heron 2"])[0]["state"], "ended");
    let said = client.says(&["releases", "remove", "heron 2", "1.0"]);
    assert_eq!(said, "release 1.0 of heron 2 is removed\n");
    let made = client.json(&["tokens", "add", "line 1", "--role", "gateway"]);
    assert!(made["token"].as_str().unwrap().starts_with("fdg_"));
    let id = made["id"].as_str().unwrap();
    assert!(client.says(&["tokens", "list"]).contains(id));
    client.says(&["tokens", "remove", id]);
    assert!(!client.says(&["tokens", "list"]).contains(id));
    assert!(client.says(&["audit"]).contains("roll-out aborted"));
}

async fn mistakes_have_exit_codes(setup: Setup) {
    let server = setup.start();
    let Some(client) = Client::of(&server) else { return };
    let fails = |client: &Client, arguments: &[&str], code: i32, part: &str| {
        let output = client.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
        assert!(!errors.contains(&server.token));
        String::from_utf8(output.stdout).unwrap()
    };
    fails(&client, &["products", "add", "a/b"], 2, "the server says: ");
    fails(&client, &["devices", "show", "nobody"], 2, "there is no device nobody");
    let said = fails(&client, &["devices", "show", "nobody", "--json"], 2, "no device");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["error"]["exit_code"], 2);
    client.says(&["products", "add", "heron"]);
    let nothing = file("no-such-file.bin");
    fails(&client, &["releases", "upload", "heron", "1", &nothing], 7, "no-such-file.bin");
    // A token that is no good, none, and one in a file.
    let viewer = setup.output("token", &["add", "--role", "viewer", "looks"]);
    let path = setup.folder.path().join("token");
    std::fs::write(&path, &viewer).unwrap();
    let with_file = ["--token-file", path.to_str().unwrap()];
    let listed = client.says(&[&["products", "list"], &with_file[..]].concat());
    assert!(listed.contains("heron"), "{listed}");
    let add = [&["products", "add", "egret"], &with_file[..]].concat();
    fails(&client, &add, 2, "it takes the token of an operator");
    let stranger = Client { token: "fdo_00".into(), ..Client::of(&server).unwrap() };
    fails(&stranger, &["products", "list"], 2, "unknown there");
    let nobody = Client { token: String::new(), ..Client::of(&server).unwrap() };
    fails(&nobody, &["products", "list"], 2, "there is no token");
    // No server; and something that is none.
    let (nobody, _listener) = deaf_tcp();
    let free = nobody.local_addr().unwrap();
    let gone = Client { server: format!("http://{free}"), ..Client::of(&server).unwrap() };
    fails(&gone, &["products", "list"], 7, "is the server there?");
    let other = Client { server: format!("http://{}/x", server.address), ..gone };
    fails(&other, &["products", "list"], 2, "there is no such address");
}

async fn certificates_are_checked(setup: Setup) {
    let Some(program) = program() else { return };
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [cert_path, key_path] = ["cert.pem", "key.pem"].map(|name| setup.folder.path().join(name));
    std::fs::write(&cert_path, cert.pem()).unwrap();
    std::fs::write(&key_path, signing_key.serialize_pem()).unwrap();
    let (cert_path, key_path) = (cert_path.to_str().unwrap(), key_path.to_str().unwrap());
    let server = setup.start_with(&["--tls-cert", cert_path, "--tls-key", key_path]);
    let port = server.address.rsplit(':').next().unwrap();
    let address = format!("https://localhost:{port}");
    let client = Client { program, server: address, token: server.token.clone() };
    assert_eq!(client.run(&["products", "list"]).status.code(), Some(7));
    assert_eq!(client.says(&["products", "list", "--ca", cert_path]), "no product yet\n");
    let wrong = client.run(&["products", "list", "--ca", key_path]);
    assert_eq!(wrong.status.code(), Some(8));
}
