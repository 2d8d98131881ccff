//! How the body of a patch is coded.

use crate::device::error::codes;

/// Makes the enumeration from its rows: number in a patch header, name, Cargo feature, and what it
/// is good for.
macro_rules! codecs {
    ($(
        $(#[$doc:meta])*
        $codec:ident = $number:literal, $name:literal, $feature:tt, $good_for:literal;
    )*) => {
        /// How the body of a patch is coded.
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[repr(u8)]
        pub enum Codec {
            $( $(#[$doc])* $codec = $number, )*
        }

        impl Codec {
            /// All codecs.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$codec),*];

            /// The codec of a number in a patch header.
            pub(crate) fn from_number(number: u8) -> Option<Self> {
                Some(match number {
                    $( $number => Self::$codec, )*
                    _ => return None,
                })
            }

            /// Whether this codec was compiled in.
            pub fn is_available(self) -> bool {
                match self {
                    $( Self::$codec => cfg!(feature = $feature), )*
                }
            }

            /// The name, as the command line takes it.
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$codec => $name, )*
                }
            }

            /// What it is good for, in a few words.
            pub fn good_for(self) -> &'static str {
                match self {
                    $( Self::$codec => $good_for, )*
                }
            }
        }
    };
}

// A new codec is a row here, a folder in `codec`, and what the compiler then asks for.
codecs! {
    /// Operations as plain bytes. The smallest applier; for images that are nearly equal also a
    /// small patch.
    Raw = 0, "raw", "raw", "Not compressed: the smallest applier";
    /// Operations as bytes, compressed in LZ4 blocks: little code, fast.
    Lz4 = 1, "lz4", "lz4", "LZ4: little code, fast";
    /// Operations as bytes, compressed by Zstandard: for devices that run an operating system.
    Zstd = 2, "zstd", "zstd", "Zstandard: for devices with an operating system";
    /// Adaptive, mixed context models and a range coder: the smallest patches.
    #[default]
    Model = 3, "model", "model", "Adaptive models: the smallest patches";
}

impl core::fmt::Display for Codec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no codec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownCodec;

codes! {
    impl[] UnknownCodec {
        Self => "codec-name", Misuse, KnownCodec;
    }
}

impl core::fmt::Display for UnknownCodec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no codec has this name, the known ones are")?;
        for (i, codec) in Codec::ALL.iter().enumerate() {
            write!(f, "{} {codec}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownCodec {}

impl core::str::FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        Self::ALL.into_iter().find(|c| c.name() == name).ok_or(UnknownCodec)
    }
}
