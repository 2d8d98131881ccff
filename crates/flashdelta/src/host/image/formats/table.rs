//! Which handler a format has.

use super::handler::Handler;
use crate::host::image::format::Format;
use crate::host::image::rows::formats;

/// Makes the choice from the rows.
macro_rules! choice {
    ($(
        $(#[$doc:meta])*
        $format:ident, $name:literal, $words:literal, [$($ending:literal),*],
        [$($trait:ident),*], $module:ident :: $handler:ident;
    )*) => {
        /// What is done with files of a format.
        pub(crate) fn handler(format: Format) -> &'static Handler {
            match format {
                $( Format::$format => &super::$module::$handler, )*
            }
        }
    };
}

formats!(choice);
