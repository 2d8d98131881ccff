//! `kill -9` of servers and workers at random moments: nothing is lost, nothing counts twice, and
//! every device ends right.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::fleet::{self, apply, digest, firmware};
use crate::network::lasting_address;
use crate::server::{Server, Setup, Worker};

crate::on_both_databases!(kills_lose_nothing);

async fn kills_lose_nothing(setup: Setup) {
    run(setup, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn many_kills_lose_nothing_on_postgres() {
    if let Some(setup) = Setup::postgres() {
        run(setup, 40).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn many_kills_lose_nothing_on_sqlite() {
    run(Setup::sqlite(), 40).await;
}

/// Firmware of different kinds as releases of one product: patches between them take a while.
const RELEASES: [&str; 8] = [
    "cortex-m-1.0.bin",
    "riscv-1.0.bin",
    "esp32-1.0.bin",
    "esp8266-1.0.bin",
    "esp32-1.1.bin",
    "esp8266-1.1.bin",
    "riscv-1.1.bin",
    "cortex-m-1.1.bin",
];

const SERVER: [&str; 6] = ["--workers", "0", "--device-requests", "0", "--longest-wait", "5"];
const WORKER: [&str; 4] = ["--workers", "1", "--lease-seconds", "3"];

/// Processes that are killed and started again.
struct Machines<'a> {
    setup: &'a Setup,
    servers: Vec<Option<Server>>,
    workers: Vec<Worker>,
    random: u64,
}

impl Machines<'_> {
    fn random(&mut self, below: u64) -> u64 {
        // SplitMix64: the moments are random by the machine's pace anyway.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ mixed >> 27) % below
    }

    async fn kill(&mut self) {
        let wait = self.random(700);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let at = self.random(2) as usize;
        if self.random(2) == 0 {
            let server = self.servers[at].take().unwrap();
            let address = server.address.clone();
            server.kill();
            self.servers[at] = Some(self.setup.start_at(&address, &SERVER));
        } else {
            // The one before is killed when the next one has started.
            self.workers[at] = self.setup.start_worker(&WORKER);
        }
    }
}

async fn run(setup: Setup, kills: usize) {
    let first = setup.start_at(&lasting_address(), &SERVER);
    let token = first.token.clone();
    first.put("/v1/products/zoo", &json!({"name": "zoo"})).await;
    let images: Vec<Vec<u8>> = RELEASES.iter().map(|name| firmware(name)).collect();
    for (number, (name, image)) in RELEASES.iter().zip(&images).enumerate() {
        fleet::release(&first, "zoo", &format!("{number}.0"), name, image.clone()).await;
    }
    let last = images.len() - 1;
    fleet::assign(&first, "zoo", &format!("{last}.0")).await;
    let mut devices = Vec::new();
    for number in 0..3 * last {
        let id = format!("z-{number}");
        let held = images[number % last].clone();
        let token = fleet::device(&first, &id, "zoo", &digest(&held)).await;
        devices.push((token, held));
    }
    let count = devices.len();
    let second = setup.start_at(&lasting_address(), &SERVER);
    let addresses = [first.address.clone(), second.address.clone()];
    let workers = [0, 1].map(|_| setup.start_worker(&WORKER)).into();
    let servers = vec![Some(first), Some(second)];
    let mut machines = Machines { setup: &setup, servers, workers, random: kills as u64 };
    let is_calm = Arc::new(AtomicBool::new(false));
    let updates: Vec<_> = devices
        .into_iter()
        .enumerate()
        .map(|(number, (token, held))| {
            let (addresses, new) = (addresses.clone(), images[last].clone());
            let is_calm = Arc::clone(&is_calm);
            tokio::spawn(async move {
                // Some wait until all is calm again: what was begun meanwhile is there for them.
                while number % 3 == 2 && !is_calm.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                update(&addresses, number, &token, held, &new).await;
            })
        })
        .collect();
    for _ in 0..kills {
        machines.kill().await;
    }
    is_calm.store(true, Ordering::Relaxed);
    for update in updates {
        tokio::time::timeout(Duration::from_secs(120), update).await.unwrap().unwrap();
    }
    let mut server = machines.servers[0].take().unwrap();
    server.token = token;
    let rollouts = server.get("/v1/products/zoo/rollouts").await;
    let of = |what: &str| -> i64 {
        rollouts.as_array().unwrap().iter().map(|rollout| rollout[what].as_i64().unwrap()).sum()
    };
    assert_eq!((of("succeeded"), of("failed")), (count as i64, 0), "{rollouts}");
    let mut sent = BTreeSet::new();
    for number in 0..count {
        let actions = server.get(&format!("/v1/devices/z-{number}/actions")).await;
        for action in actions.as_array().unwrap() {
            for content in action["contents"].as_array().unwrap() {
                sent.insert(content["sha256"].as_str().unwrap().to_owned());
            }
        }
    }
    // All that was sent is in the store, and is what its name says.
    let stored = stored(&setup.folder.path().join("data/contents"));
    assert!(sent.is_subset(&stored), "{sent:?} {stored:?}");
    // Every way from one release to the last, perhaps by others: a patch each, and none twice.
    let most = RELEASES.len() + last * (last + 1) / 2 + last;
    assert!(stored.len() <= most, "{} of {most}", stored.len());
}

/// What is in the store. What a killed process had not finished has another name.
fn stored(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_str().unwrap();
        if entry.is_dir() {
            found.extend(stored(&entry));
        } else if name.len() == 64 {
            assert_eq!(digest(&std::fs::read(&entry).unwrap()), name);
            found.insert(name.to_owned());
        }
    }
    found
}

/// A device that goes on until it is up to date, whichever server answers.
async fn update(
    addresses: &[String; 2],
    number: usize,
    token: &str,
    mut held: Vec<u8>,
    new: &[u8],
) {
    let client = Client::new();
    for round in number.. {
        let address = &addresses[round % 2];
        let url = format!("http://{address}/v1/update?digest={}", digest(&held));
        let asked = client.get(url).bearer_auth(token).timeout(Duration::from_secs(30));
        let pause = Duration::from_millis(100);
        let Ok(found) = asked.send().await else {
            tokio::time::sleep(pause).await;
            continue;
        };
        match found.status() {
            StatusCode::OK => {
                let image = found.headers()["x-flashdelta-image"].to_str().unwrap().to_owned();
                // A connection that broke.
                let Ok(patch) = found.bytes().await else { continue };
                held = apply(&held, &patch);
                assert_eq!(digest(&held), image);
            }
            StatusCode::NO_CONTENT => {
                assert!(held == new, "device {number}: {:?}", found.headers());
                return;
            }
            // Being made, or a server that is being killed.
            status if status.is_server_error() => tokio::time::sleep(pause).await,
            status => panic!("{status}: {}", found.text().await.unwrap()),
        }
    }
}
