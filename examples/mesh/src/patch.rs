//! A signed patch as its sender sees it: the header with the signatures, and pieces.

use core::time::Duration;
use std::path::Path;

use anyhow::{bail, ensure, Context as _, Result};
use flashdelta::apply::{Sha256Engine as _, SoftwareSha256};
use flashdelta::group::Target;
use flashdelta::receive::Plan;
use flashdelta::PatchHeader;

pub(crate) struct Patch {
    bytes: Vec<u8>,
    header: PatchHeader,
    /// Bytes of a piece, but for the last one of the table and of the chunks.
    chunk: usize,
}

impl Patch {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let header = PatchHeader::parse(&bytes)?.context("the header is cut short")?;
        let Some(chunks) = header.chunks else {
            bail!("the patch has no chunks: `flashdelta sign`, or `diff --chunks auto`");
        };
        ensure!(bytes.len() as u64 >= header.patch_len(), "the patch is cut short");
        Ok(Self { bytes, header, chunk: chunks.size() as usize })
    }

    /// Bytes of it.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Its header with the signatures.
    pub(crate) fn front(&self) -> &[u8] {
        &self.bytes[..(self.header.header_len + self.header.signatures_len()) as usize]
    }

    /// What a distributor is told.
    pub(crate) fn plan(&self) -> Plan {
        let header = &self.bytes[..self.header.header_len as usize];
        let table_pieces = self.header.chunk_table_len().div_ceil(self.chunk as u32);
        let pieces = table_pieces + self.header.chunk_count();
        Plan { patch: start_of_sha256(header), table_pieces, pieces }
    }

    /// What a group becomes by it.
    pub(crate) fn target(&self, go_ahead: Duration, health: Duration) -> Target {
        let header = &self.header;
        Target {
            identity: header.identity.unwrap_or_default(),
            old: *header.old_digest.first_chunk().unwrap_or(&[0; 8]),
            new: header.new_digest,
            new_size: header.new_size,
            patch: self.plan().patch,
            go_ahead,
            health,
        }
    }

    /// A piece: of the chunk table, or a chunk. What is sent after the body is for computers.
    fn piece(&self, number: u32) -> &[u8] {
        let Some(index) = number.checked_sub(self.plan().table_pieces) else {
            let table = &self.bytes[self.front().len()..self.header.body_offset() as usize];
            return table.chunks(self.chunk).nth(number as usize).unwrap_or_default();
        };
        let range = self.header.chunk_range(index).unwrap_or_default();
        &self.bytes[range.start as usize..range.end as usize]
    }

    /// Pieces as one: the exclusive or of their bytes.
    pub(crate) fn sum(&self, numbers: &[u32]) -> Vec<u8> {
        let mut sum = Vec::new();
        for piece in numbers.iter().map(|number| self.piece(*number)) {
            sum.resize(sum.len().max(piece.len()), 0);
            sum.iter_mut().zip(piece).for_each(|(to, from)| *to ^= from);
        }
        sum
    }
}

/// How images and patches are called.
pub(crate) fn start_of_sha256(bytes: &[u8]) -> [u8; 8] {
    let (mut engine, mut digest) = (SoftwareSha256, [0; 32]);
    let mut message = engine.start();
    engine.update(&mut message, bytes);
    engine.digest(&mut message, &mut digest);
    *digest.first_chunk().unwrap_or(&[0; 8])
}
