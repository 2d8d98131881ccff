//! The instruction sets, a row each. A new one is a file beside this one, a row here, and what
//! `tests/format/instruction_sets.rs` asks for: a Cargo feature, a constant in C, a name in Python.

use super::rows::instruction_sets;
use super::{mcs51, riscv, tc32, thumb, xtensa};

instruction_sets! { ($)
    /// Arm Thumb and Thumb-2: Cortex-M0 to M85.
    Thumb = 1, "thumb", "isa-thumb", thumb::Thumb, "Cortex-M";
    /// RISC-V RV32IMC.
    RiscV = 2, "riscv", "isa-riscv", riscv::Riscv, "32-bit RISC-V: ESP32-C3, C6, H2, ...";
    /// Xtensa LX106 to LX7.
    Xtensa = 3, "xtensa", "isa-xtensa", xtensa::Xtensa, "ESP8266, ESP32, ESP32-S2, S3";
    /// Telink TC32: TLSR82xx.
    Tc32 = 4, "tc32", "isa-tc32", tc32::Tc32, "Telink TLSR82xx";
    /// Intel MCS-51 (8051), 16-bit code addresses in banks of 32 KiB: CC2530 and its like.
    Mcs51 = 5, "mcs51", "isa-mcs51", mcs51::Mcs51, "8051: CC2530, ...";
}
