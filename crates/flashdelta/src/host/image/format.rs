//! The container formats.

use core::fmt;
use std::path::Path;

use super::rows::formats;

/// Makes the enumeration from the rows.
macro_rules! enumeration {
    ($(
        $(#[$doc:meta])*
        $format:ident, $name:literal, $words:literal, [$($ending:literal),*],
        $module:ident :: $handler:ident;
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
        matches!(self, Self::IntelHex | Self::Srec | Self::TiTxt | Self::Uf2)
    }

    /// Whether what a device holds is taken out of the file: of records, and of JSON that holds an
    /// image.
    pub fn is_unpacked(self) -> bool {
        self.is_records() || self == Self::Apj
    }
}
