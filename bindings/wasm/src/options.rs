//! Options as they come from JavaScript.

use flashdelta::bundle::BundleOptions;
use flashdelta::diff::{ChunkSize, DiffOptions};
use flashdelta::door::MakeRequest;
use flashdelta::file::{MemoryOptions, Output};
use flashdelta::holes::{HoleRequest, HoleSyntaxError};
use flashdelta::image::{AfterEnd, Overlap, ReadOptions, Selection, WriteOptions};
use flashdelta::profile::{DeviceProfile, ProfileError};
use flashdelta::sign::{PublicKey, TrustedKeys};
use flashdelta::{Codec, DeviceIdentity, Identity, InstructionSet};
use serde::Deserialize;

use crate::failure::{failed, failure, option, Outcome};

/// Options of this kind from their JSON.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Outcome<T> {
    serde_json::from_str(json).map_err(|error| option(&error.to_string()))
}

/// What `make` takes, but for the ELF files.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct MakeFields {
    profile: ProfileFields,
    ram: Option<u32>,
    codec: Option<String>,
    isa: Option<String>,
    base: Option<u32>,
    identity: Option<IdentityFields>,
    chunks: ChunkFields,
    effort: u8,
    pub(crate) verbatim: bool,
    read: ReadFields,
    accept_manifests: bool,
    fill: u8,
    range: Option<(u32, u64)>,
    holes: Vec<String>,
    allow_empty: bool,
    verify: bool,
}

impl Default for MakeFields {
    fn default() -> Self {
        Self {
            profile: ProfileFields::Named("esp32".to_owned()),
            ram: None,
            codec: None,
            isa: None,
            base: None,
            identity: None,
            chunks: ChunkFields::Named("none".to_owned()),
            effort: 6,
            verbatim: false,
            read: ReadFields::default(),
            accept_manifests: false,
            fill: 0xff,
            range: None,
            holes: Vec::new(),
            allow_empty: false,
            verify: true,
        }
    }
}

impl MakeFields {
    /// How images are compared.
    pub(crate) fn diff(&self) -> Outcome<DiffOptions> {
        let mut options = DiffOptions::new()
            .profile(self.profile.profile()?)
            .effort(self.effort)
            .chunks(self.chunks.size()?)
            // WebAssembly has one thread.
            .threads(1)
            .codec(self.codec.as_deref().map(codec).transpose()?)
            .isa(self.isa.as_deref().map(isa).transpose()?);
        if let Some(ram) = self.ram {
            options = options.ram(ram);
        }
        if let Some(base) = self.base {
            options = options.base(base);
        }
        if let Some(identity) = &self.identity {
            options = options.identity(identity.identity());
        }
        Ok(options)
    }

    /// All but how images are compared.
    pub(crate) fn request(&self) -> Outcome<MakeRequest> {
        let memory = MemoryOptions::new().read(self.read.options()?);
        let memory = memory.range(self.range).fill(self.fill);
        let bundle = BundleOptions::new().accept_manifests(self.accept_manifests);
        let request = MakeRequest::new()
            .memory(memory)
            .bundle(bundle)
            .allow_empty(self.allow_empty)
            .verify(self.verify);
        Ok(holes(&self.holes)?.into_iter().fold(request, MakeRequest::hole))
    }
}

/// Holes as the program takes them: `serial=0x400-0x420`.
pub(crate) fn holes(texts: &[String]) -> Outcome<Vec<HoleRequest>> {
    texts.iter().map(|text| text.parse().map_err(|error: HoleSyntaxError| failed!(error))).collect()
}

