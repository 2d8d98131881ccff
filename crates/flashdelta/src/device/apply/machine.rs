//! The body of a patch: whichever codec it is in, steps that turn input into bytes of the new
//! image.

#[cfg(feature = "suspend")]
use crate::device::port::Port;
use core::marker::PhantomData;

use super::buffers::Views;
use super::input::{Input, Ring};
use super::{Damage, NewImage, OldImage};
use crate::device::codec::bytes::OpFault;
#[cfg(feature = "raw")]
use crate::device::codec::bytes::{self, Operations};
#[cfg(feature = "model")]
use crate::device::codec::model::{Model, NoOracle, Step};
#[cfg(feature = "model")]
use crate::device::coding::range::{Decoding, RangeDecoder};
use crate::device::format::{limits, Codec as PatchCodec, PatchHeader};
#[cfg(feature = "raw")]
use crate::device::images::Images as _;
#[cfg(feature = "prediction")]
use crate::device::predict::walker::Walker;

/// Steps in a row that write nothing: more of them than any patch has.
const MOST_EMPTY_STEPS: u8 = 4;

/// The decoder of a body.
pub(crate) struct Machine<'w> {
    codec: Codec<'w>,
    /// Bytes that wait for the rest of a step: of the body, or of the operations unpacked from it.
    carry: Ring<'w>,
    empty_steps: u8,
}

#[allow(clippy::large_enum_variant)] // There is no heap to put the larger one on.
enum Codec<'w> {
    #[cfg(feature = "model")]
    Model { model: Model<'w>, decoder: Option<RangeDecoder> },
    /// The three byte codecs.
    #[cfg(feature = "raw")]
    Bytes {
        operations: Operations<'w>,
        packing: Packing<'w>,
        block: &'w mut [u8],
        /// Bytes of the block that wait to be used.
        waiting: Waiting,
    },
    /// The header is not complete yet.
    Idle(PhantomData<&'w ()>),
}

/// The bytes of a block that wait to be used: from here to there. Without budgets no call ends
/// while any do.
#[cfg(feature = "raw")]
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    #[cfg(feature = "bounded")]
    from: u32,
    #[cfg(feature = "bounded")]
    to: u32,
}

#[cfg(feature = "raw")]
impl Waiting {
    #[cfg(feature = "bounded")]
    fn range(self) -> core::ops::Range<usize> {
        self.from as usize..self.to as usize
    }

    #[cfg(not(feature = "bounded"))]
    fn range(self) -> core::ops::Range<usize> {
        0..0
    }
}

/// How the operations of a byte codec are packed.
#[cfg(feature = "raw")]
#[allow(clippy::large_enum_variant)] // Only hosts have the larger one.
enum Packing<'w> {
    /// Not at all.
    Plain(PhantomData<&'w ()>),
    #[cfg(feature = "lz4")]
    Lz4(bytes::lz4::Unpacker<'w>),
    #[cfg(feature = "zstd")]
    Zstd(bytes::zstd::Unpacker),
}

/// What unpacking came to.
#[cfg(feature = "raw")]
enum Unpacked<'b> {
    /// Bytes of operations.
    Bytes(&'b [u8]),
    /// Bytes of operations, and more only with more of the body.
    All(&'b [u8]),
    /// There are no more.
    End,
}

#[cfg(feature = "raw")]
impl Packing<'_> {
    /// Unpacks the next bytes of operations from the front of `input` into `block`, or hands them
    /// on if they are not packed.
    fn unpack<'b, 'i: 'b>(
        &mut self,
        input: &mut &'i [u8],
        is_last: bool,
        block: &'b mut [u8],
    ) -> Result<Unpacked<'b>, Damage> {
        match self {
            Self::Plain(_) if input.is_empty() && is_last => Ok(Unpacked::End),
            Self::Plain(_) if is_last => Ok(Unpacked::Bytes(core::mem::take(input))),
            Self::Plain(_) => Ok(Unpacked::All(core::mem::take(input))),
            #[cfg(feature = "lz4")]
            Self::Lz4(unpacker) => match unpacker.unpack(input, block) {
                Ok(Some(len)) => Ok(Unpacked::Bytes(block.get(..len).unwrap_or(&[]))),
                Ok(None) if !is_last => Ok(Unpacked::All(&[])),
                Ok(None) if unpacker.is_between() => Ok(Unpacked::End),
                Ok(None) => Err(Damage::Ends),
                Err(()) => Err(Damage::Block),
            },
            #[cfg(feature = "zstd")]
            Self::Zstd(unpacker) => match unpacker.unpack(input, block) {
                Ok(0) if !unpacker.finished && is_last => Err(Damage::Ends),
                Ok(0) if !unpacker.finished => Ok(Unpacked::All(&[])),
                Ok(0) if !input.is_empty() => Err(Damage::Unused),
                Ok(0) if is_last => Ok(Unpacked::End),
                Ok(0) => Ok(Unpacked::All(&[])),
                Ok(len) => Ok(Unpacked::Bytes(block.get(..len).unwrap_or(&[]))),
                Err(()) => Err(Damage::Block),
            },
        }
    }
}

