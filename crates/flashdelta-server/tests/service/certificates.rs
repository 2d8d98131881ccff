//! Devices with certificates, by mutual TLS.

use std::path::PathBuf;

use rcgen::{
    date_time_ymd, BasicConstraints, CertificateParams, CertificateRevocationListParams,
    CertifiedIssuer, CertifiedKey, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber,
};
use reqwest::{Certificate, Client, Identity, Method, StatusCode};
use serde_json::json;

use crate::fleet::{self, digest, firmware};
use crate::server::{Server, Setup};

crate::on_both_databases!(certificates_name_devices certificates_that_are_no_good_open_nothing
    files_that_change_are_read_anew);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The certificate of a device, with its key, both in PEM.
fn certificate(issuer: &Authority, device: &str, serial: u8, end: i32) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, device);
    params.serial_number = Some(SerialNumber::from_slice(&[serial]));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(end, 1, 1);
    let key = KeyPair::generate().unwrap();
    let cert = params.signed_by(&key, issuer).unwrap();
    cert.pem() + &key.serialize_pem()
}

/// A list that revokes the certificates with these numbers, in PEM.
fn revoked(issuer: &Authority, serials: &[u8]) -> String {
    let revoked = |serial: &u8| RevokedCertParams {
        serial_number: SerialNumber::from_slice(&[*serial]),
        revocation_time: date_time_ymd(2024, 1, 1),
        reason_code: None,
        invalidity_date: None,
    };
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2024, 1, 1),
        next_update: date_time_ymd(2090, 1, 1),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: serials.iter().map(revoked).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(issuer).unwrap().pem().unwrap()
}

/// A server with a certificate of its own, and what trusts it.
struct Tls {
    server: Server,
    trusted: Certificate,
}

impl Tls {
    fn start(setup: &Setup, more: &[&str]) -> Self {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let cert_path = file(setup, "cert.pem", &cert.pem());
        let key_path = file(setup, "key.pem", &signing_key.serialize_pem());
        let (cert_path, key_path) = (cert_path.to_str().unwrap(), key_path.to_str().unwrap());
        let tls = ["--tls-cert", cert_path, "--tls-key", key_path];
        let mut server = setup.start_with(&[&tls, more].concat());
        let trusted = Certificate::from_pem(cert.pem().as_bytes()).unwrap();
        let client = Client::builder().tls_certs_only([trusted.clone()]);
        server.client = client.build().unwrap();
        // The rest of the tests speaks to it as it does without TLS.
        let port = server.address.rsplit(':').next().unwrap().to_owned();
        server.address = format!("localhost:{port}");
        server.scheme = "https";
        Self { server, trusted }
    }

    /// Status and body of what somebody with this certificate gets.
    async fn get(&self, identity: &str, path: &str) -> reqwest::Result<(StatusCode, Vec<u8>)> {
        let identity = Identity::from_pem(identity.as_bytes()).unwrap();
        let client = Client::builder().tls_certs_only([self.trusted.clone()]).identity(identity);
        let answer = client.build().unwrap().get(self.server.url(path)).send().await?;
        Ok((answer.status(), answer.bytes().await?.to_vec()))
    }
}

fn file(setup: &Setup, name: &str, text: &str) -> PathBuf {
    let path = setup.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn certificates_name_devices(setup: Setup) {
    let (ours, theirs) = (authority("Heron Works"), authority("Others"));
    let ours_path = file(&setup, "ours.pem", &ours.pem());
    let theirs_path = file(&setup, "theirs.pem", &theirs.pem());
    let theirs_path = format!("other={}", theirs_path.display());
    let authorities = ["--client-ca", ours_path.to_str().unwrap(), "--client-ca", &theirs_path];
    let tls = Tls::start(&setup, &authorities);
    let other_token = setup.output("tenant", &["add", "other"]);
    fleet::heron(&tls.server).await;
    let (old, new) = (firmware("cortex-m-1.0.bin"), firmware("cortex-m-1.1.bin"));
    fleet::device(&tls.server, "h-1", "heron", &digest(&old)).await;
    let h1 = certificate(&ours, "h-1", 1, 2090);
    let (status, patch) = tls.get(&h1, "/v1/update").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(fleet::apply(&old, &patch) == new);
    // By hawkBit's interface, too: for itself alone.
    let of = |tenant: &str, id: &str| format!("/{tenant}/controller/v1/{id}");
    assert_eq!(tls.get(&h1, &of("default", "h-1")).await.unwrap().0, StatusCode::OK);
    assert_eq!(tls.get(&h1, &of("default", "h-2")).await.unwrap().0, StatusCode::FORBIDDEN);
    assert_eq!(tls.get(&h1, "/v1/update?device=h-2").await.unwrap().0, StatusCode::FORBIDDEN);
    // A device is no operator.
    for path in ["/v1/devices", "/metrics", "/v1/audit"] {
        assert_eq!(tls.get(&h1, path).await.unwrap().0, StatusCode::UNAUTHORIZED, "{path}");
    }
    // One that is new is entered, and says what it is.
    let h2 = certificate(&ours, "h-2", 2, 2090);
    let path = format!("/v1/update?product=heron&profile=small&digest={}", digest(&old));
    assert_eq!(tls.get(&h2, &path).await.unwrap(), (StatusCode::OK, patch));
    let devices = tls.server.get("/v1/devices").await;
    assert_eq!(devices.as_array().unwrap().len(), 2);
    // Of the same name, of another tenant: it is another device.
    let stranger = certificate(&theirs, "h-1", 3, 2090);
    assert_eq!(tls.get(&stranger, "/v1/update").await.unwrap().0, StatusCode::NO_CONTENT);
    assert_eq!(tls.get(&stranger, &of("default", "h-1")).await.unwrap().0, StatusCode::FORBIDDEN);
    let request = tls.server.request(Method::GET, "/v1/devices", other_token.trim());
    let devices: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&devices[0]["id"], &devices[0]["device"]), (&json!("h-1"), &json!(null)));
    // Others have tokens, or nothing.
    let nobody = tls.server.request(Method::GET, "/v1/update", "").send().await.unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    assert!(tls.server.stop());
}

