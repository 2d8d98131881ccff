//! The agent in MicroPython (`flashdelta.http`), in MicroPython's Unix port, on its simulated
//! board.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::fleet::{self, digest, firmware};
use crate::network::deaf_tcp;
use crate::server::{Server, Setup};

const SLOT: usize = 256 << 10;

/// The interpreter; `None`, said aloud: it is not here.
fn interpreter() -> Option<PathBuf> {
    let found = std::env::var_os("FLASHDELTA_MICROPYTHON").map(PathBuf::from);
    if found.is_none() {
        let why = "SKIPPED: no MicroPython (`cargo xtask test --only server` brings it)\n";
        let _ = std::io::stderr().write_all(why.as_bytes());
    }
    found
}

fn bindings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings/micropython")
}

fn signed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/signed").join(name)
}

/// A server that signs with this key, a device of it, and its board.
struct World {
    setup: Setup,
    server: Server,
    interpreter: PathBuf,
    token: String,
}

impl World {
    async fn new(key: &str) -> Option<Self> {
        let interpreter = interpreter()?;
        let setup = Setup::sqlite();
        let server = setup.start_with(&["--signing-key", signed(key).to_str().unwrap()]);
        fleet::heron(&server).await;
        let mut old = firmware("cortex-m-1.0.bin");
        let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
        let world = Self { setup, server, interpreter, token };
        std::fs::create_dir(world.board()).unwrap();
        old.resize(SLOT, 0xFF);
        std::fs::write(world.board().join("ota_0"), old).unwrap();
        std::fs::write(world.board().join("ota_1"), [0xFF; SLOT]).unwrap();
        std::fs::write(world.board().join("boot"), "ota_0 valid ota_1").unwrap();
        Some(world)
    }

    fn board(&self) -> PathBuf {
        self.setup.folder.path().join("board")
    }

    fn port(&self) -> u16 {
        self.server.address.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Starts the board once, with the server at this port; how it ended, and what it said.
    fn start(&self, port: u16) -> (Option<i32>, String) {
        let point = std::fs::read(signed("p256.point")).unwrap();
        let point: String =
            point[point.len() - 64..].iter().map(|byte| format!("{byte:02x}")).collect();
        let device = bindings().join("tests/device");
        let mut board = Command::new(&self.interpreter);
        let path = format!("{}:{}:.frozen", bindings().display(), device.display());
        board.env("MICROPYPATH", path).args(["-X", "heapsize=192k"]);
        board.arg(device.join("http_board.py")).arg(self.board());
        board.args([&port.to_string(), &self.token]);
        board.args([&digest(&firmware("cortex-m-1.0.bin")), &point]);
        let output = board.stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Starts it again whenever it is reset.
    fn run(&self, port: u16) -> String {
        let mut said = String::new();
        for _ in 0..5 {
            let (code, more) = self.start(port);
            said += &more;
            match code {
                Some(3) => {}
                Some(0) => return said,
                _ => panic!("{code:?}: {said}"),
            }
        }
        panic!("it is reset again and again: {said}");
    }

    fn boot(&self) -> String {
        std::fs::read_to_string(self.board().join("boot")).unwrap()
    }

    async fn state(&self) -> String {
        let actions = self.server.get("/v1/devices/h-1/actions").await;
        actions[0]["state"].as_str().unwrap_or_default().to_owned()
    }
}

/// A proxy that ends each connection after this many bytes of the server's.
fn short_winded(server: u16, bytes: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut near in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut far = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let mut answer = Vec::new();
                let _ = (&mut far).take(bytes as u64).read_to_end(&mut answer);
                let _ = near.write_all(&answer);
                let _ = near.shutdown(std::net::Shutdown::Both);
                let _ = far.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_updates_itself_though_each_connection_ends_early() {
    let Some(world) = World::new("p256.pem").await else { return };
    // A patch for this applier has several times as many bytes: each answer goes on where it is.
    let said = world.run(short_winded(world.port(), 3000));
    assert!(said.matches("the connection has ended").count() >= 3, "{said}");
    assert_eq!(world.boot(), "ota_1 valid ota_0", "{said}");
    let made = std::fs::read(world.board().join("ota_1")).unwrap();
    assert!(made.starts_with(&firmware("cortex-m-1.1.bin")));
    assert_eq!(world.state().await, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_reach_the_server_is_left() {
    let Some(world) = World::new("p256.pem").await else { return };
    let (code, said) = world.start(world.port());
    assert_eq!(code, Some(3), "{said}");
    let (nobody, _listener) = deaf_tcp();
    let (code, said) = world.start(nobody.local_addr().unwrap().port());
    assert_eq!(code, Some(3), "{said}");
    let said = world.run(world.port());
    assert!(said.ends_with("failed\n"), "{said}");
    assert!(world.boot().starts_with("ota_0 valid"), "{}", world.boot());
    assert_eq!(world.state().await, "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_by_another_key_writes_nothing() {
    let Some(world) = World::new("other-p256.pem").await else { return };
    let said = world.run(world.port());
    assert!(said.ends_with("failed\n"), "{said}");
    let other = std::fs::read(world.board().join("ota_1")).unwrap();
    assert!(other == [0xFF; SLOT], "something was written");
    assert_eq!(world.state().await, "failed");
}
