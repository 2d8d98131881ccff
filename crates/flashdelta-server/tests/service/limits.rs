//! Limits, metrics, TLS, and graceful ends.

use reqwest::{Client, Method, StatusCode};

use crate::fleet::{self, digest, firmware};
use crate::server::{Server, Setup};

crate::on_both_databases!(requests_are_limited metrics_name_nobody connections_are_encrypted
    keys_without_end_are_refused what_has_begun_ends connections_without_requests_are_closed);

async fn status(server: &Server, path: &str, token: &str) -> StatusCode {
    server.request(Method::GET, path, token).send().await.unwrap().status()
}

/// Waits until a patch is asked for.
async fn is_queued(setup: &Setup, server: &Server) {
    let token = setup.output("token", &["add", "--role", "metrics", "m"]);
    for _ in 0..1200 {
        let metrics = server.request(Method::GET, "/metrics", token.trim()).send().await.unwrap();
        if metrics.text().await.unwrap().contains("flashdelta_jobs_queued 1") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no job is queued");
}

async fn requests_are_limited(setup: Setup) {
    let limits = [
        "--device-requests",
        "3",
        "--failed-requests",
        "4",
        "--max-requests",
        "2",
        "--workers",
        "0",
        "--longest-wait",
        "10",
    ];
    let server = setup.start_with(&limits);
    fleet::heron(&server).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    // Two wait for a patch that nobody makes; a third one is told to come again.
    let wait = async |device: &str| {
        let token = fleet::device(&server, device, "heron", &held).await;
        server.request(Method::GET, "/v1/update?wait=20", &token)
    };
    let first = tokio::spawn(wait("w-0").await.send());
    is_queued(&setup, &server).await;
    let mut number = 0;
    let second = 'refused: loop {
        number += 1;
        assert!(number < 100 && !first.is_finished());
        let second = tokio::spawn(wait(&format!("w-{number}")).await.send());
        // Until it has come; unless it came just when it was looked.
        while !second.is_finished() {
            if status(&server, "/v1/products", &server.token).await
                == StatusCode::SERVICE_UNAVAILABLE
            {
                break 'refused second;
            }
        }
    };
    for waiting in [first, second] {
        assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(status(&server, "/v1/products", &server.token).await, StatusCode::OK);
    // A device has three requests a minute, others have theirs.
    let path = "/v1/update?wait=0";
    for _ in 0..3 {
        assert_eq!(status(&server, path, &token).await, StatusCode::SERVICE_UNAVAILABLE);
    }
    let refused = server.request(Method::GET, path, &token).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let after: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after));
    let other = fleet::device(&server, "h-2", "heron", &held).await;
    assert_eq!(status(&server, path, &other).await, StatusCode::SERVICE_UNAVAILABLE);
    // Who guesses is slowed down, and who has a token is not.
    let mut guesses = Vec::new();
    for _ in 0..5 {
        guesses.push(status(&server, "/v1/products", "fdo_guess").await);
    }
    assert_eq!(guesses[3..], [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS]);
    assert_eq!(status(&server, "/v1/products", &server.token).await, StatusCode::OK);
}

async fn metrics_name_nobody(setup: Setup) {
    let server = setup.start();
    fleet::heron(&server).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let device = fleet::device(&server, "serial-4711", "heron", &held).await;
    assert_eq!(status(&server, "/v1/update", &device).await, StatusCode::OK);
    let new = digest(&firmware("cortex-m-1.1.bin"));
    let path = format!("/v1/update?digest={new}");
    assert_eq!(status(&server, &path, &device).await, StatusCode::NO_CONTENT);
    assert_eq!(status(&server, "/v1/devices/serial-4711", &server.token).await, StatusCode::OK);
    assert_eq!(status(&server, "/metrics", &server.token).await, StatusCode::FORBIDDEN);
    let token = setup.output("token", &["add", "--role", "metrics", "prometheus"]);
    let metrics = server.request(Method::GET, "/metrics", token.trim()).send().await.unwrap();
    let text = metrics.text().await.unwrap();
    for line in [
        "flashdelta_requests_total{method=\"GET\",route=\"/v1/update\",status=\"200\"} 1",
        "flashdelta_requests_total{method=\"GET\",route=\"/v1/devices/{device}\",status=\"200\"} 1",
        "flashdelta_reports_total{result=\"succeeded\"} 1",
        "flashdelta_jobs_queued 0",
        "flashdelta_sent_bytes_total{kind=\"delta\"}",
        "flashdelta_request_seconds_bucket{le=\"0.05\",route=\"/v1/update\"}",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(
        !text.contains("4711") && !text.contains("heron") && !text.contains("default"),
        "{text}"
    );
    assert_eq!(status(&server, "/v1/products", token.trim()).await, StatusCode::FORBIDDEN);
}

async fn connections_are_encrypted(setup: Setup) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let [cert_path, key_path] = ["cert.pem", "key.pem"].map(|name| setup.folder.path().join(name));
    std::fs::write(&cert_path, cert.pem()).unwrap();
    std::fs::write(&key_path, signing_key.serialize_pem()).unwrap();
    let (cert_path, key_path) = (cert_path.to_str().unwrap(), key_path.to_str().unwrap());
    let mut server = setup.start_with(&["--tls-cert", cert_path, "--tls-key", key_path]);
    let trusted = reqwest::Certificate::from_pem(cert.pem().as_bytes()).unwrap();
    server.client = Client::builder().tls_certs_only([trusted]).build().unwrap();
    let port = server.address.rsplit(':').next().unwrap();
    let url = format!("https://localhost:{port}/healthz");
    assert_eq!(server.client.get(&url).send().await.unwrap().text().await.unwrap(), "ok\n");
    assert!(Client::new().get(&url).send().await.is_err());
    assert!(server.client.get(server.url("/healthz")).send().await.is_err());
    assert!(server.stop());
}

async fn keys_without_end_are_refused(setup: Setup) {
    let tls = ["--tls-cert", "/dev/zero", "--tls-key", "/dev/zero"];
    for arguments in [&["--signing-key", "/dev/zero"][..], &tls] {
        let mut serve = setup.command("serve");
        let output = serve.args(["--listen", "127.0.0.1:0"]).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains("the limit is 1048576"), "{told}");
    }
}

async fn what_has_begun_ends(setup: Setup) {
    let server = setup.start_with(&["--workers", "0", "--longest-wait", "10"]);
    fleet::heron(&server).await;
    let held = digest(&firmware("cortex-m-1.0.bin"));
    let token = fleet::device(&server, "h-1", "heron", &held).await;
    let waiting = server.request(Method::GET, "/v1/update?wait=10", &token).send();
    let waiting = tokio::spawn(waiting);
    is_queued(&setup, &server).await;
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    // The answer comes, though the server was told to end.
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(stopping.await.unwrap());
}

async fn connections_without_requests_are_closed(setup: Setup) {
    use std::io::{Read as _, Write as _};
    let server = setup.start_with(&["--header-seconds", "2"]);
    let address = server.address.clone();
    let closed = tokio::task::spawn_blocking(move || {
        let mut connection = std::net::TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n").unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).is_ok() && !answer.starts_with(b"HTTP/1.1 200")
    });
    assert!(closed.await.unwrap());
}
