//! What a device offers: profiles by name, and from TOML files.
//!
//! ```
//! use flashdelta::profile::DeviceProfile;
//!
//! let heron = DeviceProfile::parse("like = \"small\"\nname = \"heron\"\nram = \"24KiB\"\n")?;
//! assert_eq!(heron.ram, 24 << 10);
//! assert_eq!(heron.sector, DeviceProfile::small().sector);
//! # Ok::<(), flashdelta::profile::ProfileError>(())
//! ```

use core::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserializer, Error as _};
use serde::Deserialize;

use crate::device::error::codes;
use crate::device::format::Codec;
use crate::device::isa::InstructionSet;
use crate::host::bounded::{self, ReadError};

/// What a device offers to the applier: a patch is made such that it can be applied there, or not
/// at all.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceProfile {
    /// A name for messages.
    pub name: String,
    /// RAM in bytes, everything included: the workspace, and
    /// [`APPLIER_BYTES`](crate::APPLIER_BYTES) for the applier itself.
    pub ram: u32,
    /// Erase unit of the flash in bytes, a multiple of the page. It is checked, but an update
    /// between two slots does not depend on it.
    pub sector: u32,
    /// Length in bytes of the slot, if there is only one; 0 if nothing is said. An update between
    /// two slots does not depend on it.
    pub slot: u32,
    /// Sectors of a scratch area apart from the slot, for updates in one slot: it may be 0.
    pub scratch: u32,
    /// Write unit of the flash in bytes, a power of two up to 4096.
    pub page: u32,
    /// Codecs that the applier was built with.
    pub codecs: Vec<Codec>,
    /// Codecs that it may have been built with instead of those. A patch has one of them only if
    /// it was [asked for](crate::DiffOptions::codec).
    pub codecs_on_request: Vec<Codec>,
    /// Instruction sets that the applier was built with; [`InstructionSet::None`] needs no mention.
    /// If there are none, and no [`Codec::Model`] either, patches get no address map: such an
    /// applier is taken to lack the feature `prediction`.
    pub isas: Vec<InstructionSet>,
}

