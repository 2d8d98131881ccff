//! The body of a patch: whichever codec it is in, steps that turn input into bytes of the new image.

use core::marker::PhantomData;

use super::buffers::{Buffers, Views};
use super::error::Fault;
use super::input::{Input, Ring};
use super::memory::Parts;
use super::{Damage, NewImage, OldImage};
use crate::bytes::OpFault;
#[cfg(any(feature = "lz4", feature = "zstd"))]
use crate::bytes::OpSource as _;
#[cfg(feature = "raw")]
use crate::bytes::{self, OpStep, Operations};
#[cfg(feature = "model")]
use crate::coding::range::{Decoding, RangeDecoder};
#[cfg(feature = "raw")]
use crate::model::Images as _;
#[cfg(feature = "model")]
use crate::model::{Model, Nothing, Step, MAX_STEP_BYTES};
use crate::patch::{Codec as PatchCodec, PatchHeader};
use crate::predict::walker::Walker;

/// Steps in a row that write nothing: more of them than any patch has.
const MOST_EMPTY_STEPS: u8 = 4;

/// What one feed came to, as far as the body is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// More input is needed.
    NeedInput,
    /// The new image is complete.
    Complete,
}

/// The decoder of a body.
pub(crate) struct Machine<'w> {
    codec: Codec<'w>,
    /// Bytes that wait for the rest of a step: of the body, or of the operations unpacked from it.
    carry: Ring<'w>,
    empty_steps: u8,
}

