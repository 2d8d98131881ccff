//! Numbers and bytes of a message or record, one after the other.

/// Puts fields into lent memory.
pub(super) struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// Beyond the end nothing is written, but counted.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let rest = self.out.get_mut(self.len..).unwrap_or_default();
        rest.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.len = self.len.saturating_add(bytes.len());
    }

    /// Bytes so far; `None` if they did not fit.
    pub(super) fn len(&self) -> Option<usize> {
        (self.len <= self.out.len()).then_some(self.len)
    }
}

/// Takes fields from bytes.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    /// The next bytes; `None` if fewer are left.
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}
