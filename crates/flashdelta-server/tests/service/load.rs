//! Many devices at the same time, by real sockets: `cargo xtask load`.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::fleet::{self, apply, digest, firmware};
use crate::server::{Server, Setup};

/// Products, and the firmware that their releases are made of.
const PRODUCTS: [(&str, &str); 3] =
    [("heron", "cortex-m-1.1.bin"), ("egret", "riscv-1.1.bin"), ("bittern", "cortex-m-1.0.bin")];

/// Releases of each; devices hold any of them, and are to get the last one.
const RELEASES: usize = 20;

/// A number that the chore gives.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// Random numbers with a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// Releases, each a little different from the one before.
fn images(first: Vec<u8>, random: &mut Random) -> Vec<Vec<u8>> {
    let mut all = vec![first];
    while all.len() < RELEASES {
        let mut image = all.last().unwrap().clone();
        for _ in 0..12 {
            let at = random.below(image.len() as u64 - 64) as usize;
            image[at..at + 24].fill_with(|| random.below(256) as u8);
        }
        let at = random.below(image.len() as u64) as usize & !3;
        let new: Vec<u8> = (0..64).map(|_| random.below(256) as u8).collect();
        image.splice(at..at, new);
        all.push(image);
    }
    all
}

/// What devices saw.
#[derive(Default)]
struct Seen {
    /// Milliseconds of answers without a patch, and with one.
    polls: Vec<f64>,
    downloads: Vec<f64>,
    /// "Later", because a patch was being made, or too many asked.
    later: u64,
    /// Connections that were refused or broke.
    broken: u64,
    /// Each patch that came, by the digests of what it leads from and to.
    patches: HashMap<(String, String), Vec<u8>>,
    /// Two patches for the same pair.
    differing: u64,
}

struct Device {
    url: String,
    token: String,
    held: String,
    /// What it is to hold in the end.
    goal: String,
    start: Duration,
}

impl Device {
    async fn live(self, client: Client, seen: Arc<Mutex<Seen>>) {
        tokio::time::sleep(self.start).await;
        let mut held = self.held;
        let mut random = Random(held.len() as u64 ^ self.start.as_nanos() as u64 | 1);
        loop {
            let url = format!("{}?digest={held}&wait=0", self.url);
            let begin = Instant::now();
            let answer = client.get(&url).bearer_auth(&self.token).send().await;
            let Ok(answer) = answer else {
                seen.lock().unwrap().broken += 1;
                tokio::time::sleep(Duration::from_millis(500 + random.below(1000))).await;
                continue;
            };
            let (status, headers) = (answer.status(), answer.headers().clone());
            let Ok(body) = answer.bytes().await else {
                seen.lock().unwrap().broken += 1;
                continue;
            };
            let took = begin.elapsed().as_secs_f64() * 1000.0;
            let text = |name: &str| headers[name].to_str().unwrap().to_owned();
            match status {
                StatusCode::NO_CONTENT => {
                    assert_eq!(held, self.goal);
                    seen.lock().unwrap().polls.push(took);
                    return;
                }
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                    let after: u64 = text("retry-after").parse().unwrap();
                    {
                        let mut seen = seen.lock().unwrap();
                        seen.polls.push(took);
                        seen.later += 1;
                    }
                    let spread = random.below(1000 * after.max(1));
                    tokio::time::sleep(Duration::from_millis(after * 1000 + spread)).await;
                }
                StatusCode::OK => {
                    assert_eq!(digest(&body), text("x-flashdelta-digest"));
                    let new = text("x-flashdelta-image");
                    let mut seen = seen.lock().unwrap();
                    seen.downloads.push(took);
                    let known = seen.patches.insert((held, new.clone()), body.to_vec());
                    seen.differing += u64::from(known.is_some_and(|known| known != body));
                    held = new;
                }
                status => panic!("{status}: {}", String::from_utf8_lossy(&body)),
            }
        }
    }
}

