//! Why a store refuses something.

use core::fmt;

use crate::device::error::codes;
use crate::device::format::{DeviceIdentity, HeaderError, Identity};
use crate::device::nor::SlotError;
use crate::device::verify::VerifyError;

/// Why a [`Store`](super::Store) refuses something. `E` is the error of the flash.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreError<E> {
    /// The flash fails, or the region does not fit it.
    Slot(SlotError<E>),
    /// The header cannot be used.
    Header(HeaderError),
    /// The patch, its chunk table or a chunk is not authentic.
    Verify(VerifyError),
    /// The patch is for other devices, or older than this one permits.
    WrongDevice {
        /// What the patch says; `None`: nothing.
        patch: Option<Identity>,
        /// What the device is.
        device: DeviceIdentity,
    },
    /// Header and signatures are not complete. They have to be offered as one.
    CutShort,
    /// The patch has no chunks: it cannot be received in any order.
    NoChunks,
    /// The region is too small for the patch, or for any.
    TooSmall {
        /// Bytes that are needed.
        needed: u32,
        /// Bytes that there are.
        found: u32,
    },
    /// The lent memory is too small for the patch.
    MemoryTooSmall {
        /// Bytes that are needed.
        needed: u32,
        /// Bytes that were lent.
        found: u32,
    },
    /// The write unit of the flash does not divide the chunks.
    Granularity {
        /// Bytes of a chunk.
        chunk: u32,
        /// The write unit in bytes.
        unit: u32,
    },
    /// Another patch is in the store, and there is no verifier that could say which of them counts.
    Occupied,
    /// There is no patch in the store, so nothing that a piece could belong to.
    Empty,
    /// The patch has no such piece.
    NoSuchPiece {
        /// Its number.
        piece: u32,
        /// How many there are.
        pieces: u32,
    },
    /// The piece has another length.
    WrongLength {
        /// Its number.
        piece: u32,
        /// Bytes that it has.
        expected: u32,
        /// Bytes that came.
        found: u32,
    },
    /// A piece is missing: of several that came as one, or where the patch is to be read. Before
    /// the whole chunk table is there, all chunks are.
    Missing {
        /// Its number.
        piece: u32,
    },
    /// The header or the chunk table in the flash is not any more what was written.
    Rotted,
    /// Writing failed before: the store has to be opened anew.
    Poisoned,
}

codes! {
    impl[E] StoreError<E> {
        Self::WrongDevice { patch: None, .. } => "no-identity", WrongDevice, StateIdentity;
        Self::WrongDevice { patch: Some(patch), device } if patch.product != device.product =>
            "wrong-product", WrongDevice, PatchForDevice;
        Self::WrongDevice { patch: Some(patch), device } if !patch.is_for_hardware(device) =>
            "wrong-hardware", WrongDevice, PatchForDevice;
        Self::WrongDevice { .. } => "rollback", WrongDevice, NewerImage;
        Self::CutShort => "head-cut-short", BadPatch, TransferAgain;
        Self::NoChunks => "no-chunks", DoesNotFit, MakeChunks;
        Self::TooSmall { needed, .. } => "store-too-small", DoesNotFit,
            RaiseLimit { needed: (*needed).into() };
        Self::MemoryTooSmall { needed, .. } => "store-memory-too-small", DoesNotFit,
            MoreRam { needed: *needed };
        Self::Granularity { .. } => "chunk-granularity", DoesNotFit, MakeChunks;
        Self::Occupied => "store-occupied", Misuse;
        Self::Empty => "store-empty", Misuse;
        Self::NoSuchPiece { .. } => "no-such-piece", BadPatch, TransferAgain;
        Self::WrongLength { .. } => "piece-length", BadPatch, TransferAgain;
        Self::Missing { .. } => "piece-missing", BadPatch, TransferAgain;
        Self::Rotted => "store-rotted", Io, TransferAgain;
        Self::Poisoned => "poisoned", Misuse, StartAgain;
    } else {
        Self::Slot(error) => error;
        Self::Header(error) => error;
        Self::Verify(error) => error;
    }
}

impl<E: fmt::Debug> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::WrongDevice { patch: None, .. } => f.write_str(
                "the patch does not say which devices it is for, and this device asks for it",
            ),
            Self::WrongDevice { patch: Some(patch), device } => write!(
                f,
                "the patch is for product {:08x}, hardware revisions {} to {}, and has security \
                 counter {}; this device is product {:08x}, revision {}, counter {}",
                patch.product,
                patch.hardware_from,
                patch.hardware_to,
                patch.security_counter,
                device.product,
                device.hardware,
                device.security_counter
            ),
            Self::CutShort => f.write_str("the header or the signatures of the patch are cut off"),
            Self::NoChunks => {
                f.write_str("the patch has no chunks, so it cannot be received in any order")
            }
            Self::TooSmall { needed, found } => {
                write!(f, "the store has {found} bytes of flash, {needed} are needed")
            }
            Self::MemoryTooSmall { needed, found } => {
                write!(f, "the store was lent {found} bytes of memory, {needed} are needed")
            }
            Self::Granularity { chunk, unit } => write!(
                f,
                "chunks of {chunk} bytes do not consist of whole units of {unit} bytes, which the \
                 flash is written in"
            ),
            Self::Occupied => f.write_str("there is another patch in the store"),
            Self::Empty => f.write_str("there is no patch in the store"),
            Self::NoSuchPiece { piece, pieces } => {
                write!(f, "piece {piece} cannot be: the patch has {pieces}")
            }
            Self::WrongLength { piece, expected, found } => {
                write!(f, "piece {piece} has {expected} bytes, but {found} came")
            }
            Self::Missing { piece } => write!(f, "piece {piece} of the patch is missing"),
            Self::Rotted => {
                f.write_str("the header or the chunk table in flash is not what was written")
            }
            Self::Poisoned => f.write_str("the store had failed before"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StoreError<E> {}

impl<E> From<SlotError<E>> for StoreError<E> {
    fn from(error: SlotError<E>) -> Self {
        Self::Slot(error)
    }
}

impl<E> From<HeaderError> for StoreError<E> {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl<E> From<VerifyError> for StoreError<E> {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}
