//! What patches and bundles say.

use serde::Serialize;

use super::{hex, InPlaceFacts, PatchHoleFacts};
use crate::device::format::{Identity, PatchHeader};
use crate::device::verify::{Algorithm, Signature};
use crate::host::apply::Breakdown;
use crate::host::bundle::{BundleInfo, MemberInfo};
use crate::host::diff::Report;
use crate::host::holes;

/// What a patch or a bundle says about itself. All sizes are in bytes.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PatchFacts {
    /// Version of the format.
    pub format_version: u8,
    /// How the body is coded; "bundle": it is one, which computers apply.
    pub codec: &'static str,
    /// The instruction set that references are predicted by.
    pub isa: &'static str,
    /// Unit in which the new image is written.
    pub write_unit: u32,
    /// RAM that a device needs, everything included. Of a bundle: what the three files take, of
    /// which a computer needs at least that.
    pub ram: u64,
    /// The part of it that the applier is lent.
    pub workspace: u64,
    /// Length of the old image.
    pub old_size: u32,
    /// The first 12 bytes of its SHA-256, in hexadecimal: a patch holds no more of it.
    pub old_sha256_prefix: String,
    /// Length of the new image.
    pub new_size: u32,
    /// Its SHA-256, in hexadecimal.
    pub new_sha256: String,
    /// Length of the whole patch.
    pub patch_size: u64,
    /// Length of the header, with the address maps.
    pub header_size: u32,
    /// Length of the address maps.
    pub address_map_size: u32,
    /// Length of the body.
    pub body_size: u64,
    /// Length of what only hosts need; 0: the files are their own images.
    pub host_size: u32,
    /// Size of a chunk of the body; 0: chunks have no digests.
    pub chunk_size: u32,
    /// RAM that checking the chunks takes where the patch streams in, beyond the other.
    pub chunk_ram: u32,
    /// The number of signatures.
    pub signature_count: u8,
    /// Which devices it is for, if it says so.
    pub identity: Option<IdentityFacts>,
    /// What is in it, of a bundle.
    pub bundle: Option<BundleFacts>,
}

/// Which devices a patch is for.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct IdentityFacts {
    /// The product.
    pub product: u32,
    /// First hardware revision.
    pub hardware_from: u16,
    /// Last hardware revision.
    pub hardware_to: u16,
    /// Security counter of the new image.
    pub security_counter: u32,
}

/// What is in a bundle.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BundleFacts {
    /// What the old file is.
    pub old_container: &'static str,
    /// What the new file is.
    pub new_container: &'static str,
    /// Length of the patch for what is around the members, and for small ones.
    pub common_size: u32,
    /// The members of the new file that have data, in its order.
    pub members: Vec<MemberFacts>,
}

/// How a bundle makes a member.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MemberFacts {
    /// Its name; empty if the file is its own only member.
    pub name: String,
    /// How it is made.
    pub method: &'static str,
    /// Bytes of the bundle for it alone.
    pub patch_size: u32,
    /// Bytes in the new file.
    pub size: u32,
    /// Bytes of what it holds; the same, if it is not compressed.
    pub content_size: u32,
    /// Number of the old member that it starts from, from 0.
    pub old_index: Option<u32>,
}

/// What one part of a patch costs.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct PatchPartFacts {
    /// Its name.
    pub part: &'static str,
    /// Its length.
    pub bytes: u64,
}

/// What the new image is made of.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ContentFacts {
    /// Copies from the old image.
    pub copies_from_old: u32,
    /// Bytes of the new image that are copied from the old one, corrected ones included.
    pub bytes_from_old: u32,
    /// Copies from the new image.
    pub copies_from_new: u32,
    /// Bytes of the new image that are copied from the new one.
    pub bytes_from_new: u32,
    /// Bytes of the new image that are spelled out.
    pub literals: u32,
}

/// A signature, not checked.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SignatureFacts {
    /// Its algorithm by name, or by number if it has no name.
    pub algorithm: String,
    /// The key that it claims to be made with, in hexadecimal.
    pub key_id: String,
}

/// All that can be told of a patch between images.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WholePatchFacts {
    /// What it says about itself.
    #[serde(flatten)]
    pub facts: PatchFacts,
    /// What its bytes are spent on.
    pub breakdown: Vec<PatchPartFacts>,
    /// What the new image is made of; `None` if it was not applied.
    pub content: Option<ContentFacts>,
    /// Whether it applies to the old file; `None` if there was none.
    pub applies: Option<bool>,
    /// Its signatures, not checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureFacts>,
    /// Its holes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<PatchHoleFacts>,
    /// What an update in one slot takes, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place: Option<InPlaceFacts>,
}

/// All that can be told of a bundle.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BundlePatchFacts {
    /// What it says about itself.
    #[serde(flatten)]
    pub facts: PatchFacts,
    /// Whether it applies to the old file; `None` if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applies: Option<bool>,
}

impl WholePatchFacts {
    /// Those of a patch with this header. `breakdown`: what it does with an old file.
    pub(crate) fn of(
        header: &PatchHeader,
        patch: &[u8],
        breakdown: Option<&Breakdown>,
        applies: Option<bool>,
    ) -> Self {
        Self {
            facts: PatchFacts::of(header),
            breakdown: PatchPartFacts::list(header, breakdown),
            content: breakdown.map(ContentFacts::from),
            applies,
            signatures: SignatureFacts::list(header, patch),
            holes: holes::list(patch).iter().map(PatchHoleFacts::from).collect(),
            in_place: InPlaceFacts::of(header),
        }
    }
}

