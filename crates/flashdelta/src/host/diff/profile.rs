//! What a device offers.

use crate::device::format::Codec;
use crate::device::isa::InstructionSet;

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
    /// Write unit of the flash in bytes, a power of two up to 4096.
    pub page: u32,
    /// Codecs that the applier was built with.
    pub codecs: Vec<Codec>,
    /// Instruction sets that the applier was built with; [`InstructionSet::None`] needs no mention.
    /// If there are none, and no [`Codec::Model`] either, patches get no address map: such an
    /// applier is taken to lack the feature `prediction`.
    pub isas: Vec<InstructionSet>,
}

impl DeviceProfile {
    /// Names of the profiles that [`named`](Self::named) knows.
    pub const NAMES: [&'static str; 4] = ["tiny", "small", "esp32", "linux"];

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

    /// A device with an operating system: 16 MiB.
    pub fn linux() -> Self {
        Self { sector: 1, page: 1, codecs: Codec::ALL.to_vec(), ..Self::device("linux", 16 << 20) }
    }

    /// One of the profiles above.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "tiny" => Some(Self::tiny()),
            "small" => Some(Self::small()),
            "esp32" => Some(Self::esp32()),
            "linux" => Some(Self::linux()),
            _ => None,
        }
    }

    fn device(name: &str, ram: u32) -> Self {
        Self {
            name: name.to_owned(),
            ram,
            sector: 4096,
            page: 16,
            codecs: vec![Codec::Raw, Codec::Lz4, Codec::Model],
            isas: InstructionSet::ALL.into_iter().filter(|isa| !isa.is_none()).collect(),
        }
    }

    /// Can the applier on this device predict by this instruction set?
    pub(crate) fn predicts(&self, isa: InstructionSet) -> bool {
        isa.is_available() && (isa.is_none() || self.isas.contains(&isa))
    }

    /// Has the applier on this device the feature `prediction`? The model codec and every
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
