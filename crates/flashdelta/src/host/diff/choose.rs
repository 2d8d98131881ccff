//! What to predict by: instruction set and address maps, from the options, from the containers, or
//! by trying.

use super::options::DiffOptions;
use super::parallel::in_parallel;
use super::search::Prediction;
use crate::device::format::{MOST_RANGES, MOST_SEGMENTS};
use crate::device::isa::AddressRange;
use crate::device::isa::InstructionSet;
use crate::device::predict::address_map::{Segment, SegmentKind};
use crate::host::encode::Maps;
use crate::host::image::{self, AddressMap, IsaHint, MapSegment};

/// Below this effort nothing is tried that no container hints at; for large images, below the next
/// one.
const TRY_EFFORT: u8 = 3;

/// Images up to this size together are searched for more predictions.
pub(crate) const SMALL: usize = 4 << 20;

/// From this effort on, what a container hints at has to compete with no prediction at all.
pub(crate) const DOUBT_EFFORT: u8 = 7;

/// What is worth trying; the smallest patch wins, of equals the first.
pub(crate) fn predictions(old: &[u8], new: &[u8], options: &DiffOptions) -> Vec<Prediction> {
    if old == new {
        // There is nothing to predict, and a map would only take room in the header.
        return vec![Prediction::default()];
    }
    let (old_map, new_map) = address_maps(old, new, options);
    let hint = new_map.isa.or(old_map.isa).map(IsaHint::instruction_set);
    let mut maps = maps(&old_map, &new_map, (old.len(), new.len()));
    if !options.profile.reads_address_maps() {
        maps = Maps::default();
    }
    if let Some(isa) = options.isa {
        let maps = if maps.old.is_empty() && !isa.is_none() { whole(old, new, 0) } else { maps };
        return vec![Prediction::new(isa, maps)];
    }
    let hint = hint.filter(|isa| options.profile.predicts(*isa));
    let mut list = Vec::new();
    match hint {
        Some(isa) if !maps.old.is_empty() => {
            list.push(Prediction::new(isa, maps));
            if options.effort >= DOUBT_EFFORT {
                list.push(Prediction::default());
            }
        }
        _ => {
            list.push(Prediction::default());
            let maps = if maps.old.is_empty() { whole(old, new, 0) } else { maps };
            let all = InstructionSet::ALL.into_iter().filter(|isa| !isa.is_none());
            let plausible = all.filter(|isa| hint.is_none_or(|h| h == *isa));
            let is_small = old.len() + new.len() <= SMALL;
            let effort = if is_small { TRY_EFFORT } else { DOUBT_EFFORT };
            for isa in
                plausible.filter(|isa| options.profile.predicts(*isa) && options.effort >= effort)
            {
                list.push(Prediction::new(isa, maps.clone()));
            }
        }
    }
    list
}

/// The address maps of the options, or what the containers tell.
fn address_maps(old: &[u8], new: &[u8], options: &DiffOptions) -> (AddressMap, AddressMap) {
    if let (None, Some(old), Some(new)) = (options.base, &options.old_map, &options.new_map) {
        return (old.clone(), new.clone());
    }
    // To find out where a plain binary is takes time.
    let found =
        in_parallel(options.thread_count(), || image::address_map(old), || image::address_map(new));
    let (old_map, new_map) = image::completed([old, new], found);
    match options.base {
        Some(base) => {
            let at = |isa, image: &[u8]| AddressMap { isa, ..AddressMap::at(base, image.len()) };
            (at(old_map.isa, old), at(new_map.isa, new))
        }
        None => (old_map, new_map),
    }
}

/// All of both images, at this address.
fn whole(old: &[u8], new: &[u8], base: u32) -> Maps {
    maps(&AddressMap::at(base, old.len()), &AddressMap::at(base, new.len()), (old.len(), new.len()))
}

/// Address maps that fit into a header.
fn maps(old: &AddressMap, new: &AddressMap, (old_len, new_len): (usize, usize)) -> Maps {
    let mut ranges: Vec<AddressRange> =
        old.reserved.iter().copied().filter(|r| r.start < r.end).collect();
    ranges.sort_by_key(|r| core::cmp::Reverse(r.end - r.start));
    ranges.truncate(MOST_RANGES);
    ranges.sort_by_key(|r| r.start);
    let mut maps = Maps {
        old: segments(&old.segments, old_len),
        new: segments(&new.segments, new_len),
        ranges,
    };
    maps.align_ranges();
    maps
}

/// Sorted segments inside the image, without overlap, neighbours joined, the largest ones only.
fn segments(segments: &[MapSegment], len: usize) -> Vec<Segment> {
    let len = len as u32;
    let mut sorted: Vec<Segment> =
        segments.iter().filter(|s| s.offset < len && s.len > 0).map(decided).collect();
    sorted.sort_by_key(|s| s.offset);
    let mut result: Vec<Segment> = Vec::new();
    for mut s in sorted {
        s.len = s.len.min(len - s.offset);
        match result.last_mut() {
            Some(last) if last.end() > s.offset => {}
            Some(last)
                if last.end() == s.offset
                    && last.address_of(s.offset) == s.address
                    && are_alike(last, &s) =>
            {
                last.kind = if s.len > last.len { s.kind } else { last.kind };
                last.len += s.len;
            }
            _ => result.push(s),
        }
    }
    result.sort_by_key(|s| core::cmp::Reverse(s.len));
    result.truncate(MOST_SEGMENTS);
    result.sort_by_key(|s| s.offset);
    result
}

/// What may be code or data is walked as code.
fn decided(s: &MapSegment) -> Segment {
    let kind = s.kind.unwrap_or(SegmentKind::Code);
    Segment { offset: s.offset, len: s.len, address: s.address, kind }
}

/// Segments of different kinds are joined if one of them is too small to be worth its bytes in the
/// header.
fn are_alike(a: &Segment, b: &Segment) -> bool {
    const SMALL: u32 = 256;
    a.kind == b.kind || a.len.min(b.len) < SMALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_made_to_fit() {
        let s = |offset, len, address| MapSegment { offset, len, address, kind: None };
        let given = [
            s(50, 100, 0x5000),
            s(0, 10, 0x1000),
            s(10, 10, 0x100A),
            s(15, 10, 0),
            s(200, 1, 0),
            s(30, 0, 0),
        ];
        let kept = [s(0, 20, 0x1000), s(50, 70, 0x5000)].map(|s| decided(&s));
        assert_eq!(segments(&given, 120), kept);
        let many: Vec<MapSegment> = (0..40).map(|i| s(i * 100, 50 + i, 0x8000 + i)).collect();
        let kept = segments(&many, 4000);
        assert_eq!((kept.len(), kept[0].offset), (MOST_SEGMENTS, 2500));
    }
}