/// A profile: by its name, or field by field.
#[derive(Deserialize)]
#[serde(untagged)]
enum ProfileFields {
    Named(String),
    Fields(Box<ProfileObject>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileObject {
    like: Option<String>,
    name: Option<String>,
    ram: Option<u32>,
    sector: Option<u32>,
    page: Option<u32>,
    codecs: Option<Vec<String>>,
    isas: Option<Vec<String>>,
}

impl ProfileFields {
    fn profile(&self) -> Outcome<DeviceProfile> {
        let object = match self {
            Self::Named(name) => {
                let unknown = || failed!(ProfileError::Unknown { name: name.clone() });
                return DeviceProfile::named(name).ok_or_else(unknown);
            }
            Self::Fields(object) => object,
        };
        let wrong = |key, value: &str, known: String| {
            let (value, expected) = (value.to_owned(), format!("one of {known}"));
            failed!(ProfileError::Value { path: None, key, value, expected })
        };
        let like = object.like.as_deref().unwrap_or("esp32");
        let unknown = || wrong("like", like, DeviceProfile::NAMES.join(", "));
        let mut profile = DeviceProfile::named(like).ok_or_else(unknown)?;
        profile.name = object.name.clone().unwrap_or_default();
        profile.ram = object.ram.unwrap_or(profile.ram);
        profile.sector = object.sector.unwrap_or(profile.sector);
        profile.page = object.page.unwrap_or(profile.page);
        if let Some(names) = &object.codecs {
            let known = || Codec::ALL.map(Codec::name).join(", ");
            let codec = |name: &String| name.parse().map_err(|_| wrong("codecs", name, known()));
            profile.set_codecs(names.iter().map(codec).collect::<Outcome<_>>()?);
        }
        if let Some(names) = &object.isas {
            let known = || InstructionSet::ALL.map(InstructionSet::name).join(", ");
            let isa = |name: &String| name.parse().map_err(|_| wrong("isas", name, known()));
            profile.isas = names.iter().map(isa).collect::<Outcome<_>>()?;
        }
        Ok(profile)
    }
}

fn codec(name: &str) -> Outcome<Codec> {
    name.parse::<Codec>().map_err(|error| {
        failure(error.code(), error.class(), error.remedy(), &format!("codec {name}: {error}"))
    })
}

fn isa(name: &str) -> Outcome<InstructionSet> {
    name.parse::<InstructionSet>().map_err(|error| {
        failure(error.code(), error.class(), error.remedy(), &format!("isa {name}: {error}"))
    })
}

/// `"none"`, `"auto"`, or the size of a chunk.
#[derive(Deserialize)]
#[serde(untagged)]
enum ChunkFields {
    Size(u32),
    Named(String),
}

impl ChunkFields {
    fn size(&self) -> Outcome<ChunkSize> {
        let chunks = match self {
            Self::Size(size) => ChunkSize::Bytes(*size),
            Self::Named(name) if name == "none" => ChunkSize::None,
            Self::Named(name) if name == "auto" => ChunkSize::Auto,
            Self::Named(name) => {
                return Err(option(&format!("chunks {name}: none, auto or a size")))
            }
        };
        match chunks.is_possible() {
            true => Ok(chunks),
            false => Err(option("chunks: none, auto, or a power of two from 256 to 65536")),
        }
    }
}

/// A product: its number, or a name that is made into one.
#[derive(Deserialize)]
#[serde(untagged)]
enum ProductFields {
    Number(u32),
    Name(String),
}

impl ProductFields {
    fn number(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            Self::Name(name) => Identity::product_id(name),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IdentityFields {
    product: ProductFields,
    #[serde(default = "all_hardware")]
    hardware: (u16, u16),
    #[serde(default)]
    security_counter: u32,
}

fn all_hardware() -> (u16, u16) {
    (0, u16::MAX)
}

impl IdentityFields {
    fn identity(&self) -> Identity {
        let (hardware_from, hardware_to) = self.hardware;
        Identity {
            product: self.product.number(),
            hardware_from,
            hardware_to,
            security_counter: self.security_counter,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceFields {
    product: ProductFields,
    #[serde(default)]
    hardware: u16,
    #[serde(default)]
    security_counter: u32,
}

impl DeviceFields {
    fn identity(&self) -> DeviceIdentity {
        DeviceIdentity {
            product: self.product.number(),
            hardware: self.hardware,
            security_counter: self.security_counter,
        }
    }
}

/// What `apply` and `verify` take, but for the values of holes.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ApplyFields {
    format: Option<String>,
    device: Option<DeviceFields>,
    pub(crate) ram: Option<u32>,
    pub(crate) limit: Option<u32>,
    keys: Vec<String>,
}

impl ApplyFields {
    pub(crate) fn output(&self) -> Outcome<Output> {
        let Some(name) = &self.format else { return Ok(Output::Same) };
        let names = Output::NAMES.join(", ");
        Output::named(name)
            .ok_or_else(|| option(&format!("no such format: {name}; choose one of {names}")))
    }

    pub(crate) fn device(&self) -> Option<DeviceIdentity> {
        self.device.as_ref().map(DeviceFields::identity)
    }

    pub(crate) fn keys(&self) -> Outcome<Option<TrustedKeys>> {
        trusted(&self.keys)
    }
}

/// The keys that are trusted, from PEM; `None`, if there are none.
pub(crate) fn trusted(pems: &[String]) -> Outcome<Option<TrustedKeys>> {
    if pems.is_empty() {
        return Ok(None);
    }
    let keys = pems.iter().map(|pem| PublicKey::from_pem(pem));
    let keys = keys.collect::<Result<Vec<_>, _>>().map_err(|error| failed!(error))?;
    Ok(Some(TrustedKeys::new(keys)))
}

/// How a file of records is read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ReadFields {
    strict: bool,
    overlap: Option<String>,
    after_end: Option<String>,
    ignore_checksums: bool,
    skip_garbage: bool,
    unknown_records: bool,
    family: Option<u32>,
    board: Option<u16>,
    /// From 1.
    image: Option<u16>,
    base: Option<u32>,
}

impl ReadFields {
    pub(crate) fn options(&self) -> Outcome<ReadOptions> {
        let overlap = self.overlap.as_deref().unwrap_or("refuse");
        let overlap = Overlap::named(overlap).ok_or_else(|| {
            let known = Overlap::NAMES.join(", ");
            option(&format!("overlap {overlap}: choose one of {known}"))
        })?;
        let after_end = self.after_end.as_deref().unwrap_or("refuse");
        let after_end = AfterEnd::named(after_end).ok_or_else(|| {
            let known = AfterEnd::NAMES.join(", ");
            option(&format!("afterEnd {after_end}: choose one of {known}"))
        })?;
        let select = Selection::new().family(self.family).board(self.board).image(self.image);
        Ok(ReadOptions::new()
            .strict(self.strict)
            .overlap(overlap)
            .after_end(after_end)
            .ignore_checksums(self.ignore_checksums)
            .skip_garbage(self.skip_garbage)
            .unknown_records(self.unknown_records)
            .select(select)
            .base(self.base))
    }
}

/// How a file is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct WriteFields {
    fill: u8,
    range: Option<(u32, u64)>,
    record_length: Option<usize>,
    crlf: bool,
    lower_case: bool,
    address_length: Option<u8>,
    pub(crate) family: Option<u32>,
}

impl Default for WriteFields {
    fn default() -> Self {
        Self {
            fill: 0xff,
            range: None,
            record_length: None,
            crlf: false,
            lower_case: false,
            address_length: None,
            family: None,
        }
    }
}

impl WriteFields {
    pub(crate) fn options(&self) -> WriteOptions {
        WriteOptions::new()
            .fill(self.fill)
            .range(self.range)
            .record_len(self.record_length)
            .crlf(self.crlf)
            .lower_case(self.lower_case)
            .address_len(self.address_length)
            .family(self.family)
    }
}
