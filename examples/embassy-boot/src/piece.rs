//! Pieces of a patch, as they go through a channel.

/// The longest piece.
pub const PIECE: usize = 256;

/// Some bytes of a patch, or its end.
#[derive(Clone, Debug)]
pub struct Piece {
    bytes: [u8; PIECE],
    len: u16,
}

impl Piece {
    /// The end of a patch, or of the link that brings it.
    pub const END: Self = Self { bytes: [0; PIECE], len: 0 };

    /// A piece; `None` if there are more than [`PIECE`] bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut piece = Self::END;
        piece.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        piece.len = bytes.len() as u16;
        Some(piece)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}
