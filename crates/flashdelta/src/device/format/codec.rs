//! How the body of a patch is coded.

/// How the body of a patch is coded.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Codec {
    /// Operations as plain bytes. The smallest applier; for images that are nearly equal also a
    /// small patch.
    Raw = 0,
    /// Operations as bytes, compressed in LZ4 blocks: little code, fast.
    Lz4 = 1,
    /// Operations as bytes, compressed by Zstandard: for devices that run an operating system.
    Zstd = 2,
    /// Adaptive, mixed context models and a range coder: the smallest patches.
    #[default]
    Model = 3,
}

impl Codec {
    /// All codecs.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Lz4, Self::Zstd, Self::Model];

    /// The codec of a number in a patch header.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Raw,
            1 => Self::Lz4,
            2 => Self::Zstd,
            3 => Self::Model,
            _ => return None,
        })
    }

    /// Was this codec compiled in?
    pub fn is_available(self) -> bool {
        match self {
            Self::Raw => cfg!(feature = "raw"),
            Self::Lz4 => cfg!(feature = "lz4"),
            Self::Zstd => cfg!(feature = "zstd"),
            Self::Model => cfg!(feature = "model"),
        }
    }

    /// The name, as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Model => "model",
        }
    }
}

impl core::fmt::Display for Codec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownCodec;

impl core::fmt::Display for UnknownCodec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no such codec: choose one of raw, lz4, zstd, model")
    }
}

impl core::error::Error for UnknownCodec {}

impl core::str::FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        Self::ALL.into_iter().find(|c| c.name() == name).ok_or(UnknownCodec)
    }
}
