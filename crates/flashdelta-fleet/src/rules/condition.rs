//! Conditions: which devices a rule is for.

use core::fmt;
use std::sync::Arc;

use cel::parser::Parser;
use cel::{IdedExpr, Value};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::check::check;
use super::{ConditionError, Facts};

/// Which devices a rule is for: an expression in CEL. In JSON it is its text.
#[derive(Clone)]
pub struct Condition {
    text: String,
    /// `None`: it holds for all.
    expression: Option<Arc<IdedExpr>>,
}

/// Why it is not known whether a condition holds: a key is missing, or a number out of range.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConditionFailed {
    /// What the interpreter says.
    pub message: String,
}

impl Condition {
    /// The longest expression, in bytes.
    pub const MAX_LEN: usize = 4096;
    /// How deeply expressions may be nested.
    pub const MAX_DEPTH: u16 = 24;

    /// The condition that holds for every device.
    pub fn always() -> Self {
        Self { text: "true".to_owned(), expression: None }
    }

    /// Reads and checks an expression.
    ///
    /// # Errors
    ///
    /// [`ConditionError`].
    pub fn new(text: &str) -> Result<Self, ConditionError> {
        if text.len() > Self::MAX_LEN {
            return Err(ConditionError::TooLong { found: text.len(), limit: Self::MAX_LEN });
        }
        check_chains(text)?;
        let parser = Parser::new().max_recursion_depth(Self::MAX_DEPTH).error_recovery_limit(4);
        let expression = parser.parse(text).map_err(|errors| ConditionError::Syntax {
            // The first one tells.
            message: errors.errors.first().map_or_else(String::new, |error| {
                let (line, column) = error.pos;
                format!("line {line}, column {column}: {}", error.msg)
            }),
        })?;
        check(&expression)?;
        Ok(Self { text: text.to_owned(), expression: Some(Arc::new(expression)) })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for a device.
    ///
    /// # Errors
    ///
    /// [`ConditionFailed`].
    pub fn holds(&self, facts: &Facts) -> Result<bool, ConditionFailed> {
        let Some(expression) = &self.expression else { return Ok(true) };
        match Value::resolve(expression, facts.context()) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(ConditionFailed { message: format!("found {other:?}") }),
            Err(error) => Err(ConditionFailed { message: error.to_string() }),
        }
    }
}

