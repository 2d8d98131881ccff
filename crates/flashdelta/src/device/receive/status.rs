//! What a receiver tells a sender: which pieces of which patch it holds.

use super::bits;
use crate::device::format::crc32;

/// The version of the layout.
const VERSION: u8 = 1;

/// Bytes before the pieces.
const FRONT: usize = 20;

/// Bytes after them.
const CHECKSUM: usize = 4;

/// Names a patch: the first 8 bytes of the SHA-256 of its header. All zero: no patch.
pub type PatchId = [u8; 8];

/// How the pieces are written.
const BITMAP: u8 = 0;
const RUNS: u8 = 1;

/// What a receiver holds, as it travels.
///
/// | bytes | what |
/// |---|---|
/// | 1 | version: 1 |
/// | 1 | form: 0 bitmap, 1 runs |
/// | 2 | the [question](Self::question) that this answers, little-endian as all numbers |
/// | 8 | [`PatchId`]; zero: it holds no patch |
/// | 4 | number of pieces of the patch |
/// | 4 | *first*: all pieces before this one are held |
/// | | bitmap: bit *i* % 8 of byte *i* / 8 says whether piece *first* + *i* is held |
/// | | or runs, see below |
///
/// Runs are numbers in 7 bits a byte, the low ones first, bit 7 set where one goes on: that many
/// pieces from *first* on are missing, then that many are held, then missing, and so on.
/// | 4 | CRC-32 of all before it |
///
/// Nothing is said about pieces after the last one that bitmap or runs reach: a status has room in
/// a small datagram, too, and the next one goes on.
///
/// It is not authenticated, unless the transport does that: a forged one costs transmissions, which
/// the [`Distributor`](super::Distributor) bounds, or denies them to whom it is said to be of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status<'a> {
    /// Number of the question that it answers; 0: none was asked.
    pub question: u16,
    /// The patch that is held.
    pub patch: PatchId,
    /// Pieces that the patch has: of its chunk table, and then its chunks.
    pub pieces: u32,
    /// All pieces before this one are held.
    pub first: u32,
    form: u8,
    rest: &'a [u8],
}

impl<'a> Status<'a> {
    /// The longest status of a patch with this many pieces, in bytes: what to lend
    /// [`write`](Self::write) for one that says all.
    pub const fn max_len(pieces: u32) -> usize {
        (FRONT + CHECKSUM).saturating_add(pieces.div_ceil(8) as usize)
    }

    /// Writes a status into `out`, as much of it as there is room for, and gives its length; 0 if
    /// there is not even room for one that says nothing, 24 bytes. `held`: bit *i* % 8 of byte *i*
    /// / 8 says whether piece *i* is held. The shorter form is taken, or the one that says more.
    #[inline(never)] // That is less code.
    pub fn write(out: &mut [u8], question: u16, patch: PatchId, pieces: u32, held: &[u8]) -> usize {
        let first = bits::find(held, 0, pieces, false);
        let Some((front, rest)) = out.split_first_chunk_mut::<FRONT>() else { return 0 };
        let Some(room) = rest.len().checked_sub(CHECKSUM) else { return 0 };
        let (runs, reached) = write_runs(&mut [], room, first, pieces, held);
        let bitmap = (pieces.wrapping_sub(first).div_ceil(8) as usize).min(room);
        let by_bitmap = first.wrapping_add((bitmap as u32).wrapping_mul(8)).min(pieces);
        let takes_runs = reached > by_bitmap || reached == by_bitmap && runs < bitmap;
        let form = if takes_runs { RUNS } else { BITMAP };
        let ([q0, q1], [i0, i1, i2, i3, i4, i5, i6, i7]) = (question.to_le_bytes(), patch);
        let ([p0, p1, p2, p3], [f0, f1, f2, f3]) = (pieces.to_le_bytes(), first.to_le_bytes());
        *front =
            [VERSION, form, q0, q1, i0, i1, i2, i3, i4, i5, i6, i7, p0, p1, p2, p3, f0, f1, f2, f3];
        let len = if takes_runs {
            write_runs(rest, room, first, pieces, held).0
        } else {
            for (byte, to) in rest.iter_mut().take(bitmap).enumerate() {
                *to = 0;
                for bit in 0..8 {
                    let piece = first.wrapping_add(byte as u32 * 8 + bit);
                    *to |= u8::from(piece < pieces && bits::has(held, piece)) << bit;
                }
            }
            bitmap
        };
        let len = FRONT.wrapping_add(len);
        let (said, checksum) = out.split_at_mut_checked(len).unwrap_or_default();
        let crc = crc32(said).to_le_bytes();
        checksum.iter_mut().zip(crc).for_each(|(to, from)| *to = from);
        len.wrapping_add(CHECKSUM)
    }

