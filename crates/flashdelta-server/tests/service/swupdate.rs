//! SWUpdate, as Debian has it, takes an update. It reads no patches: so it gets its file as it is.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use rustix::process::{kill_process_group, Pid, Signal};
use serde_json::{json, Value};

use crate::fleet::{self, digest, firmware};
use crate::server::{json, Server, Setup};

crate::on_both_databases!(swupdate_takes_an_update);

/// `FLASHDELTA_SWUPDATE`, or the one in the path.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("FLASHDELTA_SWUPDATE").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("swupdate"));
    let program = named.or_else(|| found.find(|program| program.is_file()));
    // Its files are signed, by this.
    let program = program.filter(|_| Command::new("openssl").arg("version").output().is_ok());
    if program.is_none() {
        // To the file itself: the harness of tests keeps what is printed.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no SWUpdate or no openssl here (Debian: apt-get install swupdate openssl)"
        );
    }
    program
}

/// A process of SWUpdate's, and those that it starts.
struct Suricatta(Child);

impl Suricatta {
    fn start(program: &Path, folder: &Path, server: &Server, token: &str, more: &str) -> Self {
        let options =
            format!("-t default -u http://{} -i sw-1 -k {token} -p 1 {more}", server.address);
        let mut command = Command::new(program);
        command.current_dir(folder).env("TMPDIR", folder).stdin(Stdio::null());
        // Its traces are of use only where the test fails: the server's answer is shown then.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.args(["-l", "5", "-k", "cert.pem", "-M", "-m", "-H", "board:1.0", "-u", &options]);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Suricatta {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let mut openssl = Command::new("openssl");
    let output = openssl.current_dir(folder).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A file for SWUpdate: an archive of cpio's with a description, its signature, and an image.
/// (Debian's takes signed ones alone.)
fn swu(folder: &Path, target: &Path, image: &[u8]) -> Vec<u8> {
    let description = format!(
        "software = {{ version = \"1.1\"; hardware-compatibility: [\"1.0\"]; files: ({{ \
         filename = \"app.bin\"; path = \"{}\"; sha256 = \"{}\"; }}); }};\n",
        target.display(),
        digest(image)
    );
    std::fs::write(folder.join("description"), &description).unwrap();
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=test \
         -addext extendedKeyUsage=emailProtection",
    );
    openssl(
        folder,
        "cms -sign -in description -out signature -signer cert.pem -inkey key.pem -outform DER \
         -nosmimecap -binary",
    );
    let signature = std::fs::read(folder.join("signature")).unwrap();
    let mut archive = Vec::new();
    let files: [(&str, &[u8]); 4] = [
        ("sw-description", description.as_bytes()),
        ("sw-description.sig", &signature),
        ("app.bin", image),
        ("TRAILER!!!", b""),
    ];
    for (number, (name, bytes)) in files.into_iter().enumerate() {
        let sum = bytes.iter().fold(0u32, |sum, byte| sum.wrapping_add((*byte).into()));
        let fields = [
            number as u32 + 1,
            0o100_644,
            0,
            0,
            1,
            0,
            bytes.len() as u32,
            0,
            0,
            0,
            0,
            name.len() as u32 + 1,
            sum,
        ];
        archive.extend_from_slice(b"070702");
        fields.iter().for_each(|field| write!(archive, "{field:08X}").unwrap());
        archive.extend_from_slice(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive.resize(archive.len().next_multiple_of(512), 0);
    archive
}

/// What the server says, once that is as it should be.
async fn until(server: &Server, path: &str, is_right: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..1200 {
        last = server.get(path).await;
        if is_right(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{last}");
}

async fn swupdate_takes_an_update(setup: Setup) {
    let Some(program) = program() else { return };
    let server = setup.start();
    let folder = setup.folder.path().join("swupdate");
    std::fs::create_dir(&folder).unwrap();
    let installed = folder.join("installed.bin");
    server.put("/v1/products/heron", &json!({"name": "heron"})).await;
    let image = firmware("cortex-m-1.1.bin");
    fleet::release(&server, "heron", "1.1", "heron.swu", swu(&folder, &installed, &image)).await;
    fleet::assign(&server, "heron", "1.1").await;
    let device = json!({"id": "sw-1", "product": "heron", "applier": {"formats": []}});
    let entered = server.request(Method::PUT, "/v1/devices/sw-1", &server.token).json(&device);
    let entered = json(entered.send().await.unwrap(), StatusCode::OK).await;
    let token = entered["token"].as_str().unwrap();
    let first = Suricatta::start(&program, &folder, &server, token, "");
    let reports = "/v1/devices/sw-1/actions/1";
    let is_installed = |found: &Value| found.to_string().contains("All Chunks Installed.");
    until(&server, "/v1/devices/sw-1/actions", |actions| !actions[0].is_null()).await;
    until(&server, reports, is_installed).await;
    assert!(std::fs::read(&installed).unwrap() == image);
    drop(first);
    // The new system has started, and says so.
    let _second = Suricatta::start(&program, &folder, &server, token, "-c 2");
    let is_done = |actions: &Value| actions[0]["state"] == "succeeded";
    let actions = until(&server, "/v1/devices/sw-1/actions", is_done).await;
    assert_eq!(actions[0]["contents"][0]["kind"], "file");
    let plan = server.get("/v1/devices/sw-1/plan").await;
    assert_eq!(plan["answer"], "up-to-date");
}
