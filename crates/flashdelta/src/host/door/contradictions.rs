//! What the options say and the files say otherwise.

use super::read::Read;
use super::request::MakeRequest;
use super::warning::{FileWarning, Side, Warning};
use crate::device::isa::InstructionSet;
use crate::host::image::{self, esp::EspImage, Format, IsaHint};

/// What contradicts what the files tell, and whether they are for different chips.
pub(super) fn check(old: &Read<'_>, new: &Read<'_>, request: &MakeRequest) -> Vec<FileWarning> {
    let [Some(old), Some(new)] = [old, new].map(Told::by) else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if let Some((old, new)) = old.differs(&new) {
        warnings.push(Warning::OtherChip { old, new }.of(Side::New));
    }
    for (told, side) in [(&old, Side::Old), (&new, Side::New)] {
        if let (Some(base), Some(format)) = (request.diff.base, told.addresses) {
            warnings.push(Warning::BaseGiven { base, format }.of(side));
        }
    }
    if let Some(isa) = new.isa.filter(|isa| !isa.is_none()) {
        let profile = &request.diff.profile;
        if request.diff.isa.is_none() && !profile.predicts(isa) {
            let profile = profile.name.clone();
            warnings.push(Warning::NotPredicted { isa, profile }.of(Side::New));
        }
        if let Some(given) = request.diff.isa.filter(|given| !given.is_none() && *given != isa) {
            warnings.push(Warning::OtherIsa { given, found: isa }.of(Side::New));
        }
    }
    warnings
}

/// What a file tells of its image.
struct Told {
    /// The format that says where its bytes are.
    addresses: Option<Format>,
    /// As the container says it, or else as its content looks, which is seldom wrong.
    isa: Option<InstructionSet>,
    /// Name of the chip.
    chip: Option<&'static str>,
}

impl Told {
    fn by(read: &Read<'_>) -> Option<Self> {
        if read.input.is_verbatim() {
            return None;
        }
        let memory = &read.memory;
        let map = image::address_map(&memory.image);
        let is_told = map.format != Format::Raw;
        let records = image::detect(read.input.bytes());
        let addresses = if is_told { Some(map.format) } else { Some(records) };
        Some(Self {
            addresses: addresses
                .filter(|format| *format != Format::Raw && !map.segments.is_empty()),
            isa: map.isa.map(IsaHint::instruction_set),
            chip: EspImage::parse(&memory.image, 0).map(|image| image.chip.name),
        })
    }

    /// What both are for, if that is not the same.
    fn differs(&self, other: &Self) -> Option<(String, String)> {
        match (self.chip, other.chip, self.isa, other.isa) {
            (Some(old), Some(new), ..) if old != new => Some((old.to_owned(), new.to_owned())),
            (.., Some(old), Some(new)) if old != new => Some((old.to_string(), new.to_string())),
            _ => None,
        }
    }
}
