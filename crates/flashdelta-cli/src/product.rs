//! Products by their numbers and names.

/// A product, and what it was called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Product {
    pub(crate) id: u32,
    pub(crate) name: Option<String>,
}
