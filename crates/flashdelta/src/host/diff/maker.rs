//! The maker: tries what is worth trying, and keeps the smallest patch.

use sha2::{Digest as _, Sha256};
use std::sync::Mutex;

use super::attempt::{release_all_but, smaller, Attempt, Coded, Made};
use super::checks::check_lengths;
use super::choose::{self, SMALL};
use super::chunks::with_chunks;
use super::control::Control;
use super::encode::{Body, Job};
use super::error::DiffError;
use super::memory;
use super::options::DiffOptions;
use super::parallel::in_parallel;
use super::plan::Chosen;
use super::report::{Patch, Report, Tried};
use super::rounds::{rounds, Rounds};
use super::rungs::{passes, rung};
use super::search::{Found, Prediction, Search, Threads};
use crate::device::format::{Codec, InPlace, Layout, Order, PatchHeader, Tables, DIGEST_LEN};
use crate::host::apply::PartBytes;
use crate::host::encode::{tables_for, CopyRun, MapBytes};
use crate::host::holes::{prepare, HoleError, Prepared};
use crate::host::seal::Parts;

/// Makes a patch that turns `old` into `new`. The same arguments give the same bytes on every
/// machine.
///
/// # Errors
///
/// [`DiffError`]: the images are too large, or the device profile does not allow what was asked
/// for, or the callback asked to give up.
pub fn diff(old: &[u8], new: &[u8], options: &DiffOptions) -> Result<Patch, DiffError> {
    if options.holes.is_empty() {
        let make = |options: &DiffOptions| Maker::new(old, new, options, None)?.run();
        return with_chunks(options, &make);
    }
    let filled = prepare(old, new, &options.holes)?;
    let make =
        |options: &DiffOptions| Maker::new(&filled.old, &filled.new, options, Some(&filled))?.run();
    with_chunks(options, &make)
}

/// Images up to this size together are searched for several predictions at a time. Each takes 19
/// bytes per byte, and [`memory_needed`](super::memory_needed) promises 16 and 64 MiB for all.
const SEVERAL: usize = 5 << 19;

/// New images up to this size are done in no time.
const TINY: usize = 64 << 10;

/// In patches below this length, in bytes, the address maps count.
const SMALL_PATCH: usize = 512;

/// From this effort on, the second best prediction gets a second chance.
const EXHAUSTIVE_EFFORT: u8 = 8;

/// RAM in bytes for windows that are comfortable, if the profile has it; never more than an eighth
/// of what is needed.
const COMFORT: u32 = 2048;

pub(super) struct Maker<'a> {
    pub(super) old: &'a [u8],
    pub(super) new: &'a [u8],
    pub(super) options: &'a DiffOptions,
    codecs: Vec<Codec>,
    predictions: Vec<Prediction>,
    /// SHA-256 of the old and of the new image, all of it.
    digests: [[u8; 32]; 2],
    /// The new image ends with its own digest, which `new` is without.
    has_own_digest: bool,
    /// The table of holes; empty if there are none.
    holes: &'a [u8],
    /// Both images are in one slot.
    in_place: Option<InPlace>,
    pub(super) control: Control<'a>,
}

