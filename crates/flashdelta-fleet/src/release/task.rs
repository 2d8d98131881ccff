//! One patch that is to be made.

use flashdelta::diff::ChunkSize;
use flashdelta::door::{self, MakeRequest};
use flashdelta::profile::DeviceProfile;
use flashdelta::{DiffOptions, Identity, Input, InstructionSet};
use serde::{Deserialize, Serialize};

use super::description::EFFORT;
use super::ReleaseError;
use crate::catalogue::{profile_key, Applier, CatalogueError};
use crate::{Digest, Version};

/// A patch that is to be made: all that its bytes depend on but the two files. As JSON it goes to
/// workers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Task {
    /// The release that it starts from; `None`: from nothing, or from a file of which that is not
    /// known.
    pub from: Option<Version>,
    /// The release that it leads to.
    pub to: Version,
    /// SHA-256 of the old file.
    pub old: Option<Digest>,
    /// SHA-256 of the new file.
    pub new: Digest,
    /// The name of the old file, by whose ending formats are guessed.
    pub old_name: String,
    /// The name of the new file.
    pub new_name: String,
    /// The profile, as TOML.
    profile: String,
    /// The name of it.
    pub profile_name: String,
    effort: u8,
    /// 0: none; 1: the maker chooses; else the size.
    chunks: u32,
    /// Product, first and last hardware revision, security counter.
    identity: Option<(u32, u16, u16, u32)>,
    /// The program that makes it.
    maker: String,
}

/// The program that makes patches: another one may make others.
pub(super) const MAKER: &str = concat!("flashdelta ", env!("CARGO_PKG_VERSION"));

/// A file that a patch starts from or leads to.
#[derive(Clone, Copy, Debug)]
pub struct TaskFile<'a> {
    /// SHA-256 of it.
    pub sha256: Digest,
    /// Its name, by whose ending formats are guessed.
    pub name: &'a str,
}

