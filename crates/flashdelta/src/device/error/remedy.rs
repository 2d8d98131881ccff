//! What to do about an error.

/// What to do about an error, by meaning. A front end words it with the names of its own options.
///
/// Matches on it are meant to be exhaustive, so that no front end can forget one: a new remedy is a
/// breaking change.
#[allow(clippy::exhaustive_enums)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Remedy {
    /// Transfer the patch again: it was damaged or cut off on its way.
    TransferAgain,
    /// Give a patch: what was given is none.
    GivePatch,
    /// Give the arguments in the other order: the old file was given as the patch.
    SwapOldAndPatch,
    /// Sign the patch, or get it signed.
    SignPatch,
    /// Make the patch with chunks, or with chunks of another size.
    MakeChunks,
    /// Trust the key that it is signed with, if it is to be trusted; or get the patch signed with
    /// a key that is.
    TrustKey,
    /// Give a key of the right kind, in PEM as OpenSSL writes it.
    GiveKey,
    /// Sign the message of this patch with the key that is named.
    GiveSignature,
    /// Get the patch from whoever made it: this one was changed.
    PatchFromMaker,
    /// Cut off what follows the patch, or transfer it again.
    CutTrailing,
    /// Give the image that the patch was made from, or get the patch for this one.
    OtherBase,
    /// Nothing is left to do: the old file is the new one already.
    NothingToDo,
    /// Give the old file as it was written, or ask for the new image as a plain binary.
    PlainBinary,
    /// Give a value for the hole.
    GiveValue,
    /// Keep what each device has for itself in a data partition, outside the image.
    UseDataPartition,
    /// Make the patch with an identity, or do not ask for one.
    StateIdentity,
    /// Get the patch for this device.
    PatchForDevice,
    /// Get a patch that leads to a newer image.
    NewerImage,
    /// Unpack the file, and give what is in it.
    Unpack,
    /// Apply it without anything that describes a device: bundles are for computers.
    WithoutDevice,
    /// Update this program, or make the patch for the version there is.
    UpdateProgram,
    /// Give the device more RAM, or make the patch for a device with less.
    MoreRam {
        /// RAM in bytes that is enough.
        needed: u32,
    },
    /// Make the patch on a computer with more memory, or give this one more.
    MoreMemory {
        /// Memory in bytes that is enough.
        needed: u64,
    },
    /// Make room for a larger image, or raise a limit that is too low for it.
    RaiseLimit {
        /// Bytes that are enough.
        needed: u64,
    },
    /// Make the patch for pages of this size.
    PageSize {
        /// Size in bytes.
        page: u32,
    },
    /// Use another codec, or a device or build that has this one.
    OtherCodec,
    /// Use another instruction set or none, or a device or build that has this one.
    OtherIsa,
    /// Give the name of a codec that there is.
    KnownCodec,
    /// Give the name of an instruction set that there is.
    KnownIsa,
    /// Give the name of a profile that there is, or a file that describes one.
    GiveProfile,
    /// Complete or undo the update that was committed before.
    Recover,
    /// Start again from the beginning with a new applier.
    StartAgain,
    /// Report the bug.
    Report,
    /// Choose which of the overlapping records count.
    AcceptOverlap,
    /// Read on in spite of wrong checksums and counts.
    AcceptChecksum,
    /// Leave out what is no record.
    AcceptComments,
    /// Carry records of unknown types along: they are no part of the memory.
    AcceptRecords,
    /// Choose what becomes of data after the end record.
    AcceptAfterEnd,
    /// Select one of the memories that the file holds, or none where it holds only one.
    SelectMemory,
    /// Write the file in words of one byte.
    ByteWords,
    /// Take a wrong manifest as a file like any other.
    AcceptManifest,
    /// Do not ask for strict reading.
    NotStrict,
    /// Make or fetch the file again: it is damaged.
    MakeFileAgain,
    /// Save the text as ASCII or UTF-8.
    SaveAsAscii,
    /// Take the file byte by byte.
    Verbatim,
    /// Choose a range of addresses, or a format that keeps gaps.
    ChooseRange,
    /// Give another base address.
    OtherAddress,
    /// Choose another format, or other options for it.
    OtherFormat,
    /// Give an ELF file with bytes to load, of the same build.
    GiveElf,
    /// Leave out the option: it is not for archives, folders and manifests.
    LeaveOut,
    /// Permit an empty new file, if it is meant.
    AllowEmpty,
    /// Name something that is not there yet.
    OtherName,
    /// See to it that the file is there and may be used.
    CheckFile,
}