/// Of these, in milliseconds: the median, what 99 of 100 are below, and the longest.
fn told(times: &mut [f64]) -> String {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    match times.is_empty() {
        true => "none".to_owned(),
        false => format!(
            "{}: p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms",
            times.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        ),
    }
}

/// Enters the fleet; gives the devices, and all images by their digests.
async fn enter(
    server: &Server,
    count: u64,
    seconds: u64,
) -> (Vec<Device>, HashMap<String, Vec<u8>>) {
    let (mut random, mut by_digest, mut all) = (Random(17), HashMap::new(), Vec::new());
    for (product, base) in PRODUCTS {
        server.put(&format!("/v1/products/{product}"), &json!({"name": product})).await;
        let images = images(firmware(base), &mut random);
        for (at, image) in images.iter().enumerate() {
            let version = format!("1.{at}");
            fleet::release(server, product, &version, "app.bin", image.clone()).await;
            by_digest.insert(digest(image), image.clone());
        }
        fleet::assign(server, product, &format!("1.{}", RELEASES - 1)).await;
        all.push(images.iter().map(|image| digest(image)).collect::<Vec<_>>());
    }
    let mut devices = Vec::new();
    for number in 0..count {
        let (product, _) = PRODUCTS[number as usize % PRODUCTS.len()];
        let digests = &all[number as usize % PRODUCTS.len()];
        let held = digests[random.below(RELEASES as u64) as usize].clone();
        let start = Duration::from_millis(random.below((seconds * 1000).max(1)));
        let (id, url) = (format!("d-{number}"), server.url("/v1/update"));
        let goal = digests[RELEASES - 1].clone();
        let token = fleet::device(server, &id, product, "").await;
        devices.push(Device { url, token, held, goal, start });
    }
    (devices, by_digest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: cargo xtask load"]
async fn many_devices_are_updated() {
    let count = setting("FLASHDELTA_LOAD_DEVICES", 10_000);
    let seconds = setting("FLASHDELTA_LOAD_SECONDS", 60);
    let on_postgres = std::env::var_os("FLASHDELTA_LOAD_POSTGRES").is_some();
    let setup = match on_postgres {
        true => Setup::postgres().expect("PostgreSQL is here"),
        false => Setup::sqlite(),
    };
    let server = setup.start_with(&["--log", "flashdelta_server=info,warn"]);
    let begin = Instant::now();
    let (devices, images) = enter(&server, count, seconds).await;
    let entered = begin.elapsed();
    // Each request has a connection of its own, as those of devices that ask now and then.
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let begin = Instant::now();
    let mut living = tokio::task::JoinSet::new();
    for device in devices {
        living.spawn(device.live(client.clone(), Arc::clone(&seen)));
    }
    while let Some(lived) = living.join_next().await {
        lived.unwrap();
    }
    let lasted = begin.elapsed();
    let made = {
        let log = server.log.lock().unwrap();
        log.iter().filter(|entry| entry["message"] == "patch made").count()
    };
    let mut seen = Arc::into_inner(seen).unwrap().into_inner().unwrap();
    let database = if on_postgres { "PostgreSQL" } else { "SQLite" };
    let report = format!(
        "{count} devices, first asking within {seconds} s, on {database}\n\
         entered in        {:.0} s\n\
         all up to date in {:.0} s\n\
         polls             {}\n\
         downloads         {}\n\
         told to come later {}, connections broken {}\n\
         patches made      {made} for {} pairs\n\
         memory of the server at most {} MiB\n",
        entered.as_secs_f64(),
        lasted.as_secs_f64(),
        told(&mut seen.polls),
        told(&mut seen.downloads),
        seen.later,
        seen.broken,
        seen.patches.len(),
        server.peak_memory() >> 20,
    );
    // To the file itself: the harness of tests keeps what is printed.
    let _ = std::io::stderr().write_all(report.as_bytes());
    for ((old, new), patch) in &seen.patches {
        assert!(apply(&images[old], patch) == images[new], "{old} to {new}");
    }
    assert_eq!((made, seen.differing, seen.broken), (seen.patches.len(), 0, 0));
}
