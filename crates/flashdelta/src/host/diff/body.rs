//! Bodies for files that are no firmware.

use super::control::Control;
use super::encode::{Job, Limit};
use super::error::DiffError;
use super::options::DiffOptions;
use super::rounds::{rounds, Rounds};
use super::search::{Prediction, Search, Threads};
use crate::device::format::{Codec, Order, Tables};
use crate::device::isa::InstructionSet;
use crate::host::encode::Maps;

/// The body, in the model codec with these tables, that makes `new` of `old`, neither of which is
/// firmware: without prediction, in units of 1 byte.
pub(crate) fn body(old: &[u8], new: &[u8], tables: Tables) -> Result<Vec<u8>, DiffError> {
    let options = DiffOptions::new();
    let control = Control::new(&options, 1);
    let prediction = Prediction::new(InstructionSet::Bytes, Maps::default());
    let threads = Threads { count: 1, prepare: false };
    let images = (old, new, Order::NONE);
    let found = Search::for_model(options.effort).find(images, &prediction, threads, &control)?;
    let job = Rounds {
        old,
        new,
        prediction: &prediction,
        tables,
        rounds: rounds(options.effort),
        threads: 1,
        order: Order::NONE,
        control: &control,
    };
    let body = job.run(
        &found,
        || (),
        |copies| {
            let job = Job { old, new, copies, prediction: &prediction, order: Order::NONE };
            job.encode(Codec::Model, tables, options.effort, Limit::NONE, &control)
        },
    )??;
    Ok(body.map_or_else(Vec::new, |body| body.bytes))
}
