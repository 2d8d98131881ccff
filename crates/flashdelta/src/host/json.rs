//! JSON files that people publish: lenient about what they hold beside what is asked for, strict
//! about numbers.

use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::device::error::codes;

/// A JSON value. Unlike `serde_json::Value` it keeps keys that are there twice, so that they can be
/// refused.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    /// Everything with a point or an exponent, and what is too long for 64 bits.
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// What is wrong with a JSON file. Paths are like `builds[2].parts[0].offset`.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JsonError {
    /// It is not JSON.
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Something is missing.
    Missing {
        /// Where it should be.
        path: String,
    },
    /// Something is of another type.
    WrongType {
        /// Where it is.
        path: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A key is there twice.
    DuplicateKey {
        /// The key.
        path: String,
    },
    /// An offset is no integer. It is not rounded: `32.768` may have been meant to be 32768.
    NotAnInteger {
        /// Where it is.
        path: String,
        /// What it is.
        found: String,
    },
    /// An offset is negative, or beyond 4 GiB; or the part that begins there ends beyond.
    OutOfRange {
        /// Where it is.
        path: String,
        /// What it is.
        found: String,
    },
    /// Two parts overlap.
    Overlap {
        /// The second part.
        path: String,
        /// The part it overlaps with.
        other: String,
        /// Where the second one begins.
        offset: u32,
    },
}

codes! {
    impl[] JsonError {
        Self::Syntax { .. } => "json-syntax", BadFile, AcceptManifest;
        Self::Missing { .. } => "json-missing", BadFile, AcceptManifest;
        Self::WrongType { .. } => "json-wrong-type", BadFile, AcceptManifest;
        Self::DuplicateKey { .. } => "json-duplicate-key", BadFile, AcceptManifest;
        Self::NotAnInteger { .. } => "json-not-an-integer", BadFile, AcceptManifest;
        Self::OutOfRange { .. } => "json-out-of-range", BadFile, AcceptManifest;
        Self::Overlap { .. } => "json-overlap", BadFile, AcceptManifest;
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column, what } => {
                write!(f, "line {line}, column {column}: {what}")
            }
            Self::Missing { path } => write!(f, "{path} is missing"),
            Self::WrongType { path, expected, found } => {
                write!(f, "{path} should be {expected}, but is {found}")
            }
            Self::DuplicateKey { path } => {
                write!(f, "{path} is there twice: it is not clear which one counts")
            }
            Self::NotAnInteger { path, found } => {
                write!(f, "{path} is {found}, but an offset is a whole number of bytes")
            }
            Self::OutOfRange { path, found } => {
                write!(f, "{path} is {found}, but parts lie between 0 and 4 GiB (4294967296)")
            }
            Self::Overlap { path, other, offset } => {
                write!(f, "{path} begins at offset {offset} (0x{offset:x}), inside {other}")
            }
        }
    }
}

impl core::error::Error for JsonError {}

impl Json {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        // Some editors put a byte order mark in front.
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        serde_json::from_slice(bytes).map_err(|error| {
            let text = error.to_string();
            let what =
                text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
            JsonError::Syntax { line: error.line(), column: error.column(), what }
        })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// A value, and where it is.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) value: &'a Json,
    pub(crate) path: String,
}

impl<'a> Place<'a> {
    pub(crate) fn root(value: &'a Json) -> Self {
        Self { value, path: String::new() }
    }

    fn wrong(&self, expected: &'static str) -> JsonError {
        let path = if self.path.is_empty() { "the file".to_owned() } else { self.path.clone() };
        JsonError::WrongType { path, expected, found: self.value.kind() }
    }

    /// The entries of an object, whose keys are all different.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Self)>, JsonError> {
        let Json::Object(entries) = self.value else { return Err(self.wrong("an object")) };
        let mut found: Vec<(&str, Place<'a>)> = Vec::new();
        let mut keys = std::collections::BTreeSet::new();
        for (key, value) in entries {
            let path =
                if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            if !keys.insert(key) {
                return Err(JsonError::DuplicateKey { path });
            }
            found.push((key, Place { value, path }));
        }
        Ok(found)
    }

    /// The value of a key; `null` counts as none.
    pub(crate) fn find(&self, key: &str) -> Result<Option<Self>, JsonError> {
        let found =
            self.entries()?.into_iter().find(|(name, _)| *name == key).map(|(_, place)| place);
        Ok(found.filter(|place| *place.value != Json::Null))
    }

    /// The value of a key that has to be there.
    pub(crate) fn get(&self, key: &str) -> Result<Self, JsonError> {
        let path =
            || if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.find(key)?.ok_or_else(|| JsonError::Missing { path: path() })
    }

    pub(crate) fn list(&self) -> Result<Vec<Self>, JsonError> {
        let Json::List(values) = self.value else { return Err(self.wrong("a list")) };
        Ok(values
            .iter()
            .enumerate()
            .map(|(i, value)| Place { value, path: format!("{}[{i}]", self.path) })
            .collect())
    }

    pub(crate) fn text(&self) -> Result<&'a str, JsonError> {
        match self.value {
            Json::Text(text) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    /// A number of bytes below 4 GiB, as a number.
    pub(crate) fn offset(&self) -> Result<u32, JsonError> {
        match self.value {
            Json::Integer(value) => u32::try_from(*value).map_err(|_| JsonError::OutOfRange {
                path: self.path.clone(),
                found: value.to_string(),
            }),
            Json::Float(value) if value.abs() >= 4_294_967_296.0 => {
                Err(JsonError::OutOfRange { path: self.path.clone(), found: value.to_string() })
            }
            // 65536.0 is written as {:?} writes it, to show what is wrong with it.
            Json::Float(value) => Err(JsonError::NotAnInteger {
                path: self.path.clone(),
                found: format!("{value:?}"),
            }),
            _ => Err(self.wrong("a whole number")),
        }
    }

    /// A number of bytes below 4 GiB in a string, hexadecimal with `0x` in front or decimal.
    pub(crate) fn offset_in_text(&self) -> Result<u32, JsonError> {
        match self.value {
            Json::Text(text) => parse_offset(text, &self.path),
            _ => self.offset(),
        }
    }
}

/// An offset in a string.
pub(crate) fn parse_offset(text: &str, path: &str) -> Result<u32, JsonError> {
    let (path, found) = (path.to_owned(), text.to_owned());
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(JsonError::NotAnInteger { path, found });
    }
    let number = u32::from_str_radix(digits, radix).ok().filter(|_| !is_negative);
    number.ok_or(JsonError::OutOfRange { path, found })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Object(entries))
    }
}
