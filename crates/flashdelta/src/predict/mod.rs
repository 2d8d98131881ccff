//! Prediction: what a unit of the old image becomes in the new one.

pub(crate) mod address_map;
pub(crate) mod instruction_set;
pub(crate) mod shift_map;
#[cfg_attr(
    not(any(
        feature = "isa-thumb",
        feature = "isa-riscv",
        feature = "isa-xtensa",
        feature = "isa-tc32",
        feature = "isa-mcs51"
    )),
    allow(unused_variables, unreachable_patterns)
)]
pub(crate) mod walker;
