//! What coordinators and nodes say to each other.

use super::decision::{read_known, Ballots, Decision, Stage};
use super::error::MessageError;
use super::hmac::{hmac, is_equal};
use super::target::{Facts, Target};
use super::wire::{Reader, Writer};

/// The longest message in bytes.
pub const MAX_MESSAGE_LEN: usize = HEAD + Target::LEN + TAG;

/// The version of the layout.
const VERSION: u8 = 1;

/// Bytes before what differs from kind to kind.
const HEAD: usize = 28;

/// Bytes of the authentication code: half of it, as RFC 2104, section 5, has it.
const TAG: usize = 16;

/// Bytes of a report after the head.
const REPORT: usize = 4 + 2 + 1 + 1 + Ballots::LEN + 22;

const SURVEY: u8 = 1;
const PREPARE: u8 = 2;
const PROPOSE: u8 = 3;
const OUTCOME: u8 = 4;
const REPORTS: u8 = 5;
const ASK: u8 = 6;

/// Who vouches for messages.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy)]
pub enum Authentication<'k> {
    /// HMAC-SHA-256 with a key that coordinators and nodes of the group share, cut to 16 bytes. The
    /// key should be random, of 16 bytes or more, and used for nothing else.
    Key(&'k [u8]),
    /// The transport: it delivers only what a member of the group has sent.
    Transport,
}

/// It does not show the key.
impl core::fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Transport => "Transport",
        })
    }
}

/// A message.
///
/// | bytes | what |
/// |---|---|
/// | 1 | version: 1 |
/// | 1 | kind |
/// | 2 | nodes of the group, little-endian like all numbers here |
/// | 4 | number of the group |
/// | 8 | campaign |
/// | 8 | epoch: of the coordinator; of a node, the highest that it has promised to follow |
/// | 4 | sequence: of the coordinator's message; of a node's, that of the one that it answers |
/// | | [`Body`] |
/// | 16 | HMAC-SHA-256 of all before it, cut; not with [`Authentication::Transport`] |
#[allow(clippy::exhaustive_structs)] // The layout has a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Nodes of the group.
    pub nodes: u16,
    /// The group.
    pub group: u32,
    /// The campaign: one update of the group.
    pub campaign: u64,
    /// The epoch.
    pub epoch: u64,
    /// The sequence number.
    pub sequence: u32,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[allow(clippy::exhaustive_enums)] // The layout has a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// Kind 1, of a coordinator: asks who is there, and how far each has come. Nodes promise to
    /// follow no lower epoch.
    Survey(Target),
    /// Kind 2, of a coordinator: prepare for this target, and say how far that has come.
    Prepare(Target),
    /// Kind 3, of a coordinator: accept this decision.
    Propose(Decision),
    /// Kind 4, of whoever knows: this has been decided.
    Outcome(Decision),
    /// Kind 5, of a node.
    Report(Report),
    /// Kind 6, of a node, to all: asks what has been decided. It has the node's address.
    Ask(u32),
}

/// What a node reports.
///
/// | bytes | what |
/// |---|---|
/// | 4 | address |
/// | 2 | reports since it has booted, modulo 65,536 |
/// | 1 | [stage](Stage), from 0 on; 16 and more: refused |
/// | 1 | [decision](Decision) that it knows of, from 1 on; 0: none |
/// | 9 | what it accepted about the start: epoch, decision; zeros: nothing |
/// | 9 | about the stay |
/// | 22 | [facts](Facts): product, hardware, security counter, slot, image |
#[allow(clippy::exhaustive_structs)] // The layout has a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// The node's address.
    pub address: u32,
    /// Reports since it has booted.
    pub count: u16,
    /// How far it has come.
    pub stage: Stage,
    /// What it knows to be decided.
    pub known: Option<Decision>,
    /// What it has accepted.
    pub(super) ballots: Ballots,
    /// What it is.
    pub facts: Facts,
}

impl Message {
    /// Writes it into `out`, and gives its length in bytes; 0 if there is no room:
    /// [`MAX_MESSAGE_LEN`] is always enough.
    pub fn write(&self, authentication: &Authentication<'_>, out: &mut [u8]) -> usize {
        self.put(authentication, out).unwrap_or(0)
    }

