//! Why a message, a node or a coordinator refuses something.

use core::fmt;

use crate::device::error::codes;

/// Why a message is not taken.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MessageError {
    /// Its authentication code is not one by the key of the group.
    NotAuthentic,
    /// It has a version that is not known here.
    Version {
        /// Its version.
        found: u8,
    },
    /// It is of no kind that there is.
    Kind {
        /// Its kind.
        found: u8,
    },
    /// It has not the length of its kind.
    Length {
        /// Bytes that it has to have, without the authentication code.
        expected: u32,
        /// Bytes that it has.
        found: u32,
    },
    /// A value in it cannot be.
    Value {
        /// Its kind.
        kind: u8,
    },
    /// It is of another group, or of a group of another size.
    OtherGroup,
    /// It was taken before, or is older than one that was: a repetition.
    Repeated,
    /// It is by a coordinator that another one has replaced.
    OldEpoch {
        /// The epoch that is followed.
        followed: u64,
        /// Its epoch.
        found: u64,
    },
    /// It is about another campaign than the one that is under way.
    OtherCampaign {
        /// The one under way.
        expected: u64,
        /// Its campaign.
        found: u64,
    },
    /// It says the contrary of what is known to be decided. Somebody breaks the protocol.
    Contradiction,
}

codes! {
    impl[] MessageError {
        Self::NotAuthentic => "group-not-authentic", NotAuthentic;
        Self::Version { .. } => "group-version", DoesNotFit, UpdateProgram;
        Self::Kind { .. } => "group-kind", DoesNotFit, UpdateProgram;
        Self::Length { .. } => "group-length", BadPatch, TransferAgain;
        Self::Value { .. } => "group-value", BadPatch, TransferAgain;
        Self::OtherGroup => "group-other", WrongDevice;
        Self::Repeated => "group-repeated", NotAuthentic;
        Self::OldEpoch { .. } => "group-old-epoch", NotAuthentic;
        Self::OtherCampaign { .. } => "group-other-campaign", Misuse;
        Self::Contradiction => "group-contradiction", Internal, Report;
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthentic => f.write_str("the message is not authentic"),
            Self::Version { found } => write!(f, "the message has the unknown version {found}"),
            Self::Kind { found } => write!(f, "the message is of the unknown kind {found}"),
            Self::Length { expected, found } => {
                write!(f, "the message has {found} bytes instead of {expected}")
            }
            Self::Value { kind } => {
                write!(f, "the message of kind {kind} has a value that cannot be")
            }
            Self::OtherGroup => f.write_str("the message is of another group"),
            Self::Repeated => f.write_str("the message is a repetition"),
            Self::OldEpoch { followed, found } => write!(
                f,
                "the message is of epoch {found:#x}, and epoch {followed:#x} has replaced that"
            ),
            Self::OtherCampaign { expected, found } => write!(
                f,
                "the message is about campaign {found:#x}, and {expected:#x} is under way"
            ),
            Self::Contradiction => {
                f.write_str("the message says the contrary of what has been decided")
            }
        }
    }
}

impl core::error::Error for MessageError {}

/// Why a node cannot go on. `E` is the error of its [record](super::NodeRecord).
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeError<E> {
    /// A message is not taken. The node goes on.
    Message(MessageError),
    /// The record cannot be read or written. What is in it is known only when the node is opened
    /// again.
    Record(E),
    /// The record is of a newer version of this library, or is none.
    BadRecord,
    /// Writing the record failed before: the node has to be opened again.
    Poisoned,
}

codes! {
    impl[E] NodeError<E> {
        Self::Record(_) => "group-record", Io;
        Self::BadRecord => "group-bad-record", Io;
        Self::Poisoned => "poisoned", Misuse, StartAgain;
    } else {
        Self::Message(error) => error;
    }
}

impl<E: fmt::Display> fmt::Display for NodeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(error) => error.fmt(f),
            Self::Record(error) => {
                write!(f, "the record of the group's update cannot be kept: {error}")
            }
            Self::BadRecord => f.write_str("the record of the group's update cannot be read"),
            Self::Poisoned => f.write_str("the node had failed before"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for NodeError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Record(error) => Some(error),
            Self::Message(error) => Some(error),
            _ => None,
        }
    }
}

impl<E> From<MessageError> for NodeError<E> {
    fn from(error: MessageError) -> Self {
        Self::Message(error)
    }
}

/// Why there can be no such coordinator.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CoordinatorError {
    /// A quorum is more than half of the nodes, and at most all.
    Quorum {
        /// The fewest that could be.
        least: u32,
        /// How many nodes there are.
        nodes: u32,
        /// What was asked for.
        found: u32,
    },
    /// A group has 1 to 65,535 nodes.
    Nodes {
        /// How many there are.
        found: u32,
    },
    /// Two nodes have the same address.
    SameAddress {
        /// The address.
        address: u32,
    },
}

codes! {
    impl[] CoordinatorError {
        Self::Quorum { .. } => "group-quorum", Misuse;
        Self::Nodes { .. } => "group-nodes", Misuse;
        Self::SameAddress { .. } => "group-same-address", Misuse;
    }
}

impl fmt::Display for CoordinatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quorum { least, nodes, found } => {
                write!(f, "a quorum of {found} cannot be: it is {least} to {nodes}")
            }
            Self::Nodes { found } => write!(f, "a group of {found} nodes cannot be"),
            Self::SameAddress { address } => write!(f, "two nodes have the address {address}"),
        }
    }
}

impl core::error::Error for CoordinatorError {}
