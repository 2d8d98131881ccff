//! Plain binaries of MCS-51 programs.

use crate::host::image::bytes::{index, u16_be};

/// Whether this begins with a reset vector, and is full of calls.
///
/// The image begins at address 0 then: there is the jump to the start, `LJMP addr16`. Compiled code
/// calls a library for much of what other processors have instructions for: one byte in 12 is an
/// `LCALL`, most of them to few addresses.
pub(super) fn is(binary: &[u8]) -> bool {
    if start(binary).is_none_or(|start| index(start) >= binary.len()) {
        return false;
    }
    let mut counts = vec![0usize; 1 << 16];
    let calls = binary.windows(3).filter(|code| code[0] == 0x12);
    calls.for_each(|code| counts[usize::from(u16::from_be_bytes([code[1], code[2]]))] += 1);
    let often: usize = counts.iter().filter(|count| **count >= 4).sum();
    often >= 16 && often > binary.len() / 64
}

/// Where the reset vector leads; `None` if there is none.
pub(super) fn start(binary: &[u8]) -> Option<u32> {
    u16_be(binary, 1).filter(|_| binary.first() == Some(&0x02)).map(u32::from)
}

#[cfg(test)]
mod tests {
    use crate::host::image::{address_map, IsaHint};

    #[test]
    fn a_reset_vector_and_many_calls() {
        // `LJMP 0003H`; `LCALL 0006H; MOV DPTR, #1234H; MOVX A, @DPTR; RET`...
        let code =
            [&[0x02, 0x00, 0x03][..], &[0x12, 0, 6, 0x90, 0x12, 0x34, 0xe0, 0x22].repeat(30)]
                .concat();
        let map = address_map(&code);
        assert_eq!((map.isa, map.segments[0].address), (Some(IsaHint::Mcs51), 0));
        assert_eq!(address_map(&code[3..]).isa, None, "no reset vector");
        let strange: Vec<u8> = (0..4000u32).map(|i| ((i * i) >> 3) as u8).collect();
        assert_eq!(address_map(&[&[0x02, 0, 3], &strange[..]].concat()).isa, None);
    }
}