impl<'a> Maker<'a> {
    fn new(
        old: &'a [u8],
        new: &'a [u8],
        options: &'a DiffOptions,
        filled: Option<&'a Prepared>,
    ) -> Result<Self, DiffError> {
        check_lengths(old.len() as u64, new.len() as u64)?;
        options.check()?;
        memory::check(old, new, options)?;
        let codecs = options.codecs()?;
        let in_place = options.order(old.len() as u32, new.len() as u32)?;
        let digest = |image| Sha256::digest(image).into();
        let (mut digests, predictions) = in_parallel(
            options.thread_count(),
            || [old, new].map(digest),
            || choose::predictions(old, new, options),
        );
        let found = (old.len() + new.len()) as u64;
        let work = predictions.len() as u64 * (2 * found + codecs.len() as u64 * new.len() as u64);
        // Half of what is tried is given up on the way.
        let is_model = codecs.contains(&Codec::Model);
        let fitting = if is_model { passes(options.profile.ram) / 2 * new.len() as u64 } else { 0 };
        // Appliers without the model codec are too small for it.
        let own = is_model.then(|| without_own_digest(new, options.profile.page)).flatten();
        if filled.is_some_and(|filled| filled.needs_own_digest) && own.is_none() {
            return Err(HoleError::OwnDigest.into());
        }
        let (new, has_own_digest) = (own.unwrap_or(new), own.is_some());
        if let Some(filled) = filled {
            // What decoders see of the old image is without the sums at its end.
            digests[0] = filled.old_digest;
        }
        let holes = filled.map_or(&[][..], |filled| &filled.table);
        let control = Control::new(options, work + fitting);
        let maker = Self {
            old,
            new,
            options,
            codecs,
            predictions,
            digests,
            has_own_digest,
            holes,
            in_place,
            control,
        };
        Ok(maker.fitting())
    }

    /// Leaves out predictions for which the device has no room.
    fn fitting(mut self) -> Self {
        let fits = |p: &Prediction| {
            self.codecs.iter().any(|c| self.tables(&self.header(*c, p), p).is_ok())
        };
        let fitting: Vec<_> = self.predictions.iter().filter(|p| fits(p)).cloned().collect();
        if !fitting.is_empty() {
            self.predictions = fitting;
        } else if fits(&Prediction::default()) {
            self.predictions = vec![Prediction::default()];
        }
        self
    }

    fn run(self) -> Result<Patch, DiffError> {
        let mut attempts = match &self.predictions[..] {
            [only] if !only.isa.is_none() => self.attempt_in_parallel(only)?,
            _ => self.attempts().into_iter().collect::<Result<Vec<_>, _>>()?,
        };
        let best =
            |attempts: &[Attempt]| attempts.iter().map(Attempt::len).min().unwrap_or(usize::MAX);
        if self.is_doubtful(best(&attempts)) {
            attempts.push(self.attempt_with(&Prediction::default(), self.options.thread_count())?);
        }
        if !attempts.iter().any(|attempt| attempt.is_plain) {
            attempts.push(self.attempt_alone(best(&attempts))?);
        }
        // The sort is stable: of equals the first stays first.
        attempts.sort_by_key(Attempt::len);
        let promising = self.promising();
        let (mut tried, mut best, mut choices) = (Vec::new(), None, Vec::new());
        for (rank, attempt) in attempts.into_iter().enumerate() {
            let Attempt { coded: Coded { tried: here, best: made }, prediction, found, .. } =
                attempt;
            tried.extend(here);
            let prediction =
                prediction.with(made.as_ref().map_or(prediction.isa, |made| made.header.isa));
            best = smaller(best, made);
            if rank < promising {
                let refined =
                    attempt.refined.map_or_else(|| self.refine(&prediction, &found, || ()), Ok)?;
                tried.extend(refined.as_ref().map(Made::tried));
                choices.extend(self.choices(&prediction, &found, refined.as_ref())?);
                best = smaller(best, refined);
            }
        }
        match best {
            Some(made) => {
                let made = self.fit(made, choices)?;
                Ok(self.finish(made, tried))
            }
            None => Err(self.too_small()),
        }
    }

    /// Works on all predictions, several at a time where memory allows; results are in the order of
    /// the predictions.
    fn attempts(&self) -> Vec<Result<Attempt, DiffError>> {
        let threads = self.options.thread_count();
        let count = self.predictions.len();
        let total = self.old.len() + self.new.len();
        let small = total <= SEVERAL && count > 1 && threads > 1;
        // The more there is, the fewer at a time.
        let at_a_time = 1 + SEVERAL / total.max(1);
        let results = Mutex::new((0..count).map(|_| None).collect::<Vec<_>>());
        let next = core::sync::atomic::AtomicUsize::new(0);
        let (lanes, threads) = if small { (threads.min(at_a_time), 1) } else { (1, threads) };
        let work = || loop {
            let i = next.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            if i >= count {
                break;
            }
            let result = self.attempt_with(&self.predictions[i], threads);
            if let Ok(mut results) = results.lock() {
                results[i] = Some(result);
                release_all_but(self.promising(), &mut results);
            }
        };
        std::thread::scope(|scope| {
            let others = (1..lanes.min(count)).map(|_| scope.spawn(work)).collect::<Vec<_>>();
            work();
            others.into_iter().for_each(|thread| drop(thread.join()));
        });
        let results = results.into_inner().unwrap_or_default();
        results.into_iter().map(|r| r.unwrap_or(Err(DiffError::Cancelled))).collect()
    }

