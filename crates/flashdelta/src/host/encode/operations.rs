//! Writes the stream of operations.

use super::CopyRun;
use crate::device::codec::bytes::{Copies, COPY_NEW, COPY_OLD, LITERAL};
use crate::device::images::Space;
use crate::device::isa::LOOKAHEAD;
use crate::host::put;

/// The operations that make `new` of `old` by these copies, with the rest spelled out; and how many
/// entries of the shift map were used.
pub(crate) fn encode(
    old: &[u8],
    new: &[u8],
    copies: &[CopyRun],
    predict: Copies<'_>,
) -> (Vec<u8>, usize) {
    let mut writer = Writer { out: Vec::new(), old, new, predict, alignment: 0 };
    let mut at = 0;
    for (i, copy) in copies.iter().enumerate() {
        writer.literals(at, copy.start);
        at = copy.end;
        let is_rest = i + 1 == copies.len() && copy.end as usize == new.len();
        match copy.space {
            Space::New => writer.copy_new(copy),
            Space::Old => writer.copy_old(copy, is_rest),
        }
    }
    writer.literals(at, new.len() as u32);
    let used = writer.predict.entries();
    (writer.out, used)
}

struct Writer<'a> {
    out: Vec<u8>,
    old: &'a [u8],
    new: &'a [u8],
    predict: Copies<'a>,
    /// Source minus destination of the last copy from the old image.
    alignment: u32,
}

impl Writer<'_> {
    fn head(&mut self, kind: u32, len: u32) {
        put::varint(&mut self.out, (len - 1) << 2 | kind);
    }

    fn literals(&mut self, from: u32, to: u32) {
        // The length of an operation has 30 bits.
        for chunk in self.new[from as usize..to as usize].chunks(1 << 30) {
            self.head(LITERAL, chunk.len() as u32);
            self.out.extend_from_slice(chunk);
        }
    }

    fn copy_new(&mut self, copy: &CopyRun) {
        let mut at = copy.start;
        while at < copy.end {
            let len = (copy.end - at).min(1 << 30);
            self.head(COPY_NEW, len);
            put::varint(&mut self.out, copy.start - copy.source);
            at += len;
        }
    }

    /// `is_rest`: it is the last operation, and may be left out if nothing is corrected.
    fn copy_old(&mut self, copy: &CopyRun, is_rest: bool) {
        let mut at = copy.start;
        while at < copy.end {
            let len = (copy.end - at).min(1 << 30);
            let source = copy.source + (at - copy.start);
            let alignment = source.wrapping_sub(at);
            let moved = alignment.wrapping_sub(self.alignment);
            self.alignment = alignment;
            let fixes = self.corrections(at, source, len);
            if is_rest && at + len == copy.end && moved == 0 && fixes.is_empty() {
                return;
            }
            self.head(COPY_OLD, len);
            put::signed(&mut self.out, moved as i32);
            self.write_corrections(&fixes, len);
            at += len;
        }
    }

    /// Offsets of the bytes that are not as predicted, and their differences.
    fn corrections(&mut self, at: u32, source: u32, len: u32) -> Vec<(u32, u8)> {
        let mut fixes = Vec::new();
        self.predict.begin(source, at);
        let mut done = 0;
        while done < len {
            let rest = &self.old[(source + done) as usize..];
            let old = &rest[..rest.len().min(LOOKAHEAD)];
            let forecast = self.predict.forecast(old, source + done, at + done, len - done);
            let unit = u32::from(forecast.unit.len);
            let mut bytes = [0; 4];
            let actual = &self.new[(at + done) as usize..(at + done + unit) as usize];
            for (i, ((to, actual), predicted)) in
                bytes.iter_mut().zip(actual).zip(forecast.bytes).enumerate()
            {
                *to = *actual;
                if *actual != predicted {
                    fixes.push((done + i as u32, actual.wrapping_sub(predicted)));
                }
            }
            self.predict.advance(&forecast, bytes);
            done += unit;
        }
        fixes
    }

    /// Gaps and differences, up to four neighbours at a time.
    fn write_corrections(&mut self, fixes: &[(u32, u8)], len: u32) {
        let mut at = 0;
        let mut rest = fixes;
        while at < len {
            let run = rest
                .iter()
                .zip(0..4)
                .take_while(|((offset, _), i)| *offset == rest[0].0 + i)
                .count();
            let Some((first, _)) = rest.first() else {
                // One that is never reached.
                put::varint(&mut self.out, (len - at) << 2);
                return;
            };
            put::varint(&mut self.out, (first - at) << 2 | (run as u32 - 1));
            self.out.extend(rest[..run].iter().map(|(_, difference)| *difference));
            at = first + run as u32;
            rest = &rest[run..];
        }
    }
}
