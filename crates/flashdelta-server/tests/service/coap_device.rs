//! The device in C of `bindings/coap`, on its simulated board, with a bad network.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::fleet::{self, digest, firmware};
use crate::network::{deaf_udp, network, Losses, Way};
use crate::server::{Server, Setup};

const SLOT: usize = 256 << 10;
/// The board has been reset.
const RESET: Option<i32> = Some(3);

/// The program; `None`, said aloud: it was not built.
fn program() -> Option<PathBuf> {
    let found = std::env::var_os("FLASHDELTA_COAP_DEVICE").map(PathBuf::from);
    if found.is_none() {
        let why = "SKIPPED: no device in C (`cargo xtask test --only server` builds it)\n";
        let _ = std::io::stderr().write_all(why.as_bytes());
    }
    found
}

fn signed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/signed").join(name)
}

/// A server that signs with this key, a device of it, and the device's board.
struct World {
    setup: Setup,
    server: Server,
    program: PathBuf,
    token: String,
    board: PathBuf,
}

impl World {
    async fn new(key: &str) -> Option<Self> {
        let program = program()?;
        let setup = Setup::sqlite();
        let key = signed(key);
        let arguments = ["--coap", "127.0.0.1:0", "--signing-key", key.to_str().unwrap()];
        let server = setup.start_with(&arguments);
        fleet::heron(&server).await;
        let old = firmware("cortex-m-1.0.bin");
        let token = fleet::device(&server, "h-1", "heron", &digest(&old)).await;
        let board = setup.folder.path().join("board");
        std::fs::create_dir(&board).unwrap();
        let world = Self { setup, server, program, token, board };
        world.flash("ota_0", &old);
        world.flash("ota_1", &[]);
        std::fs::write(world.board.join("boot"), "ota_0 valid ota_1").unwrap();
        std::fs::write(world.board.join("digest_ota_0"), digest(&old)).unwrap();
        Some(world)
    }

    fn flash(&self, slot: &str, image: &[u8]) {
        let mut bytes = image.to_vec();
        bytes.resize(SLOT, 0xFF);
        std::fs::write(self.board.join(slot), bytes).unwrap();
    }

    fn port(&self) -> u16 {
        let log = self.server.log.lock().unwrap();
        let of = |entry: &&Value| entry["message"] == "listening for CoAP without DTLS";
        let address = log.iter().find(of).expect("CoAP is there")["address"].as_str().unwrap();
        address.parse::<SocketAddr>().unwrap().port()
    }

    /// Starts the device; it speaks to this port.
    fn start(&self, port: u16) -> Child {
        let point = std::fs::read(signed("p256.point")).unwrap();
        let point: String =
            point[point.len() - 64..].iter().map(|byte| format!("{byte:02x}")).collect();
        let log = self.setup.folder.path().join("device.log");
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let mut device = Command::new(&self.program);
        device.arg(&self.board).args([&port.to_string(), &self.token, &point]);
        device.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        device.spawn().unwrap()
    }

    /// Runs the device, and starts it again whenever it is reset; gives how it ended.
    fn run(&self, port: u16) -> Option<i32> {
        for _ in 0..5 {
            let code = self.start(port).wait().unwrap().code();
            if code != RESET {
                return code;
            }
        }
        panic!("it is reset again and again: {}", self.said());
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.setup.folder.path().join("device.log")).unwrap()
    }

    /// The slot that is started next, if the bootloader is sure of it.
    fn slot(&self) -> String {
        let boot = std::fs::read_to_string(self.board.join("boot")).unwrap();
        let (slot, rest) = boot.split_once(' ').unwrap();
        assert!(rest.starts_with("valid"), "{boot}");
        slot.to_owned()
    }

    fn holds(&self, slot: &str, image: &[u8]) -> bool {
        std::fs::read(self.board.join(slot)).unwrap().starts_with(image)
    }

    async fn state(&self) -> String {
        let actions = self.server.get("/v1/devices/h-1/actions").await;
        actions[0]["state"].as_str().unwrap_or_default().to_owned()
    }
}