impl DeviceProfile {
    /// Names of the profiles that [`named`](Self::named) knows.
    pub const NAMES: [&'static str; 5] = ["tiny", "small", "esp32", "micropython", "linux"];

    /// 4 KiB of RAM: the smallest Cortex-M0.
    pub fn tiny() -> Self {
        Self::device("tiny", 4 << 10)
    }

    /// 16 KiB of RAM: most Cortex-M, and bootloaders.
    pub fn small() -> Self {
        Self::device("small", 16 << 10)
    }

    /// 64 KiB of RAM: ESP32 and its like.
    pub fn esp32() -> Self {
        Self::device("esp32", 64 << 10)
    }

    /// The applier in MicroPython, `bindings/micropython`: the codecs lz4 and raw without
    /// prediction, whole sectors of 4 KiB, and blocks of LZ4 that 32 KiB of RAM have room for.
    pub fn micropython() -> Self {
        Self {
            page: 4096,
            codecs: vec![Codec::Lz4, Codec::Raw],
            codecs_on_request: Vec::new(),
            isas: Vec::new(),
            ..Self::device("micropython", 32 << 10)
        }
    }

    /// A device with an operating system: 16 MiB, and all codecs.
    pub fn linux() -> Self {
        Self {
            sector: 1,
            page: 1,
            codecs: Codec::ALL.to_vec(),
            codecs_on_request: Vec::new(),
            ..Self::device("linux", 16 << 20)
        }
    }

    /// One of the profiles above.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "tiny" => Some(Self::tiny()),
            "small" => Some(Self::small()),
            "esp32" => Some(Self::esp32()),
            "micropython" => Some(Self::micropython()),
            "linux" => Some(Self::linux()),
            _ => None,
        }
    }

    /// Reads a profile file: TOML, in which every key may be left out.
    ///
    /// | key | |
    /// |---|---|
    /// | `like` | the named profile that has what is not said; `esp32` without it |
    /// | `name` | a name for messages; empty without it |
    /// | `ram`, `sector`, `page`, `slot` | numbers of bytes, or text such as `"24KiB"` |
    /// | `scratch` | sectors |
    /// | `codecs` | what the applier was built with, and nothing else |
    /// | `isas` | the same for instruction sets |
    ///
    /// # Errors
    ///
    /// [`ProfileError::Syntax`] or [`ProfileError::Value`].
    pub fn parse(toml: &str) -> Result<Self, ProfileError> {
        let file: File = toml::from_str(toml).map_err(|error| ProfileError::Syntax {
            path: None,
            message: error.to_string().trim_end().to_owned(),
        })?;
        let wrong = |key, value: &str, expected: String| ProfileError::Value {
            path: None,
            key,
            value: value.to_owned(),
            expected,
        };
        let like = file.like.as_deref().unwrap_or("esp32");
        let mut profile = Self::named(like)
            .ok_or_else(|| wrong("like", like, format!("one of {}", Self::NAMES.join(", "))))?;
        profile.name = file.name.unwrap_or_default();
        profile.ram = file.ram.unwrap_or(profile.ram);
        profile.sector = file.sector.unwrap_or(profile.sector);
        profile.page = file.page.unwrap_or(profile.page);
        profile.slot = file.slot.unwrap_or(profile.slot);
        profile.scratch = file.scratch.unwrap_or(profile.scratch);
        if let Some(names) = file.codecs {
            let all = Codec::ALL.map(Codec::name).join(", ");
            let codec = |name: &String| {
                name.parse().map_err(|_| wrong("codecs", name, format!("one of {all}")))
            };
            profile.set_codecs(names.iter().map(codec).collect::<Result<_, _>>()?);
        }
        if let Some(names) = file.isas {
            let all = InstructionSet::ALL.map(InstructionSet::name).join(", ");
            let isa = |name: &String| {
                name.parse().map_err(|_| wrong("isas", name, format!("one of {all}")))
            };
            profile.isas = names.iter().map(isa).collect::<Result<_, _>>()?;
        }
        Ok(profile)
    }

    /// Reads the bytes of a profile file, which gives the profile its name if it does not say one.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse); they name the file.
    pub fn parse_file(bytes: &[u8], path: &Path) -> Result<Self, ProfileError> {
        let text = core::str::from_utf8(bytes).map_err(|_| ProfileError::Syntax {
            path: Some(path.to_owned()),
            message: "it is not a text file".to_owned(),
        })?;
        let mut profile = Self::parse(text).map_err(|error| error.in_file(path))?;
        if profile.name.is_empty() {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            profile.name = stem.unwrap_or_default();
        }
        Ok(profile)
    }

    /// The profile in a file.
    ///
    /// # Errors
    ///
    /// As [`parse_file`](Self::parse_file), and [`ProfileError::Read`].
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let bytes = bounded::small(path).map_err(ProfileError::Read)?;
        Self::parse_file(&bytes, path)
    }

    /// The profile of this name, or else in the file of this name.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn load(name: &str) -> Result<Self, ProfileError> {
        match Self::named(name) {
            Some(profile) => Ok(profile),
            None if Path::new(name).exists() => Self::read(Path::new(name)),
            None => Err(ProfileError::Unknown { name: name.to_owned() }),
        }
    }

    /// Says which codecs the applier was built with: these and no others.
    pub fn set_codecs(&mut self, codecs: Vec<Codec>) {
        self.codecs = codecs;
        self.codecs_on_request.clear();
    }

    fn device(name: &str, ram: u32) -> Self {
        Self {
            name: name.to_owned(),
            ram,
            sector: 4096,
            slot: 0,
            scratch: 0,
            page: 16,
            // What the applier for microcontrollers is built with unless its builder says
            // otherwise.
            codecs: vec![Codec::Model],
            codecs_on_request: vec![Codec::Raw, Codec::Lz4],
            isas: InstructionSet::ALL.into_iter().filter(|isa| !isa.is_none()).collect(),
        }
    }

    /// Whether the applier on this device has the codec, or may have it if it is asked for.
    pub(crate) fn allows(&self, codec: Codec) -> bool {
        self.codecs.contains(&codec) || self.codecs_on_request.contains(&codec)
    }

    /// Whether the applier on this device can predict by this instruction set.
    pub(crate) fn predicts(&self, isa: InstructionSet) -> bool {
        isa.is_available() && (isa.is_none() || self.isas.contains(&isa))
    }

    /// Whether the applier on this device has the feature `prediction`. The model codec and every
    /// instruction set bring it.
    pub(crate) fn reads_address_maps(&self) -> bool {
        self.codecs.contains(&Codec::Model) || !self.isas.is_empty()
    }
}

