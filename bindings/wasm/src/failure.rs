//! Errors of the library as JavaScript sees them.

use std::fmt::Display;

use flashdelta::{ErrorClass, Remedy};
use wasm_bindgen::JsValue;

use crate::remedy;
use crate::returned::object;

/// What is thrown: the fields of a `FlashdeltaError`, which JavaScript makes of it; or what a
/// callback threw.
pub(crate) type Failure = JsValue;

/// What comes of a call.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// The fields of an error.
pub(crate) fn failure(
    code: &str,
    class: ErrorClass,
    remedy: Option<Remedy>,
    error: &dyn Display,
) -> Failure {
    // The name alone: `MoreRam { needed: 4096 }` is `MoreRam`.
    let name = remedy.map(|remedy| format!("{remedy:?}"));
    let name = name.as_deref().and_then(|name| name.split_whitespace().next());
    let advice = remedy.as_ref().and_then(remedy::words);
    object(&[
        ("message", error.to_string().into()),
        ("code", code.into()),
        ("class", class.name().into()),
        ("remedy", name.map_or(JsValue::NULL, JsValue::from)),
        ("advice", advice.map_or(JsValue::NULL, JsValue::from)),
    ])
}

/// The fields of an error of the library. (Its types have no trait in common.)
macro_rules! failed {
    ($error:expr) => {{
        let error = $error;
        $crate::failure::failure(error.code(), error.class(), error.remedy(), &error)
    }};
}

pub(crate) use failed;

/// An option that is not possible.
pub(crate) fn option(message: &str) -> Failure {
    failure("option", ErrorClass::Misuse, None, &message)
}