/// What a codec gets of the workspace.
pub(crate) struct Parts<'w> {
    #[cfg(feature = "model")]
    pub(super) slots: &'w mut [u32],
    #[cfg(feature = "model")]
    pub(super) weights: &'w mut [u32],
    pub(super) shifts: &'w mut [u32],
    #[cfg(feature = "lz4")]
    pub(super) input: &'w mut [u8],
    pub(super) carry: &'w mut [u8],
    #[cfg(feature = "raw")]
    pub(super) block: &'w mut [u8],
}

impl<'w> Machine<'w> {
    /// A decoder that has yet to be [started](Self::start).
    pub(crate) const fn idle() -> Self {
        Self { codec: Codec::Idle(PhantomData), carry: Ring::empty(), empty_steps: 0 }
    }

    /// Takes up the codec of a patch. What codecs need of the workspace comes [later](Self::start):
    /// all state is set in place, step by step, since a microcontroller's stack has no room for
    /// copies of it.
    #[inline(never)]
    pub(crate) fn prepare(&mut self, codec: PatchCodec) {
        match codec {
            #[cfg(feature = "model")]
            PatchCodec::Model => self.codec = Codec::Model { model: Model::idle(), decoder: None },
            #[cfg(feature = "raw")]
            _ => {
                let packing = Packing::Plain(PhantomData);
                let (operations, waiting) = (Operations::idle(), Waiting::default());
                self.codec = Codec::Bytes { operations, packing, block: &mut [], waiting };
            }
            #[cfg(not(feature = "raw"))]
            _ => self.codec = Codec::Idle(PhantomData),
        }
    }

