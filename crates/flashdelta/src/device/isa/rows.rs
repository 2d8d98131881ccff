//! What follows from a row of the [table](super::table): a variant, a number, a name, and the state
//! of the instruction set in use.

/// Makes the enumeration and the dispatch from the rows of the table: number in a patch header,
/// name, Cargo feature, state, where it is found.
macro_rules! instruction_sets {
    (($d:tt) $(
        $(#[$doc:meta])*
        $set:ident = $number:literal, $name:literal, $feature:tt, $state:ty, $chips:literal;
    )*) => {
        /// An instruction set that a patch predicts by.
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
        #[repr(u8)]
        pub enum InstructionSet {
            /// None, or one that flashdelta does not know: units of 4 bytes, which may be pointers.
            #[default]
            None = 0,
            $( $(#[$doc])* $set = $number, )*
            /// One that flashdelta does not know, of 16-bit instructions: units of 2 bytes.
            Halves = 14,
            /// One that flashdelta does not know, of any length: units of 1 byte.
            Bytes = 15,
        }

        impl InstructionSet {
            /// All instruction sets, and the three sizes of unit where there is none.
            pub const ALL: [Self; 3 + [$($number),*].len()] =
                [Self::None, $(Self::$set,)* Self::Halves, Self::Bytes];

            /// Reserved in patch headers, whose field has 4 bits: the number of an instruction set
            /// past 15 will follow. No row of the table may have it.
            pub(crate) const NUMBER_FOLLOWS: u8 = 13;

            /// The instruction set of a number in a patch header.
            pub(crate) fn from_number(number: u8) -> Option<Self> {
                Some(match number {
                    0 => Self::None,
                    $( $number => Self::$set, )*
                    14 => Self::Halves,
                    15 => Self::Bytes,
                    _ => return None,
                })
            }

            /// The name, as the command line takes it.
            pub fn name(self) -> &'static str {
                match self {
                    Self::None => "none",
                    $( Self::$set => $name, )*
                    Self::Halves => "halves",
                    Self::Bytes => "bytes",
                }
            }

            /// The chips that have it, in a few words; empty if [no code is
            /// predicted](Self::is_none).
            pub fn chips(self) -> &'static str {
                match self {
                    Self::None | Self::Halves | Self::Bytes => "",
                    $( Self::$set => $chips, )*
                }
            }

            /// Whether no code is predicted.
            pub fn is_none(self) -> bool {
                matches!(self, Self::None | Self::Halves | Self::Bytes)
            }

            /// Whether this instruction set was compiled in.
            pub fn is_available(self) -> bool {
                match self {
                    Self::None | Self::Halves | Self::Bytes => true,
                    $( Self::$set => cfg!(feature = $feature), )*
                }
            }
        }

        /// The state of one instruction set. The variants that an applier was built without do not
        /// exist in it.
        // There is no heap to put a large one on.
        #[allow(clippy::large_enum_variant)]
        pub(crate) enum State {
            /// None: units end at multiples of this many bytes.
            None(u32),
            $( #[cfg(feature = $feature)] $set($state), )*
        }

        impl State {
            /// The state of an instruction set at the start of a walk.
            #[inline(always)] // In place: it is large for a microcontroller's stack.
            pub(crate) fn of(isa: InstructionSet) -> Self {
                match isa {
                    $( #[cfg(feature = $feature)]
                    InstructionSet::$set => Self::$set(Default::default()), )*
                    InstructionSet::Bytes => Self::None(1),
                    InstructionSet::Halves => Self::None(2),
                    _ => Self::None(4),
                }
            }
        }

        /// Runs an expression with the state of whichever instruction set is in use; the last
        /// argument is the value for none.
        macro_rules! with_isa {
            ($d state:expr, $d isa:ident => $d body:expr, $d none:expr) => {
                match $d state {
                    $crate::device::isa::table::State::None(_) => $d none,
                    $( #[cfg(feature = $feature)]
                    $crate::device::isa::table::State::$set($d isa) => $d body, )*
                }
            };
        }
        pub(crate) use with_isa;
    };
}
pub(super) use instruction_sets;
