//! What compressed data consists of: literals and matches.

/// A literal (the byte), or a match (its length, 3 to 258, in the upper half, its distance, 1 to
/// 32768, in the lower).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token(pub(super) u32);

impl Token {
    pub(super) fn literal(byte: u8) -> Self {
        Self(byte.into())
    }

    pub(super) fn matched(len: usize, distance: usize) -> Self {
        Self((len as u32) << 16 | distance as u32)
    }

    /// Length and distance of a match; `None`: a literal.
    pub(super) fn as_match(self) -> Option<(usize, usize)> {
        let len = (self.0 >> 16) as usize;
        (len > 0).then_some((len, (self.0 & 0xFFFF) as usize))
    }

    /// Bytes that it stands for.
    pub(super) fn len(self) -> usize {
        self.as_match().map_or(1, |(len, _)| len)
    }
}

/// Base and extra bits of the length codes from 257 on (RFC 1951, 3.2.5).
pub(super) const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// Base and extra bits of the distance codes (RFC 1951, 3.2.5).
pub(super) const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// The code of a value: its index in the table, the value's offset from the base, and the number of
/// extra bits.
pub(super) fn code_of(table: &[(u16, u8)], value: usize) -> (usize, u32, u32) {
    let index = table.partition_point(|(base, _)| usize::from(*base) <= value).saturating_sub(1);
    let (base, extra) = table.get(index).copied().unwrap_or_default();
    (index, (value - usize::from(base)) as u32, extra.into())
}
