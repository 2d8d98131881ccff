//! What one call may make of input from strangers, and who watches it.
//!
//! A few bytes of a patch or an archive can make gigabytes. A call on such input has one
//! [`Budget`], which everything that it makes is taken from before it is made: old members that are
//! inflated, the results of patches and of bundles in bundles, the new file. All that a call calls
//! inherits what is left of it.

use core::ops::ControlFlow;

use crate::device::format::MAX_SIZE;

/// Any image of a firmware fits into this, in bytes.
const ENOUGH: u64 = 64 << 20;

/// In addition, this many times the old file and the patch together.
const GROWTH: u64 = 16;

/// What is made on the way to the output may take this many times as much as the output.
const ON_THE_WAY: u64 = 2;

/// The watcher is asked after work on this many bytes: some milliseconds.
const ASK: u64 = 64 << 10;

/// No honest patch or bundle of this length makes a longer output, in bytes, from an old file of
/// this length.
pub(crate) fn output_limit(old_len: u64, patch_len: u64) -> u32 {
    let limit = old_len.saturating_add(patch_len).saturating_mul(GROWTH).saturating_add(ENOUGH);
    u32::try_from(limit).unwrap_or(MAX_SIZE).min(MAX_SIZE)
}

/// What may be made in all, in bytes, where the output may have `output` bytes.
pub(crate) fn total_limit(old_len: u64, patch_len: u64, output: u32) -> u64 {
    ON_THE_WAY * u64::from(output.max(output_limit(old_len, patch_len)))
}

/// Why a call has to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// It would make more than it may: `needed` bytes at least, of `limit`.
    OverBudget { needed: u64, limit: u64 },
    /// This computer does not give the memory: `needed` bytes were asked for.
    OutOfMemory { needed: u64 },
    /// The watcher said so.
    Cancelled,
}

/// Why something is not made: it cannot be, or the call has to stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Halt<E> {
    Bad(E),
    Stop(Stop),
}

impl<E> From<Stop> for Halt<E> {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Does work on input that is not from strangers, and that nobody watches.
pub(crate) fn unwatched<T>(work: impl FnOnce(&mut Budget<'_>) -> T) -> T {
    work(&mut Budget::new(u64::MAX, &mut |_| ControlFlow::Continue(())))
}

/// What a call may still make, and who watches it.
pub(crate) struct Budget<'w> {
    limit: u64,
    left: u64,
    /// Work since the watcher was asked, in bytes.
    unasked: u64,
    /// Bytes of the innermost file that are made.
    made: u64,
    /// What that file is of those around it, from the outside in.
    shares: Vec<Share>,
    watch: &'w mut dyn FnMut(u32) -> ControlFlow<()>,
}

/// A member: where it begins in the file around it, and its length there and by itself.
struct Share {
    start: u64,
    len: u64,
    content: u64,
}

impl<'w> Budget<'w> {
    /// `watch` hears how many bytes of the output are made, and may end the call.
    pub(crate) fn new(limit: u64, watch: &'w mut dyn FnMut(u32) -> ControlFlow<()>) -> Self {
        Self { limit, left: limit, unasked: 0, made: 0, shares: Vec::new(), watch }
    }

    /// Before something of this length is made.
    pub(crate) fn take(&mut self, len: u64) -> Result<(), Stop> {
        match self.left.checked_sub(len) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let needed = (self.limit - self.left).saturating_add(len);
                Err(Stop::OverBudget { needed, limit: self.limit })
            }
        }
    }

    /// What has been taken.
    pub(crate) fn taken(&self) -> u64 {
        self.limit - self.left
    }

    /// After work on this many bytes: asks the watcher now and then.
    pub(crate) fn work(&mut self, len: u64) -> Result<(), Stop> {
        self.unasked = self.unasked.saturating_add(len);
        if self.unasked < ASK {
            return Ok(());
        }
        self.ask()
    }

    /// This much of the innermost file is made.
    pub(crate) fn made(&mut self, len: u64) -> Result<(), Stop> {
        let more = len.saturating_sub(self.made);
        self.made += more;
        self.work(more)
    }

    /// Asks the watcher.
    pub(crate) fn ask(&mut self) -> Result<(), Stop> {
        self.unasked = 0;
        let outer = self.shares.iter().rev().fold(self.made, |made, share| {
            let len = u128::from(made) * u128::from(share.len) / u128::from(share.content.max(1));
            share.start + share.len.min(len as u64)
        });
        match (self.watch)(u32::try_from(outer).unwrap_or(u32::MAX)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Cancelled),
        }
    }

    /// Makes a member of `content` bytes that takes `len` bytes at `start` of the file around it.
    pub(crate) fn member<T>(
        &mut self,
        (start, len, content): (u64, u64, u64),
        make: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.shares.push(Share { start, len, content });
        self.made = 0;
        let member = make(self);
        self.shares.pop();
        self.made = start;
        member
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_grow_with_the_input() {
        assert_eq!(output_limit(0, 0), 64 << 20);
        assert_eq!(output_limit(1 << 20, 1 << 10), (64 << 20) + (16 << 20) + (16 << 10));
        assert_eq!(output_limit(u64::MAX, 1), MAX_SIZE);
        assert_eq!(total_limit(0, 0, 5), 128 << 20);
        assert_eq!(total_limit(0, 0, 1 << 30), 2 << 30);
    }

    #[test]
    fn nothing_is_made_beyond_the_limit() {
        let mut watch = |_| ControlFlow::Continue(());
        let mut budget = Budget::new(10, &mut watch);
        assert_eq!(budget.take(7), Ok(()));
        assert_eq!(budget.take(4), Err(Stop::OverBudget { needed: 11, limit: 10 }));
        assert_eq!(budget.take(u64::MAX), Err(Stop::OverBudget { needed: u64::MAX, limit: 10 }));
        assert_eq!(budget.take(3), Ok(()));
        assert_eq!(budget.taken(), 10);
    }

    #[test]
    fn the_watcher_hears_how_much_of_the_output_is_made() {
        let mut heard = Vec::new();
        let mut watch = |made| {
            heard.push(made);
            ControlFlow::Continue(())
        };
        let mut budget = Budget::new(0, &mut watch);
        budget.work(ASK - 1).unwrap();
        budget.work(1).unwrap();
        budget.made(ASK).unwrap();
        // A member of 100 bytes that holds ten times as much, in which one is of 10 of 1000 bytes.
        budget.member((1 << 20, 100, 1000), |budget| {
            budget.member((500, 10, 1 << 20), |budget| budget.made(1 << 19).unwrap());
            budget.ask().unwrap();
        });
        budget.ask().unwrap();
        assert_eq!(heard, [0, 1 << 16, (1 << 20) + 50, (1 << 20) + 50, 1 << 20]);
    }

    #[test]
    fn the_watcher_ends_it() {
        let mut watch = |_| ControlFlow::Break(());
        let mut budget = Budget::new(1 << 30, &mut watch);
        assert_eq!(budget.work(ASK - 1), Ok(()));
        assert_eq!(budget.work(1), Err(Stop::Cancelled));
    }
}
