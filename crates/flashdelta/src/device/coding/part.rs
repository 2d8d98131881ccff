//! The parts of a patch, for statistics.

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
