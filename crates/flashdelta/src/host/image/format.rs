//! The container formats.

use core::fmt;
use std::path::Path;

use super::rows::formats;

/// Makes the enumeration from the rows.
macro_rules! enumeration {
    ($(
        $(#[$doc:meta])*
        $format:ident, $name:literal, $words:literal, [$($ending:literal),*],
        [$($trait:ident),*], $module:ident :: $handler:ident;
    )*) => {
        /// A container format.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Format {
            $( $(#[$doc])* $format, )*
        }

        impl Format {
            /// All formats.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$format),*];

            /// A stable name of it, for machines: in JSON, in Python.
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$format => $name, )*
                }
            }

            /// The endings of file names that promise it, in lower case.
            fn endings(self) -> &'static [&'static str] {
                match self {
                    $( Self::$format => &[$($ending),*], )*
                }
            }

            fn has(self, special: Trait) -> bool {
                let found: &[Trait] = match self {
                    $( Self::$format => &[$(Trait::$trait),*], )*
                };
                found.contains(&special)
            }
        }

        impl fmt::Display for Format {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $( Self::$format => $words, )*
                })
            }
        }
    };
}

formats!(enumeration);

impl Format {
    /// The format of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that the ending of a file name, in lower case, promises.
    pub fn by_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.endings().contains(&extension))
    }

    /// The format in which a file of this name is written. A `.txt` is TI-TXT: no other text is
    /// written; read it may be any.
    pub fn to_write(path: &Path) -> Option<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        match &*extension.to_ascii_lowercase() {
            "txt" => Some(Self::TiTxt),
            extension => Self::by_extension(extension),
        }
    }

    /// Whether it is a format of records, each with an address of its own: then the file is not the
    /// image that a device holds.
    pub fn is_records(self) -> bool {
        self.has(Trait::Records)
    }

    /// Whether what a device holds is taken out of the file: of records, and of JSON that holds an
    /// image.
    pub fn is_unpacked(self) -> bool {
        self.is_records() || self.has(Trait::Packed)
    }

    /// Whether images are written in this format.
    pub fn is_written(self) -> bool {
        self.has(Trait::Written)
    }

    /// Whether its records are lines of text.
    pub(crate) fn is_lines(self) -> bool {
        self.has(Trait::Lines)
    }

    /// Whether the image that a device holds is in it as it is, among other things.
    pub(crate) fn is_wrapped(self) -> bool {
        self.has(Trait::Wrapped)
    }
}

/// What is special about a format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trait {
    /// Records, each with an address of its own.
    Records,
    /// Records, each in a line of text.
    Lines,
    /// The image is in it, compressed or as text.
    Packed,
    /// The image is in it as it is, and a device does not hold what is around it.
    Wrapped,
    /// Images are written in it.
    Written,
}