/// A network that loses a fifth. When the device has kept its state it loses everything, and says
/// so, until it is told that the device was killed.
fn lossy(world: &World, is_held: Arc<AtomicBool>, is_killed: Arc<AtomicBool>) -> u16 {
    let kept = world.board.join("kept");
    let (mut losses, mut last) = (Losses::new(), Vec::new());
    let server = SocketAddr::from(([127, 0, 0, 1], world.port()));
    network(server, move |way, bytes| {
        if !is_killed.load(Ordering::Relaxed) {
            // It asks for the next block after it has kept its state, not while it does. (Of a
            // request that is sent again nothing is to be learned; nor of an acknowledgement, which
            // has the code 0.)
            let is_next = way == Way::ToServer && bytes.get(1) != Some(&0) && bytes != last;
            let is_kept = || std::fs::read(&kept).is_ok_and(|b| b.iter().any(|&b| b != 0xFF));
            if is_next && is_kept() {
                is_held.store(true, Ordering::Relaxed);
            }
            if is_held.load(Ordering::Relaxed) {
                return true;
            }
        }
        let is_lost = losses.is_lost(way);
        if way == Way::ToServer && !is_lost && bytes.get(1) != Some(&0) {
            last = bytes.to_vec();
        }
        is_lost
    })
    .port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_updates_itself_though_a_fifth_is_lost_and_it_is_killed() {
    let Some(world) = World::new("p256.pem").await else { return };
    let (is_held, is_killed) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
    let port = lossy(&world, Arc::clone(&is_held), Arc::clone(&is_killed));
    let mut device = world.start(port);
    while !is_held.load(Ordering::Relaxed) {
        assert!(device.try_wait().unwrap().is_none(), "{}", world.said());
        std::thread::sleep(Duration::from_millis(2));
    }
    device.kill().unwrap();
    device.wait().unwrap();
    is_killed.store(true, Ordering::Relaxed);
    assert_eq!(world.run(port), Some(0), "{}", world.said());
    assert_eq!(world.slot(), "ota_1", "{}", world.said());
    assert!(world.holds("ota_1", &firmware("cortex-m-1.1.bin")));
    let said = world.said();
    let begun: Vec<u32> = said
        .lines()
        .filter_map(|line| line.strip_prefix("taking from byte ")?.split(' ').next()?.parse().ok())
        .collect();
    assert!(begun.len() == 2 && begun[0] == 0 && begun[1] >= 2048, "{said}");
    assert_eq!(world.state().await, "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_does_not_reach_the_server_is_left() {
    let Some(world) = World::new("p256.pem").await else { return };
    assert_eq!(world.start(world.port()).wait().unwrap().code(), RESET, "{}", world.said());
    let nobody = deaf_udp();
    let port = nobody.local_addr().unwrap().port();
    assert_eq!(world.start(port).wait().unwrap().code(), RESET, "{}", world.said());
    assert_eq!(world.run(world.port()), Some(1), "{}", world.said());
    assert_eq!(world.slot(), "ota_0");
    assert_eq!(world.state().await, "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_does_not_fit_or_is_not_authentic_writes_nothing() {
    for (key, reason) in [("p256.pem", "401"), ("other-p256.pem", "1002")] {
        let Some(world) = World::new(key).await else { return };
        if key == "p256.pem" {
            // Another image than the device believes.
            let mut other = firmware("cortex-m-1.0.bin");
            other[5000] ^= 1;
            world.flash("ota_0", &other);
        }
        assert_eq!(world.run(world.port()), Some(1), "{}", world.said());
        let record = std::fs::read_to_string(world.board.join("record")).unwrap();
        assert!(record.contains(&format!(" failed - {reason}")), "{record}");
        assert_eq!(world.slot(), "ota_0");
        assert!(world.holds("ota_1", &[0xFF; SLOT]), "something was written");
        assert_eq!(world.state().await, "failed");
    }
}