#[allow(clippy::large_enum_variant)] // There is no heap to put the larger one on.
pub(crate) enum Codec<'w> {
    #[cfg(feature = "model")]
    Model { model: Model<'w>, decoder: Option<RangeDecoder> },
    #[cfg(feature = "raw")]
    Raw(Operations<'w>),
    #[cfg(feature = "lz4")]
    Lz4 { operations: Operations<'w>, unpacker: bytes::lz4::Unpacker<'w>, block: Block<'w> },
    #[cfg(feature = "zstd")]
    Zstd { operations: Operations<'w>, unpacker: bytes::zstd::Unpacker, block: Block<'w> },
    /// The header is not complete yet.
    Idle(PhantomData<&'w ()>),
}

/// Unpacked operations.
#[cfg(any(feature = "lz4", feature = "zstd"))]
pub(crate) struct Block<'w> {
    pub(crate) memory: &'w mut [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[cfg(any(feature = "lz4", feature = "zstd"))]
impl<'w> Block<'w> {
    pub(crate) fn new(memory: &'w mut [u8]) -> Self {
        Self { memory, start: 0, end: 0 }
    }

    fn rest(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or(&[])
    }
}

type Failure<O, N> = Fault<<O as OldImage>::Error, <N as NewImage>::Error>;

impl<'w> Machine<'w> {
    /// A decoder that has yet to be [started](Self::start).
    pub(crate) const fn idle() -> Self {
        Self { codec: Codec::Idle(PhantomData), carry: Ring::empty(), empty_steps: 0 }
    }

    /// Takes up the codec of a patch. What codecs need of the workspace comes [later](Self::start): all state is set in place, step by step,
    /// since a microcontroller's stack has no room for copies of it.
    #[inline(never)]
    pub(crate) fn prepare(&mut self, codec: PatchCodec) {
        self.codec = match codec {
            #[cfg(feature = "model")]
            PatchCodec::Model => Codec::Model { model: Model::idle(), decoder: None },
            #[cfg(feature = "raw")]
            PatchCodec::Raw => Codec::Raw(Operations::idle()),
            #[cfg(feature = "lz4")]
            PatchCodec::Lz4 => Codec::Lz4 {
                operations: Operations::idle(),
                unpacker: bytes::lz4::Unpacker::new(&mut []),
                block: Block::new(&mut []),
            },
            #[cfg(feature = "zstd")]
            PatchCodec::Zstd => {
                let Ok(unpacker) = bytes::zstd::Unpacker::new() else { return };
                Codec::Zstd { operations: Operations::idle(), unpacker, block: Block::new(&mut []) }
            }
            #[allow(unreachable_patterns)]
            _ => Codec::Idle(PhantomData),
        };
    }

    #[cfg_attr(not(feature = "model"), allow(unused_mut))]
    /// Gets ready for the body of a patch; `None` if the memory does not have the parts that the patch needs.
    pub(crate) fn start(&mut self, header: &PatchHeader, mut parts: Parts<'w>) -> Option<()> {
        let carry = match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, .. } => {
                let slots = bytemuck::try_cast_slice_mut(parts.slots).ok()?.get_mut(..parts.layout.slots)?;
                let weights = bytemuck::try_cast_slice_mut(parts.weights).ok()?.get_mut(..parts.layout.weights)?;
                let map = core::mem::take(&mut parts.map);
                model.start((slots, weights, map), header.old_size, header.new_size);
                parts.input
            }
            #[cfg(feature = "raw")]
            Codec::Raw(_) => parts.input,
            #[cfg(feature = "lz4")]
            Codec::Lz4 { unpacker, block, .. } => {
                *unpacker = bytes::lz4::Unpacker::new(parts.input);
                *block = Block::new(parts.block);
                parts.carry
            }
            #[cfg(feature = "zstd")]
            Codec::Zstd { unpacker, block, .. } => {
                unpacker.limit(header.tables.block_log2).ok()?;
                *block = Block::new(parts.block);
                parts.carry
            }
            Codec::Idle(_) => return None,
        };
        self.carry = Ring::new(carry);
        #[cfg(feature = "raw")]
        if let Some(operations) = self.operations() {
            operations.start(parts.map, header.old_size, header.new_size);
        }
        self.walker()?.start(header.isa);
        Some(())
    }

    #[cfg(feature = "raw")]
    fn operations(&mut self) -> Option<&mut Operations<'w>> {
        match &mut self.codec {
            Codec::Raw(operations) => Some(operations),
            #[cfg(feature = "lz4")]
            Codec::Lz4 { operations, .. } => Some(operations),
            #[cfg(feature = "zstd")]
            Codec::Zstd { operations, .. } => Some(operations),
            _ => None,
        }
    }

    /// The walker of copies from the old image.
    pub(crate) fn walker(&mut self) -> Option<&mut Walker<'w>> {
        match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, .. } => Some(&mut model.walker),
            #[cfg(feature = "raw")]
            Codec::Raw(operations) => Some(operations.walker()),
            #[cfg(feature = "lz4")]
            Codec::Lz4 { operations, .. } => Some(operations.walker()),
            #[cfg(feature = "zstd")]
            Codec::Zstd { operations, .. } => Some(operations.walker()),
            Codec::Idle(_) => None,
        }
    }

    /// Goes on as far as `input` allows. `is_last`: nothing of the body follows it.
    pub(crate) fn feed<O: OldImage, N: NewImage>(
        &mut self,
        input: &[u8],
        is_last: bool,
        new_size: u32,
        views: &mut Views<'_, 'w, O, N>,
    ) -> Result<Outcome, Failure<O, N>> {
        let mut progress = Progress { empty_steps: &mut self.empty_steps, new_size };
        match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, decoder } => {
                let mut input = Input { ring: &mut self.carry, fresh: input };
                progress.model(model, decoder, &mut input, is_last, views)?;
                progress.end(input, is_last, views.buffers)
            }
            #[cfg(feature = "raw")]
            Codec::Raw(operations) => {
                let mut input = Input { ring: &mut self.carry, fresh: input };
                progress.operations(operations, &mut input, is_last, views)?;
                progress.end(input, is_last, views.buffers)
            }
            #[cfg(feature = "lz4")]
            Codec::Lz4 { operations, unpacker, block } => {
                let mut packed = input;
                progress.blocks(operations, &mut self.carry, block, views, |plain| {
                    match unpacker.unpack(&mut packed, plain) {
                        Ok(Some(len)) => Ok(Unpacked::Bytes(len)),
                        Ok(None) if is_last && unpacker.is_between() => Ok(Unpacked::End),
                        Ok(None) if is_last => Err(Damage::Ends),
                        Ok(None) => Ok(Unpacked::NeedInput),
                        Err(()) => Err(Damage::Block),
                    }
                })
            }
            #[cfg(feature = "zstd")]
            Codec::Zstd { operations, unpacker, block } => {
                let mut packed = input;
                progress.blocks(operations, &mut self.carry, block, views, |plain| {
                    match unpacker.unpack(&mut packed, plain) {
                        Ok(0) if !unpacker.finished && is_last => Err(Damage::Ends),
                        Ok(0) if !unpacker.finished => Ok(Unpacked::NeedInput),
                        Ok(0) if !packed.is_empty() => Err(Damage::Unused),
                        Ok(0) if is_last => Ok(Unpacked::End),
                        Ok(0) => Ok(Unpacked::NeedInput),
                        Ok(len) => Ok(Unpacked::Bytes(len)),
                        Err(()) => Err(Damage::Block),
                    }
                })
            }
            Codec::Idle(_) => Ok(Outcome::NeedInput),
        }
    }
}

/// What unpacking came to.
#[cfg(any(feature = "lz4", feature = "zstd"))]
enum Unpacked {
    Bytes(usize),
    NeedInput,
    End,
}

