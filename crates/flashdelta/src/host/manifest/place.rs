//! Where in a JSON file a value is.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::host::json::JsonError;

impl JsonError {
    /// Line and column, from 1, of the value in `file` that is wrong; of what should hold it, if it
    /// is missing. `None` if the error is not about this file.
    pub fn place(&self, file: &[u8]) -> Option<(usize, usize)> {
        let path = match self {
            Self::Syntax { line, column, .. } => return Some((*line, *column)),
            Self::Missing { path }
            | Self::WrongType { path, .. }
            | Self::DuplicateKey { path }
            | Self::NotAnInteger { path, .. }
            | Self::OutOfRange { path, .. }
            | Self::Overlap { path, .. } => path,
        };
        let text = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
        let (mut value, mut path): (&RawValue, &str) = (serde_json::from_slice(text).ok()?, path);
        while let Some((inner, rest)) = step(value, path) {
            (value, path) = (inner, rest);
        }
        let at = (value.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let before = text.get(..at)?;
        let mut lines = before.split(|byte| *byte == b'\n');
        Some((lines.clone().count(), lines.next_back()?.len() + 1))
    }

    /// The error with its place in front, which is line and column.
    pub fn with_place(&self, place: Option<(usize, usize)>) -> String {
        match (self, place) {
            (Self::Syntax { .. }, _) | (_, None) => self.to_string(),
            (_, Some((line, column))) => format!("line {line}, column {column}: {self}"),
        }
    }
}

/// The value that the first part of a path leads to, and the rest of the path.
fn step<'a, 'p>(value: &'a RawValue, path: &'p str) -> Option<(&'a RawValue, &'p str)> {
    let path = path.strip_prefix('.').unwrap_or(path);
    if let Some(index) = path.strip_prefix('[') {
        let (index, rest) = index.split_once(']')?;
        let list: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
        return Some((list.get(index.parse::<usize>().ok()?)?, rest));
    }
    // Of a key that is there twice the second one counts, which is the one that is too many.
    let entries: BTreeMap<String, &RawValue> = serde_json::from_str(value.get()).ok()?;
    let follows = |(key, inner): (String, &'a RawValue)| {
        let rest = path.strip_prefix(key.as_str())?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some((inner, rest))
    };
    // A key may have points itself: the longest one that fits.
    entries.into_iter().rev().find_map(follows)
}

#[cfg(test)]
mod tests {
    use super::super::esp_idf::FlasherArgs;
    use super::super::esp_web_tools::Manifest;
    use super::*;

    #[test]
    fn values_are_found_where_they_stand() {
        let place =
            |text: &str| Manifest::parse(text.as_bytes()).unwrap_err().place(text.as_bytes());
        let text = "\u{feff}{\"builds\": [\n  {\"chipFamily\": \"ESP32\", \"parts\": [\n    \
                    {\"path\": \"a\", \"offset\": 32.768}]}]}";
        assert_eq!(place(text), Some((3, 29)));
        assert_eq!(place("{\"builds\":\n {}}"), Some((2, 2)));
        assert_eq!(place("\n{}"), Some((2, 1)));
        assert_eq!(place("{\"builds\": [\n{\"parts\": []}]}"), Some((2, 1)), "what should hold it");
        assert_eq!(place("{\"builds\": [],\n\"builds\": []}"), Some((2, 11)), "the second one");
        assert_eq!(place("{\"builds\": [\n}"), Some((2, 1)));
        let text = r#"{"flash_files": {"0x10": 3, "0x10.5": "a.bin"}}"#;
        assert_eq!(
            FlasherArgs::parse(text.as_bytes()).unwrap_err().place(text.as_bytes()),
            Some((1, 26))
        );
        let error =
            JsonError::NotAnInteger { path: "flash_files.0x10.5".to_owned(), found: String::new() };
        assert_eq!(error.place(text.as_bytes()), Some((1, 39)));
    }
}