    /// This many of the best attempts get their copies chosen again.
    fn promising(&self) -> usize {
        let is_quick = self.new.len() <= TINY;
        if self.options.effort < EXHAUSTIVE_EFFORT && !is_quick {
            1
        } else {
            2
        }
    }

    /// Whether no prediction may be better, if the best patch has `best` bytes: all prediction was
    /// of little use, or there is little to predict.
    fn is_doubtful(&self, best: usize) -> bool {
        let is_doubtful = best > self.new.len() / 3 || best < SMALL_PATCH;
        is_doubtful && self.options.isa.is_none() && self.predictions.iter().all(Prediction::is_any)
    }

    /// Makes patches with one prediction.
    fn attempt_with(&self, prediction: &Prediction, threads: usize) -> Result<Attempt, DiffError> {
        let found = self.find(prediction, Threads { count: threads, prepare: false })?;
        let coded = self.encode(prediction, &found, usize::MAX)?;
        Ok(Attempt::new(prediction, found, coded))
    }

    /// Codes the new image alone, unless it takes more than `limit`: nothing may be larger than
    /// that.
    fn attempt_alone(&self, limit: usize) -> Result<Attempt, DiffError> {
        let (prediction, found) = (Prediction::default(), Found::default());
        let coded = self.encode(&prediction, &found, limit)?;
        Ok(Attempt::new(&prediction, found, coded))
    }

    /// Makes patches with the only prediction there is. It needs no comparison to be the one with
    /// which copies are chosen again, so all is done at the same time.
    fn attempt_in_parallel(&self, prediction: &Prediction) -> Result<Vec<Attempt>, DiffError> {
        let threads = Threads { count: self.options.thread_count(), prepare: true };
        let found = self.find(prediction, threads)?;
        let code = || {
            let coded = self.encode(prediction, &found, usize::MAX)?;
            let alone = (!self.is_doubtful(coded.len()))
                .then(|| self.attempt_alone(coded.len()))
                .transpose()?;
            Ok((coded, alone))
        };
        let mut meanwhile = Err(DiffError::Cancelled);
        let refined = Some(self.refine(prediction, &found, || meanwhile = code())?);
        let (coded, alone) = meanwhile?;
        let attempt = Attempt { refined, ..Attempt::new(prediction, found, coded) };
        Ok(core::iter::once(attempt).chain(alone).collect())
    }

    fn find(&self, prediction: &Prediction, threads: Threads) -> Result<Found, DiffError> {
        let effort = self.options.effort;
        let is_model = self.codecs.contains(&Codec::Model);
        let search = if is_model { Search::for_model(effort) } else { Search::for_bytes(effort) };
        let images = (self.old, self.new, self.order());
        search.find(images, prediction, threads, &self.control)
    }

    /// Chooses the copies again, for the model codec. `meanwhile` something else is done.
    fn refine(
        &self,
        prediction: &Prediction,
        found: &Found,
        meanwhile: impl FnOnce() + Send,
    ) -> Result<Option<Made>, DiffError> {
        self.choose(rung(self.options.profile.ram), prediction, found, meanwhile, |copies| {
            self.make(Codec::Model, prediction, copies, usize::MAX)
        })?
        .transpose()
        .map(Option::flatten)
    }

