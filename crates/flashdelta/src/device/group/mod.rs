//! Groups: devices that are updated as one.
//!
//! A system of several tens of devices often works only if all of them run the same version. A
//! *coordinator* (a phone, a gateway, a node that the others have elected) leads the *nodes*
//! through an update: all prepare, all get the patch by the
//! [`Distributor`](crate::receive::Distributor), each applies it to its other slot and verifies it;
//! only when all have, or a stated quorum, they start the new image, and only when it is healthy on
//! all of them, or the quorum, it stays. Else all go back.
//!
//! - [`Coordinator`] and [`Node`]: the two state machines. They own no socket, flash or clock.
//! - [`Message`]: what they say to each other, at most [`MAX_MESSAGE_LEN`] bytes, authenticated by
//!   a key of the group or by the transport.
//! - [`NodeRecord`]: what of a node survives a reset. A coordinator needs nothing that does:
//!   another one learns everything from the nodes.
//!
//! # What is promised
//!
//! Whatever is lost, repeated, reordered or delayed, and whoever is reset or dies, coordinators
//! included, and however many of those there are at a time:
//!
//! - No node starts the new image before the quorum has verified it.
//! - The group never decides both to commit and to abort, nor both to keep and to revert.
//! - As long as more than half of the nodes live and a coordinator can reach them, all that live
//!   end on the same version, but for those outside the quorum that have refused, or on which the
//!   new image did not become healthy.
//! - A node that hears of no coordinator takes back what it has prepared. It does not if it has
//!   accepted to start the new image: others may have started theirs. It runs its old image then,
//!   and asks the others for the outcome.
//!
//! `docs/groups.md` has the protocol, and why it keeps these promises.
//!
//! # What is not
//!
//! Whoever has the key of the group can speak for each of its members. It does not make them run
//! anything: that takes the signature of the patch, which the [`Store`](crate::receive::Store)
//! checks.

mod coordinator;
mod decision;
mod error;
mod follow;
mod hmac;
mod message;
mod node;
mod phases;
mod record;
mod table;
mod target;
mod wire;

pub use coordinator::{Campaign, CampaignPhase, Coordinator, CoordinatorAction, Timing};
pub use decision::{Accepted, Decision, Stage};
pub use error::{CoordinatorError, MessageError, NodeError};
pub use message::{Authentication, Body, Message, Report, MAX_MESSAGE_LEN};
pub use node::{Node, NodeAction};
pub use record::{NodeRecord, RECORD_LEN};
pub use table::{NodeEntry, NodeState};
pub use target::{Facts, ImageId, Refusal, Target};
