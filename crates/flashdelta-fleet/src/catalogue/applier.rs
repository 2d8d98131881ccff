//! What the applier of a device can take.

use std::collections::BTreeSet;

use flashdelta::profile::DeviceProfile;
use flashdelta::{Codec, InstructionSet};
use serde::{Deserialize, Serialize};

use super::error::check_limit;
use super::CatalogueError;

/// What the applier of a device can take. What is not said is as the profile has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Applier {
    /// Versions of the patch format that it reads; none: it has no applier.
    pub formats: BTreeSet<u8>,
    /// The name of a profile: one of [`DeviceProfile::NAMES`].
    pub profile: String,
    /// RAM in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ram: Option<u32>,
    /// Write unit of the flash in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Codecs that it was built with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codecs: Option<Vec<String>>,
    /// Instruction sets that it was built with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isas: Option<Vec<String>>,
    /// Whether the device takes files as they are, too.
    pub takes_files: bool,
    /// Whether it takes releases of several components as one component set.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub takes_sets: bool,
}

impl Default for Applier {
    /// The profile `esp32`, patches of the [format](Applier::FORMAT) made here, and files.
    fn default() -> Self {
        Self {
            formats: BTreeSet::from([Self::FORMAT]),
            profile: DeviceProfile::default().name,
            ram: None,
            page: None,
            codecs: None,
            isas: None,
            takes_files: true,
            takes_sets: false,
        }
    }
}

impl Applier {
    /// The version of the patch format that is made here.
    pub const FORMAT: u8 = 0;

    /// One without an applier: it takes files as they are.
    pub fn none() -> Self {
        Self { formats: BTreeSet::new(), ..Self::default() }
    }

    /// Whether it reads patches that are made here.
    pub fn reads_patches(&self) -> bool {
        self.formats.contains(&Self::FORMAT)
    }

    /// The profile that patches for it are made for.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::BadField`], [`CatalogueError::TooLarge`].
    pub fn device_profile(&self) -> Result<DeviceProfile, CatalogueError> {
        let bad = |what, found: &str, expected: String| CatalogueError::BadField {
            what,
            found: format!("{found:?}"),
            expected: format!("one of {expected}"),
        };
        let mut profile = DeviceProfile::named(&self.profile)
            .ok_or_else(|| bad("profile", &self.profile, DeviceProfile::NAMES.join(", ")))?;
        profile.ram = self.ram.unwrap_or(profile.ram);
        profile.page = self.page.unwrap_or(profile.page);
        if !profile.page.is_power_of_two() || profile.page > 4096 {
            return Err(CatalogueError::BadField {
                what: "page",
                found: profile.page.to_string(),
                expected: "a power of two up to 4096".to_owned(),
            });
        }
        profile.sector = profile.sector.max(profile.page);
        if let Some(codecs) = &self.codecs {
            check_limit("codecs", codecs.len(), 16)?;
            let all = || Codec::ALL.map(Codec::name).join(", ");
            let codec = |name: &String| name.parse().map_err(|_| bad("codec", name, all()));
            profile.set_codecs(codecs.iter().map(codec).collect::<Result<_, _>>()?);
        }
        if let Some(isas) = &self.isas {
            check_limit("instruction sets", isas.len(), 16)?;
            let all = || InstructionSet::ALL.map(InstructionSet::name).join(", ");
            let isa = |name: &String| name.parse().map_err(|_| bad("isa", name, all()));
            profile.isas = isas.iter().map(isa).collect::<Result<_, _>>()?;
        }
        Ok(profile)
    }

    /// What distinguishes patches for it from those for others: part of the name of a patch that is
    /// kept. Appliers with the same text get the same patches.
    ///
    /// # Errors
    ///
    /// Those of [`device_profile`](Self::device_profile).
    pub fn key(&self) -> Result<String, CatalogueError> {
        Ok(profile_key(&self.device_profile()?))
    }
}

/// All that the maker looks at in a profile, in one line.
pub(crate) fn profile_key(profile: &DeviceProfile) -> String {
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.dedup();
        names.join(",")
    };
    let codecs = |codecs: &[Codec]| sorted(codecs.iter().map(|codec| codec.name()).collect());
    let isas = sorted(profile.isas.iter().map(|isa| isa.name()).collect());
    format!(
        "ram={} sector={} page={} codecs={} on-request={} isas={isas}",
        profile.ram,
        profile.sector,
        profile.page,
        codecs(&profile.codecs),
        codecs(&profile.codecs_on_request)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_follow_what_is_said() {
        let json = r#"{"profile":"small","ram":20480,"codecs":["raw","lz4"],"isas":["thumb"]}"#;
        let applier: Applier = serde_json::from_str(json).unwrap();
        assert!(applier.reads_patches() && applier.takes_files);
        let profile = applier.device_profile().unwrap();
        assert_eq!((profile.ram, profile.page), (20480, 16));
        assert_eq!(profile.codecs, [Codec::Raw, Codec::Lz4]);
        assert!(profile.codecs_on_request.is_empty());
        // The order of codecs is no difference.
        let json = r#"{"profile":"small","ram":20480,"codecs":["lz4","raw"],"isas":["thumb"]}"#;
        let other: Applier = serde_json::from_str(json).unwrap();
        assert_eq!(other.key(), applier.key());
        assert_ne!(Applier::default().key(), applier.key());
        assert!(!Applier::none().reads_patches());
    }

    #[test]
    fn mistakes_are_named() {
        for (json, part) in [
            (r#"{"profile":"pdp11"}"#, "profile: found \"pdp11\", expected one of tiny"),
            (r#"{"codecs":["gzip"]}"#, "codec: found \"gzip\""),
            (r#"{"isas":["z80"]}"#, "isa: found \"z80\""),
            (r#"{"page":3}"#, "page: found 3, expected a power of two"),
        ] {
            let applier: Applier = serde_json::from_str(json).unwrap();
            let error = applier.device_profile().unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn the_format_is_that_of_the_maker() {
        let patch =
            flashdelta::diff::diff(b"old", b"new", &flashdelta::DiffOptions::new()).unwrap();
        assert_eq!(patch.header.version, Applier::FORMAT);
    }
}
