//! Sets of features whose code is measured.

use super::guests;

/// Sets of features whose code is measured. `own` stands for the instruction set of the target.
pub(super) const SETS: [(&str, &str); 4] = [
    ("model, own ISA", "model,own"),
    ("model, three ISAs", "model,isa-thumb,isa-riscv,isa-xtensa"),
    ("everything", guests::EVERYTHING),
    ("lz4 and raw only", "lz4"),
];

/// What features cost that are not in [`SETS`]: the code of the first set, less that of the second.
/// Only in Rust and on [`COSTS_ON`]: what is beyond the applier differs little between cores.
///
/// What the guest does with a feature is part of its cost: the loop that feeds it, and taking
/// datagrams apart. Receiving and sets hold `nor::Records` each (1.2 KiB), which a device that has
/// both, or suspends to flash, has once.
pub(super) const COSTS: [(&str, &str, &str); 8] = [
    ("bounded calls", "model,own,bounded", "model,own"),
    ("suspending", "model,own,suspend", "model,own,bounded"),
    ("signature of the header", "model,own,signed", "model,own"),
    ("chunks, in order", "model,own,guard", "model,own,signed"),
    ("chunks, in any order", "model,own,receive", "model,own,signed"),
    ("component set", "model,own,set", "model,own,guard"),
    ("holes, values kept", "model,own,holes", "model,own"),
    ("holes, values given", "model,own,values", "model,own,holes"),
];

pub(super) const COSTS_ON: &str = "thumbv7m";