impl Task {
    /// The patch between two files, or from nothing, for the applier of a device; without chunks,
    /// and with the effort that `diff` has by default. Each file comes with the release that it is
    /// of, where that is known: it is for people, and the patch does not depend on it.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::BadField`], if there is no such applier.
    pub fn for_applier(
        old: Option<(Option<&Version>, TaskFile<'_>)>,
        (to, new): (&Version, TaskFile<'_>),
        applier: &Applier,
    ) -> Result<Self, CatalogueError> {
        let profile = applier.device_profile()?;
        let from = old.and_then(|(from, _)| from.cloned());
        let old = old.map(|(_, file)| file);
        Ok(Self {
            from,
            to: to.clone(),
            old: old.map(|old| old.sha256),
            new: new.sha256,
            old_name: old.map_or("", |old| old.name).to_owned(),
            new_name: new.name.to_owned(),
            profile: profile_toml(&profile),
            profile_name: profile.name,
            effort: EFFORT,
            chunks: 0,
            identity: None,
            maker: MAKER.to_owned(),
        })
    }

    pub(super) fn new(
        [old, new]: [Option<(&Version, Digest, &str)>; 2],
        profile: &DeviceProfile,
        (effort, chunks): (u8, ChunkSize),
        identity: Option<Identity>,
    ) -> Option<Self> {
        let (to, new, new_name) = new?;
        Some(Self {
            from: old.map(|(version, ..)| version.clone()),
            to: to.clone(),
            old: old.map(|(_, digest, _)| digest),
            new,
            old_name: old.map_or("", |(.., name)| name).to_owned(),
            new_name: new_name.to_owned(),
            profile: profile_toml(profile),
            profile_name: profile.name.clone(),
            effort,
            chunks: match chunks {
                ChunkSize::Auto => 1,
                ChunkSize::Bytes(size) => size,
                _ => 0,
            },
            identity: identity.map(|identity| {
                let Identity { product, hardware_from, hardware_to, security_counter } = identity;
                (product, hardware_from, hardware_to, security_counter)
            }),
            maker: MAKER.to_owned(),
        })
    }

    /// What it is, for people.
    pub fn name(&self) -> String {
        let from = match (&self.from, &self.old) {
            (Some(from), _) => from.to_string(),
            // As much of a digest as nobody confuses.
            (None, Some(old)) => old.to_string().chars().take(12).collect(),
            (None, None) => "nothing".to_owned(),
        };
        format!("{from} to {} for {}", self.to, self.profile_name)
    }

    /// The name of the patch in a cache: the digests of both files, the profile, the options and
    /// the version of the maker are in it, and nothing else.
    pub fn key(&self) -> Digest {
        let profile = DeviceProfile::parse(&self.profile);
        let profile = profile.as_ref().map_or_else(|_| self.profile.clone(), profile_key);
        // The names of files count by their endings alone.
        let text = format!(
            "{}\nold={:?}\nnew={}\nendings={:?}\n{profile}\neffort={}\nchunks={}\nidentity={:?}\n",
            self.maker,
            self.old.map(|digest| digest.to_string()),
            self.new,
            [&self.old_name, &self.new_name].map(|name| name.rsplit_once('.').map(|(_, end)| end)),
            self.effort,
            self.chunks,
            self.identity,
        );
        Digest::of(text.as_bytes())
    }

    /// Makes the patch, which is applied to see that it works. `threads`: 0 for one per processor;
    /// the patch does not depend on it. `old` is not looked at in a patch from nothing.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::Make`]; [`ReleaseError::WrongPatch`], if the files are others.
    pub fn make(
        &self,
        old: &Input<'_>,
        new: &Input<'_>,
        threads: usize,
    ) -> Result<Vec<u8>, ReleaseError> {
        let is_old = self.old.is_none_or(|digest| digest == Digest::of(old.bytes()));
        if !is_old || self.new != Digest::of(new.bytes()) || self.maker != MAKER {
            return Err(ReleaseError::WrongPatch { task: self.name() });
        }
        let profile = DeviceProfile::parse(&self.profile)
            .map_err(|_| ReleaseError::WrongPatch { task: self.name() })?;
        let mut options =
            DiffOptions::new().profile(profile).effort(self.effort).threads(threads).chunks(
                match self.chunks {
                    0 => ChunkSize::None,
                    1 => ChunkSize::Auto,
                    size => ChunkSize::Bytes(size),
                },
            );
        if let Some((product, hardware_from, hardware_to, security_counter)) = self.identity {
            let identity = Identity { product, hardware_from, hardware_to, security_counter };
            options = options.identity(identity);
        }
        let nothing = Input::verbatim(&b""[..]);
        let old = if self.old.is_none() { &nothing } else { old };
        let request = MakeRequest::new().diff(options);
        let made = door::make(old, new, &request)
            .map_err(|error| ReleaseError::Make { task: self.name(), error: Box::new(error) })?;
        Ok(made.bytes)
    }
}

/// A profile as a file has it.
fn profile_toml(profile: &DeviceProfile) -> String {
    let quoted = |names: Vec<&str>| {
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        names.join(", ")
    };
    let isas = profile.isas.iter().copied().map(InstructionSet::name).collect();
    let mut text = format!(
        "ram = {}\nsector = {}\npage = {}\nisas = [{}]\n",
        profile.ram,
        profile.sector,
        profile.page,
        quoted(isas)
    );
    // Codecs on request are those of a named profile, and only it has them.
    if profile.codecs_on_request.is_empty() {
        let codecs = profile.codecs.iter().map(|codec| codec.name()).collect();
        text += &format!("codecs = [{}]\n", quoted(codecs));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_survive_the_way_to_a_worker() {
        let mut profiles: Vec<DeviceProfile> =
            DeviceProfile::NAMES.into_iter().filter_map(DeviceProfile::named).collect();
        let mut other = DeviceProfile::small();
        other.set_codecs(vec![flashdelta::Codec::Lz4]);
        other.isas.clear();
        profiles.push(other);
        for profile in profiles {
            let mut read = DeviceProfile::parse(&profile_toml(&profile)).unwrap();
            read.name = profile.name.clone();
            assert_eq!(read, profile);
        }
    }

    #[test]
    fn the_key_has_all_that_the_bytes_depend_on() {
        let version = Version::new("1").unwrap();
        let digest = Digest::of(b"a");
        let side = |name| Some((&version, digest, name));
        let made = |old, new, profile: &DeviceProfile, effort, chunks, identity| {
            Task::new([old, new], profile, (effort, chunks), identity).unwrap().key()
        };
        let esp32 = DeviceProfile::esp32();
        let key = made(side("a.bin"), side("b.bin"), &esp32, 6, ChunkSize::None, None);
        let same = made(side("x.bin"), side("y.bin"), &esp32, 6, ChunkSize::None, None);
        assert_eq!(key, same);
        let other_bytes = Some((&version, Digest::of(b"b"), "b.bin"));
        let identity =
            Identity { product: 1, hardware_from: 0, hardware_to: 1, security_counter: 0 };
        let small = DeviceProfile::small();
        let others = [
            made(None, side("b.bin"), &esp32, 6, ChunkSize::None, None),
            made(side("a.bin"), other_bytes, &esp32, 6, ChunkSize::None, None),
            made(other_bytes, side("b.bin"), &esp32, 6, ChunkSize::None, None),
            made(side("a.hex"), side("b.bin"), &esp32, 6, ChunkSize::None, None),
            made(side("a.bin"), side("b.bin"), &small, 6, ChunkSize::None, None),
            made(side("a.bin"), side("b.bin"), &esp32, 7, ChunkSize::None, None),
            made(side("a.bin"), side("b.bin"), &esp32, 6, ChunkSize::Auto, None),
            made(side("a.bin"), side("b.bin"), &esp32, 6, ChunkSize::None, Some(identity)),
        ];
        let different: std::collections::BTreeSet<_> = others.into_iter().chain([key]).collect();
        assert_eq!(different.len(), 9);
    }

    #[test]
    fn a_device_gets_what_a_static_release_has() {
        let version = Version::new("1").unwrap();
        let digest = Digest::of(b"a");
        let file = TaskFile { sha256: digest, name: "a.bin" };
        let applier = Applier { profile: "small".into(), ..Applier::default() };
        let of_release = Task::new(
            [None, Some((&version, digest, "a.bin"))],
            &DeviceProfile::small(),
            (EFFORT, ChunkSize::None),
            None,
        );
        assert_eq!(
            Task::for_applier(None, (&version, file), &applier).unwrap(),
            of_release.unwrap()
        );
        let wrong = Applier { profile: "pdp11".into(), ..Applier::default() };
        assert_eq!(
            Task::for_applier(None, (&version, file), &wrong).unwrap_err().code(),
            "bad-entry"
        );
    }

    #[test]
    fn its_name_says_from_where_to_where() {
        let [one, two] = ["1.0", "1.1"].map(|version| Version::new(version).unwrap());
        let file = TaskFile { sha256: Digest::of(b"a"), name: "a.bin" };
        let applier = Applier { profile: "small".into(), ..Applier::default() };
        let name = |old| Task::for_applier(old, (&two, file), &applier).unwrap().name();
        assert_eq!(name(Some((Some(&one), file))), "1.0 to 1.1 for small");
        assert_eq!(name(Some((None, file))), "ca978112ca1b to 1.1 for small");
        assert_eq!(name(None), "nothing to 1.1 for small");
    }
}
