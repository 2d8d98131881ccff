//! Types of expressions, and of what devices have.

use core::fmt;

/// A type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    String,
    /// A list of that; of nothing, if it is empty.
    List(Option<Box<Self>>),
    /// From text to text.
    Map,
}

/// What devices have.
pub(super) const VARIABLES: [(&str, Type); 11] = [
    ("id", Type::String),
    ("product", Type::String),
    ("hardware", Type::Int),
    ("model", Type::String),
    ("year", Type::Int),
    ("batch", Type::String),
    ("serial", Type::String),
    // A list of text, which a constant cannot say: `Type::of_variable` does.
    ("tags", Type::List(None)),
    ("attributes", Type::Map),
    ("link", Type::String),
    ("version", Type::String),
];

impl Type {
    pub(super) fn list(of: Self) -> Self {
        Self::List(Some(Box::new(of)))
    }

    pub(super) fn of_variable(name: &str) -> Option<Self> {
        let (_, found) = VARIABLES.into_iter().find(|(known, _)| *known == name)?;
        Some(if found == Self::List(None) { Self::list(Self::String) } else { found })
    }

    /// The type that both are.
    pub(super) fn unified(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::List(None), Self::List(_)) => Some(other.clone()),
            (Self::List(_), Self::List(None)) => Some(self.clone()),
            (Self::List(Some(a)), Self::List(Some(b))) => a.unified(b).map(Self::list),
            _ => (self == other).then(|| self.clone()),
        }
    }

    /// Whether it is one of what `<` takes.
    pub(super) fn has_order(&self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::String)
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::List(None) => f.write_str("list"),
            Self::List(Some(of)) => write!(f, "list({of})"),
            Self::Map => f.write_str("map(string, string)"),
        }
    }
}
