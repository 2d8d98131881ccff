//! The body of a patch: whichever codec it is in, steps that turn input into bytes of the new image.

use core::marker::PhantomData;

use super::buffers::Views;
use super::input::{Input, Ring};
use super::memory::Parts;
use super::{Damage, NewImage, OldImage};
use crate::bytes::OpFault;
#[cfg(any(feature = "lz4", feature = "zstd"))]
use crate::bytes::OpSource as _;
#[cfg(feature = "raw")]
use crate::bytes::{self, Operations};
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

    /// Gets ready for the body of a patch; `None` if the memory does not have the parts that the patch needs.
    #[cfg_attr(not(feature = "model"), allow(unused_mut))]
    pub(crate) fn start(&mut self, header: &PatchHeader, mut parts: Parts<'w>) -> Option<()> {
        let carry = match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, .. } => {
                let slots = bytemuck::must_cast_slice_mut(parts.slots);
                let weights = bytemuck::must_cast_slice_mut(parts.weights);
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

    /// Goes on as far as `input` allows. `is_last`: nothing of the body follows it. True if the new image is complete, unless the views tell of
    /// a fault.
    pub(crate) fn feed<O: OldImage, N: NewImage>(
        &mut self,
        input: &[u8],
        is_last: bool,
        new_size: u32,
        views: &mut Views<'_, 'w, O, N>,
    ) -> bool {
        let mut progress = Progress { empty_steps: &mut self.empty_steps, new_size };
        match &mut self.codec {
            #[cfg(feature = "model")]
            Codec::Model { model, decoder } => {
                let mut input = Input { ring: &mut self.carry, fresh: input };
                progress.model(model, decoder, &mut input, is_last, views);
                progress.end(input, is_last, views)
            }
            #[cfg(feature = "raw")]
            Codec::Raw(operations) => {
                let mut input = Input { ring: &mut self.carry, fresh: input };
                progress.operations(operations, &mut input, is_last, views);
                progress.end(input, is_last, views)
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
            Codec::Idle(_) => false,
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
    ) {
        while self.goes_on(views) && (is_last || input.len() >= MAX_STEP_BYTES) {
            let decoder = match decoder {
                Some(decoder) => decoder,
                None => decoder.insert(RangeDecoder::new(input)),
            };
            #[cfg(debug_assertions)]
            let before = input.len();
            let step = model.step(&mut Decoding { decoder, source: input }, views, &mut Nothing);
            #[cfg(debug_assertions)]
            debug_assert!(before - input.len() <= MAX_STEP_BYTES, "a step took too much of the input");
            match step {
                Step::Wrote(len) => self.made(len, views),
                Step::OutOfRange(jump) => views.damaged(Damage::CopyOutside { source: jump.source }),
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
        while self.goes_on(views) && (is_last || input.len() >= bytes::MAX_STEP_BYTES) {
            let begun = if input.len() == 0 && operations.is_between() { operations.copy_rest() } else { Ok(()) };
            match begun.and_then(|()| operations.step(input, views)) {
                Ok(written) => {
                    views.put(written);
                    self.made(written.len.into(), views);
                }
                Err(fault) => views.damaged(fault.into()),
            }
        }
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
    ) -> bool {
        loop {
            // Whatever the block still holds goes to the ring before the next one takes its place.
            let mut input = Input { ring: carry, fresh: block.rest() };
            self.operations(operations, &mut input, false, views);
            if !self.goes_on(views) && input.next().is_some() {
                views.damaged(Damage::Unused);
            }
            if !input.keep() {
                views.damaged(Damage::Stuck);
            }
            if views.fault.is_some() {
                return false;
            }
            (block.start, block.end) = (0, 0);
            match unpack(block.memory) {
                Ok(Unpacked::Bytes(len)) => block.end = len,
                Ok(Unpacked::NeedInput) => return false,
                Ok(Unpacked::End) => {
                    let mut input = Input { ring: carry, fresh: &[] };
                    self.operations(operations, &mut input, true, views);
                    return self.end(input, true, views);
                }
                Err(what) => views.damaged(what),
            }
        }
    }

    /// A step has made so many bytes of the new image.
    fn made<O: OldImage, N: NewImage>(&mut self, len: u32, views: &mut Views<'_, '_, O, N>) {
        *self.empty_steps = if len == 0 { self.empty_steps.saturating_add(1) } else { 0 };
        if *self.empty_steps > MOST_EMPTY_STEPS {
            views.damaged(Damage::Stuck);
        }
    }

    /// Is there more to be made?
    fn goes_on<O: OldImage, N: NewImage>(&self, views: &Views<'_, '_, O, N>) -> bool {
        views.fault.is_none() && views.buffers.position() < self.new_size
    }

    /// The steps have come to a halt: at the end of the new image, or for want of input.
    fn end<O: OldImage, N: NewImage>(
        &self,
        input: Input<'_, '_, '_>,
        is_last: bool,
        views: &mut Views<'_, '_, O, N>,
    ) -> bool {
        let what = match (self.goes_on(views), is_last) {
            (false, true) if input.len() == 0 => return true,
            (false, _) => Damage::Unused,
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
