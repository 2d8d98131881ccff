//! What a group is to become, and what a node is.

use core::time::Duration;

use super::wire::{Reader, Writer};
use crate::device::format::{DeviceIdentity, Identity};
use crate::device::receive::PatchId;

/// The first 8 bytes of the SHA-256 of an image.
pub type ImageId = [u8; 8];

/// What every node of a group is to become, and from what.
#[allow(clippy::exhaustive_structs)] // It is put together by whoever has the patch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Target {
    /// For which devices.
    pub identity: Identity,
    /// The image that it is made from.
    pub old: ImageId,
    /// SHA-256 of the new image.
    pub new: [u8; 32],
    /// Bytes of the new image.
    pub new_size: u32,
    /// The patch that makes it.
    pub patch: PatchId,
    /// How long a node that is ready or has verified waits for a word of a coordinator before it
    /// takes back what it has prepared. In whole seconds, up to 65,535.
    pub go_ahead: Duration,
    /// How long the new image has to report that it is healthy. In whole seconds, up to 65,535.
    pub health: Duration,
}

impl Target {
    /// Bytes of one, as it travels and is kept.
    pub(super) const LEN: usize = 68;

    /// The new image.
    pub fn new_id(&self) -> ImageId {
        self.new.first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        let seconds = |time: Duration| u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
        out.put(&self.identity.product.to_le_bytes());
        out.put(&self.identity.hardware_from.to_le_bytes());
        out.put(&self.identity.hardware_to.to_le_bytes());
        out.put(&self.identity.security_counter.to_le_bytes());
        out.put(&self.new_size.to_le_bytes());
        out.put(&self.old);
        out.put(&self.new);
        out.put(&self.patch);
        out.put(&seconds(self.go_ahead).to_le_bytes());
        out.put(&seconds(self.health).to_le_bytes());
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            identity: Identity {
                product: from.u32()?,
                hardware_from: from.u16()?,
                hardware_to: from.u16()?,
                security_counter: from.u32()?,
            },
            new_size: from.u32()?,
            old: from.take()?,
            new: from.take()?,
            patch: from.take()?,
            go_ahead: Duration::from_secs(from.u16()?.into()),
            health: Duration::from_secs(from.u16()?.into()),
        })
    }
}

/// What a node is, and what it runs.
#[allow(clippy::exhaustive_structs)] // It is put together by the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// What the device knows about itself.
    pub identity: DeviceIdentity,
    /// Bytes of the slot that a new image goes to.
    pub slot: u32,
    /// The image that runs.
    pub running: ImageId,
}

impl Facts {
    pub(super) fn write(&self, out: &mut Writer<'_>) {
        out.put(&self.identity.product.to_le_bytes());
        out.put(&self.identity.hardware.to_le_bytes());
        out.put(&self.identity.security_counter.to_le_bytes());
        out.put(&self.slot.to_le_bytes());
        out.put(&self.running);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (product, hardware) = (from.u32()?, from.u16()?);
        let identity = DeviceIdentity { product, hardware, security_counter: from.u32()? };
        Some(Self { identity, slot: from.u32()?, running: from.take()? })
    }

    /// Why a node cannot take part, if it cannot.
    pub(super) fn refusal(&self, target: &Target) -> Option<Refusal> {
        let (device, wanted) = (&self.identity, &target.identity);
        let is_hardware =
            wanted.hardware_from <= device.hardware && device.hardware <= wanted.hardware_to;
        if device.product != wanted.product {
            Some(Refusal::Product)
        } else if !is_hardware {
            Some(Refusal::Hardware)
        } else if wanted.security_counter < device.security_counter {
            Some(Refusal::Rollback)
        } else if target.new_size > self.slot {
            Some(Refusal::Slot)
        } else if self.running != target.old && self.running != target.new_id() {
            Some(Refusal::Base)
        } else {
            None
        }
    }
}

/// Why a node does not take part.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// The image is for another product.
    Product,
    /// The image is for other hardware revisions.
    Hardware,
    /// The image is older than what the node may run.
    Rollback,
    /// The image is larger than the slot.
    Slot,
    /// The node runs another image than the one that the patch is made from.
    Base,
    /// The node cannot be brought into a safe state now. It is asked again.
    Unsafe,
    /// The patch cannot be applied.
    Apply,
}

impl Refusal {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Product => 0,
            Self::Hardware => 1,
            Self::Rollback => 2,
            Self::Slot => 3,
            Self::Base => 4,
            Self::Unsafe => 5,
            Self::Apply => 6,
        }
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Product,
            1 => Self::Hardware,
            2 => Self::Rollback,
            3 => Self::Slot,
            4 => Self::Base,
            5 => Self::Unsafe,
            6 => Self::Apply,
            _ => return None,
        })
    }
}
