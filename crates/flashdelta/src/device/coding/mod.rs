//! Entropy coding: a range coder, adaptive binary contexts and their mixing.
//!
//! Everything above is written once, against [`BitCoder`], and runs with three of them: the encoder
//! writes the bit that it is told, the decoder ignores what it is told and returns what it reads,
//! a meter counts what the bit would cost. So the maker, the applier and the maker's prices
//! cannot drift apart.

pub(crate) mod logistic;
pub(crate) mod mixer;
pub(crate) mod number;
pub(crate) mod range;

/// Something that codes binary decisions.
pub(crate) trait BitCoder {
    /// Whether it heeds the bits that it is told. A decoder does not: what they say need not be
    /// found out.
    const HEEDS: bool = true;

    /// Codes one decision, where a 1 has the probability `p` / 65536. An encoder writes and returns
    /// `bit`; a decoder ignores `bit` and returns what was written.
    fn code(&mut self, p: u16, bit: bool) -> bool;

    /// Tells what the next decisions are about, for statistics.
    fn enter(&mut self, _part: Part) {}
}

/// What the bytes of a patch are spent on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// "The prediction is right."
    Hits,
    /// Where copies end and others start.
    Control,
    /// Corrections of references.
    References,
    /// Other corrections.
    Corrections,
    /// New content.
    Literals,
    /// From where copies read.
    Distances,
}

impl Part {
    /// Number of parts.
    pub(crate) const COUNT: usize = 6;

    /// All parts, in the order of their numbers.
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::Hits,
        Self::Control,
        Self::References,
        Self::Corrections,
        Self::Literals,
        Self::Distances,
    ];

    /// The name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hits => "hits",
            Self::Control => "control",
            Self::References => "references",
            Self::Corrections => "corrections",
            Self::Literals => "literals",
            Self::Distances => "distances",
        }
    }
}
