//! The table of an error type.

/// Gives an error type its `code` and `class`, from one table. A row is
/// `pattern => "code", Class`; after `else` come the variants that hold an error which has both
/// itself.
macro_rules! codes {
    (
        impl $type:ty {
            $($pattern:pat => $code:literal, $class:ident;)*
        }
        $(else { $($wrapper:pat => $inner:expr;)* })?
    ) => {
        impl $type {
            /// A stable name of what happened, for machines. `docs/errors.md` lists all.
            pub fn code(&self) -> &'static str {
                match self {
                    $($pattern => $code,)*
                    $($($wrapper => $inner.code(),)*)?
                }
            }

            /// Whose fault it is.
            pub fn class(&self) -> flashdelta::ErrorClass {
                match self {
                    $($pattern => flashdelta::ErrorClass::$class,)*
                    $($($wrapper => $inner.class(),)*)?
                }
            }

            /// The table: code and class.
            #[cfg(test)]
            pub(crate) const CODES: &'static [(&'static str, flashdelta::ErrorClass)] =
                &[$(($code, flashdelta::ErrorClass::$class)),*];
        }
    };
}

pub(crate) use codes;