/// Operations in a row without brackets, such as `a.b.c` and `1 + 2 + 3`, are nested as well, and
/// the parser does not count them. What may be one is counted here.
fn check_chains(text: &str) -> Result<(), ConditionError> {
    /// Enough for three hundred comparisons of a line each.
    const MOST: usize = 1000;
    let operators = text.bytes().filter(|byte| b".+-*/%!?&|<>=".contains(byte)).count();
    match operators > MOST {
        true => Err(ConditionError::TooCostly { found: operators as u64, limit: MOST as u64 }),
        false => Ok(()),
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::always()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

impl fmt::Display for ConditionFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for ConditionFailed {}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Device;
    use crate::{Name, Version};

    fn holds(text: &str) -> Result<bool, ConditionFailed> {
        let mut device = Device::new("heron-17", Name::new("heron").unwrap());
        (device.hardware, device.year) = (3, 2024);
        (device.model, device.batch, device.serial) = ("H3".into(), "B".into(), "H3-0017".into());
        device.tags = ["beta", "lab"].map(|tag| Name::new(tag).unwrap()).into();
        device.attributes = [("region".to_owned(), "eu".to_owned())].into();
        device.link = Some(Name::new("nb-iot").unwrap());
        let version = Version::new("1.0").unwrap();
        Condition::new(text).unwrap().holds(&Facts::of(&device, Some(&version)))
    }

    #[test]
    fn conditions_see_all_of_a_device() {
        for text in [
            "true",
            "id == 'heron-17' && product == 'heron'",
            "hardware >= 2 && hardware < 4 || false",
            "year in [2023, 2024]",
            "model.startsWith('H') && serial.endsWith('17') && serial.contains('00')",
            "serial >= 'H3-0010' && serial <= 'H3-0020'",
            "'beta' in tags && !('gamma' in tags)",
            "tags.exists(t, t == 'lab') && tags.all(t, size(t) > 2) \
             && tags.exists_one(t, t == 'lab')",
            "tags.filter(t, t != 'lab').size() == 1 && tags.map(t, t + '!')[0] == 'beta!'",
            "attributes.region == 'eu' && attributes['region'] == 'eu' && has(attributes.region)",
            "!has(attributes.shop) && !('shop' in attributes) && size(attributes) == 1",
            "link == 'nb-iot' && version == '1.0' && batch != ''",
            "(year - 2000) * 2 + hardware % 2 == 49 && -year < 0",
            "int('7') == 7 && string(year) == '2024' && double(year) > 1.5",
            "year == 2024 ? model == 'H3' : false",
            "[] == tags || [1, 2] + [3] == [1, 2, 3]",
            "tags.exists(t, [1, 2].exists(n, n == size(t) - 2))",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
            assert_eq!(holds(&format!("!({text})")), Ok(false), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_condition_is_refused_when_it_is_entered() {
        let long = format!("serial == '{}'", "x".repeat(5000));
        let deep = format!("{}true{}", "(".repeat(60), ")".repeat(60));
        let nested = "tags.all(a, tags.all(b, tags.all(c, a == b)))";
        for (text, code, part) in [
            ("", "condition-syntax", "line 1"),
            ("year >", "condition-syntax", "column"),
            (&deep, "condition-syntax", ""),
            (&long, "condition-too-long", "the limit is 4096"),
            ("yaer > 2020", "unknown-variable", "yaer"),
            ("serial.matches('a+')", "unknown-function", "matches"),
            ("timestamp('2024') == year", "unknown-function", "timestamp"),
            ("{'a': 1}.size() == 1", "unknown-function", "map"),
            ("year", "condition-not-bool", "int"),
            ("tags.map(t, t)", "condition-not-bool", "list(string)"),
            ("year == '2024'", "condition-types", "==: found int, string"),
            ("year > 1.5", "condition-types", "int, double"),
            ("tags > 1", "condition-types", "list(string), int"),
            ("1 in tags", "condition-types", "int, list(string)"),
            ("model.region == 'a'", "condition-types", ".region: found string"),
            ("[1, 'a'] == []", "condition-types", "elements of one type"),
            ("year && true", "condition-types", "found int, bool, expected bool"),
            ("serial.exists(c, true)", "condition-types", "a list or a map"),
            ("1u == 1u", "condition-types", "literal"),
            ("null == null", "condition-types", "literal"),
            (nested, "condition-too-costly", "the limit is 20000"),
        ] {
            let error = Condition::new(text).unwrap_err();
            assert_eq!(error.code(), code, "{text}: {error}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_can_fail_fails_without_harm() {
        for text in [
            "attributes.shop == 'x'",
            "tags[7] == 'x'",
            "int(model) == 1",
            "1 / (hardware - 3) == 1",
        ] {
            assert!(holds(text).is_err(), "{text}");
        }
        // What does not matter does not fail.
        assert_eq!(holds("true || attributes.shop == 'x'"), Ok(true));
    }

    #[test]
    fn hostile_expressions_need_little_stack_and_time() {
        let run = || {
            let times = |part: &str, n: usize| part.repeat(n);
            for text in [
                format!("{}true", times("!", 900)),
                format!("{}1 == 1", times("-", 900)),
                format!("attributes{} == ''", times(".a", 900)),
                format!("1{} == 1", times("+1", 900)),
                format!("true{}", times("&&true", 450)),
                format!("true{}", times("?true:true", 300)),
                times("(", 4000),
                times("[", 4000),
                times("{1:", 1000),
                times("a(", 2000),
                format!("tags{}", times("[0]", 1300)),
                format!("tags{} == []", times(".map(t,t)", 400)),
                times("\"", 4000),
                times("?", 900),
                format!("serial in [{}'']", times("'12345678',", 350)),
            ] {
                let start = std::time::Instant::now();
                if let Ok(condition) = Condition::new(&text) {
                    let device = Device::new("a", Name::new("b").unwrap());
                    let _ = condition.holds(&Facts::of(&device, None));
                }
                // Far more than it takes, even in a debug build on a busy machine.
                assert!(start.elapsed().as_secs() < 20, "{}", &text[..20]);
            }
        };
        // As little as threads of servers have.
        std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
    }

    #[test]
    fn conditions_are_text_in_json() {
        let condition = Condition::new("year > 2020").unwrap();
        let json = serde_json::to_string(&condition).unwrap();
        assert_eq!(json, "\"year > 2020\"");
        assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
        let error = serde_json::from_str::<Condition>("\"yaer > 2020\"").unwrap_err().to_string();
        assert!(error.contains("asks for yaer"), "{error}");
        assert_eq!(Condition::default().text(), "true");
    }

    #[test]
    fn conditions_are_shared_by_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Condition>();
    }
}
