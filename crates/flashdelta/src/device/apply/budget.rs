//! How much of the flash one call may read and write.

/// The bytes that one call may read and write, and how many of them it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    most: u32,
    pub(crate) spent: u32,
    /// There was more to do.
    pub(crate) is_over: bool,
}

impl Budget {
    /// So many bytes; all that there are, if it is `u32::MAX`.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, spent: 0, is_over: false }
    }

    /// A step that takes `cost` bytes at most may begin when no more than this is spent. The first
    /// one always may: else nothing would ever be done.
    pub(crate) fn limit(&self, cost: u32) -> u32 {
        if self.most == u32::MAX {
            return u32::MAX;
        }
        self.most.saturating_sub(cost)
    }

    /// Bytes that are left.
    pub(crate) fn left(&self) -> u32 {
        self.limit(self.spent)
    }

    /// May something begin that takes so many bytes? If not, the call is over.
    pub(crate) fn allows(&mut self, cost: u32) -> bool {
        self.is_over = self.spent > self.limit(cost);
        !self.is_over
    }

    /// So many bytes have been read or written.
    pub(crate) fn spend(&mut self, bytes: u32) {
        self.spent = self.spent.saturating_add(bytes);
    }
}