impl Default for DeviceProfile {
    /// [`esp32`](Self::esp32).
    fn default() -> Self {
        Self::esp32()
    }
}

/// Why there is no such profile.
#[non_exhaustive]
#[derive(Debug)]
pub enum ProfileError {
    /// Neither a known name nor a file.
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    Read(ReadError),
    /// It is no TOML, or has keys that profiles do not have.
    Syntax {
        /// The file, if it was read from one.
        path: Option<PathBuf>,
        /// What is wrong, and in which line.
        message: String,
    },
    /// A key has a value that is not possible.
    Value {
        /// The file, if it was read from one.
        path: Option<PathBuf>,
        /// The key.
        key: &'static str,
        /// What was found.
        value: String,
        /// What was expected.
        expected: String,
    },
}

codes! {
    impl[] ProfileError {
        Self::Unknown { .. } => "unknown-profile", Misuse, GiveProfile;
        Self::Syntax { .. } | Self::Value { .. } =>
            "profile-description", Misuse, GiveProfile;
    } else {
        Self::Read(error) => error;
    }
}

impl ProfileError {
    fn in_file(mut self, file: &Path) -> Self {
        if let Self::Syntax { path, .. } | Self::Value { path, .. } = &mut self {
            *path = Some(file.to_owned());
        }
        self
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = |f: &mut fmt::Formatter<'_>, path: &Option<PathBuf>| match path {
            Some(path) => write!(f, "profile {}: ", path.display()),
            None => f.write_str("profile: "),
        };
        match self {
            Self::Unknown { name } => {
                let names = DeviceProfile::NAMES.join(", ");
                write!(f, "no profile has the name \"{name}\", the known ones are {names}")
            }
            Self::Read(error) => error.fmt(f),
            Self::Syntax { path, message } => {
                file(f, path)?;
                f.write_str(message)
            }
            Self::Value { path, key, value, expected } => {
                file(f, path)?;
                write!(f, "{key}: found \"{value}\", expected {expected}")
            }
        }
    }
}

impl core::error::Error for ProfileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}

/// What a profile file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    like: Option<String>,
    #[serde(default, deserialize_with = "size")]
    ram: Option<u32>,
    #[serde(default, deserialize_with = "size")]
    sector: Option<u32>,
    #[serde(default, deserialize_with = "size")]
    page: Option<u32>,
    #[serde(default, deserialize_with = "size")]
    slot: Option<u32>,
    scratch: Option<u32>,
    codecs: Option<Vec<String>>,
    isas: Option<Vec<String>>,
}

/// A size as a number or as text.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a size such as 65536 or \"64KiB\"")]
    enum Size {
        Number(u32),
        Text(String),
    }
    match Size::deserialize(deserializer)? {
        Size::Number(number) => Ok(Some(number)),
        Size::Text(text) => parse_size(&text).map(Some).map_err(D::Error::custom),
    }
}

/// Reads a size in bytes as people write it: `65536`, `0x10000`, `64KiB`, `64K`; K, M and G are
/// powers of 1024.
///
/// # Errors
///
/// [`SizeError`]
pub fn parse_size(text: &str) -> Result<u32, SizeError> {
    let lower = text.trim().to_ascii_lowercase();
    let (digits, radix, shift) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16, 0)
    } else {
        let (digits, shift) = [("k", 10), ("m", 20), ("g", 30), ("", 0)]
            .into_iter()
            .find_map(|(letter, shift)| {
                let number = lower.strip_suffix("ib").filter(|_| shift > 0);
                let number = number.or_else(|| lower.strip_suffix('b')).unwrap_or(&lower);
                Some((number.strip_suffix(letter)?.trim_end(), shift))
            })
            .unwrap_or((&lower, 0));
        (digits, 10, shift)
    };
    // `from_str_radix` would take a sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(SizeError::NoSize);
    }
    let bytes = u64::from_str_radix(digits, radix).ok().and_then(|n| n.checked_mul(1 << shift));
    bytes.and_then(|bytes| u32::try_from(bytes).ok()).ok_or(SizeError::TooLarge)
}

