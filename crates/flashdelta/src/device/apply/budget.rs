//! How much of the flash one call may read and write.
//!
//! Without the feature `bounded` no call has a bound, and nothing is counted: what is here is of no
//! size then, and compiles to nothing.

/// The bytes that one call may read and write, and how many of them it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallBudget {
    #[cfg(feature = "bounded")]
    most: u32,
    #[cfg(feature = "bounded")]
    spent: u32,
    /// Bytes that a step of decoding takes at most.
    #[cfg(feature = "bounded")]
    step: u32,
    /// There was more to do.
    #[cfg(feature = "bounded")]
    is_over: bool,
}

#[cfg(feature = "bounded")]
impl CallBudget {
    /// This many bytes; all that there are, if it is `u32::MAX`.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, spent: 0, step: 0, is_over: false }
    }

    /// A step that takes `cost` bytes at most may begin when no more than this is spent. The first
    /// one always may: else nothing would ever be done.
    fn limit(self, cost: u32) -> u32 {
        if self.most == u32::MAX {
            return u32::MAX;
        }
        self.most.saturating_sub(cost)
    }

    /// Bytes that are left.
    pub(crate) fn left(self) -> u32 {
        self.limit(self.spent)
    }

    /// Whether something may begin that takes this many bytes. If not, the call is over.
    pub(crate) fn allows(&mut self, cost: u32) -> bool {
        self.is_over = self.spent > self.limit(cost);
        !self.is_over
    }

    /// What steps of decoding take at most.
    pub(crate) fn steps(&mut self, cost: impl FnOnce() -> u32) {
        self.step = cost();
    }

    /// Whether too much is spent for another step of decoding.
    pub(crate) fn is_spent(self) -> bool {
        self.spent > self.limit(self.step)
    }

    /// This many bytes have been read or written.
    pub(crate) fn spend(&mut self, bytes: u32) {
        self.spent = self.spent.saturating_add(bytes);
    }

    /// Whether the call ends here although there was more to do.
    pub(crate) fn stop(&mut self, is_over: bool) {
        self.is_over = is_over;
    }

    /// Whether there was more to do.
    pub(crate) fn is_over(self) -> bool {
        self.is_over
    }
}

#[cfg(not(feature = "bounded"))]
impl CallBudget {
    pub(crate) fn new(_: u32) -> Self {
        Self {}
    }

    pub(crate) fn left(self) -> u32 {
        u32::MAX
    }

    pub(crate) fn allows(&mut self, _: u32) -> bool {
        true
    }

    pub(crate) fn steps(&mut self, _: impl FnOnce() -> u32) {}

    pub(crate) fn is_spent(self) -> bool {
        false
    }

    pub(crate) fn spend(&mut self, _: u32) {}

    pub(crate) fn stop(&mut self, _: bool) {}

    pub(crate) fn is_over(self) -> bool {
        false
    }
}