/// How far the new image has come.
struct Progress<'a> {
    empty_steps: &'a mut u8,
    new_size: u32,
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
    ) -> Result<(), Failure<O, N>> {
        while views.buffers.position() < self.new_size && (is_last || input.len() >= MAX_STEP_BYTES) {
            let decoder = match decoder {
                Some(decoder) => decoder,
                None => decoder.insert(RangeDecoder::new(input)),
            };
            #[cfg(debug_assertions)]
            let before = input.len();
            let step = model.step(&mut Decoding { decoder, source: input }, views, &mut Nothing)?;
            #[cfg(debug_assertions)]
            debug_assert!(before - input.len() <= MAX_STEP_BYTES, "a step took too much of the input");
            match step {
                Step::Wrote(len) => self.made(len, views.buffers)?,
                Step::OutOfRange(jump) => {
                    return Err(damaged(Damage::CopyOutside { source: jump.source }, views.buffers));
                }
            }
        }
        Ok(())
    }

    /// Executes operations until the input does not suffice for another step.
    #[cfg(feature = "raw")]
    fn operations<O: OldImage, N: NewImage>(
        &mut self,
        operations: &mut Operations<'_>,
        input: &mut Input<'_, '_, '_>,
        is_last: bool,
        views: &mut Views<'_, '_, O, N>,
    ) -> Result<(), Failure<O, N>> {
        while views.buffers.position() < self.new_size && (is_last || input.len() >= bytes::MAX_STEP_BYTES) {
            if input.len() == 0 && operations.is_between() {
                operations.copy_rest().map_err(|fault| damaged(fault.into(), views.buffers))?;
            }
            match operations.step(input, views)? {
                OpStep::Wrote(written) => {
                    views.put(written)?;
                    self.made(written.len.into(), views.buffers)?;
                }
                OpStep::Bad(fault) => return Err(damaged(fault.into(), views.buffers)),
            }
        }
        Ok(())
    }

    /// Executes operations that come in blocks.
    #[cfg(any(feature = "lz4", feature = "zstd"))]
    fn blocks<O: OldImage, N: NewImage>(
        &mut self,
        operations: &mut Operations<'_>,
        carry: &mut Ring<'_>,
        block: &mut Block<'_>,
        views: &mut Views<'_, '_, O, N>,
        mut unpack: impl FnMut(&mut [u8]) -> Result<Unpacked, Damage>,
    ) -> Result<Outcome, Failure<O, N>> {
        loop {
            // Whatever the block still holds goes to the ring before the next one takes its place.
            let mut input = Input { ring: carry, fresh: block.rest() };
            self.operations(operations, &mut input, false, views)?;
            let complete = views.buffers.position() >= self.new_size;
            if complete && input.next().is_some() {
                return Err(damaged(Damage::Unused, views.buffers));
            }
            if !input.keep() {
                return Err(damaged(Damage::Stuck, views.buffers));
            }
            (block.start, block.end) = (0, 0);
            match unpack(block.memory).map_err(|what| damaged(what, views.buffers))? {
                Unpacked::Bytes(len) => block.end = len,
                Unpacked::NeedInput => return Ok(Outcome::NeedInput),
                Unpacked::End => {
                    let mut input = Input { ring: carry, fresh: &[] };
                    self.operations(operations, &mut input, true, views)?;
                    return self.end(input, true, views.buffers);
                }
            }
        }
    }

    /// A step has made so many bytes of the new image.
    fn made<O, N>(&mut self, len: u32, buffers: &Buffers<'_>) -> Result<(), Fault<O, N>> {
        *self.empty_steps = if len == 0 { self.empty_steps.saturating_add(1) } else { 0 };
        if *self.empty_steps > MOST_EMPTY_STEPS {
            return Err(damaged(Damage::Stuck, buffers));
        }
        Ok(())
    }

    /// The steps have come to a halt: at the end of the new image, or for want of input.
    fn end<O, N>(
        &self,
        input: Input<'_, '_, '_>,
        is_last: bool,
        buffers: &Buffers<'_>,
    ) -> Result<Outcome, Fault<O, N>> {
        let complete = buffers.position() >= self.new_size;
        match (complete, is_last) {
            (true, true) if input.len() == 0 => Ok(Outcome::Complete),
            (true, _) => Err(damaged(Damage::Unused, buffers)),
            (false, true) => Err(damaged(Damage::Ends, buffers)),
            (false, false) if input.keep() => Ok(Outcome::NeedInput),
            (false, false) => Err(damaged(Damage::Stuck, buffers)),
        }
    }
}

fn damaged<O, N>(what: Damage, buffers: &Buffers<'_>) -> Fault<O, N> {
    Fault::Damaged { what, offset: buffers.position() }
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
