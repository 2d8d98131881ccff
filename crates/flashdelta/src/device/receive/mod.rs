//! Receiving a patch in any order, and sending it to many.
//!
//! [`Distributor`] is the sender's machine: from the [statuses](Status) of many receivers it tells
//! which pieces to send next, and to whom. No transport is in it.

mod bits;
mod distributor;
mod error;
mod keep;
mod layout;
mod receiver;
mod status;
mod store;
mod take;

pub use distributor::{Action, Distributor, Patience, Pieces, Plan, To, MOST_COMBINED};
pub use error::StoreError;
pub use receiver::{Receiver, Stage};
pub use status::{PatchId, Status};
pub use store::{Offered, Store, Taken};