    /// Reads one; `None` if it is none, or none that can be.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (said, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
        let (front, rest) = said.split_first_chunk::<FRONT>()?;
        if crc32(said) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let [VERSION, form, q0, q1, patch @ .., p0, p1, p2, p3, f0, f1, f2, f3] = *front else {
            return None;
        };
        let status = Self {
            question: u16::from_le_bytes([q0, q1]),
            patch,
            pieces: u32::from_le_bytes([p0, p1, p2, p3]),
            first: u32::from_le_bytes([f0, f1, f2, f3]),
            form,
            rest,
        };
        let left = status.pieces.checked_sub(status.first)?;
        let is_right = match form {
            BITMAP => {
                let told = (rest.len() as u64).saturating_mul(8);
                let unused = told.saturating_sub(left.into());
                let last = rest.last().copied().unwrap_or(0);
                // Of the last byte at least one bit is used, and the others are 0.
                unused < 8 && (unused == 0 || last >> (8 - unused as u32) == 0)
            }
            RUNS => {
                let mut runs = Runs(rest);
                let sum = runs.by_ref().try_fold(0u32, |sum, run| {
                    (run > 0).then_some(())?;
                    sum.checked_add(run)
                });
                runs.0.is_empty() && sum.is_some_and(|sum| sum <= left)
            }
            _ => false,
        };
        is_right.then_some(status)
    }

    /// Whether all pieces are held.
    pub fn is_complete(&self) -> bool {
        self.first == self.pieces && self.patch != [0; 8]
    }

    /// Calls `told` for each piece, in ascending order, with whether it is held; pieces about which
    /// nothing is said are left out.
    pub fn for_each(&self, mut told: impl FnMut(u32, bool)) {
        (0..self.first).for_each(|piece| told(piece, true));
        if self.form == BITMAP {
            let left = self.pieces.saturating_sub(self.first);
            let end = left.min((self.rest.len() as u32).saturating_mul(8));
            for bit in 0..end {
                told(self.first.wrapping_add(bit), bits::has(self.rest, bit));
            }
            return;
        }
        let (mut piece, mut held) = (self.first, false);
        for run in Runs(self.rest) {
            let end = piece.saturating_add(run);
            (piece..end).for_each(|piece| told(piece, held));
            piece = end;
            held = !held;
        }
    }
}

/// Writes runs into `out`, in at most `room` bytes, or only counts if `out` is empty: how many
/// bytes, and which piece is the first that is not told.
#[inline(never)] // One copy in the device's flash.
fn write_runs(out: &mut [u8], room: usize, first: u32, pieces: u32, held: &[u8]) -> (usize, u32) {
    let (mut len, mut piece, mut is_held) = (0usize, first, false);
    while piece < pieces {
        let end = bits::find(held, piece, pieces, !is_held);
        let mut number = end.wrapping_sub(piece);
        let takes = (32 - number.leading_zeros()).div_ceil(7) as usize;
        if len.saturating_add(takes) > room {
            break;
        }
        for _ in 0..takes {
            let goes_on = u8::from(number > 127) << 7;
            if let Some(byte) = out.get_mut(len) {
                *byte = number as u8 & 127 | goes_on;
            }
            number >>= 7;
            len = len.wrapping_add(1);
        }
        piece = end;
        is_held = !is_held;
    }
    (len, piece)
}

/// Numbers in 7 bits a byte; ends at one that is none.
struct Runs<'a>(&'a [u8]);

