//! How state gets into a suspension, and out of it: the same way.

/// Takes bytes, or fills them in; false if it cannot.
///
/// Closures do. A trait of its own has tables of one function; those of [`FnMut`] have another copy
/// of it, for closures that are used up.
pub(crate) trait Carry {
    fn carry(&mut self, bytes: &mut [u8]) -> bool;
}

impl<F: FnMut(&mut [u8]) -> bool> Carry for F {
    fn carry(&mut self, bytes: &mut [u8]) -> bool {
        self(bytes)
    }
}

/// Carries the state of an update to a place that survives a reset, or from there: whoever has
/// state passes it through here, field by field, and the same code saves and loads it.
///
/// When it saves, nothing changes. When it loads, everything does, and may be anything at all if
/// something has failed before: that is told at the end, and nothing of it is used then.
pub struct Port<'a> {
    carry: &'a mut dyn Carry,
    loads: bool,
    trouble: Option<PortTrouble>,
}

/// Why nothing more is carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PortTrouble {
    /// The place cannot be written or read.
    Place,
    /// What is there does not fit what is here.
    Refused,
}

impl<'a> Port<'a> {
    pub(crate) fn new(carry: &'a mut dyn Carry, loads: bool) -> Self {
        Self { carry, loads, trouble: None }
    }

    /// Whether state is being loaded, not saved.
    pub fn loads(&self) -> bool {
        self.loads
    }

    /// Whether anything has gone wrong so far.
    pub fn is_refused(&self) -> bool {
        self.trouble.is_some()
    }

    /// What has gone wrong, if anything.
    pub(crate) fn trouble(&self) -> Option<PortTrouble> {
        self.trouble
    }

    /// What went wrong, if anything.
    pub(crate) fn end(self) -> Result<(), PortTrouble> {
        self.trouble.map_or(Ok(()), Err)
    }

    /// Bytes.
    #[inline(never)] // One copy in the device's flash; so for the others.
    pub fn bytes(&mut self, bytes: &mut [u8]) {
        if self.trouble.is_none() && !bytes.is_empty() && !self.carry.carry(bytes) {
            self.trouble = Some(PortTrouble::Place);
        }
    }

    /// A number.
    #[inline(never)]
    pub fn number(&mut self, number: &mut u32) {
        let mut bytes = number.to_le_bytes();
        self.bytes(&mut bytes);
        *number = u32::from_le_bytes(bytes);
    }

    /// A length in memory, below 2^32.
    pub fn size(&mut self, size: &mut usize) {
        let mut number = *size as u32;
        self.number(&mut number);
        *size = number as usize;
    }

    /// A number up to 255.
    #[inline(never)]
    pub fn small(&mut self, number: &mut u8) {
        self.bytes(core::slice::from_mut(number));
    }

    /// A number up to 65535.
    #[inline(never)]
    pub fn half(&mut self, number: &mut u16) {
        let mut bytes = number.to_le_bytes();
        self.bytes(&mut bytes);
        *number = u16::from_le_bytes(bytes);
    }

    /// Yes or no.
    #[inline(never)]
    pub fn flag(&mut self, flag: &mut bool) {
        let mut number = u8::from(*flag);
        self.small(&mut number);
        *flag = number != 0;
    }

    /// Something that must be the same when loaded as it was when saved: else everything is
    /// refused.
    #[inline(never)]
    pub fn same(&mut self, number: u32) {
        let mut found = number;
        self.number(&mut found);
        if found != number {
            self.refuse();
        }
    }

    /// What is loaded cannot be used.
    #[inline(never)]
    pub fn refuse(&mut self) {
        self.trouble = self.trouble.or(Some(PortTrouble::Refused));
    }

    /// Words of memory, as they lie there. `None`: refused.
    pub(crate) fn words(&mut self, words: Option<&mut [u32]>) {
        match words {
            Some(words) => self.bytes(bytemuck::must_cast_slice_mut(words)),
            None => self.refuse(),
        }
    }

    /// One of a few things that are numbered. `None`: no such number.
    pub(crate) fn choice<T: Copy>(&mut self, choice: &mut T, number: u8, of: fn(u8) -> Option<T>) {
        let mut number = number;
        self.small(&mut number);
        match of(number) {
            Some(found) => *choice = found,
            None => self.refuse(),
        }
    }
}

impl core::fmt::Debug for Port<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { loads, trouble, .. } = self;
        f.debug_struct("Port").field("loads", loads).field("trouble", trouble).finish()
    }
}
