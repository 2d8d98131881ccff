//! Patches that are to be made: rows of a table, which any worker takes, on whatever machine.
//!
//! A job has the name that says what its patch depends on, so that each is made once, whoever asks
//! first. A worker holds a job by a lease that it renews; when it is killed the lease ends, and
//! another one takes the job. Patches are made by a process of their own, with limits.

mod child;
mod limits;
mod make;
mod queue;
mod set;
mod signer;
mod trouble;
mod work;
mod worker;

pub(crate) use child::make_patch;
pub use limits::JobLimits;
pub(crate) use queue::{Between, JobCounts, JobState, Made, Wanted};
pub(crate) use set::{SetMember, SetTask};
pub(crate) use signer::Signer;
pub(crate) use work::Work;
pub(crate) use worker::{Bell, Worker};
