//! What deltas have saved.

use askama::Template;
use axum::response::Response;

use super::answer::page;
use super::frame::Frame;
use super::text::{percent, Size};
use super::visitor::Visitor;
use crate::devices;
use crate::Error;

#[derive(Template)]
#[template(path = "savings.html")]
struct Savings {
    frame: Frame,
    products: Vec<Saved>,
    all: Saved,
}

/// What updates took, beside what they would have taken as they are.
pub(super) struct Saved {
    pub(super) product: String,
    pub(super) updates: i64,
    pub(super) sent: Size,
    pub(super) whole: Size,
    pub(super) saved: Size,
    /// How much of the whole was sent, in percent.
    pub(super) percent: u64,
}

impl Saved {
    pub(super) fn of(product: &str, updates: i64, bytes: i64, whole: i64) -> Self {
        let (sent, whole) = (Size::of(bytes), Size::of(whole));
        let saved = Size(whole.0.saturating_sub(sent.0));
        let percent = percent(sent.0, whole.0).min(100);
        Self { product: product.to_owned(), updates, sent, whole, saved, percent }
    }

    /// All of them together.
    pub(super) fn sum(savings: &[devices::Savings]) -> Self {
        let sum = |of: fn(&devices::Savings) -> i64| savings.iter().map(of).sum();
        Self::of("all", sum(|of| of.updates), sum(|of| of.bytes), sum(|of| of.whole_bytes))
    }
}

pub(super) async fn get(visitor: Visitor) -> Result<Response, Error> {
    let found = visitor.caller().tenant.savings().await?;
    let of = |of: &devices::Savings| Saved::of(&of.product, of.updates, of.bytes, of.whole_bytes);
    let (products, all) = (found.iter().map(of).collect(), Saved::sum(&found));
    page(&Savings { frame: Frame::new(&visitor, "Savings", "/ui/savings"), products, all })
}
