//! flashdelta
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]
mod coding;
#[cfg(feature = "std")]
#[doc(hidden)]
pub mod diff;
pub use predict::address_map::{Segment, SegmentKind};
pub use predict::walker::InstructionSet;
mod isa;
mod model;
mod predict;
#[doc(hidden)]
pub mod tune {
    use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
    pub static LAST: AtomicI32 = AtomicI32::new(0);
    pub static T: [AtomicI32; 40] = [const { AtomicI32::new(i32::MIN) }; 40];
    #[inline(always)]
    pub fn t(i: usize, d: i32) -> i32 { let v = T[i].load(Relaxed); if v == i32::MIN { d } else { v } }
}