impl Iterator for Runs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (mut number, mut shift) = (0, 0);
        for (index, byte) in self.0.iter().enumerate().take(3) {
            number |= u32::from(byte & 127) << shift;
            shift += 7;
            if byte & 128 == 0 {
                // In the shortest form.
                if *byte == 0 && index > 0 {
                    return None;
                }
                self.0 = self.0.get(index.wrapping_add(1)..).unwrap_or_default();
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: &Status<'_>) -> Vec<bool> {
        let mut all = Vec::new();
        status.for_each(|piece, held| {
            assert_eq!(piece as usize, all.len());
            all.push(held);
        });
        all
    }

    /// Sets of `pieces` with this share of 16 held, or the first ones only.
    fn sets(pieces: u32) -> Vec<Vec<u8>> {
        let len = pieces.div_ceil(8) as usize;
        let mut state = 1u64;
        let mut sets = vec![vec![0; len], vec![0xFF; len]];
        for share in 0..16 {
            let mut set = vec![0; len];
            for piece in 0..pieces {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                bits::put(&mut set, piece, state >> 60 < share);
            }
            sets.push(set);
            let mut front = vec![0; len];
            (0..pieces * share as u32 / 16).for_each(|piece| bits::put(&mut front, piece, true));
            sets.push(front);
        }
        sets
    }

    /// Makes the checksum right.
    fn seal(bytes: &mut [u8], len: usize) {
        let Some(end) = len.checked_sub(CHECKSUM) else { return };
        let crc = crc32(&bytes[..end]).to_le_bytes();
        bytes[end..len].copy_from_slice(&crc);
    }

    #[test]
    fn what_is_written_is_read_as_far_as_there_is_room() {
        for pieces in [0, 1, 7, 8, 9, 63, 400, 3000] {
            for held in sets(pieces) {
                let all: Vec<_> = (0..pieces).map(|piece| bits::has(&held, piece)).collect();
                for room in (FRONT + CHECKSUM..=Status::max_len(pieces)).step_by(3).chain([1000]) {
                    let mut out = vec![0xAA; room];
                    let len = Status::write(&mut out, 7, [3; 8], pieces, &held);
                    let status = Status::parse(&out[..len]).expect("it is one");
                    assert_eq!((status.question, status.patch, status.pieces), (7, [3; 8], pieces));
                    let told = told(&status);
                    assert_eq!(told, all[..told.len()]);
                    assert!(room < Status::max_len(pieces) || told.len() == all.len());
                    assert_eq!(status.is_complete(), all.iter().all(|held| *held));
                    assert!(len <= Status::max_len(pieces), "the shorter form");
                }
            }
        }
    }

    #[test]
    fn runs_are_taken_where_they_are_shorter() {
        let mut held = vec![0xFF; 500];
        bits::put(&mut held, 1000, false);
        let mut out = [0; 600];
        assert_eq!(Status::write(&mut out, 0, [1; 8], 4000, &held), FRONT + 3 + CHECKSUM);
        assert_eq!(Status::write(&mut out[..23], 0, [1; 8], 4000, &held), 0);
    }

    #[test]
    fn whatever_is_parsed_stays_inside_the_patch() {
        let mut state = 9u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        let mut parsed = 0;
        for _ in 0..200_000 {
            let pieces = next() as u32 % 300;
            let sets = [0u8, 0xFF, 0x5A].map(|byte| [byte; 40]);
            let mut out = [0; 80];
            let len = Status::write(&mut out, 1, [1; 8], pieces, &sets[next() % 3]);
            for _ in 0..1 + next() % 2 {
                out[next() % len] = next() as u8;
            }
            let len = len.saturating_add_signed(next() as isize % 5 - 2).min(80);
            seal(&mut out, len);
            if let Some(status) = Status::parse(&out[..len]) {
                parsed += 1;
                let mut last = None;
                if status.pieces < 100_000 {
                    status.for_each(|piece, _| {
                        assert!(piece < status.pieces && last.is_none_or(|last| last < piece));
                        last = Some(piece);
                    });
                }
            }
        }
        assert!(parsed > 10_000, "{parsed}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let held = [0b0000_0101];
        let mut out = [0; 40];
        let len = Status::write(&mut out, 1, [1; 8], 5, &held);
        assert!(Status::parse(&out[..len]).is_some());
        for (at, value) in [(0, 0), (0, 2), (1, 2), (16, 6)] {
            let mut wrong = out;
            wrong[at] = value;
            assert!(Status::parse(&wrong[..len]).is_none(), "byte {at}");
            seal(&mut wrong, len);
            assert!(Status::parse(&wrong[..len]).is_none(), "byte {at}");
        }
        // A bit past the end, an empty byte too many, a run of none, one that goes on past the end.
        let front = out[..FRONT].to_vec();
        let with = |form: u8, rest: &[u8]| {
            let mut all = front.clone();
            all[1] = form;
            all.extend(rest);
            all.extend(crc32(&all).to_le_bytes());
            Status::parse(&all).is_some()
        };
        // Pieces 1 to 4 are told of.
        assert!(with(BITMAP, &[0b1111]) && with(RUNS, &[1, 2, 1]) && with(RUNS, &[]));
        assert!(!with(BITMAP, &[0b1_0000]) && !with(BITMAP, &[0, 0]));
        assert!(!with(RUNS, &[0, 1]) && !with(RUNS, &[1, 2, 2]) && !with(RUNS, &[0x81]));
        assert!(!with(RUNS, &[0x81, 0]) && !with(RUNS, &[0x80, 0x80, 0x80, 1]));
    }
}
