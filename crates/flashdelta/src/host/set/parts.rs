//! A set taken apart and put together again: the one place that knows what is after what.

use sha2::{Digest as _, Sha256};

use super::component::EntryParts;
use super::SetFileError;
use crate::device::apply::SoftwareSha256;
use crate::device::format::header::RAM_UNIT;
use crate::device::format::limits::CHECKSUM;
use crate::device::format::{crc32, Feature, Identity, PatchHeader};
use crate::device::update::set::{
    set_message, Entry, Index, Payload, Precondition, SetError, Target, HAS_HARDWARE, HAS_PAYLOAD,
    HEADER_DIGEST_LEN, MAGIC, MAX_INDEX_LEN, VERSION,
};
use crate::device::verify::{Message, Signature, VerifyError};
use crate::host::put;
use crate::host::seal::{self, SealError};

/// Whether a file is a set, by its first bytes.
pub fn is_set(file: &[u8]) -> bool {
    file.starts_with(&MAGIC)
}

/// A set in parts.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) identity: Option<Identity>,
    /// The entries of the index, and their payloads.
    pub(super) components: Vec<(EntryParts, Option<Vec<u8>>)>,
    pub(super) signatures: Vec<Signature>,
}

/// Checks that a file is a whole set, with each payload what the index says, and undamaged as far
/// as its digests tell. Whether it is authentic is not checked.
///
/// # Errors
///
/// [`SetFileError`].
pub fn check(set: &[u8]) -> Result<Index<'_>, SetFileError> {
    let (index, _) = split(set)?;
    Ok(index)
}

/// The index of a whole set, and the payloads of its components.
type Split<'a> = (Index<'a>, Vec<Option<&'a [u8]>>);

/// Takes a set apart.
fn split(set: &[u8]) -> Result<Split<'_>, SetFileError> {
    let found = set.len() as u64;
    let index = Index::parse(set)?.ok_or(SetFileError::Truncated { found, expected: None })?;
    let expected = index.set_len();
    if found < expected {
        return Err(SetFileError::Truncated { found, expected: Some(expected) });
    }
    if found > expected {
        return Err(SetFileError::Trailing { expected });
    }
    let mut payloads = Vec::new();
    for (component, entry) in (0..).zip(index.entries()) {
        let payload = entry.payload.map(|payload| {
            let bytes = &set[payload.offset as usize..][..payload.len as usize];
            check_payload(component, &entry, bytes, payload).map(|()| bytes)
        });
        payloads.push(payload.transpose()?);
    }
    Ok((index, payloads))
}

/// Checks that a payload is what the index says.
fn check_payload(
    component: u8,
    entry: &Entry<'_>,
    bytes: &[u8],
    payload: Payload,
) -> Result<(), SetFileError> {
    let failed = |error| SetFileError::Payload { component, error };
    let header = PatchHeader::parse(bytes).map_err(|e| failed(e.into()))?;
    let header =
        header.ok_or(failed(SealError::Truncated { found: bytes.len() as u64, expected: None }))?;
    if !Sha256::digest(&bytes[..header.header_len as usize]).starts_with(&payload.header) {
        return Err(SetError::Verify(VerifyError::WrongHeader).into());
    }
    seal::Parts::split(bytes).map_err(failed)?;
    let fits_old = match entry.precondition {
        Precondition::Any | Precondition::Absent => header.old_size == 0,
        Precondition::Image { size, digest } => {
            header.old_size == 0 || (header.old_size, header.old_digest) == (size, digest)
        }
    };
    if !fits_old || (header.new_size, header.new_digest) != (entry.size, entry.sha256) {
        return Err(SetError::WrongPayload { component }.into());
    }
    Ok(())
}

impl Parts {
    /// Takes a set apart, and checks it.
    pub(super) fn split(set: &[u8]) -> Result<Self, SetFileError> {
        let (index, payloads) = split(set)?;
        let components = index
            .entries()
            .map(EntryParts::from)
            .zip(payloads.into_iter().map(|payload| payload.map(<[u8]>::to_vec)))
            .collect();
        let block = &set[index.index_len() as usize..index.payloads_offset() as usize];
        Ok(Self {
            identity: index.identity(),
            components,
            signatures: Signature::list(block).collect(),
        })
    }

    /// Gives all payloads chunk digests, so that a signature of the set vouches for every byte.
    /// What has been signed without them has to be signed anew.
    pub(super) fn add_chunks(&mut self) -> Result<(), SetFileError> {
        for (component, (_, payload)) in (0..).zip(&mut self.components) {
            let Some(bytes) = payload else { continue };
            let failed = |error| SetFileError::Payload { component, error };
            let mut parts = seal::Parts::split(bytes).map_err(failed)?;
            if parts.header.chunks.is_none() {
                parts.add_chunks();
                *payload = Some(parts.assemble());
                self.signatures.clear();
            }
        }
        Ok(())
    }