    /// Gets ready for the body of a patch; `None` if the memory does not have the parts that the
    /// patch needs.
    pub(crate) fn start(&mut self, header: &PatchHeader, parts: Parts<'w>) -> Option<()> {
        match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, .. } => {
                let slots = bytemuck::must_cast_slice_mut(parts.slots);
                let weights = bytemuck::must_cast_slice_mut(parts.weights);
                model.start((slots, weights, parts.shifts), header.old_size, header.coded_size());
                model.walker.start(header.isa);
            }
            #[cfg(feature = "raw")]
            Codec::Bytes { operations, packing, block, .. } => {
                match header.codec {
                    #[cfg(feature = "lz4")]
                    PatchCodec::Lz4 => {
                        *packing = Packing::Lz4(bytes::lz4::Unpacker::new(parts.input))
                    }
                    #[cfg(feature = "zstd")]
                    PatchCodec::Zstd => {
                        let mut unpacker = bytes::zstd::Unpacker::new().ok()?;
                        unpacker.limit(header.tables.block_log2).ok()?;
                        *packing = Packing::Zstd(unpacker);
                    }
                    _ => {}
                }
                *block = parts.block;
                operations.start(header.isa, parts.shifts, header.old_size, header.coded_size());
            }
            Codec::Idle(_) => return None,
        }
        self.carry = Ring::new(parts.carry);
        Some(())
    }

    /// The state but for the address maps, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { codec, carry, empty_steps } = self;
        carry.port(port);
        port.small(empty_steps);
        match codec {
            #[cfg(feature = "model")]
            Codec::Model { model, decoder } => {
                model.port(port);
                let mut is_there = decoder.is_some();
                port.flag(&mut is_there);
                if is_there {
                    decoder.get_or_insert(RangeDecoder::BLANK).port(port);
                }
            }
            #[cfg(feature = "raw")]
            Codec::Bytes { operations, packing, block, waiting } => {
                operations.port(port);
                port.number(&mut waiting.from);
                port.number(&mut waiting.to);
                match block.get_mut(waiting.range()) {
                    Some(bytes) => port.bytes(bytes),
                    None => port.refuse(),
                }
                match packing {
                    Packing::Plain(_) => {}
                    #[cfg(feature = "lz4")]
                    Packing::Lz4(unpacker) => unpacker.port(port),
                    // Its decoder cannot be looked into.
                    #[cfg(feature = "zstd")]
                    Packing::Zstd(_) => port.refuse(),
                }
            }
            Codec::Idle(_) => port.refuse(),
        }
    }

    /// The walker of copies from the old image.
    #[cfg(feature = "prediction")]
    pub(crate) fn walker(&mut self) -> Option<&mut Walker<'w>> {
        match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, .. } => Some(&mut model.walker),
            #[cfg(feature = "raw")]
            Codec::Bytes { operations, .. } => Some(operations.walker()),
            Codec::Idle(_) => None,
        }
    }

    /// Goes on as far as `input` and the views' limit allow, and leaves what it has not taken.
    /// `is_last`: nothing of the body follows it. True if the new image is complete, unless the
    /// views tell of an error.
    pub(crate) fn feed<O: OldImage, N: NewImage>(
        &mut self,
        input: &mut &[u8],
        is_last: bool,
        coded_size: u32,
        views: &mut Views<'_, 'w, O, N>,
    ) -> bool {
        let mut progress = Progress { empty_steps: &mut self.empty_steps, coded_size };
        match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, decoder } => {
                let mut source = Input { ring: &mut self.carry, fresh: input };
                progress.model(model, decoder, &mut source, is_last, views);
                let is_complete = progress.end(&mut source, is_last, views);
                *input = source.fresh;
                is_complete
            }
            #[cfg(feature = "raw")]
            Codec::Bytes { operations, packing, block, waiting } => loop {
                #[cfg(feature = "bounded")]
                let before = *input;
                let unpacked = match block.get(waiting.range()) {
                    Some(bytes) if !bytes.is_empty() => Ok(Unpacked::Bytes(bytes)),
                    _ => packing.unpack(input, is_last, block),
                };
                let (fresh, goes_on, is_end) = match unpacked {
                    Ok(Unpacked::Bytes(bytes)) => (bytes, true, false),
                    Ok(Unpacked::All(bytes)) => (bytes, false, false),
                    Ok(Unpacked::End) => (&[][..], false, true),
                    Err(what) => {
                        views.damaged(what);
                        return false;
                    }
                };
                let mut source = Input { ring: &mut self.carry, fresh };
                progress.operations(operations, &mut source, is_end, views);
                let is_complete = progress.end(&mut source, is_end, views);
                #[cfg(feature = "bounded")]
                {
                    // What a spent budget has left.
                    let left = source.fresh.len();
                    if matches!(packing, Packing::Plain(_)) {
                        *input = before.get(before.len().wrapping_sub(left)..).unwrap_or_default();
                    } else {
                        if waiting.from == waiting.to {
                            waiting.to = fresh.len() as u32;
                        }
                        waiting.from = waiting.to.wrapping_sub(left as u32);
                    }
                }
                if !goes_on || views.has_failed || views.is_spent() {
                    return is_complete;
                }
            },
            Codec::Idle(_) => false,
        }
    }
}

/// How far the new image has come.
struct Progress<'a> {
    empty_steps: &'a mut u8,
    coded_size: u32,
}

