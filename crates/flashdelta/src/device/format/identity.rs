//! Which devices a patch is for.

use super::varint::Reader;

/// Which devices a patch is for. Part of the header if the maker was told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Identity {
    /// The product: a number of the vendor's choosing, for example [`product_id`](Self::product_id)
    /// of its name.
    pub product: u32,
    /// First hardware revision that the new image runs on.
    pub hardware_from: u16,
    /// Last hardware revision that the new image runs on, not below `hardware_from`.
    pub hardware_to: u16,
    /// Security counter of the new image: a device refuses a patch whose counter is below its own
    /// (anti-rollback). Where no signature is required it catches mistakes, not malice.
    pub security_counter: u32,
}

/// What a device knows about itself, to hold against the [`Identity`] of a patch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct DeviceIdentity {
    /// The product.
    pub product: u32,
    /// The hardware revision.
    pub hardware: u16,
    /// The lowest security counter that may be installed. It comes from the image that runs, or
    /// from the bootloader; never from a patch, which nobody has signed.
    pub security_counter: u32,
}

impl Identity {
    /// A product number made from a name: the first four bytes of its SHA-256, big-endian.
    pub fn product_id(name: &str) -> u32 {
        use crate::device::sha256::{Sha256Engine as _, SoftwareSha256};
        let (mut message, mut digest) = (SoftwareSha256.start(), [0; 32]);
        SoftwareSha256.update(&mut message, name.as_bytes());
        SoftwareSha256.digest(&mut message, &mut digest);
        digest.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b))
    }

    /// Whether a device takes the patch: its product and its hardware, and a security counter that
    /// is not below its own.
    pub fn is_for(&self, device: &DeviceIdentity) -> bool {
        self.product == device.product
            && self.is_for_hardware(device)
            && self.security_counter >= device.security_counter
    }

    /// Whether it is for the hardware revision of a device.
    pub(crate) fn is_for_hardware(&self, device: &DeviceIdentity) -> bool {
        (self.hardware_from..=self.hardware_to).contains(&device.hardware)
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Self {
        let mut product = [0; 4];
        reader.bytes(&mut product);
        let from = reader.limited(0xFFFF);
        let count = reader.varint();
        let to = reader.at_most(from.saturating_add(count), 0xFFFF);
        let security_counter = reader.varint();
        Self {
            product: u32::from_be_bytes(product),
            hardware_from: from as u16,
            hardware_to: to as u16,
            security_counter,
        }
    }
}
