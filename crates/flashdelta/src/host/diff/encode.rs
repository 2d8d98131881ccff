//! From copies to the body of a patch.

use super::control::Control;
use super::error::DiffError;
use super::options::Phase;
use super::plan::{Chosen, Plan};
use super::search::Prediction;
use crate::device::codec::bytes::Copies;
use crate::device::codec::model::{Model, Step};
use crate::device::coding::{BitCoder, Part};
use crate::device::format::limits::MODEL_WEIGHTS;
use crate::device::format::{Codec, Order, Tables};
use crate::device::images::Space;
use crate::host::encode::{self, InMemory, Meter, RangeEncoder, Tally};

/// Steps between two looks at the clock, as it were.
const PACE: u32 = 1 << 14;

/// Steps between two places where the cost is noted.
const NOTED: u32 = 1 << 12;

/// A body, what the model codec spent on each part, in bytes, and what steps do.
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spent: Option<[u64; Part::COUNT]>,
    pub(crate) tally: Tally,
    /// How many entries of the shift map were used; those that were stay used.
    pub(crate) shifts_used: usize,
    /// The size of a block beyond which another size makes no difference, in bytes.
    pub(crate) block_used: usize,
    pub(crate) course: Course,
}

/// What the model codec has spent up to some places of the new image, in bytes, in order.
pub(crate) type Course = Vec<(u32, u64)>;

/// When coding is given up.
#[derive(Clone, Copy)]
pub(crate) struct Limit<'a> {
    /// The body is longer than this, in bytes.
    pub(crate) bytes: usize,
    /// The body is, at some place, clearly longer than this one ...
    pub(crate) course: &'a [(u32, u64)],
    /// ... by this part of it: what is lost early may be made up for later, but not much of it.
    pub(crate) part: u64,
}

impl Limit<'_> {
    /// Coding goes on to the end.
    pub(crate) const NONE: Self = Self { bytes: usize::MAX, course: &[], part: 512 };

    fn bytes(bytes: usize) -> Self {
        Self { bytes, ..Self::NONE }
    }

    /// Whether coding that has spent `bytes` up to `at` is to be given up.
    fn is_passed(&self, at: u32, bytes: u64) -> bool {
        let margin = || 8 + self.course.last().map_or(0, |(_, total)| total / self.part);
        let next = self.course.get(self.course.partition_point(|(there, _)| *there < at));
        // The meter is only nearly exact.
        bytes > (self.bytes as u64).saturating_add(64)
            || next.is_some_and(|(_, other)| bytes > other + margin())
    }
}

impl From<usize> for Limit<'_> {
    fn from(bytes: usize) -> Self {
        Self::bytes(bytes)
    }
}

/// What is to be coded.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) old: &'a [u8],
    pub(crate) new: &'a [u8],
    pub(crate) copies: Chosen<'a>,
    pub(crate) prediction: &'a Prediction,
    pub(crate) order: Order,
}

/// Writes and measures at the same time.
struct Both {
    encoder: RangeEncoder,
    meter: Meter,
}

impl BitCoder for Both {
    fn code(&mut self, p: u16, bit: bool) -> bool {
        self.encoder.code(p, bit);
        self.meter.code(p, bit)
    }

    fn enter(&mut self, part: Part) {
        self.meter.enter(part);
    }
}

impl Job<'_> {
    /// Codes the body. `Ok(None)`: it is longer than `limit`.
    pub(crate) fn encode(
        &self,
        codec: Codec,
        tables: Tables,
        effort: u8,
        limit: Limit<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Body>, DiffError> {
        control.time(Phase::Encode, || match codec {
            Codec::Model => self.model(tables, limit, control),
            codec => {
                let (operations, shifts_used) = self.operations(tables);
                let block_used = operations.len();
                let bytes = compress(codec, operations, tables, effort)?;
                Ok((bytes.len() <= limit.bytes).then(|| Body {
                    bytes,
                    spent: None,
                    tally: self.tally(),
                    shifts_used,
                    block_used,
                    course: Vec::new(),
                }))
            }
        })
    }

    fn model(
        &self,
        tables: Tables,
        limit: Limit<'_>,
        control: &Control<'_>,
    ) -> Result<Option<Body>, DiffError> {
        let mut slots = vec![0; tables.model_slots()];
        let mut weights = vec![0; MODEL_WEIGHTS];
        let mut shifts = vec![0; usize::from(tables.shifts) * 2];
        let (old_len, new_len) = (self.old.len() as u32, self.new.len() as u32);
        let memory = (&mut slots[..], &mut weights[..], &mut shifts[..]);
        let mut model = Model::new(memory, self.prediction.walker(), old_len, new_len);
        let mut plan = Plan::new(self.new, self.copies);
        let mut images = InMemory::new(self.old, self.new, self.order);
        let mut coder = Both { encoder: RangeEncoder::new(), meter: Meter::new() };
        let mut tally = Tally::default();
        let (mut reported, mut course) = (0, Course::new());
        for count in 1u32.. {
            if model.position() >= new_len {
                break;
            }
            let before = model.copying();
            match model.step(&mut coder, &mut images, &mut plan) {
                Step::Wrote(len) => tally.count(before, model.copying(), len),
                Step::OutOfRange(_) => debug_assert!(false, "the parse stays inside the images"),
            }
            if count % NOTED == 0 {
                let (at, bytes) = (model.position(), coder.meter.bytes());
                if limit.is_passed(at, bytes) {
                    return Ok(None);
                }
                course.push((at, bytes));
            }
            if count % PACE == 0 {
                control.advance(Phase::Encode, u64::from(model.position() - reported))?;
                reported = model.position();
            }
        }
        course.push((new_len, coder.meter.bytes()));
        Ok(Some(Body {
            bytes: coder.encoder.finish(),
            spent: Some(coder.meter.bytes_by_part()),
            tally,
            shifts_used: model.shift_map().len(),
            block_used: 0,
            course,
        }))
    }

    /// What the byte codecs make of the copies.
    fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for copy in self.copies.all().iter() {
            let i = usize::from(copy.space == Space::New);
            tally.copies[i] += 1;
            tally.bytes[i] += copy.end - copy.start;
        }
        tally.literals = self.new.len() as u32 - tally.bytes.iter().sum::<u32>();
        tally
    }

    fn operations(&self, tables: Tables) -> (Vec<u8>, usize) {
        let mut shifts = vec![0; usize::from(tables.shifts) * 2];
        encode::operations::encode(
            self.old,
            self.new,
            &self.copies.all(),
            Copies::new(self.prediction.walker(), &mut shifts),
        )
    }
}

fn compress(
    codec: Codec,
    operations: Vec<u8>,
    tables: Tables,
    effort: u8,
) -> Result<Vec<u8>, DiffError> {
    let _ = (tables, effort);
    match codec {
        Codec::Raw => Ok(operations),
        #[cfg(feature = "lz4")]
        Codec::Lz4 => Ok(encode::lz4::compress(&operations, 1 << tables.block_log2)),
        #[cfg(feature = "zstd")]
        Codec::Zstd => {
            let level = if effort < 7 { 12 } else { 19 };
            encode::zstd::compress(&operations, level, tables.block_log2)
                .map_err(|_| DiffError::CodecNotBuilt { codec })
        }
        #[allow(unreachable_patterns)]
        codec => Err(DiffError::CodecNotBuilt { codec }),
    }
}
