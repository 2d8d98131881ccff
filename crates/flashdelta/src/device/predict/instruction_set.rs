//! Instruction sets by name and by number.

use super::walker::InstructionSet;
use core::fmt;

impl InstructionSet {
    /// All instruction sets, and the three sizes of unit where there is none.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Thumb,
        Self::RiscV,
        Self::Xtensa,
        Self::Tc32,
        Self::Mcs51,
        Self::Halves,
        Self::Bytes,
    ];

    /// The instruction set of a number in a patch header.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            1 => Self::Thumb,
            2 => Self::RiscV,
            3 => Self::Xtensa,
            4 => Self::Tc32,
            5 => Self::Mcs51,
            14 => Self::Halves,
            15 => Self::Bytes,
            _ => return None,
        })
    }

    /// The name, as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Thumb => "thumb",
            Self::RiscV => "riscv",
            Self::Xtensa => "xtensa",
            Self::Tc32 => "tc32",
            Self::Mcs51 => "mcs51",
            Self::Halves => "halves",
            Self::Bytes => "bytes",
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownInstructionSet;

impl fmt::Display for UnknownInstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such instruction set: choose one of")?;
        for (i, isa) in InstructionSet::ALL.iter().enumerate() {
            write!(f, "{} {isa}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownInstructionSet {}

impl core::str::FromStr for InstructionSet {
    type Err = UnknownInstructionSet;

    fn from_str(name: &str) -> Result<Self, UnknownInstructionSet> {
        Self::ALL.into_iter().find(|isa| isa.name() == name).ok_or(UnknownInstructionSet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_come_back() {
        for isa in InstructionSet::ALL {
            assert_eq!(isa.to_string().parse(), Ok(isa));
            assert_eq!(InstructionSet::from_number(isa as u8), Some(isa));
        }
        assert_eq!(InstructionSet::from_number(13), None);
        let error = "z80".parse::<InstructionSet>().unwrap_err().to_string();
        assert_eq!(
            error,
            "no such instruction set: choose one of none, thumb, riscv, xtensa, tc32, mcs51, halves, bytes"
        );
    }
}
