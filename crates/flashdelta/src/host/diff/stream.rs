//! The copies that one stage of the maker decides on, for the next one to follow while there are
//! more to come.

use std::sync::{Condvar, Mutex, PoisonError};

use super::parse::join;
use crate::host::encode::CopyRun;

/// What is decided so far.
#[derive(Default)]
pub(crate) struct CopyStream {
    known: Mutex<Known>,
    more: Condvar,
}

#[derive(Default)]
struct Known {
    /// In order. The last one may still become longer, and the one before it be joined with it.
    copies: Vec<CopyRun>,
    /// Up to which offset of the new image they are known.
    end: u32,
}

/// This many of the last copies may change.
const UNSURE: usize = 2;

impl CopyStream {
    /// All copies, once all is decided.
    pub(crate) fn all(&self) -> Vec<CopyRun> {
        let mut reader = self.reader();
        reader.up_to(u32::MAX);
        reader.copies
    }

    /// A reader at the start.
    pub(crate) fn reader(&self) -> CopyReader<'_> {
        CopyReader { stream: self, copies: Vec::new(), end: 0 }
    }

    /// The writer.
    pub(crate) fn writer(&self) -> CopyWriter<'_> {
        CopyWriter { stream: self, copies: Vec::new() }
    }

    fn publish(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
        self.more.notify_all();
    }
}

/// Writes a stream. One whose writer is gone ends where it is: no reader waits for more.
pub(crate) struct CopyWriter<'a> {
    stream: &'a CopyStream,
    /// What is settled, copies that go on where the one before ended being one.
    copies: Vec<CopyRun>,
}

impl CopyWriter<'_> {
    /// Adds a copy that is settled.
    pub(crate) fn push(&mut self, copy: CopyRun) {
        join(&mut self.copies, copy);
    }

    /// Publishes what is settled up to `end`, and which copy goes on from there at least as far as
    /// it says.
    pub(crate) fn publish(&self, end: u32, open: Option<CopyRun>) {
        self.stream.publish(|known| {
            let sure = known.copies.len().saturating_sub(UNSURE);
            known.copies.truncate(sure);
            known.copies.extend_from_slice(&self.copies[sure..]);
            known.end = end;
            if let Some(copy) = open {
                known.end = copy.end;
                join(&mut known.copies, copy);
            }
        });
    }
}

impl Drop for CopyWriter<'_> {
    fn drop(&mut self) {
        self.stream.publish(|known| known.end = u32::MAX);
    }
}

/// Reads a stream.
pub(crate) struct CopyReader<'a> {
    stream: &'a CopyStream,
    copies: Vec<CopyRun>,
    end: u32,
}

impl CopyReader<'_> {
    /// The copies, as far as they are known, but at least up to the offset `at`: waits for that.
    pub(crate) fn up_to(&mut self, at: u32) -> &[CopyRun] {
        if self.end < at {
            let known = self.stream.known.lock().unwrap_or_else(PoisonError::into_inner);
            let known = self
                .stream
                .more
                .wait_while(known, |known| known.end < at)
                .unwrap_or_else(PoisonError::into_inner);
            let sure = self.copies.len().saturating_sub(UNSURE);
            self.copies.truncate(sure);
            self.copies.extend_from_slice(&known.copies[sure..]);
            self.end = known.end;
        }
        &self.copies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::images::Space;

    fn copy(start: u32, end: u32, shift: u32) -> CopyRun {
        CopyRun { start, end, space: Space::Old, source: start + shift }
    }

    #[test]
    fn followers_see_copies_grow() {
        let stream = CopyStream::default();
        let (mut writer, mut reader) = (stream.writer(), stream.reader());
        writer.publish(0, Some(copy(0, 10, 5)));
        assert_eq!(reader.up_to(10), [copy(0, 10, 5)]);
        writer.push(copy(0, 20, 5));
        writer.push(copy(30, 40, 7));
        writer.publish(40, Some(copy(40, 50, 7)));
        assert_eq!(reader.up_to(45), [copy(0, 20, 5), copy(30, 50, 7)]);
        writer.push(copy(40, 60, 7));
        writer.push(copy(60, 70, 1));
        writer.publish(70, None);
        drop(writer);
        let all = [copy(0, 20, 5), copy(30, 60, 7), copy(60, 70, 1)];
        assert_eq!(reader.up_to(u32::MAX), all);
        assert_eq!(stream.all(), all);
    }
}