    /// Chooses the copies again by the tables for this much RAM, or those of the device where that
    /// is too little. `meanwhile` something else is done.
    pub(super) fn choose<T>(
        &self,
        ram: u32,
        prediction: &Prediction,
        found: &Found,
        meanwhile: impl FnOnce() + Send,
        code: impl FnOnce(Chosen<'_>) -> T,
    ) -> Result<Option<T>, DiffError> {
        let rounds = rounds(self.options.effort);
        let is_idle =
            rounds == 0 || !self.codecs.contains(&Codec::Model) || found.copies.is_empty();
        let header = self.header(Codec::Model, prediction);
        let tables = tables_for(ram, &header, prediction.is_any())
            .or_else(|_| self.tables(&header, prediction));
        let (false, Ok(tables)) = (is_idle, tables) else {
            meanwhile();
            return Ok(None);
        };
        let (old, new, threads, control) =
            (self.old, self.new, self.options.thread_count(), &self.control);
        let order = self.order();
        let rounds = Rounds { old, new, prediction, tables, rounds, threads, order, control };
        rounds.run(found, meanwhile, code).map(Some)
    }

    /// Codes the copies in all codecs and keeps the smallest patch, if it is not longer than
    /// `limit`.
    fn encode(
        &self,
        prediction: &Prediction,
        found: &Found,
        limit: usize,
    ) -> Result<Coded, DiffError> {
        let copies = Chosen::All(&found.copies);
        let mut tried = Vec::new();
        let mut best: Option<Made> = None;
        for codec in &self.codecs {
            let limit = best.as_ref().map_or(limit, |made| made.bytes.len());
            // The byte codecs correct single bytes: the unit makes no difference to them.
            let grains = match codec {
                Codec::Model if !found.copies.is_empty() => prediction.grains(self.tries_grains()),
                _ => vec![prediction.clone()],
            };
            for (prediction, made) in
                grains.iter().zip(self.make_all(*codec, &grains, copies, limit))
            {
                let made = made?;
                let bytes = made.as_ref().map(|made| made.bytes.len() as u64);
                tried.push(Tried { codec: *codec, isa: prediction.isa, bytes });
                best = smaller(best, made);
            }
        }
        Ok(Coded { tried, best })
    }

    /// Whether there is time to try several sizes of unit.
    fn tries_grains(&self) -> bool {
        self.options.effort >= choose::DOUBT_EFFORT || self.new.len() <= SMALL / 8
    }

    /// The same copies with several predictions, at the same time.
    fn make_all(
        &self,
        codec: Codec,
        predictions: &[Prediction],
        copies: Chosen<'_>,
        limit: usize,
    ) -> Vec<Result<Option<Made>, DiffError>> {
        let make = |prediction| self.make(codec, prediction, copies, limit);
        if predictions.len() < 2 || self.options.thread_count() < 2 {
            return predictions.iter().map(make).collect();
        }
        std::thread::scope(|scope| {
            let running: Vec<_> =
                predictions.iter().map(|p| scope.spawn(move || make(p))).collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap_or(Err(DiffError::Cancelled)))
                .collect()
        })
    }

    /// A whole patch, if it fits the device and is not longer than `limit`.
    fn make(
        &self,
        codec: Codec,
        prediction: &Prediction,
        copies: Chosen<'_>,
        limit: usize,
    ) -> Result<Option<Made>, DiffError> {
        let profile = &self.options.profile;
        let mut header = self.header(codec, prediction);
        let Ok(tables) = self.tables(&header, prediction) else { return Ok(None) };
        header.tables = tables;
        let (old, new, order) = (self.old, self.new, self.order());
        let job = Job { old, new, copies, prediction, order };
        let Some(body) =
            job.encode(codec, tables, self.options.effort, limit.into(), &self.control)?
        else {
            return Ok(None);
        };
        let copies = copies.all().into_owned();
        let made = self.assemble(header, prediction, body, copies);
        Ok((made.header.ram <= profile.ram && made.bytes.len() <= limit).then_some(made))
    }

