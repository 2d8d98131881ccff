//! How a text file writes its records.

use crate::host::image::lines::{Line, Lines};
use crate::host::image::template::{Habits, Token, LINE_ENDS};

/// This many lines tell the habits.
const SAMPLE: usize = 256;
/// The habits that the first lines show.
pub(super) fn text_habits(
    file: &[u8],
    prefix: usize,
    kind: u8,
    mut token: impl FnMut(&Line, &mut Vec<u8>) -> Token,
) -> Habits {
    let mut habits = Habits::new(16, kind);
    let (mut lens, mut data) = ([0u32; 256], Vec::new());
    let (mut lower, mut upper, mut ends, mut kinds) = (0usize, 0usize, [0usize; 4], [0usize; 16]);
    for line in Lines::new(file).take(SAMPLE) {
        data.clear();
        if let Token::Data { kind, .. } = token(&line, &mut data) {
            if let Some(count) = lens.get_mut(data.len()).filter(|_| !data.is_empty()) {
                *count += 1;
            }
            kinds[usize::from(kind & 15)] += 1;
        }
        let text = file.get(line.text.clone()).unwrap_or_default();
        lower += text.iter().skip(prefix).filter(|b| b.is_ascii_lowercase()).count();
        upper += text.iter().skip(prefix).filter(|b| b.is_ascii_uppercase()).count();
        let end = file.get(line.text.end..line.whole.end).unwrap_or_default();
        if let Some(n) = LINE_ENDS.iter().position(|known| *known == end) {
            ends[n] += 1;
        }
    }
    // The longest of the most frequent lengths.
    let best = lens
        .iter()
        .enumerate()
        .max_by_key(|(len, count)| (**count, *len))
        .map_or(16, |(len, _)| len);
    habits.len = best.max(1);
    habits.lower = lower > upper;
    let most = |counts: &[usize]| {
        counts
            .iter()
            .enumerate()
            .max_by_key(|(n, count)| (**count, core::cmp::Reverse(*n)))
            .map_or(0, |(n, _)| n)
    };
    habits.line_end = LINE_ENDS[most(&ends)];
    if kinds.iter().skip(1).any(|count| *count != 0) {
        habits.kind = most(&kinds) as u8;
    }
    habits
}
