//! The table of an error type.

/// Gives an error type its `code`, `class` and `remedy`, from one table.
///
/// A row is `pattern => "code", Class`, perhaps with a guard, or
/// `pattern => "code", Class, Remedy { field: value }`. After `else` come the variants that hold an
/// error which has all three itself, as `pattern => error`.
///
/// For the crates of this repository: it is no part of what is promised.
#[doc(hidden)]
#[macro_export]
macro_rules! codes {
    (
        impl[$($generic:ident),*] $type:ty {
            $($(#[$cfg:meta])* $pattern:pat $(if $guard:expr)? => $code:literal, $class:ident
                $(, $remedy:ident $({ $($fields:tt)* })?)?;)*
        }
        $(else { $($wrapper:pat => $inner:expr;)* })?
    ) => {
        impl<$($generic),*> $type {
            /// A stable name of what happened, for machines. `docs/errors.md` lists all.
            #[allow(unused_variables)]
            pub fn code(&self) -> &'static str {
                match self {
                    $($(#[$cfg])* $pattern $(if $guard)? => $code,)*
                    $($($wrapper => $inner.code(),)*)?
                }
            }

            /// Whose fault it is.
            #[allow(unused_variables)]
            pub fn class(&self) -> $crate::ErrorClass {
                match self {
                    $($(#[$cfg])* $pattern $(if $guard)? => $crate::ErrorClass::$class,)*
                    $($($wrapper => $inner.class(),)*)?
                }
            }

            /// What to do about it, if there is something to say.
            #[allow(unused_variables)]
            pub fn remedy(&self) -> Option<$crate::Remedy> {
                match self {
                    $($(#[$cfg])* $pattern $(if $guard)? => $crate::codes!(
                        @remedy $($remedy $({ $($fields)* })?)?
                    ),)*
                    $($($wrapper => $inner.remedy(),)*)?
                }
            }

            /// The table: code, class, and name of the remedy.
            #[cfg(test)]
            pub(crate) const CODES: &'static [(&'static str, $crate::ErrorClass, &'static str)] =
                &[$($(#[$cfg])* (
                    $code,
                    $crate::ErrorClass::$class,
                    concat!($(stringify!($remedy))?),
                )),*];
        }
    };
    (@remedy) => { None };
    (@remedy $remedy:ident $({ $($fields:tt)* })?) => {
        Some($crate::Remedy::$remedy $({ $($fields)* })?)
    };
}

pub(crate) use codes;