    /// The patch of a body; `header` has all that does not follow from that.
    pub(super) fn assemble(
        &self,
        header: PatchHeader,
        prediction: &Prediction,
        body: Body,
        copies: Vec<CopyRun>,
    ) -> Made {
        let [old_digest, new_digest] = &self.digests;
        let mut header = PatchHeader {
            body_len: body.bytes.len() as u32,
            old_digest: core::array::from_fn(|i| old_digest[i]),
            new_digest: *new_digest,
            ..header
        };
        let needed = Layout::of(&header).ram() as u32;
        let comfort = COMFORT.min(needed / 8);
        header.ram = (needed + comfort).min(self.options.profile.ram & !255);
        let mut parts = Parts {
            header,
            maps: MapBytes::of(&prediction.maps, self.holes),
            signatures: Vec::new(),
            body: &body.bytes,
            host: &self.options.host_section,
        };
        let bytes = parts.assemble();
        let header = parts.header;
        Made { header, bytes, body, copies, prediction: prediction.clone() }
    }

    /// What is known about the header from the start.
    pub(super) fn header(&self, codec: Codec, prediction: &Prediction) -> PatchHeader {
        PatchHeader {
            codec,
            isa: prediction.isa,
            granularity_log2: self.options.profile.page.trailing_zeros() as u8,
            old_size: self.old.len() as u32,
            new_size: self.new.len() as u32 + if self.has_own_digest { DIGEST_LEN } else { 0 },
            has_own_digest: self.has_own_digest,
            host_len: self.options.host_section.len() as u32,
            identity: self.options.identity,
            map_counts: prediction.maps.counts(),
            hole_span: self.holes.len() as u16,
            order: self.in_place.unwrap_or(InPlace::NONE),
            ..PatchHeader::default()
        }
    }

    /// In which order the device makes the new image.
    pub(super) fn order(&self) -> Order {
        let coded_size = self.new.len() as u32;
        let own = if self.has_own_digest { DIGEST_LEN } else { 0 };
        Order { in_place: self.in_place, coded_size, new_size: coded_size + own }
    }

    /// Tables that fit the device; or the RAM that it would have to have.
    fn tables(&self, header: &PatchHeader, prediction: &Prediction) -> Result<Tables, u32> {
        tables_for(self.options.profile.ram, header, prediction.is_any())
    }

    fn finish(self, made: Made, tried: Vec<Tried>) -> Patch {
        let Made { header, bytes, body, .. } = made;
        let tally = body.tally;
        let report = Report {
            codec: header.codec,
            isa: header.isa,
            header_len: header.header_len,
            address_map_len: header.address_map_len(),
            body_len: header.body_len,
            host_len: header.host_len,
            parts: body.spent.map_or_else(Vec::new, PartBytes::list),
            copies_from_old: tally.copies[0],
            copies_from_new: tally.copies[1],
            bytes_from_old: tally.bytes[0],
            bytes_from_new: tally.bytes[1],
            literals: tally.literals,
            phases: self.control.into_phases(),
            tried,
        };
        Patch { bytes, header, report }
    }

    /// No codec fits: says what would.
    fn too_small(&self) -> DiffError {
        let profile = &self.options.profile;
        let need = |codec: &Codec| {
            let prediction = &self.predictions[0];
            let header = self.header(*codec, prediction);
            tables_for(0, &header, prediction.is_any()).err().unwrap_or(u32::MAX)
        };
        let cheapest = self.codecs.iter().min_by_key(|c| need(c)).copied().unwrap_or_default();
        let (profile, ram) = (profile.name.clone(), profile.ram);
        DiffError::ProfileTooSmall { profile, ram, codec: cheapest, needed: need(&cheapest) }
    }
}

/// The new image without the digest at its end, if it is that of all before it, and if it can be
/// written for itself.
fn without_own_digest(new: &[u8], page: u32) -> Option<&[u8]> {
    let (start, own) = new.split_last_chunk::<{ DIGEST_LEN as usize }>()?;
    let fits = !start.is_empty() && start.len().is_multiple_of(page as usize);
    (fits && Sha256::digest(start)[..] == own[..]).then_some(start)
}
