//! Values for holes, as they are written on the command line.

use std::path::Path;

use flashdelta::holes::{parse_bytes, Values};
use flashdelta::ErrorClass;

use crate::failure::{Failure, Outcome};
use crate::inputs;

/// `--set NAME=VALUE`
#[derive(Clone)]
pub(crate) struct Setting {
    name: String,
    value: String,
}

/// Reads a name and its value.
pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok(Setting { name: name.to_owned(), value: value.to_owned() })
}

/// All values; none may be given twice.
pub(crate) fn of(settings: &[Setting]) -> Outcome<Values> {
    let mut values = Values::new();
    for Setting { name, value } in settings {
        if values.set(name, bytes(value)?).is_some() {
            return Err(Failure::new(
                ErrorClass::Misuse,
                format!("--set {name}: it is given twice"),
            ));
        }
    }
    Ok(values)
}

/// A value: text, `hex:` and digits, or `file:` and a path.
pub(crate) fn bytes(text: &str) -> Outcome<Vec<u8>> {
    match text.strip_prefix("file:") {
        Some(path) => inputs::bytes(Path::new(path)),
        None => parse_bytes(text).map_err(|error| Failure::hole_syntax(&error)),
    }
}
