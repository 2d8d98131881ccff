//! What a device gets and what it reports, whatever protocol it speaks.

mod action;
mod ask;
mod auxiliary;
mod config;
mod kept;
mod offer;
mod plan;
mod poll;
mod report;
mod savings;
mod set;
mod starts;

pub(crate) use action::{Action, ActionBody, ActionState, Content, ContentKind};
pub(crate) use ask::{device, seen, Next, PlainReport, Question};
pub(crate) use auxiliary::{auxiliary, AuxiliaryOf};
pub(crate) use config::configure;
pub(crate) use kept::KeptReport;
pub(crate) use offer::Offer;
pub(crate) use plan::plan;
pub(crate) use poll::{poll, Patience};
pub(crate) use report::{report, Execution, Report};
pub(crate) use savings::Savings;
pub(crate) use starts::begin;