    fn put(&self, authentication: &Authentication<'_>, out: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(out);
        let kind = match self.body {
            Body::Survey(_) => SURVEY,
            Body::Prepare(_) => PREPARE,
            Body::Propose(_) => PROPOSE,
            Body::Outcome(_) => OUTCOME,
            Body::Report(_) => REPORTS,
            Body::Ask(_) => ASK,
        };
        writer.put(&[VERSION, kind]);
        writer.put(&self.nodes.to_le_bytes());
        writer.put(&self.group.to_le_bytes());
        writer.put(&self.campaign.to_le_bytes());
        writer.put(&self.epoch.to_le_bytes());
        writer.put(&self.sequence.to_le_bytes());
        match &self.body {
            Body::Survey(target) | Body::Prepare(target) => target.write(&mut writer),
            Body::Propose(decision) | Body::Outcome(decision) => writer.put(&[decision.number()]),
            Body::Report(report) => report.write(&mut writer),
            Body::Ask(address) => writer.put(&address.to_le_bytes()),
        }
        let len = writer.len()?;
        let Authentication::Key(key) = authentication else { return Some(len) };
        let (said, room) = out.split_at_mut_checked(len)?;
        let tag = hmac(key, said);
        let room = room.first_chunk_mut::<TAG>()?;
        *room = *tag.first_chunk()?;
        len.checked_add(TAG)
    }

    /// Reads one. Nothing of it is looked at before its authentication code is right.
    ///
    /// # Errors
    ///
    /// [`MessageError`].
    pub fn parse(bytes: &[u8], authentication: &Authentication<'_>) -> Result<Self, MessageError> {
        let said = match authentication {
            Authentication::Transport => bytes,
            Authentication::Key(key) => {
                let (said, tag) =
                    bytes.split_last_chunk::<TAG>().ok_or(MessageError::NotAuthentic)?;
                // So that a long datagram does not cost a long time.
                if bytes.len() > MAX_MESSAGE_LEN
                    || !is_equal(hmac(key, said).get(..TAG).unwrap_or_default(), tag)
                {
                    return Err(MessageError::NotAuthentic);
                }
                said
            }
        };
        let [version, kind, ..] = *said else {
            return Err(MessageError::Length { expected: HEAD as u32, found: said.len() as u32 });
        };
        if version != VERSION {
            return Err(MessageError::Version { found: version });
        }
        let body = match kind {
            SURVEY | PREPARE => Target::LEN,
            PROPOSE | OUTCOME => 1,
            REPORTS => REPORT,
            ASK => 4,
            _ => return Err(MessageError::Kind { found: kind }),
        };
        let expected = HEAD.saturating_add(body);
        if said.len() != expected {
            let (expected, found) = (expected as u32, said.len() as u32);
            return Err(MessageError::Length { expected, found });
        }
        Self::read(kind, said).ok_or(MessageError::Value { kind })
    }

    /// Of the right length; `None`: a value in it cannot be.
    fn read(kind: u8, said: &[u8]) -> Option<Self> {
        let mut from = Reader(said.get(2..)?);
        let (nodes, group) = (from.u16()?, from.u32()?);
        let (campaign, epoch, sequence) = (from.u64()?, from.u64()?, from.u32()?);
        let body = match kind {
            SURVEY => Body::Survey(Target::read(&mut from)?),
            PREPARE => Body::Prepare(Target::read(&mut from)?),
            PROPOSE => Body::Propose(Decision::from_number(from.u8()?)?),
            OUTCOME => Body::Outcome(Decision::from_number(from.u8()?)?),
            REPORTS => Body::Report(Report::read(&mut from)?),
            _ => Body::Ask(from.u32()?),
        };
        Some(Self { nodes, group, campaign, epoch, sequence, body })
    }
}

impl Report {
    fn write(&self, out: &mut Writer<'_>) {
        out.put(&self.address.to_le_bytes());
        out.put(&self.count.to_le_bytes());
        out.put(&[self.stage.number(), self.known.map_or(0, Decision::number)]);
        self.ballots.write(out);
        self.facts.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            address: from.u32()?,
            count: from.u16()?,
            stage: Stage::from_number(from.u8()?)?,
            known: read_known(from)?,
            ballots: Ballots::read(from)?,
            facts: Facts::read(from)?,
        })
    }
}
