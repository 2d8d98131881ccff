//! Instruction sets by name, as text.

use core::fmt;

use crate::device::error::codes;

pub use super::table::InstructionSet;

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownInstructionSet;

codes! {
    impl[] UnknownInstructionSet {
        Self => "isa-name", Misuse, KnownIsa;
    }
}

impl fmt::Display for UnknownInstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no instruction set has this name, the known ones are")?;
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
            assert_eq!(isa.chips().is_empty(), isa.is_none());
        }
        assert_eq!(InstructionSet::from_number(InstructionSet::NUMBER_FOLLOWS), None);
        let error = "z80".parse::<InstructionSet>().unwrap_err().to_string();
        assert!(error.starts_with(
            "no instruction set has this name, the known ones are none, thumb, riscv"
        ));
        assert!(error.ends_with("halves, bytes"));
    }
}
