//! What is applied: pairs of images, and the patches that the program makes of them.

use std::path::Path;

use anyhow::{bail, Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::recipe::folder;
use crate::command::{command, output, release_program, root};

/// Two images.
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
}

impl Pair {
    pub(crate) fn read(name: String, old: &Path, new: &Path) -> Result<Self> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(Self { name, old: read(old)?, new: read(new)? })
    }

    /// The sample pairs of the repository, by name.
    pub(crate) fn samples(names: &[&str]) -> Result<Vec<Self>> {
        let folder = root().join("testdata/firmware");
        let pair = |name: &str| {
            let [old, new] =
                ["1.0", "1.1"].map(|version| folder.join(format!("{name}-{version}.bin")));
            Self::read(name.to_owned(), &old, &new)
        };
        names.iter().copied().map(pair).collect()
    }

    /// Both images with their SHA-256 at their ends, as ESP-IDF builds them.
    pub(crate) fn with_own_digests(&self) -> Self {
        let with_digest = |image: &[u8]| {
            let mut image = image.to_vec();
            image.resize(image.len().next_multiple_of(16), 0xFF);
            let digest = Sha256::digest(&image);
            image.extend_from_slice(&digest);
            image
        };
        let name = format!("{} with its digest", self.name);
        Self { name, old: with_digest(&self.old), new: with_digest(&self.new) }
    }

    /// The first bytes of both images.
    pub(crate) fn shortened(&self, len: usize) -> Self {
        let part = |image: &[u8]| image[..len.min(image.len())].to_vec();
        Self {
            name: format!("{}, {len} bytes", self.name),
            old: part(&self.old),
            new: part(&self.new),
        }
    }
}

/// A patch, and what it says about itself.
pub(crate) struct Patch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) codec: String,
    pub(crate) isa: String,
    has_address_map: bool,
    /// The RAM that it was made for, as it was said.
    pub(crate) ram: String,
    pub(crate) workspace: usize,
}

impl Patch {
    /// Makes a patch by the program, as users do. Further arguments are passed on to it.
    pub(crate) fn make(pair: &Pair, ram: &str, arguments: &[&str]) -> Result<Self> {
        let work = folder().join(format!("make-{}", std::process::id()));
        std::fs::create_dir_all(&work)?;
        let [old, new, patch] = ["old", "new", "patch"].map(|name| work.join(name));
        std::fs::write(&old, &pair.old)?;
        std::fs::write(&new, &pair.new)?;
        let mut diff = command(release_program()?);
        diff.args(["diff", "--json", "--ram", ram, "-o"])
            .args([&patch, &old, &new])
            .args(arguments);
        let made = output(&mut diff).and_then(|report| Self::take(&report, &patch, ram));
        let _ = std::fs::remove_dir_all(&work);
        let made =
            made.with_context(|| format!("cannot make a patch of {} for {ram}", pair.name))?;
        if made.1 != (pair.old.len() as u64, pair.new.len() as u64) {
            bail!(
                "{}: the patch is not one of the files, but of what they hold; take raw images",
                pair.name
            );
        }
        Ok(made.0)
    }

    fn take(report: &str, patch: &Path, ram: &str) -> Result<(Self, (u64, u64))> {
        let report: serde_json::Value =
            serde_json::from_str(report).context("what diff reports")?;
        let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
        let number =
            |name: &str| report[name].as_u64().with_context(|| format!("no {name} in the report"));
        let workspace = number("workspace")? as usize;
        let (codec, isa, ram) = (text("codec"), text("isa"), ram.to_owned());
        let sizes = (number("old_size")?, number("new_size")?);
        let has_address_map = number("address_map_size")? > 0;
        Ok((
            Self { bytes: std::fs::read(patch)?, codec, isa, has_address_map, ram, workspace },
            sizes,
        ))
    }

    /// What an applier needs to have.
    pub(crate) fn features(&self) -> String {
        let codec = if self.codec == "raw" { "lz4" } else { &self.codec };
        let isa = match self.isa.as_str() {
            "none" | "halves" | "bytes" if self.has_address_map => "prediction".to_owned(),
            "none" | "halves" | "bytes" => String::new(),
            isa => format!("isa-{isa}"),
        };
        [codec, &isa]
            .into_iter()
            .filter(|feature| !feature.is_empty())
            .collect::<Vec<_>>()
            .join(",")
    }
}
