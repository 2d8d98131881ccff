//! The operations of a byte codec, executed.

use super::Copies;
use crate::device::format::limits::BYTE_CODEC_STEP_BYTES;
use crate::device::format::unzigzag;
use crate::device::images::{Images, Space, Written};
use crate::device::isa::InstructionSet;
#[cfg(feature = "suspend")]
use crate::device::port::Port;
#[cfg(feature = "prediction")]
use crate::device::predict::walker::Walker;

/// New bytes that one step writes at most.
const CHUNK: u32 = 4;

/// A number has at most this many bytes.
const NUMBER_BYTES: usize = 5;
const _: () = assert!(4 * (1 + NUMBER_BYTES) <= BYTE_CODEC_STEP_BYTES, "four corrections");
const _: () = assert!(3 * NUMBER_BYTES <= BYTE_CODEC_STEP_BYTES, "the start of a copy");

/// Where operations are read.
pub(crate) trait OpSource {
    /// The next byte, if there is one.
    fn next(&mut self) -> Option<u8>;
}

/// How the stream is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OpFault {
    /// It ends inside an operation.
    Ends,
    /// It holds something that is no operation.
    NoOperation,
    /// A copy reads outside an image.
    Outside { source: u32 },
    /// An operation writes past the end of the new image.
    TooLong,
}

/// The kind of an operation: the two low bits of its first number.
pub(crate) const LITERAL: u32 = 0;
pub(crate) const COPY_OLD: u32 = 1;
pub(crate) const COPY_NEW: u32 = 2;

/// The operation under way.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Literal,
    Old,
    New,
}

/// Executes the stream of operations.
pub(crate) struct Operations<'w> {
    copies: Copies<'w>,
    old_len: u32,
    new_len: u32,
    at: u32,
    operation: Operation,
    /// Bytes that are left of the operation.
    left: u32,
    /// Where the copy reads.
    source: u32,
    /// Source minus destination of the last copy from the old image.
    alignment: u32,
    /// Bytes up to the next correction, and how many bytes it has.
    gap: u32,
    fixes: u32,
}

impl<'w> Operations<'w> {
    /// At the start of the new image. `shifts` is the memory of the shift map.
    #[cfg(feature = "prediction")]
    pub(crate) fn new(
        shifts: &'w mut [u32],
        walker: Walker<'w>,
        old_len: u32,
        new_len: u32,
    ) -> Self {
        let mut operations = Self::idle();
        operations.copies = Copies::new(walker, shifts);
        (operations.old_len, operations.new_len) = (old_len, new_len);
        operations
    }

    /// Operations that have yet to be [started](Self::start), in place: the state is large for the
    /// stack of a microcontroller.
    pub(crate) const fn idle() -> Self {
        Self {
            copies: Copies::idle(),
            old_len: 0,
            new_len: 0,
            at: 0,
            operation: Operation::Literal,
            left: 0,
            source: 0,
            alignment: 0,
            gap: 0,
            fixes: 0,
        }
    }

    /// The start of the new image. `shifts` is the memory of the shift map; the address maps are
    /// set up separately.
    pub(crate) fn start(
        &mut self,
        isa: InstructionSet,
        shifts: &'w mut [u32],
        old_len: u32,
        new_len: u32,
    ) {
        self.copies.start(isa, shifts);
        (self.old_len, self.new_len) = (old_len, new_len);
    }

