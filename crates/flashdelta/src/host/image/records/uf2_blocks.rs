//! UF2 to template and data.

use super::make::{Made, Maker};
use crate::host::budget::{Budget, Stop};
use crate::host::image::bytes::index;
use crate::host::image::formats::uf2_writer::Uf2Writer;
use crate::host::image::template::{Control, Habits, Tail, Token, Writer as _, UF2};
use crate::host::image::uf2::{self, Block, Targets, BLOCK};
use crate::host::image::Format;

/// Takes a UF2 file apart: blocks that are numbered as their series says and end alike are data,
/// others are carried whole.
pub(super) fn make(file: &[u8], budget: &mut Budget<'_>) -> Result<Option<Made>, Stop> {
    let Some(first) = Block::parse(file, 0) else { return Ok(None) };
    let mut habits = Habits::new(index(first.len).min(Uf2Writer::MAX_LEN), 0);
    habits.block = [first.flags, first.family, first.total];
    let mut maker = Maker::<Uf2Writer>::new(file, habits)?;
    let mut placer = Targets::default();
    for at in (0..file.len()).step_by(BLOCK) {
        let range = at..(at + BLOCK).min(file.len());
        budget.work(BLOCK as u64)?;
        maker.make_room(2 * BLOCK, BLOCK)?;
        let Some(block) = Block::parse(file, at) else {
            maker.token(range, Token::Other, &[]);
            continue;
        };
        let placed = placer.place(file, at, block);
        let payload = placed.payload(file);
        if !placed.is_data {
            let data = file.get(range.clone()).unwrap_or_default().to_vec();
            let record = Control::Record { kind: 0, address: 0, data };
            maker.token(range, Token::Control(record), &[]);
            continue;
        }
        if !payload.is_empty() {
            if let Some(series) = maker.writer.series_for(&block) {
                maker.tell(&Control::Series(series));
            }
            let tail = uf2::tail(file, &placed);
            if !maker.writer.has_tail(tail, &block, payload) {
                maker.tell(&Control::Tail(Tail::of(tail, &block, payload)));
            }
        }
        let data = Token::Data { address: block.address, kind: 0, target: placed.target };
        maker.token(range, data, payload);
    }
    Ok(maker.finish(Format::Uf2, UF2))
}
