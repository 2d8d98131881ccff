//! What the options say and the files say otherwise.

use super::read::Read;
use super::request::MakeRequest;
use super::warning::{FileWarning, Side, Warning};
use crate::device::isa::InstructionSet;
use crate::host::image::{self, esp::EspImage, BaseConflict, IsaHint};

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
        let found = request.diff.base.and_then(|base| told.other_base(base));
        warnings.extend(found.map(|warning| warning.of(side)));
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
struct Told<'r> {
    read: &'r Read<'r>,
    /// As the container says it, or else as its content looks, which is seldom wrong.
    isa: Option<InstructionSet>,
    /// Name of the chip.
    chip: Option<&'static str>,
}

impl<'r> Told<'r> {
    fn by(read: &'r Read<'_>) -> Option<Self> {
        if read.input.is_verbatim() {
            return None;
        }
        let image = &read.memory.image;
        Some(Self {
            read,
            isa: image::address_map(image).isa.map(IsaHint::instruction_set),
            chip: EspImage::parse(image, 0).map(|image| image.chip.name),
        })
    }

    /// What tells that the image is not at a base address that was given.
    fn other_base(&self, base: u32) -> Option<Warning> {
        let Read { input, memory, .. } = self.read;
        if memory.states_addresses() {
            let format = image::detect(input.bytes());
            return (!memory.is_at(base)).then_some(Warning::BaseGiven { base, format });
        }
        Some(match image::base_conflict(&memory.image, base)? {
            BaseConflict::Stated => {
                Warning::BaseGiven { base, format: image::detect(&memory.image) }
            }
            BaseConflict::Shown { address: found } => Warning::OtherBase { base, found },
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
