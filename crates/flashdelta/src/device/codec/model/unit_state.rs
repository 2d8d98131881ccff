//! How far the current unit of the new image has come: what byte comes next depends on it.

#[cfg(feature = "suspend")]
use crate::device::port::Port;
use crate::device::predict::walker::Walker;

/// The unit of the new image that is being put together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UnitState {
    /// Bytes of it that are there, 0 to 3.
    phase: u8,
    /// Its first byte, or what matters of the first byte of the unit before.
    opcode: u8,
}

impl UnitState {
    /// The start of an image.
    pub(crate) const START: Self = Self { phase: 0, opcode: 0 };

    /// Into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { phase, opcode } = self;
        port.small(phase);
        port.small(opcode);
    }

    /// A whole unit that begins with this byte has been copied.
    pub(crate) fn unit(&mut self, first: u8) {
        *self = Self { phase: 0, opcode: first & 15 };
    }

    /// A byte has been put at the offset `at` of the new image.
    pub(crate) fn byte(&mut self, byte: u8, at: u32, walker: &mut Walker<'_>) {
        if self.phase == 0 {
            self.opcode = byte;
        }
        self.phase = self.phase.wrapping_add(1) & 7;
        if walker.ends(at, self.opcode, byte, self.phase) {
            self.unit(self.opcode);
        }
    }

    /// Phase and first byte, as the contexts of new content take them.
    pub(crate) fn contexts(self) -> (u32, u32) {
        (u32::from(self.phase), u32::from(self.opcode))
    }
}
