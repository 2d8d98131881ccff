//! Debian's packages: what installing them would mean, installing them, and unpacking them beside
//! the system where installing is not wanted or not possible.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{bail, Context as _, Result};

use crate::command::{command, exists, is_root, output, tools, works};

/// What apt would do to install some packages.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// Packages that are not here yet, those that others depend on among them.
    pub(crate) new: Vec<String>,
    /// Packages that would have to go, with their versions.
    pub(crate) removed: Vec<String>,
    /// Bytes to download.
    pub(crate) download: u64,
    /// KiB on the disk.
    pub(crate) installed: u64,
}

impl Plan {
    /// Asks apt. An error if a package is unknown, or depends on what cannot be had.
    pub(crate) fn of(packages: &[&str]) -> Result<Self> {
        update();
        let get = |what: &str| {
            let mut get = command("apt-get");
            get.env("LC_ALL", "C").args(["install", "--no-install-recommends", "-qq", what]);
            get
        };
        let mut plan = Self::read(&output(get("--simulate").args(packages))?);
        let names: Vec<&str> = plan.new.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(plan);
        }
        plan.download = download(&output(get("--print-uris").args(packages))?);
        let mut show = command("apt-cache");
        plan.installed = kibibytes(&output(show.args(["show", "--no-all-versions"]).args(names))?);
        Ok(plan)
    }

    /// Reads what `apt-get --simulate` prints.
    fn read(simulated: &str) -> Self {
        let mut plan = Self::default();
        for line in simulated.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                // A version in brackets is the one that is here: an upgrade.
                (Some("Inst"), Some(name)) => plan.new.push(name.to_owned()),
                (Some("Remv"), Some(name)) => {
                    let version = words.next().unwrap_or("").trim_matches(['[', ']']);
                    plan.removed.push(format!("{name} {version}"));
                }
                _ => {}
            }
        }
        plan
    }

    /// How much it is, and how long it takes: at 10 MB/s from the network and 20 MB/s unpacked.
    pub(crate) fn size(&self) -> String {
        let seconds = self.download / 10_000_000 + self.installed / 20_000;
        format!(
            "{} packages with what they depend on, {} MB to download, {} MB on the disk, some {} \
             min",
            self.new.len(),
            self.download.div_ceil(1_000_000),
            self.installed.div_ceil(1_000),
            seconds.div_ceil(60),
        )
    }
}

/// The sum of the sizes that `apt-get --print-uris` prints: quoted address, file, size, digest.
fn download(uris: &str) -> u64 {
    uris.lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok())
        .sum()
}

fn kibibytes(shown: &str) -> u64 {
    shown
        .lines()
        .filter_map(|line| line.strip_prefix("Installed-Size:")?.trim().parse::<u64>().ok())
        .sum()
}

/// What comes before a program that only root may run; None: it cannot be.
fn as_root() -> Option<&'static [&'static str]> {
    if is_root() {
        Some(&[])
    } else if works(command("sudo").args(["-n", "true"])) {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

/// `apt-get` as root.
fn apt_get(prefix: &[&str], arguments: &[&str]) -> Result<()> {
    let start = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"];
    let words = [prefix, &start, &["-o", "DPkg::Lock::Timeout=120"], arguments].concat();
    // It prints every package: what matters is what goes wrong.
    output(command(words[0]).args(&words[1..])).map(drop)
}

/// Fetches the lists of packages, once, if root is at hand. Old lists may still do.
fn update() {
    static UPDATED: OnceLock<()> = OnceLock::new();
    if UPDATED.set(()).is_ok() {
        if let Some(prefix) = as_root() {
            let _ = apt_get(prefix, &["update"]);
        }
    }
}

/// `apt-get install`, as root or through sudo. It never removes anything and never asks.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !exists("apt-get") {
        bail!("this is not Debian: install them by hand");
    }
    let Some(prefix) = as_root() else {
        bail!(
            "only root can, and sudo asks for a password: run `sudo apt-get install {}`",
            packages.join(" ")
        );
    };
    update();
    let install = ["install", "-y", "--no-install-recommends", "--no-remove"];
    apt_get(prefix, &[&install, packages].concat())
}

/// Unpacks a package, and what it depends on and is not installed, into the target folder. There it
/// starts no service and is in nobody's way. The programs that are named get a script among our
/// tools that finds their libraries.
pub(crate) fn unpack(package: &str, programs: &BTreeSet<&str>) -> Result<()> {
    let folder = tools().join("debian");
    let archives = folder.join("archives");
    std::fs::create_dir_all(&archives)
        .with_context(|| format!("cannot make {}", archives.display()))?;
    let plan = Plan::of(&[package])?;
    let mut get = command("apt-get");
    // Root may write here; the user that apt fetches as may not.
    get.args(["download", "-qq", "-o", "APT::Sandbox::User=root"]).args(&plan.new);
    output(get.current_dir(&archives))?;
    for archive in files(&archives)? {
        output(command("dpkg-deb").arg("--extract").arg(&archive).arg(&folder))?;
        std::fs::remove_file(archive)?;
    }
    let libraries = [folder.join("usr/lib"), folder.join("lib")].map(|path| library_folders(&path));
    let libraries: Vec<String> =
        libraries.into_iter().flatten().map(|path| path.display().to_string()).collect();
    for program in programs {
        wrap(&folder, program, &libraries.join(":"))?;
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

/// The folders with shared libraries: Debian names them by the kind of machine.
fn library_folders(lib: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(lib).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.ends_with(multiarch())).collect()
}

fn multiarch() -> String {
    let asked = output(command("gcc").arg("-print-multiarch"));
    asked.map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

/// Writes a script that runs an unpacked program.
fn wrap(folder: &Path, program: &str, libraries: &str) -> Result<()> {
    use std::io::Write as _;
    let found = ["usr/bin", "usr/sbin", "bin", "sbin"]
        .map(|place| folder.join(place).join(program))
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("the packages have no program {program}"))?;
    let bin = tools().join("bin");
    std::fs::create_dir_all(&bin)?;
    let path = bin.join(program);
    let mut file = std::fs::File::create(&path)?;
    writeln!(file, "#!/bin/sh\nLD_LIBRARY_PATH='{libraries}' exec '{}' \"$@\"", found.display())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{download, kibibytes, Plan};

    #[test]
    fn a_plan_names_what_comes_and_what_would_have_to_go() {
        let plan = Plan::read(
            "Remv qemu-utils [1:10.0.2+ds-2~bpo12+1]\n\
             Inst libfdt1 (1.6.1-4 Debian:12.15/oldstable [amd64])\n\
             Inst qemu-system-arm (1:7.2+dfsg-7 Debian:12.15/oldstable [amd64]) []\n\
             Conf libfdt1 (1.6.1-4 Debian:12.15/oldstable [amd64])\n",
        );
        assert_eq!(plan.new, ["libfdt1", "qemu-system-arm"]);
        assert_eq!(plan.removed, ["qemu-utils 1:10.0.2+ds-2~bpo12+1"]);
    }

    #[test]
    fn sizes_are_summed() {
        let uris = "'http://mirror.example/a.deb' a.deb 1200 SHA256:00\n\
                    NOTE: nothing\n'http://mirror.example/b.deb' b.deb 34 SHA256:11\n";
        assert_eq!(download(uris), 1234);
        assert_eq!(kibibytes("Package: a\nInstalled-Size: 20\n\nInstalled-Size: 3\n"), 23);
    }
}
