//! Instruction sets: find the references in old code, say where they point, write them anew.
//!
//! An approximate copy walks the *old* image unit by unit (a unit is an instruction or a data
//! word). For each unit that holds an address, the maker and the applier ask the shift map where
//! the old target has gone and [re-encode](Isa::encode) the unit for it. Both sides run exactly
//! this code, so they cannot drift apart.
//!
//! One file per instruction set, and a row in the [table]; everything here is `no_std`,
//! allocation-free and panic-free (no indexing, no arithmetic that can overflow in debug builds):
//! addresses are `u32` and wrap.

mod interface;
mod literals;
mod mcs51;
mod place;
mod riscv;
mod rows;
pub(crate) mod set;
pub(crate) mod table;
mod tc32;
#[cfg(test)]
mod testing;
mod thumb;
mod unit;
mod xtensa;

pub(crate) use interface::Isa;
pub use place::AddressRange;
pub(crate) use place::{Place, LOOKAHEAD};
pub use set::{InstructionSet, UnknownInstructionSet};
pub(crate) use table::{with_isa, State};
pub(crate) use unit::{Form, Unit};
