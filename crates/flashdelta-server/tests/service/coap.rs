//! CoAP, by clients that others have written: libcoap's and aiocoap's.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Command, Output, Stdio};

use reqwest::{Method, StatusCode};
use serde_json::{json, Value};

use crate::fleet::{self, digest, firmware};
use crate::network::{network, Way};
use crate::server::{json, Server, Setup};

crate::on_both_databases!(libcoap_updates_a_device libcoap_updates_a_device_by_dtls
    libcoap_bears_the_loss_of_any_datagram_of_a_handshake aiocoap_updates_a_device
    devices_that_observe_are_told);

/// The address that the log names.
fn address(server: &Server, how: &str) -> String {
    let message = format!("listening for CoAP {how} DTLS");
    let log = server.log.lock().unwrap();
    let entry = log.iter().find(|entry| entry["message"] == *message).expect("CoAP is there");
    entry["address"].as_str().unwrap().to_owned()
}

/// A client of libcoap; `None`, said aloud: it is not here.
fn libcoap(kind: &str) -> Option<Command> {
    let name = format!("coap-client-{kind}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join(&name));
    let found = programs.find(|program| program.is_file());
    if found.is_none() {
        skip(&format!("no {name} here (Debian: apt-get install libcoap3-bin)"));
    }
    found.map(Command::new)
}

fn skip(why: &str) {
    // To the file itself: the harness of tests keeps what is printed.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Runs a client of libcoap with a request; gives what it received, and what it said.
fn request(mut client: Command, arguments: &[&str], url: &str) -> (Vec<u8>, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    client.args(["-B", "60", "-o"]).arg(file.path()).args(arguments).arg(url);
    let Output { stdout, stderr, .. } = client.stdin(Stdio::null()).output().unwrap();
    let said = [stdout, stderr].concat();
    (std::fs::read(file.path()).unwrap(), String::from_utf8_lossy(&said).into_owned())
}

/// What HTTP gives to the same question.
async fn by_http(server: &Server, token: &str) -> (Vec<u8>, String) {
    let request = server.request(Method::GET, "/v1/update?profile=small", token);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let sent = response.headers()["x-flashdelta-digest"].to_str().unwrap().to_owned();
    (response.bytes().await.unwrap().to_vec(), sent)
}

async fn heron(server: &Server) -> String {
    fleet::heron(server).await;
    fleet::device(server, "h-1", "heron", &digest(&firmware("cortex-m-1.0.bin"))).await
}

async fn libcoap_updates_a_device(setup: Setup) {
    if libcoap("notls").is_none() {
        return;
    }
    let server = setup.start_with(&["--coap", "127.0.0.1:0"]);
    let token = heron(&server).await;
    let (patch, sent) = by_http(&server, &token).await;
    let get = |path: &str, arguments: &[&str]| {
        let url = format!("coap://{}/v1/{path}", address(&server, "without"));
        request(libcoap("notls").unwrap(), arguments, &url)
    };
    let update = format!("update?profile=small&token={token}");
    for size in ["16", "64", "1024"] {
        let (got, said) = get(&update, &["-b", size]);
        assert!(got == patch, "{size}: {} of {} bytes; {said}", got.len(), patch.len());
    }
    // Every seventh datagram is lost. (libcoap's own `-l` is by chance, and a request that is lost
    // five times in a row ends it.)
    let mut count = 0;
    let lossy = network(address(&server, "without").parse().unwrap(), move |_, _| {
        count += 1;
        count % 7 == 0
    });
    let url = format!("coap://{lossy}/v1/{update}");
    let (got, said) = request(libcoap("notls").unwrap(), &["-b", "256"], &url);
    assert!(got == patch, "{} of {} bytes; {said}", got.len(), patch.len());
    let (offer, _) = get(&format!("update/offer?token={token}"), &[]);
    let offer = String::from_utf8(offer).unwrap();
    assert!(offer.contains(&format!("\ndigest={sent}\n")), "{offer}");
    assert!(offer.starts_with("action=1\nrelease=1.1\n"), "{offer}");
    // Nothing without the token of a device.
    for (path, code) in [
        ("update", "4.01"),
        ("update?token=fdd_0", "4.01"),
        (&*format!("update?token={}", server.token), "4.03"),
        ("nothing", "4.04"),
        (&*format!("update?token={token}&ram=x"), "4.00"),
    ] {
        let (got, said) = get(path, &[]);
        assert!(said.contains(code) && got.len() < 100, "{path}: {said}");
    }
    // A report, as by HTTP.
    let report = json!({"action": 1, "result": "failure", "message": "flash is worn"}).to_string();
    let (_, said) = get(&format!("update/report?token={token}"), &["-m", "post", "-e", &report]);
    let actions = server.get("/v1/devices/h-1/actions").await;
    assert_eq!(actions[0]["state"], "failed", "{said}");
    // Then there is nothing for a while, which is no error.
    let (none, said) = get(&update, &[]);
    assert!(none.is_empty() && !said.contains("4."), "{said}");
}

/// A pre-shared key that can be an argument: without a zero.
async fn psk(server: &Server, token: &str, device: &str) -> (String, Vec<u8>) {
    loop {
        let path = format!("/v1/devices/{device}/psk");
        let made = server.request(Method::POST, &path, token).send().await.unwrap();
        let made = json(made, StatusCode::OK).await;
        let text = made["key"].as_str().unwrap();
        let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
        let key: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
        if !key.contains(&0) {
            return (made["identity"].as_str().unwrap().to_owned(), key);
        }
    }
}

/// The patch by DTLS, with this identity and key.
fn by_dtls(
    server: SocketAddr,
    (identity, key): &(String, Vec<u8>),
    arguments: &[&str],
) -> (Vec<u8>, String) {
    let mut client = libcoap("gnutls").unwrap();
    client.args(["-u", identity, "-k"]).arg(std::ffi::OsString::from_vec(key.clone()));
    request(client, arguments, &format!("coaps://{server}/v1/update?profile=small"))
}

async fn libcoap_updates_a_device_by_dtls(setup: Setup) {
    if libcoap("gnutls").is_none() {
        return;
    }
    let server = setup.start_with(&["--coaps", "127.0.0.1:0"]);
    let token = heron(&server).await;
    let (patch, _) = by_http(&server, &token).await;
    let there: SocketAddr = address(&server, "with").parse().unwrap();
    let get = |known: &(String, Vec<u8>), arguments: &[&str]| by_dtls(there, known, arguments);
    let known = psk(&server, &server.token, "h-1").await;
    for arguments in [&["-b", "64"][..], &["-b", "1024"], &[]] {
        let (got, said) = get(&known, arguments);
        assert!(got == patch, "{arguments:?}: {} of {}; {said}", got.len(), patch.len());
    }
    // Every fifth datagram with data is lost; of handshakes see below.
    let mut count = 0;
    let lossy = network(there, move |_, bytes| {
        count += u32::from(bytes.first() == Some(&23));
        bytes.first() == Some(&23) && count % 5 == 0
    });
    let (got, said) = by_dtls(lossy, &known, &["-b", "512"]);
    assert!(got == patch, "{} of {}; {said}", got.len(), patch.len());
    // Another tenant's device of the same name has nothing there.
    let other = setup.output("tenant", &["add", "other"]);
    let other = other.trim();
    let product = server.request(Method::PUT, "/v1/products/wren", other);
    json(product.json(&json!({"name": "wren"})).send().await.unwrap(), StatusCode::OK).await;
    let device = server.request(Method::PUT, "/v1/devices/h-1", other);
    let device = device.json(&json!({"id": "h-1", "product": "wren"}));
    json(device.send().await.unwrap(), StatusCode::OK).await;
    let foreign = psk(&server, other, "h-1").await;
    let (got, said) = get(&foreign, &[]);
    assert!(got.is_empty(), "{said}");
    // No content with a key that is wrong, unknown or revoked; nor with the one before.
    let quick = &["-B", "3"];
    let wrong = (known.0.clone(), foreign.1.clone());
    let unknown = ("fdk_0".to_owned(), known.1.clone());
    let before = known.clone();
    let known = psk(&server, &server.token, "h-1").await;
    assert!(get(&known, &[]).0 == patch);
    let revoked = server.request(Method::DELETE, "/v1/devices/h-1/psk", &server.token);
    json(revoked.send().await.unwrap(), StatusCode::OK).await;
    for key in [wrong, unknown, before, known] {
        let (got, said) = get(&key, quick);
        assert!(got.is_empty(), "{said}");
    }
    let audit = server.get("/v1/audit").await;
    let what = |entry: &Value| entry["what"].as_str().unwrap().to_owned();
    let entries: Vec<_> = audit.as_array().unwrap().iter().map(what).collect();
    assert!(entries.contains(&"pre-shared key revoked".to_owned()), "{entries:?}");
}

/// libcoap gives a handshake 5 seconds, and GnuTLS sends again after 1: there is time for one loss.
async fn libcoap_bears_the_loss_of_any_datagram_of_a_handshake(setup: Setup) {
    if libcoap("gnutls").is_none() {
        return;
    }
    let server = setup.start_with(&["--coaps", "127.0.0.1:0"]);
    let token = heron(&server).await;
    let (patch, _) = by_http(&server, &token).await;
    let there: SocketAddr = address(&server, "with").parse().unwrap();
    let known = psk(&server, &server.token, "h-1").await;
    // Hello twice, key, change of cipher, end; of the server verification, hello, end.
    let of_client = (1..=5).map(|number| (Way::ToServer, number));
    let of_server = (1..=3).map(|number| (Way::ToClient, number));
    std::thread::scope(|scope| {
        for (which, lost) in of_client.chain(of_server) {
            let (known, patch) = (&known, &patch);
            scope.spawn(move || {
                let mut count = 0;
                let lossy = network(there, move |way, _| {
                    count += u32::from(way == which);
                    way == which && count == lost
                });
                let (got, said) = by_dtls(lossy, known, &[]);
                assert!(got == *patch, "{which:?} {lost}: {} bytes; {said}", got.len());
            });
        }
    });
}

async fn aiocoap_updates_a_device(setup: Setup) {
    let Some(python) = std::env::var_os("FLASHDELTA_AIOCOAP") else {
        return skip("no aiocoap here (`cargo xtask test --only server` brings it)");
    };
    let server = setup.start_with(&["--coaps", "127.0.0.1:0", "--coap", "127.0.0.1:0"]);
    let token = heron(&server).await;
    let (patch, _) = by_http(&server, &token).await;
    let (identity, key) = psk(&server, &server.token, "h-1").await;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let coaps = format!("coaps://{}", address(&server, "with"));
    let coap = format!("coap://{}", address(&server, "without"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/aiocoap_client.py");
    for arguments in [vec![format!("{coap}/v1/update?token={token}")], {
        vec![format!("{coaps}/v1/update"), format!("{coaps}/*"), identity, hex]
    }] {
        let output = Command::new(&python).arg(script).args(&arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("no DTLS") {
            skip("aiocoap without DTLS here (its DTLSSocket has to be built)");
            continue;
        }
        assert!(output.status.success(), "{said}");
        assert!(output.stdout == patch, "{} of {} bytes", output.stdout.len(), patch.len());
    }
}

async fn devices_that_observe_are_told(setup: Setup) {
    if libcoap("notls").is_none() {
        return;
    }
    let server = setup.start_with(&["--coap", "127.0.0.1:0", "--coap-observe", "1"]);
    fleet::heron(&server).await;
    fleet::assign(&server, "heron", "1.0").await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    let address = address(&server, "without");
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut client = libcoap("notls").unwrap();
    client.args(["-s", "60", "-B", "60", "-o"]).arg(file.path());
    client.arg(format!("coap://{address}/v1/update/offer?token={token}"));
    let client = client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut client = client.spawn().unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(std::fs::read(file.path()).unwrap(), b"");
    fleet::assign(&server, "heron", "1.1").await;
    let mut told = String::new();
    for _ in 0..240 {
        told = std::fs::read_to_string(file.path()).unwrap();
        if told.contains("release=1.1") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let _ = client.kill();
    let _ = client.wait();
    assert!(told.contains("release=1.1"), "{told}");
}