/// Why a text is no size.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SizeError {
    /// It is not written like one.
    NoSize,
    /// It is 4 GiB or more.
    TooLarge,
}

codes! {
    impl[] SizeError {
        Self::NoSize => "not-a-size", Misuse;
        Self::TooLarge => "size-too-large", Misuse;
    }
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSize => "expected a size such as 65536, 64KiB or 64K",
            Self::TooLarge => "the largest size is 4 GiB less one byte",
        })
    }
}

impl core::error::Error for SizeError {}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_not_said_is_taken_from_a_named_profile() {
        let text = "like = 'small'\npage = 8\ncodecs = ['raw', 'model']\nisas = ['thumb']";
        let mut expected = DeviceProfile::small();
        expected.name = String::new();
        expected.page = 8;
        expected.codecs = vec![Codec::Raw, Codec::Model];
        expected.codecs_on_request = Vec::new();
        expected.isas = vec![InstructionSet::Thumb];
        assert_eq!(DeviceProfile::parse(text).unwrap(), expected);
        let found = DeviceProfile::parse("ram = 24576\nname = 'x'").unwrap();
        assert_eq!((found.ram, &found.name[..]), (24 << 10, "x"));
        assert_eq!(DeviceProfile::parse("ram = '24KiB'").unwrap().ram, 24 << 10);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("rum = 1", "unknown field `rum`"),
            ("ram = '1 bushel'", "expected a size"),
            ("ram = -1", "expected a size"),
            ("codecs = ['gzip']", "codecs: found \"gzip\", expected one of raw, "),
            ("isas = ['z80']", "isas: found \"z80\", expected one of none, "),
            ("like = 'pdp11'", "expected one of tiny"),
        ] {
            let error = DeviceProfile::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn errors_name_the_file() {
        let folder =
            std::env::temp_dir().join(format!("flashdelta-profile-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("heron.toml");
        for (text, part) in [("ram = 'x'", "expected a size"), ("like = 'x'", "one of tiny")] {
            fs::write(&path, text).unwrap();
            let error = DeviceProfile::read(&path).unwrap_err().to_string();
            assert!(error.contains("heron.toml") && error.contains(part), "{error}");
        }
        fs::write(&path, "ram = 9000").unwrap();
        let name = path.to_str().unwrap();
        assert_eq!(DeviceProfile::load(name).unwrap().name, "heron");
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(DeviceProfile::load(name), Err(ProfileError::Unknown { .. })));
        assert!(matches!(DeviceProfile::read(&path), Err(ProfileError::Read { .. })));
    }

    #[test]
    fn sizes() {
        for text in ["65536", "64KiB", "64kib", "64K", "64k", "64 KB", "0x10000", "65536B"] {
            assert_eq!(parse_size(text), Ok(65536), "{text}");
        }
        assert_eq!(parse_size("2M"), Ok(2 << 20));
        assert_eq!(parse_size("3GiB"), Ok(3 << 30));
        assert_eq!(parse_size("0xB"), Ok(11));
        assert_eq!(parse_size("64G"), Err(SizeError::TooLarge));
        assert_eq!(parse_size("4096MiB"), Err(SizeError::TooLarge));
        assert_eq!(parse_size("99999999999999999999"), Err(SizeError::TooLarge));
        for text in ["", "K", "iB", "-1", "+1", "1.5K", "0x", "64 KiB RAM", "1iB"] {
            assert_eq!(parse_size(text), Err(SizeError::NoSize), "{text}");
        }
    }
}
