//! Who changed what.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::super::body::Asked;
use super::answer::page;
use super::frame::Frame;
use super::text::When;
use super::visitor::Visitor;
use crate::audit::Entry;
use crate::Error;

#[derive(Deserialize)]
pub(super) struct Which {
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    entries: Vec<Entry>,
    /// Those before this one come next.
    older: Option<i64>,
    is_first: bool,
}

/// Entries of a page.
const MOST: u32 = 100;

pub(super) async fn get(visitor: Visitor, Asked(which): Asked<Which>) -> Result<Response, Error> {
    let before = which.before.unwrap_or(i64::MAX);
    let entries = visitor.caller().tenant.audit(before, MOST).await?;
    let is_full = entries.len() == MOST as usize;
    let older = entries.last().map(|entry| entry.number).filter(|_| is_full);
    let frame = Frame::new(&visitor, "Audit log", "/ui/audit");
    page(&Audit { frame, entries, older, is_first: which.before.is_none() })
}