impl BundlePatchFacts {
    /// Those of a bundle of this many bytes.
    pub(crate) fn of(info: &BundleInfo, len: usize, applies: Option<bool>) -> Self {
        Self { facts: PatchFacts::of_bundle(info, len), applies }
    }
}

impl PatchFacts {
    /// What the header of a patch says.
    pub fn of(header: &PatchHeader) -> Self {
        Self {
            format_version: header.version,
            codec: header.codec.name(),
            isa: header.isa.name(),
            write_unit: 1 << header.granularity_log2,
            ram: header.ram.into(),
            workspace: header.workspace_len() as u64,
            old_size: header.old_size,
            old_sha256_prefix: hex(&header.old_digest),
            new_size: header.new_size,
            new_sha256: hex(&header.new_digest),
            patch_size: header.patch_len(),
            header_size: header.header_len,
            address_map_size: header.address_map_len(),
            body_size: header.body_len.into(),
            host_size: header.host_len,
            chunk_size: header.chunks.map_or(0, |chunks| chunks.size()),
            chunk_ram: header.chunk_ram(),
            signature_count: header.signatures,
            identity: header.identity.map(IdentityFacts::from),
            bundle: None,
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> String {
        // Numbers and text always are.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a bundle of this many bytes says.
    pub fn of_bundle(info: &BundleInfo, len: usize) -> Self {
        let len = len as u64;
        let ram = u64::from(info.old_size) + u64::from(info.new_size) + len;
        Self {
            format_version: 0,
            codec: "bundle",
            isa: "none",
            write_unit: 1,
            ram,
            workspace: ram,
            old_size: info.old_size,
            old_sha256_prefix: hex(&info.old_digest),
            new_size: info.new_size,
            new_sha256: hex(&info.new_digest),
            patch_size: len,
            header_size: info.header_len,
            address_map_size: 0,
            body_size: len.saturating_sub(info.header_len.into()),
            host_size: 0,
            chunk_size: 0,
            chunk_ram: 0,
            signature_count: 0,
            identity: None,
            bundle: Some(BundleFacts {
                old_container: info.old_container.name(),
                new_container: info.new_container.name(),
                common_size: info.common_len,
                members: info.members.iter().map(MemberFacts::from).collect(),
            }),
        }
    }
}

impl From<Identity> for IdentityFacts {
    fn from(identity: Identity) -> Self {
        let Identity { product, hardware_from, hardware_to, security_counter } = identity;
        Self { product, hardware_from, hardware_to, security_counter }
    }
}

impl From<&MemberInfo> for MemberFacts {
    fn from(member: &MemberInfo) -> Self {
        Self {
            name: member.name.clone(),
            method: member.method.name(),
            patch_size: member.bytes,
            size: member.size,
            content_size: member.content_size,
            old_index: member.old,
        }
    }
}

impl PatchPartFacts {
    /// Where the bytes of a patch go. Without a breakdown the body is one part; of the byte codecs
    /// it always is.
    pub fn list(header: &PatchHeader, breakdown: Option<&Breakdown>) -> Vec<Self> {
        let part = |part, bytes: u32| Self { part, bytes: bytes.into() };
        let map = header.address_map_len();
        let mut parts = vec![part("header", header.header_len - map)];
        if map > 0 {
            parts.push(part("address maps", map));
        }
        if header.signatures > 0 {
            parts.push(part("signatures", header.signatures_len()));
        }
        if header.chunks.is_some() {
            parts.push(part("chunk digests", header.chunk_table_len()));
        }
        match breakdown.filter(|breakdown| !breakdown.parts.is_empty()) {
            Some(breakdown) => {
                parts.extend(breakdown.parts.iter().map(|p| Self { part: p.name, bytes: p.bytes }))
            }
            None => parts.push(part("body", header.body_len)),
        }
        if header.host_len > 0 {
            parts.push(part("for hosts", header.host_len));
        }
        parts
    }
}

macro_rules! content_facts {
    ($($of:ty),+) => {$(
        impl From<&$of> for ContentFacts {
            fn from(of: &$of) -> Self {
                Self {
                    copies_from_old: of.copies_from_old,
                    bytes_from_old: of.bytes_from_old,
                    copies_from_new: of.copies_from_new,
                    bytes_from_new: of.bytes_from_new,
                    literals: of.literals,
                }
            }
        }
    )+};
}
content_facts!(Breakdown, Report);

impl SignatureFacts {
    /// The signatures in a patch that this is the header of.
    pub fn list(header: &PatchHeader, patch: &[u8]) -> Vec<Self> {
        let start = header.header_len as usize;
        let block = patch.get(start..start + header.signatures_len() as usize);
        Signature::list(block.unwrap_or_default()).map(|signature| Self::from(&signature)).collect()
    }
}

impl From<&Signature> for SignatureFacts {
    fn from(signature: &Signature) -> Self {
        Self {
            algorithm: Algorithm::from_number(signature.algorithm)
                .map_or_else(|| signature.algorithm.to_string(), |known| known.name().to_owned()),
            key_id: hex(&signature.key_id),
        }
    }
}
