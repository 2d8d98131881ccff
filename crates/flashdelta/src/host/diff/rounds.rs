//! Choosing the copies again, round by round, and coding them: each stage follows the one before
//! it, at the same time where there are threads for it.

use std::sync::PoisonError;

use super::candidates;
use super::control::Control;
use super::error::DiffError;
use super::nearby::{self, Indexes};
use super::options::Phase;
use super::plan::{Chosen, Plan};
use super::refine::Refine;
use super::search::{Found, Prediction};
use super::stream::{CopyStream, CopyWriter};
use crate::device::format::{Order, Tables};

/// How often copies that are promising are chosen again.
pub(crate) fn rounds(effort: u8) -> usize {
    match effort {
        0..=2 => 0,
        3..=5 => 1,
        6..=7 => 2,
        _ => 4,
    }
}

/// Chooses by what the model with these tables will spend.
pub(crate) struct Rounds<'a> {
    pub(crate) old: &'a [u8],
    pub(crate) new: &'a [u8],
    pub(crate) prediction: &'a Prediction,
    pub(crate) tables: Tables,
    /// At least 1.
    pub(crate) rounds: usize,
    pub(crate) threads: usize,
    pub(crate) order: Order,
    pub(crate) control: &'a Control<'a>,
}

impl Rounds<'_> {
    /// Chooses the copies that were `found` again, and codes what comes of it. `meanwhile`
    /// something else is done.
    ///
    /// Stages take turns on as many lanes as there are threads. The one before a stage is always
    /// ahead of it, on its own lane or on another: so none waits for ever.
    pub(crate) fn run<T>(
        &self,
        found: &Found,
        meanwhile: impl FnOnce() + Send,
        code: impl FnOnce(Chosen<'_>) -> T,
    ) -> Result<T, DiffError> {
        let streams: Vec<CopyStream> = (0..self.rounds).map(|_| CopyStream::default()).collect();
        let choose = |(round, writer): (usize, CopyWriter<'_>)| {
            self.control.time(Phase::Parse, || {
                let near = found.near.get_or_init(|| {
                    let ready = found.indexes.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let indexes = ready.unwrap_or_else(|| Indexes::new(self.old, self.new));
                    let near = nearby::find((self.old, self.new), &indexes, &found.copies);
                    candidates::there(near, self.order)
                });
                let before = round.checked_sub(1).and_then(|before| streams.get(before));
                let plan = Plan::new(
                    self.new,
                    before.map_or(Chosen::All(&found.copies), Chosen::Following),
                );
                let Self { old, new, prediction, tables, order, .. } = *self;
                let refine = Refine {
                    old,
                    new,
                    prediction,
                    candidates: [&found.candidates, near],
                    entrances: &found.entrances,
                    tables,
                    order,
                };
                refine.parse(plan, writer, self.control)
            })
        };
        let lanes = self.threads.clamp(1, self.rounds + 1);
        // All writers of a lane are there from the start: if one fails, nobody waits for the
        // others.
        let lane = |lane| -> Vec<_> {
            streams
                .iter()
                .enumerate()
                .skip(lane)
                .step_by(lanes)
                .map(|(i, stream)| (i, stream.writer()))
                .collect()
        };
        let run = |lane: Vec<_>| lane.into_iter().map(choose).fold(Ok(()), Result::and);
        // The lane of the coding is our own; the last lane has time before its turn comes.
        let own = self.rounds % lanes;
        let mut meanwhile = Some(meanwhile);
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..lanes)
                .filter(|i| *i != own)
                .map(|i| {
                    let (stages, first) = (lane(i), meanwhile.take_if(|_| i + 1 == lanes));
                    let run = &run;
                    scope.spawn(move || {
                        if let Some(work) = first {
                            work();
                        }
                        run(stages)
                    })
                })
                .collect();
            if let Some(work) = meanwhile {
                work();
            }
            let ended = run(lane(own));
            let coded = streams.last().map(|stream| code(Chosen::Following(stream)));
            let others = running
                .into_iter()
                .map(|thread| thread.join().unwrap_or(Err(DiffError::Cancelled)));
            others.fold(ended, Result::and)?;
            coded.ok_or(DiffError::Cancelled)
        })
    }
}
