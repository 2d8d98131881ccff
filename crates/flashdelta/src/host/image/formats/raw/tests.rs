//! Binaries whose map is known.

use crate::device::isa::AddressRange;
use crate::host::image::isa_hint::IsaHint;
use crate::host::image::{address_map, Format};

/// Functions `push {r4, lr}; ldr r0, [pc, #4]; pop {r4, pc}; nop; .word literal; nop...` of
/// different lengths, with literals that point to other functions and to RAM.
fn thumb(base: u32, functions: u32, header: usize) -> Vec<u8> {
    let len = |n: u32| 12 + (n.wrapping_mul(0x9e37_79b9) >> 27) * 4;
    let starts: Vec<u32> =
        (0..functions).scan(64, |at, n| Some(core::mem::replace(at, *at + len(n)))).collect();
    let mut image = vec![0xff; header];
    let handler = base + 64 + 1;
    for word in [0x2000_4000, handler, handler + 12, handler + 24].into_iter().chain([0; 12]) {
        image.extend(word.to_le_bytes());
    }
    for n in 0..functions {
        let target = starts[(n * 89 % functions) as usize];
        let literal = if n % 3 == 0 { 0x2000_0000 + n * 8 } else { base + target + 1 };
        let nops = core::iter::repeat_n(0x46c0u16, (len(n) as usize - 12) / 2);
        let code = [0xb510u16, 0x4801, 0xbd10, 0x46c0, literal as u16, (literal >> 16) as u16]
            .into_iter()
            .chain(nops);
        image.extend(code.flat_map(u16::to_le_bytes));
    }
    image
}

#[test]
fn finds_the_base_of_a_cortex_m_image_also_behind_a_header() {
    for (base, header) in [(0x0800_4000, 0), (0x0001_0000, 16), (0x1000_0100, 6), (0, 0)] {
        let map = address_map(&thumb(base, 293, header));
        assert_eq!(map.format, Format::Raw);
        assert_eq!(map.isa, Some(IsaHint::Thumb));
        let phase = u32::try_from(header).unwrap();
        if let Some(expected) = base.checked_sub(phase) {
            assert_eq!(map.segments[0].address, expected, "base {base:#x} header {header}");
        }
        assert_eq!(map.reserved, [AddressRange { start: 0x2000_0000, end: 0x2001_0000 }]);
    }
}

#[test]
fn too_little_code_falls_back_to_the_vector_table() {
    let map = address_map(&thumb(0x0800_0000, 8, 0));
    assert_eq!(map.segments[0].address, 0x0800_0000);
}

#[test]
fn random_bytes_have_no_instruction_set() {
    let mut state = 1u32;
    let noise: Vec<u8> = (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let map = address_map(&noise);
    assert_eq!((map.isa, map.segments.len()), (None, 0));
}

/// AArch64 functions of different lengths, and the same 64-bit word 20 times, which is the address
/// of one of them if the image is at 0x0053_4000; or words that are the addresses of 20.
fn aarch64(is_repeated: bool) -> Vec<u8> {
    let mut image = Vec::new();
    let mut starts = Vec::new();
    for n in 0..400u32 {
        starts.push(image.len() as u64);
        let nops = (n.wrapping_mul(0x9e37_79b9) >> 27) as usize;
        let code = [0xa9bf_7bfdu32, 0xd65f_03c0].into_iter();
        image
            .extend(code.chain(core::iter::repeat_n(0xd503_201f, nops)).flat_map(u32::to_le_bytes));
    }
    image.resize(image.len().next_multiple_of(8), 0);
    for n in 0..20 {
        let function = if is_repeated { 7 } else { n * 19 };
        image.extend((0x0053_4000 + starts[function]).to_le_bytes());
    }
    image
}

#[test]
fn a_word_that_is_repeated_is_one_witness() {
    let scattered = address_map(&aarch64(false));
    assert_eq!(scattered.isa, Some(IsaHint::AArch64));
    assert_eq!(scattered.segments[0].address, 0x0053_4000);
    let repeated = address_map(&aarch64(true));
    assert_eq!((repeated.isa, repeated.segments.len()), (Some(IsaHint::AArch64), 0));
}
