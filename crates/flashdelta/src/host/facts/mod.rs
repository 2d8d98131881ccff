//! What files say about themselves, as machines read it: patches, bundles, firmware, archives.
//!
//! `docs/facts.schema.json` describes the JSON. `flashdelta info --json` has these facts, and so
//! have Python's `PatchInfo.as_dict()` and `AddressMap.as_dict()`.
//!
//! ```
//! use flashdelta::{diff, facts::PatchFacts, DiffOptions};
//!
//! let patch = diff::diff(b"the old firmware", b"the new firmware", &DiffOptions::new())?;
//! let facts = PatchFacts::of(&patch.header);
//! assert_eq!((facts.old_size, facts.patch_size), (16, patch.bytes.len() as u64));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod finding;
mod firmware;
mod hex;
mod hole;
mod in_place;
mod patch;

pub use archive::{ArchiveFacts, ArchiveMemberFacts};
pub use finding::FindingFacts;
pub use firmware::{
    AddressMapFacts, DigestFacts, FirmwareFacts, PartFacts, RangeFacts, SegmentFacts,
};
pub use hex::hex;
pub use hole::PatchHoleFacts;
pub use in_place::InPlaceFacts;
pub use patch::{
    BundleFacts, BundlePatchFacts, ContentFacts, IdentityFacts, MemberFacts, PatchFacts,
    PatchPartFacts, SignatureFacts, WholePatchFacts,
};