    /// The walker of copies from the old image.
    #[cfg(feature = "prediction")]
    pub(crate) fn walker(&mut self) -> &mut Walker<'w> {
        self.copies.walker()
    }

    /// The state, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self {
            copies,
            // These follow from the header.
            old_len: _,
            new_len: _,
            at,
            operation,
            left,
            source,
            alignment,
            gap,
            fixes,
        } = self;
        copies.port(port);
        port.choice(operation, *operation as u8, |number| {
            let all = [Operation::Literal, Operation::Old, Operation::New];
            all.get(usize::from(number)).copied()
        });
        for number in [at, left, source, alignment, gap, fixes] {
            port.number(number);
        }
    }

    /// Whether an operation starts here. (Only here may the stream end.)
    pub(crate) fn is_between(&self) -> bool {
        self.left == 0
    }

    /// Which image the copy under way reads; `None` if there is none.
    pub(crate) fn copying(&self) -> Option<Space> {
        match self.operation {
            _ if self.left == 0 => None,
            Operation::Literal => None,
            Operation::Old => Some(Space::Old),
            Operation::New => Some(Space::New),
        }
    }

    /// The stream has ended between two operations: the rest is a copy.
    pub(crate) fn copy_rest(&mut self) -> Result<(), OpFault> {
        self.gap = u32::MAX;
        self.begin_old(self.new_len.wrapping_sub(self.at), self.at.wrapping_add(self.alignment))
    }

    /// Takes the next step: bytes of the new image, at most 4 and possibly none, for at most
    /// [`BYTE_CODEC_STEP_BYTES`] of the stream.
    #[inline(never)]
    pub(crate) fn step<S: OpSource, I: Images>(
        &mut self,
        source: &mut S,
        images: &mut I,
    ) -> Result<Written, OpFault> {
        if self.left == 0 {
            return self.begin(source).map(|()| Written::default());
        }
        let written = match self.operation {
            Operation::Literal => self.literal(source)?,
            Operation::New => {
                let byte = images.written(self.source);
                self.source = self.source.wrapping_add(1);
                Written { bytes: [byte, 0, 0, 0], len: 1 }
            }
            Operation::Old => {
                let old = images.old(self.source);
                self.unit(source, old)?
            }
        };
        self.at = self.at.wrapping_add(u32::from(written.len));
        self.left = self.left.saturating_sub(u32::from(written.len));
        Ok(written)
    }

    /// Reads what the next operation is.
    fn begin<S: OpSource>(&mut self, source: &mut S) -> Result<(), OpFault> {
        let head = varint(source)?;
        let len = (head >> 2).wrapping_add(1);
        match head & 3 {
            LITERAL => {
                self.operation = Operation::Literal;
                self.begin_any(len)
            }
            COPY_OLD => {
                let moved = unzigzag(varint(source)?) as u32;
                self.next_correction(source)?;
                self.begin_old(len, self.at.wrapping_add(self.alignment).wrapping_add(moved))
            }
            COPY_NEW => {
                self.operation = Operation::New;
                let distance = varint(source)?;
                self.source = self.at.wrapping_sub(distance);
                if distance == 0 || distance > self.at {
                    return Err(OpFault::Outside { source: self.source });
                }
                self.begin_any(len)
            }
            _ => Err(OpFault::NoOperation),
        }
    }

    fn begin_any(&mut self, len: u32) -> Result<(), OpFault> {
        if len > self.new_len.wrapping_sub(self.at) {
            return Err(OpFault::TooLong);
        }
        self.left = len;
        Ok(())
    }

    fn begin_old(&mut self, len: u32, source: u32) -> Result<(), OpFault> {
        if source.checked_add(len).is_none_or(|end| end > self.old_len) {
            return Err(OpFault::Outside { source });
        }
        self.operation = Operation::Old;
        self.source = source;
        self.alignment = source.wrapping_sub(self.at);
        self.copies.begin(source, self.at);
        self.begin_any(len)
    }

    /// Reads where the next correction is and how long.
    fn next_correction<S: OpSource>(&mut self, source: &mut S) -> Result<(), OpFault> {
        let token = varint(source)?;
        (self.gap, self.fixes) = (token >> 2, (token & 3) + 1);
        Ok(())
    }

    fn literal<S: OpSource>(&mut self, source: &mut S) -> Result<Written, OpFault> {
        let mut written = Written { bytes: [0; 4], len: self.left.min(CHUNK) as u8 };
        for byte in written.bytes.iter_mut().take(written.len as usize) {
            *byte = source.next().ok_or(OpFault::Ends)?;
        }
        Ok(written)
    }

    /// One unit of a copy from the old image.
    fn unit<S: OpSource>(&mut self, source: &mut S, old: &[u8]) -> Result<Written, OpFault> {
        if old.is_empty() {
            return Err(OpFault::Outside { source: self.source });
        }
        let forecast = self.copies.forecast(old, self.source, self.at, self.left);
        let mut written = Written { bytes: forecast.bytes, len: forecast.unit.len };
        for (i, byte) in written.bytes.iter_mut().enumerate().take(written.len as usize) {
            if self.gap > 0 {
                self.gap -= 1;
                continue;
            }
            *byte = byte.wrapping_add(source.next().ok_or(OpFault::Ends)?);
            self.fixes = self.fixes.saturating_sub(1);
            if self.fixes == 0 && (i as u32) + 1 < self.left {
                self.next_correction(source)?;
            }
        }
        self.copies.advance(&forecast, written.bytes);
        self.source = self.source.wrapping_add(u32::from(written.len));
        Ok(written)
    }
}

/// A number: at most [`NUMBER_BYTES`].
fn varint<S: OpSource>(source: &mut S) -> Result<u32, OpFault> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] as [u32; NUMBER_BYTES] {
        let byte = source.next().ok_or(OpFault::Ends)?;
        value |= u32::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(OpFault::NoOperation)
}
