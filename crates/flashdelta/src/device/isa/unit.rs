//! A unit of the old image, and how it holds its reference.

/// How a unit holds its reference. `PLAIN` and `WORD` are common to all instruction sets; numbers
/// from 2 to 15 belong to the instruction set that returned them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Form(pub(crate) u8);

impl Form {
    /// No reference: predicted to stay as it is.
    pub(crate) const PLAIN: Self = Self(0);
    /// A 32-bit little-endian word that is an absolute address.
    pub(crate) const WORD: Self = Self(1);
    /// A 32-bit word that is the distance from itself to an address (DWARF `DW_EH_PE_pcrel`, as in
    /// `.eh_frame`).
    pub(crate) const DISTANCE: Self = Self(16);
    /// A 32-bit word that is the distance from an address to itself (the CIE pointer of an
    /// `.eh_frame` entry).
    pub(crate) const DISTANCE_BACK: Self = Self(17);
    /// All forms.
    pub(crate) const COUNT: usize = 18;

    /// Whether this is one of the forms that every instruction set has.
    pub(crate) fn is_common(self) -> bool {
        self.0 < 2 || self.0 > 15
    }
}

/// One unit of the old image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Unit {
    /// Length in bytes, 1 to 4, never more than the bytes that are left.
    pub(crate) len: u8,
    /// How the reference is held, if there is one.
    pub(crate) form: Form,
    /// What kind of unit it is, 0 to 31, for the models: units of one class tend to change in the
    /// same way.
    pub(crate) class: u8,
    /// The old address that is referred to; 0 for [`Form::PLAIN`].
    pub(crate) target: u32,
    /// Its old bytes, the first one lowest, then zeros. The walk fills it in.
    pub(crate) code: u32,
}
