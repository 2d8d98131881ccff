//! Device profiles: by name, or from a file.

use std::path::Path;

use flashdelta::diff::DeviceProfile;
use serde::de::{Deserializer, Error as _};
use serde::Deserialize;

use crate::args;
use crate::failure::{Class, Failure, Outcome};
use crate::inputs;

/// What a profile file says: TOML, every key optional.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// A name for messages; the file's name if there is none.
    name: Option<String>,
    /// The named profile that this one differs from.
    like: Option<String>,
    #[serde(default, deserialize_with = "size")]
    ram: Option<u32>,
    #[serde(default, deserialize_with = "size")]
    sector: Option<u32>,
    #[serde(default, deserialize_with = "size")]
    page: Option<u32>,
    codecs: Option<Vec<String>>,
    isas: Option<Vec<String>>,
}

/// The profile of this name, or else in this file.
pub(crate) fn load(name: &str) -> Outcome<DeviceProfile> {
    if let Some(profile) = DeviceProfile::named(name) {
        return Ok(profile);
    }
    let path = Path::new(name);
    if !path.exists() {
        let names = DeviceProfile::NAMES.join(", ");
        let message = format!("no profile \"{name}\": expected one of {names}, or a file");
        return Err(Failure::new(Class::Usage, message)
            .hint("`flashdelta diff --help` shows what a profile file looks like"));
    }
    let text =
        String::from_utf8(inputs::bytes(path)?).map_err(|_| "it is not a text file".to_owned());
    text.and_then(|text| parse(&text, path)).map_err(|problem| {
        Failure::new(Class::Usage, format!("profile {name}: {}", problem.trim_end()))
    })
}

/// The profile that a TOML file describes. `path`: of the file, which gives the profile its name if
/// it does not say one.
///
/// # Errors
///
/// What is wrong, for people.
pub fn parse(text: &str, path: &Path) -> Result<DeviceProfile, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let like = file.like.as_deref().unwrap_or("esp32");
    let mut profile = DeviceProfile::named(like).ok_or_else(|| {
        format!("like = \"{like}\": expected one of {}", DeviceProfile::NAMES.join(", "))
    })?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    profile.name = file.name.or(stem).unwrap_or_default();
    profile.ram = file.ram.unwrap_or(profile.ram);
    profile.sector = file.sector.unwrap_or(profile.sector);
    profile.page = file.page.unwrap_or(profile.page);
    if let Some(codecs) = file.codecs {
        let codec =
            |name: &String| name.parse().map_err(|error| format!("codecs: \"{name}\": {error}"));
        profile.codecs = codecs.iter().map(codec).collect::<Result<_, _>>()?;
    }
    if let Some(isas) = file.isas {
        let isa =
            |name: &String| name.parse().map_err(|error| format!("isas: \"{name}\": {error}"));
        profile.isas = isas.iter().map(isa).collect::<Result<_, _>>()?;
    }
    Ok(profile)
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
        Size::Text(text) => args::size(&text).map(Some).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flashdelta::{Codec, InstructionSet};

    fn of(text: &str) -> Result<DeviceProfile, String> {
        parse(text, Path::new("boards/heron.toml"))
    }

    #[test]
    fn what_is_not_said_is_taken_from_a_named_profile() {
        let profile =
            of("like = 'small'\npage = 8\ncodecs = ['raw', 'model']\nisas = ['thumb']").unwrap();
        let mut expected = DeviceProfile::small();
        expected.name = "heron".to_owned();
        expected.page = 8;
        expected.codecs = vec![Codec::Raw, Codec::Model];
        expected.isas = vec![InstructionSet::Thumb];
        assert_eq!(profile, expected);
        assert_eq!(of("ram = '24KiB'").map(|p| p.ram), Ok(24 << 10));
        assert_eq!(
            of("ram = 24576\nname = 'x'").map(|p| (p.ram, p.name)),
            Ok((24 << 10, "x".to_owned()))
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("rum = 1", "unknown field `rum`"),
            ("ram = '1 bushel'", "expected a size"),
            ("ram = -1", "expected a size"),
            ("codecs = ['gzip']", "no such codec"),
            ("isas = ['z80']", "no such instruction set"),
            ("like = 'pdp11'", "expected one of tiny"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
