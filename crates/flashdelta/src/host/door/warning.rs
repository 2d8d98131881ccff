//! Warnings: inputs that are patched differently from what their name or format suggests.

use core::fmt;

use crate::device::isa::InstructionSet;
use crate::host::bundle;
use crate::host::file::MemoryWarning;
use crate::host::image::{Finding, Format, Wrapping};
use crate::host::manifest::PartsWarning;

/// Which file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// The old file.
    Old,
    /// The new file.
    New,
}

/// A warning about one of the files.
#[derive(Clone, PartialEq, Debug)]
pub struct FileWarning {
    /// Which file.
    pub side: Side,
    /// What is the matter with it.
    pub what: Warning,
}

/// An input is patched differently from what its name or format suggests. The patch is right, but
/// may be larger than necessary.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug)]
pub enum Warning {
    /// It is named like an archive, and is none.
    NotAnArchive,
    /// It is a manifest, and none of its parts is there.
    PartsMissing,
    /// Something that a manifest names is not among its parts.
    Parts(PartsWarning),
    /// Something in a file that holds others.
    Bundle(bundle::MemberWarning),
    /// A length, checksum or digest in it is wrong.
    Damaged(Finding),
    /// No device holds what is patched as it is: the patch is for computers.
    Memory(MemoryWarning),
    /// It is packed in a format that cannot be opened: a patch of what is inside is smaller.
    Wrapped(Wrapping),
    /// It looks encrypted or compressed, so that little can be saved.
    Packed {
        /// Which part of it, 0 to 1.
        share: f32,
    },
    /// The ELF file given does not hold the bytes of the image, and is not used.
    ElfOfAnotherBuild,
    /// The new file is the same as the old one.
    Same,
    /// The old file is empty: the patch holds the whole new one.
    EmptyOld,
    /// Both files are for different chips or processors: they may have been mixed up.
    OtherChip {
        /// What the old file is for.
        old: String,
        /// What the new file is for.
        new: String,
    },
    /// The file says where its bytes are; a base address was given, and replaces that.
    BaseGiven {
        /// The address.
        base: u32,
        /// The format that says otherwise.
        format: Format,
    },
    /// A base address was given, and the code in the file shows another one.
    OtherBase {
        /// The address that was given.
        base: u32,
        /// Where the first byte of the file seems to be.
        found: u32,
    },
    /// The profile lacks the instruction set that the file says it holds: nothing of its code is
    /// predicted.
    NotPredicted {
        /// What the file holds.
        isa: InstructionSet,
        /// Name of the profile.
        profile: String,
    },
    /// Another instruction set was given than the file says it holds.
    OtherIsa {
        /// What was given.
        given: InstructionSet,
        /// What the file holds.
        found: InstructionSet,
    },
}

impl Warning {
    /// A stable name of it, for machines. `docs/errors.md` lists all.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnArchive => "not-an-archive",
            Self::PartsMissing => "parts-missing",
            Self::Parts(_) => "part-left-out",
            Self::Bundle(warning) => warning.code(),
            Self::Damaged(_) => "damaged",
            Self::Memory(MemoryWarning::FarApart { .. }) => "far-apart",
            Self::Memory(_) => "several-memories",
            Self::Wrapped(_) => "wrapped",
            Self::Packed { .. } => "packed",
            Self::ElfOfAnotherBuild => "elf-of-another-build",
            Self::Same => "same",
            Self::EmptyOld => "empty-old",
            Self::OtherChip { .. } => "other-chip",
            Self::BaseGiven { .. } => "base-given",
            Self::OtherBase { .. } => "other-base",
            Self::NotPredicted { .. } => "not-predicted",
            Self::OtherIsa { .. } => "other-isa",
        }
    }

    /// It as a warning about a file.
    pub(super) fn of(self, side: Side) -> FileWarning {
        FileWarning { side, what: self }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnArchive => {
                f.write_str("it is named like an archive, but is none, and patched as one piece")
            }
            Self::PartsMissing => f.write_str(
                "none of the parts that it names was found: only the JSON file itself is patched",
            ),
            Self::Parts(warning) => warning.fmt(f),
            Self::Bundle(warning) => warning.fmt(f),
            Self::Damaged(finding) => write!(f, "it seems damaged: {finding}"),
            Self::Memory(warning) => warning.fmt(f),
            Self::Wrapped(wrapping) => {
                write!(f, "it is {wrapping}, and patched without being unpacked")
            }
            Self::Packed { share } => write!(
                f,
                "{:.1} % of it looks encrypted or compressed: a patch made before that step may be \
                 much smaller",
                share * 100.0
            ),
            Self::ElfOfAnotherBuild => f.write_str(
                "it does not hold the bytes of the ELF file given, which is not used: they seem \
                 to be of different builds",
            ),
            Self::Same => f.write_str("it is the same as the old file"),
            Self::EmptyOld => f.write_str("it is empty: the patch holds the whole new file"),
            Self::OtherChip { old, new } => write!(
                f,
                "it is for {new}, the old file for {old}: files of different devices may have \
                 been mixed up"
            ),
            Self::BaseGiven { base, format } => write!(
                f,
                "this {format} file says where its bytes are; the base address given, \
                 0x{base:08x}, replaces that, and the patch may be several times larger"
            ),
            Self::OtherBase { base, found } => write!(
                f,
                "its code seems to run at 0x{found:08x}, and not at the base address given, \
                 0x{base:08x}: the patch may be several times larger"
            ),
            Self::NotPredicted { isa, profile } => write!(
                f,
                "it holds {isa} code, which profile \"{profile}\" does not predict: the patch may \
                 be several times larger"
            ),
            Self::OtherIsa { given, found } => {
                write!(f, "it holds {found} code, but is to be predicted as {given}")
            }
        }
    }
}