impl Progress<'_> {
    /// Runs the model codec until the input does not suffice for another step.
    #[cfg(feature = "model")]
    fn model<O: OldImage, N: NewImage>(
        &mut self,
        model: &mut Model<'_>,
        decoder: &mut Option<RangeDecoder>,
        input: &mut Input<'_, '_, '_>,
        is_last: bool,
        views: &mut Views<'_, '_, O, N>,
    ) {
        while self.goes_on(views) && (is_last || input.len() >= limits::MODEL_STEP_BYTES) {
            #[cfg(feature = "in-place")]
            views.follow();
            let decoder = match decoder {
                Some(decoder) => decoder,
                None => decoder.insert(RangeDecoder::new(input)),
            };
            #[cfg(debug_assertions)]
            let before = input.len();
            let step = model.step(&mut Decoding { decoder, source: input }, views, &mut NoOracle);
            #[cfg(debug_assertions)]
            debug_assert!(
                before - input.len() <= limits::MODEL_STEP_BYTES,
                "a step took too much of the input"
            );
            match step {
                Step::Wrote(len) => self.made(len, views),
                Step::OutOfRange(jump) => {
                    views.damaged(Damage::CopyOutside { source: jump.source })
                }
            }
        }
    }

    /// Executes operations until the input does not suffice for another step.
    #[cfg(feature = "raw")]
    fn operations<O: OldImage, N: NewImage>(
        &mut self,
        operations: &mut Operations<'_>,
        input: &mut Input<'_, '_, '_>,
        is_last: bool,
        views: &mut Views<'_, '_, O, N>,
    ) {
        while self.goes_on(views) && (is_last || input.len() >= limits::BYTE_CODEC_STEP_BYTES) {
            let begun = if input.len() == 0 && operations.is_between() {
                operations.copy_rest()
            } else {
                Ok(())
            };
            match begun.and_then(|()| operations.step(input, views)) {
                Ok(written) => {
                    views.put(written.bytes, written.len);
                    self.made(written.len.into(), views);
                }
                Err(fault) => views.damaged(fault.into()),
            }
        }
    }

    /// A step has made `len` bytes of the new image.
    fn made<O: OldImage, N: NewImage>(&mut self, len: u32, views: &mut Views<'_, '_, O, N>) {
        *self.empty_steps = if len == 0 { self.empty_steps.saturating_add(1) } else { 0 };
        if *self.empty_steps > MOST_EMPTY_STEPS {
            views.damaged(Damage::Stuck);
        }
    }

    /// Whether there is more to be made, and it may be done in this call.
    fn goes_on<O: OldImage, N: NewImage>(&self, views: &Views<'_, '_, O, N>) -> bool {
        self.wants(views) && !views.is_spent()
    }

    /// Whether there is more to be made.
    fn wants<O: OldImage, N: NewImage>(&self, views: &Views<'_, '_, O, N>) -> bool {
        !views.has_failed && views.buffers.position() < self.coded_size
    }

    /// The steps have come to a halt: at the end of the new image, for want of input, or because
    /// this call has done enough.
    fn end<O: OldImage, N: NewImage>(
        &self,
        input: &mut Input<'_, '_, '_>,
        is_last: bool,
        views: &mut Views<'_, '_, O, N>,
    ) -> bool {
        let what = match (self.wants(views), is_last) {
            (false, _) if input.len() == 0 => return is_last,
            (false, _) => Damage::Unused,
            (true, _) if views.is_spent() => return false,
            (true, true) => Damage::Ends,
            (true, false) if input.keep() => return false,
            (true, false) => Damage::Stuck,
        };
        views.damaged(what);
        false
    }
}

impl From<OpFault> for Damage {
    fn from(fault: OpFault) -> Self {
        match fault {
            OpFault::Ends => Self::Ends,
            OpFault::NoOperation => Self::NoOperation,
            OpFault::Outside { source } => Self::CopyOutside { source },
            OpFault::TooLong => Self::TooLong,
        }
    }
}