async fn certificates_that_are_no_good_open_nothing(setup: Setup) {
    let ours = authority("Heron Works");
    let ours_path = file(&setup, "ours.pem", &ours.pem());
    let list_path = file(&setup, "revoked.pem", &revoked(&ours, &[7]));
    let (ca, crl) = (ours_path.to_str().unwrap(), list_path.to_str().unwrap());
    let tls = Tls::start(&setup, &["--client-ca", ca, "--client-crl", crl]);
    let good = certificate(&ours, "h-1", 1, 2090);
    assert_eq!(tls.get(&good, "/v1/update").await.unwrap().0, StatusCode::NO_CONTENT);
    for (what, wrong) in [
        ("of another authority", certificate(&authority("Heron Works"), "h-1", 1, 2090)),
        ("expired", certificate(&ours, "h-1", 2, 2024)),
        ("revoked", certificate(&ours, "h-1", 7, 2090)),
    ] {
        assert!(tls.get(&wrong, "/v1/update").await.is_err(), "{what}");
    }
    // A name that cannot be an id.
    let nameless = certificate(&ours, "", 8, 2090);
    assert!(tls.get(&nameless, "/v1/update").await.unwrap().0.is_client_error());
    assert_eq!(tls.server.get("/v1/devices").await.as_array().unwrap().len(), 1);
    // What is no certificate.
    let key = setup.folder.path().join("key.pem");
    for (name, path) in [("--client-ca", &key), ("--client-ca", &setup.folder.path().join("no"))] {
        let mut serve = setup.command("serve");
        serve.args(["--tls-cert", ca, "--tls-key", key.to_str().unwrap(), name]).arg(path);
        assert!(!serve.output().unwrap().status.success(), "{name} {}", path.display());
    }
}

async fn files_that_change_are_read_anew(setup: Setup) {
    let ours = authority("Heron Works");
    let ours_path = file(&setup, "ours.pem", &ours.pem());
    let list_path = file(&setup, "revoked.pem", &revoked(&ours, &[9]));
    let (ca, crl) = (ours_path.to_str().unwrap(), list_path.to_str().unwrap());
    let mut tls = Tls::start(&setup, &["--client-ca", ca, "--client-crl", crl]);
    let h1 = certificate(&ours, "h-1", 1, 2090);
    let identity = Identity::from_pem(h1.as_bytes()).unwrap();
    let open = Client::builder().tls_certs_only([tls.trusted.clone()]).identity(identity);
    let open = open.build().unwrap();
    let ask = || async { open.get(tls.server.url("/v1/update")).send().await.unwrap().status() };
    assert_eq!(ask().await, StatusCode::NO_CONTENT);
    // Revoked: on the connection that there is, and for those to come.
    std::fs::write(&list_path, revoked(&ours, &[9, 1])).unwrap();
    until(async || ask().await == StatusCode::UNAUTHORIZED).await;
    assert!(tls.get(&h1, "/v1/update").await.is_err());
    let h2 = certificate(&ours, "h-2", 2, 2090);
    assert_eq!(tls.get(&h2, "/v1/update").await.unwrap().0, StatusCode::NO_CONTENT);
    // Half of what belongs together changes nothing.
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    file(&setup, "cert.pem", &cert.pem());
    let is_told = || {
        let log = tls.server.log.lock().unwrap();
        log.iter().any(|entry| entry["message"] == "certificates stay as they were")
    };
    until(async || is_told()).await;
    assert_eq!(tls.get(&h2, "/v1/update").await.unwrap().0, StatusCode::NO_CONTENT);
    // A server with a new certificate.
    file(&setup, "key.pem", &signing_key.serialize_pem());
    tls.trusted = Certificate::from_pem(cert.pem().as_bytes()).unwrap();
    until(async || tls.get(&h2, "/v1/update").await.is_ok()).await;
}

/// Waits for what is to come within some seconds.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it does not come");
}
