//! What a datagram is, by its first byte.

use flashdelta::receive::Pieces;

/// A datagram.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Datagram<'a> {
    /// A message of the group, as `flashdelta::group` has it.
    Group(&'a [u8]),
    /// What of the patch is missing? The number of the question.
    Ask(u16),
    /// The header of the patch with its signatures.
    Header(&'a [u8]),
    /// Numbers of pieces, and the exclusive or of their bytes.
    Pieces(Vec<u32>, &'a [u8]),
    /// What a device holds of the patch.
    Status(&'a [u8]),
}

const GROUP: u8 = 0;
const ASK: u8 = 1;
const HEADER: u8 = 2;
const PIECES: u8 = 3;
const STATUS: u8 = 4;

impl<'a> Datagram<'a> {
    /// `None`: it is none of ours. Anybody may send anything.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match *kind {
            GROUP => Self::Group(rest),
            ASK => Self::Ask(u16::from_le_bytes(rest.try_into().ok()?)),
            HEADER => Self::Header(rest),
            PIECES => {
                let (count, rest) = rest.split_first()?;
                let (numbers, sum) = rest.split_at_checked(4 * usize::from(*count))?;
                let numbers = numbers.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
                Self::Pieces(numbers.collect(), sum)
            }
            STATUS => Self::Status(rest),
            _ => return None,
        })
    }
}

pub(crate) fn group(message: &[u8]) -> Vec<u8> {
    [&[GROUP], message].concat()
}

pub(crate) fn ask(question: u16) -> Vec<u8> {
    [&[ASK][..], &question.to_le_bytes()].concat()
}

pub(crate) fn header(front: &[u8]) -> Vec<u8> {
    [&[HEADER], front].concat()
}

pub(crate) fn pieces(pieces: &Pieces, sum: &[u8]) -> Vec<u8> {
    let mut bytes = vec![PIECES, pieces.numbers().len() as u8];
    pieces.numbers().iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend(sum);
    bytes
}

pub(crate) fn status(status: &[u8]) -> Vec<u8> {
    [&[STATUS], status].concat()
}

#[cfg(test)]
mod tests {
    use super::{ask, pieces, Datagram};
    use flashdelta::receive::Pieces;

    #[test]
    fn what_is_written_is_read_and_what_is_cut_short_is_not() {
        assert_eq!(Datagram::parse(&ask(0x102)), Some(Datagram::Ask(0x102)));
        let sent = pieces(&Pieces::one(7), b"sum");
        assert_eq!(Datagram::parse(&sent), Some(Datagram::Pieces(vec![7], b"sum")));
        assert_eq!(Datagram::parse(&sent[..5]), None);
        assert_eq!(Datagram::parse(&[]), None);
        assert_eq!(Datagram::parse(&[9, 1, 2]), None);
    }
}