    /// Adds a signature; one of the same key is replaced.
    pub(super) fn sign(&mut self, signature: Signature) -> Result<(), SetFileError> {
        self.signatures.retain(|other| other.key_id != signature.key_id);
        if self.signatures.len() >= 4 {
            return Err(SetFileError::TooManySignatures);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// What is signed: the index with the mark of a signed set.
    pub(super) fn message(&self) -> Result<Message, SetFileError> {
        Ok(set_message(&mut SoftwareSha256, &self.index(true)?))
    }

    /// Puts the set together.
    pub(super) fn assemble(&self) -> Result<Vec<u8>, SetFileError> {
        let mut bytes = self.index(!self.signatures.is_empty())?;
        if !self.signatures.is_empty() {
            bytes.push(self.signatures.len() as u8);
        }
        for signature in &self.signatures {
            bytes.push(signature.algorithm);
            bytes.extend_from_slice(&signature.key_id);
            bytes.extend_from_slice(&signature.bytes);
        }
        for payload in self.components.iter().filter_map(|(_, payload)| payload.as_ref()) {
            bytes.extend_from_slice(payload);
        }
        Ok(bytes)
    }

    /// The index.
    fn index(&self, is_signed: bool) -> Result<Vec<u8>, SetFileError> {
        let (mut ram, mut chunk_ram, mut entries) = (0, 0, Vec::new());
        for (component, (parts, payload)) in (0..).zip(&self.components) {
            let describe = |bytes: &Vec<u8>| {
                let failed = |error| SetFileError::Payload { component, error };
                let header = seal::Parts::split(bytes).map_err(failed)?.header;
                ram = ram.max(header.ram);
                // A guard has the header in its buffer, too.
                chunk_ram = chunk_ram.max(header.chunk_ram()).max(header.header_len);
                let digest = Sha256::digest(&bytes[..header.header_len as usize]);
                let mut first = [0; HEADER_DIGEST_LEN];
                first.copy_from_slice(&digest[..HEADER_DIGEST_LEN]);
                Ok::<_, SetFileError>(Payload { offset: 0, len: bytes.len() as u32, header: first })
            };
            let payload = payload.as_ref().map(describe).transpose()?;
            emit_entry(&parts.entry(payload), &mut entries);
        }
        let features = u32::from(self.identity.is_some()) << Feature::Identity as u32
            | u32::from(is_signed) << Feature::Signatures as u32;
        let mut fields = Vec::new();
        put::varint(&mut fields, features);
        put::varint(&mut fields, ram / RAM_UNIT);
        put::varint(&mut fields, chunk_ram);
        if let Some(identity) = &self.identity {
            identity.emit(&mut fields);
        }
        fields.push(self.components.len() as u8);
        fields.append(&mut entries);
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        let rest = fields.len() + CHECKSUM + bytes.len();
        let len = if rest + 1 < 0x80 { rest + 1 } else { rest + 2 };
        if len > MAX_INDEX_LEN {
            return Err(SetFileError::IndexTooLong { len: len as u64 });
        }
        put::varint(&mut bytes, len as u32);
        bytes.append(&mut fields);
        bytes.extend_from_slice(&crc32(&bytes).to_le_bytes());
        Ok(bytes)
    }
}

/// An entry as bytes.
fn emit_entry(entry: &Entry<'_>, out: &mut Vec<u8>) {
    let target = match entry.target {
        Target::Partition(_) => 0,
        Target::Address(_) => 1,
        Target::Child { .. } => 2,
        Target::Name(_) => 3,
    };
    out.push(entry.kind as u8 | target << 4);
    let hardware = if entry.hardware.is_some() { HAS_HARDWARE } else { 0 };
    let payload = if entry.payload.is_some() { HAS_PAYLOAD } else { 0 };
    out.push(hardware | payload | entry.precondition.flags());
    let put_name = |name: &[u8], out: &mut Vec<u8>| {
        out.push(name.len() as u8);
        out.extend_from_slice(name);
    };
    match entry.target {
        Target::Partition(name) | Target::Name(name) => put_name(name, out),
        Target::Address(address) => put::varint(out, address),
        Target::Child { id, name } => {
            put::varint(out, id);
            put_name(name, out);
        }
    }
    if let Some((from, to)) = entry.hardware {
        put::varint(out, from.into());
        put::varint(out, to.saturating_sub(from).into());
    }
    if let Precondition::Image { size, digest } = entry.precondition {
        put::varint(out, size);
        out.extend_from_slice(&digest);
    }
    if let Some(payload) = entry.payload {
        put::varint(out, payload.len);
        out.extend_from_slice(&payload.header);
    }
    put::varint(out, entry.size);
    out.extend_from_slice(&entry.sha256);
}
