//! What is being sent to a device, block by block.

use core::ops::Range;
use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use coap_lite::ResponseType;
use futures_util::TryStreamExt as _;
use tokio::sync::Mutex;

use super::block::{Block, LARGEST};
use super::message::{Answer, Envelope, Request};
use crate::database::Tenant;
use crate::devices::Content;
use crate::{Error, Service};

/// What is being sent to a device: an answer of any size.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) tag: Vec<u8>,
    pub(super) format: u16,
    pub(super) max_age: u32,
    pub(super) until: Instant,
    pub(super) source: Source,
}

/// Where its bytes are.
#[derive(Debug)]
pub(super) enum Source {
    Text(String),
    Stored(Box<Stored>),
}

/// Contents in the store, and the part of them that was read last.
pub(super) struct Stored {
    tenant: Tenant,
    content: Content,
    part: Mutex<(u64, Bytes)>,
}

impl core::fmt::Debug for Stored {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.content.fmt(f)
    }
}

/// Bytes that are read from the store at once.
const PART: u64 = 16 << 10;

/// Bytes of a datagram around a block: header, token, options.
const AROUND: usize = 48;

/// Without DTLS an answer may have three times the bytes of the request: whoever asks in another's
/// name gains little (RFC 9175, 2.4).
const AMPLIFICATION: usize = 3;

impl Stored {
    pub(super) fn new(tenant: &Tenant, content: Content) -> Self {
        Self { tenant: tenant.clone(), content, part: Mutex::new((0, Bytes::new())) }
    }

    async fn read(&self, service: &Service, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let mut part = self.part.lock().await;
        let is_there = |(start, bytes): &(u64, Bytes)| {
            *start <= range.start && range.end <= *start + bytes.len() as u64
        };
        if !is_there(&part) {
            let start = range.start / PART * PART;
            let end = (start + PART).min(self.content.size);
            let stream =
                service.contents().stream(&self.tenant, &self.content.sha256, start..end).await?;
            let pieces: Vec<Bytes> = stream.try_collect().await?;
            *part = (start, pieces.concat().into());
        }
        service.metrics().sent(self.content.kind.name(), range.end - range.start);
        let (start, bytes) = &*part;
        Ok(slice(bytes, range.start - start..range.end - start))
    }
}

impl Kept {
    /// Bytes of all of it.
    pub(super) fn size(&self) -> u64 {
        match &self.source {
            Source::Text(text) => text.len() as u64,
            Source::Stored(stored) => stored.content.size,
        }
    }

    /// Whether a request is about this, and it is not too old.
    pub(super) fn is_of(&self, request: &Request, now: Instant) -> bool {
        now < self.until && self.path == request.path && self.query == request.query
    }

    /// The block that is asked for, in the size that it gets.
    pub(super) fn block(
        &self,
        request: &Request,
        envelope: &Envelope,
        is_secure: bool,
    ) -> Result<Block, Answer> {
        let mut block = request.block.unwrap_or(Block::first(LARGEST));
        let room = match is_secure {
            true => usize::MAX,
            false => (envelope.len * AMPLIFICATION).saturating_sub(AROUND),
        };
        while block.exponent > 0 && block.size() > room as u64 {
            block = block.shrunk(block.exponent - 1);
        }
        let wrong = |text: &str| Answer::text(ResponseType::BadRequest, text);
        if self.size().div_ceil(block.size()) > 1 << 20 {
            return Err(wrong("it is too large for blocks of this size"));
        }
        match block.start() < self.size() || block.number == 0 {
            true => Ok(block),
            false => Err(wrong("there is no such block")),
        }
    }

    /// Bytes of a block.
    pub(super) async fn read(&self, service: &Service, block: Block) -> Result<Vec<u8>, Error> {
        let range = self.range(block);
        match &self.source {
            Source::Text(text) => Ok(slice(text.as_bytes(), range)),
            Source::Stored(stored) => stored.read(service, range).await,
        }
    }

    fn range(&self, block: Block) -> Range<u64> {
        block.start()..(block.start() + block.size()).min(self.size())
    }

    /// The answer with a block.
    pub(super) fn answer(&self, request: &Request, block: Block, payload: Vec<u8>) -> Answer {
        let more = block.start() + block.size() < self.size();
        let is_cut = more || block.number > 0 || request.block.is_some();
        Answer {
            code: ResponseType::Content,
            format: Some(self.format),
            tag: self.tag.clone(),
            block: is_cut.then_some(Block { more, ..block }),
            size: (block.number == 0).then(|| u32::try_from(self.size()).unwrap_or(u32::MAX)),
            observe: None,
            max_age: Some(self.max_age),
            payload,
        }
    }
}

fn slice(bytes: &[u8], range: Range<u64>) -> Vec<u8> {
    let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    bytes.get(at(range.start)..at(range.end)).map(<[u8]>::to_vec).unwrap_or_default()
}
