//! What is asked of a bundle.

/// How files that hold others are taken.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BundleOptions {
    pub(crate) accept_manifests: bool,
}

impl BundleOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether manifests that are wrong (offsets that are no whole numbers, say) are files as any
    /// other. They are refused otherwise.
    #[must_use]
    pub fn accept_manifests(mut self, accept_manifests: bool) -> Self {
        self.accept_manifests = accept_manifests;
        self
    }
}
