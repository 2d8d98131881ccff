//! A group on the loopback interface: each party a process with an address of its own.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use flashdelta::{diff, sign, DiffOptions, Identity};

/// The identity that all devices have.
const PRODUCT: u32 = 7;

pub(crate) struct World {
    folder: PathBuf,
    multicast: String,
    pub(crate) devices: Vec<Device>,
    /// The share of datagrams that is lost, at each party.
    pub(crate) loss: f64,
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
    pub(crate) patch: PathBuf,
}

pub(crate) struct Device {
    pub(crate) address: Ipv4Addr,
    folder: PathBuf,
    process: Option<Child>,
    /// The image that it is made with.
    image: &'static str,
    /// What is wrong with it.
    arguments: Vec<&'static str>,
}

/// A coordinator that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

impl World {
    /// A world of its own, with so many devices that have not been started. `None`, aloud: this
    /// machine does not let multicast through its loopback interface.
    pub(crate) fn new(name: &str, devices: u8) -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if UdpSocket::bind("127.70.0.1:0").is_err() {
            eprintln!("SKIPPED: 127.70.0.1 is no address of this machine");
            return None;
        }
        let firmware = testdata().join("firmware");
        let [old, new] = ["esp32-1.0.bin", "esp32-1.1.bin"].map(|name| firmware.join(name));
        let [old, new] = [old, new].map(|path| fs::read(path).unwrap());
        fs::write(folder.join("group.key"), b"random bytes, for this group only").unwrap();
        let device = |number: u8| Device {
            address: Ipv4Addr::new(127, 70, 0, 10 + number),
            folder: folder.join(format!("device-{number}")),
            process: None,
            image: "old.bin",
            arguments: Vec::new(),
        };
        let devices = (0..devices).map(device).collect();
        let multicast = format!("239.255.70.1:{port}");
        let patch = folder.join("update.fdp");
        let world = Self { folder, multicast, devices, loss: 0.0, old, new, patch };
        fs::write(world.folder.join("old.bin"), &world.old).unwrap();
        world.sign(&world.old, "ed25519.pem");
        Some(world)
    }

    /// The patch is from this image, and signed with this key.
    pub(crate) fn sign(&self, old: &[u8], key: &str) {
        let identity =
            Identity { product: PRODUCT, hardware_from: 1, hardware_to: 1, security_counter: 0 };
        let options = DiffOptions::new().ram(15 << 10).identity(identity);
        let plain = diff::diff(old, &self.new, &options).unwrap().bytes;
        let pem = fs::read_to_string(testdata().join("signed").join(key)).unwrap();
        let key = sign::PrivateKey::from_pem(&pem).unwrap();
        fs::write(&self.patch, sign::sign(&plain, &key).unwrap()).unwrap();
    }

    fn command(&self, role: &str, address: Ipv4Addr, log: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesh"));
        let log = File::options().create(true).append(true).open(self.folder.join(log)).unwrap();
        command.arg(role).args(["--address", &address.to_string()]);
        command.args(["--multicast", &self.multicast, "--loss", &self.loss.to_string()]);
        command.arg("--key").arg(self.folder.join("group.key"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// Starts a device, or starts it again.
    pub(crate) fn start(&mut self, number: usize) {
        let device = &self.devices[number];
        let mut command = self.command("device", device.address, &format!("device-{number}.log"));
        command.arg(&device.folder).args(&device.arguments);
        command.arg("--image").arg(self.folder.join(device.image));
        command.arg("--trust").arg(testdata().join("signed/ed25519.pub.pem"));
        self.devices[number].process = Some(command.spawn().unwrap());
    }

    /// Starts all of them.
    pub(crate) fn start_all(&mut self) {
        (0..self.devices.len()).for_each(|number| self.start(number));
    }

    /// The power of a device goes, at any moment.
    pub(crate) fn kill(&mut self, number: usize) {
        self.devices[number].kill();
    }

    /// This is wrong with a device.
    pub(crate) fn make(&mut self, number: usize, arguments: &[&'static str]) {
        self.devices[number].arguments = arguments.to_vec();
    }

    /// A device runs another image than the others.
    pub(crate) fn has_other_image(&mut self, number: usize) {
        let mut other = self.old.clone();
        other[1000] ^= 1;
        fs::write(self.folder.join("other.bin"), other).unwrap();
        self.devices[number].image = "other.bin";
    }

    /// Starts a coordinator: by a name, at the address with this last number.
    pub(crate) fn lead(&self, name: &str, address: u8, arguments: &[&str]) -> Leader {
        let log = format!("{name}.log");
        let mut command = self.command("coordinator", Ipv4Addr::new(127, 70, 0, address), &log);
        command.arg(&self.patch).arg("--node");
        command.args(self.devices.iter().map(|device| device.address.to_string()));
        // A test does not wait as people do; what ends a trial or gives somebody up is no matter
        // of a second, for the machine may have much else to do.
        let times = [
            "--health=20",
            "--answer=150",
            "--linger=3",
            "--stall=60",
            "--lost=30",
            "--go-ahead=60",
        ];
        let name = |argument: &str| argument.split('=').next().map(str::to_owned);
        let is_other = |time: &&&str| arguments.iter().all(|other| name(other) != name(time));
        command.args(times.iter().filter(is_other)).args(arguments);
        Leader { process: command.spawn().unwrap(), log: self.folder.join(log) }
    }

    /// What a device has said.
    pub(crate) fn log(&self, number: usize) -> String {
        fs::read_to_string(self.folder.join(format!("device-{number}.log"))).unwrap()
    }

    /// Waits until a device runs this image and the bootloader starts no other.
    pub(crate) fn wait_for(&self, number: usize, image: &[u8]) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.devices[number].runs(image) {
            let log = self.log(number);
            assert!(Instant::now() < deadline, "device {number} does not get there: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether a device runs this image.
    pub(crate) fn runs(&self, number: usize, image: &[u8]) -> bool {
        self.devices[number].runs(image)
    }

    /// Sends a datagram to all, as anybody could.
    pub(crate) fn multicast(&self, bytes: &[u8]) {
        let socket = UdpSocket::bind("127.70.0.250:0").unwrap();
        let interface = "127.70.0.250".parse().unwrap();
        socket2::SockRef::from(&socket).set_multicast_if_v4(&interface).unwrap();
        socket.send_to(bytes, &self.multicast).unwrap();
    }
}

impl Device {
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Whether its bootloader starts this image, and no other first.
    fn runs(&self, image: &[u8]) -> bool {
        let Ok(record) = fs::read_to_string(self.folder.join("boot")) else { return false };
        let numbers: Vec<usize> = record.split_whitespace().flat_map(str::parse).collect();
        let [good, 0, lens @ ..] = &numbers[..] else { return false };
        let start = good * (128 << 10);
        let flash = fs::read(self.folder.join("flash")).unwrap();
        lens[*good] == image.len() && &flash[start..start + image.len()] == image
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.devices.iter_mut().for_each(Device::kill);
    }
}

/// A coordinator at work.
pub(crate) struct Leader {
    process: Child,
    log: PathBuf,
}

impl Leader {
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said this.
    pub(crate) fn wait_for(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.said().contains(words) {
            assert!(Instant::now() < deadline, "never {words:?}: {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its power goes.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits until it ends.
    pub(crate) fn end(mut self) -> Ended {
        let deadline = Instant::now() + Duration::from_secs(150);
        let code = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status.code();
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        };
        Ended { code, said: self.said() }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
