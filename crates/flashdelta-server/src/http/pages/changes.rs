//! What changed between two releases, as a picture.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use flashdelta_fleet::{Name, Version};
use serde::Deserialize;

use super::super::body::{Asked, At};
use super::super::encoded::encoded;
use super::answer::{go, page};
use super::fields::Fields;
use super::frame::Frame;
use super::text::{percent, Size};
use super::visitor::Visitor;
use crate::changes::{self, Block, Found};
use crate::{Error, Service};

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    from: String,
    to: String,
    component: String,
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "changes.html")]
struct Page {
    frame: Frame,
    product: Name,
    which: Which,
    /// All of both menus.
    releases: Vec<String>,
    components: Vec<String>,
    picture: Option<Picture>,
    is_pending: bool,
    is_missing: bool,
    problem: String,
}

/// Blocks in rows, and what they add up to.
struct Picture {
    cells: Vec<Cell>,
    width: usize,
    height: usize,
    block: Size,
    old: Size,
    new: Size,
    patch: Size,
    patch_percent: u64,
    codec: String,
    isa: String,
    /// Of each kind: its class, what it means, the number of blocks, and their part in percent.
    kinds: Vec<(&'static str, &'static str, usize, u64)>,
    /// Where most of the patch goes: from, to, bytes of the patch.
    costly: Vec<(String, String, Size)>,
}

struct Cell {
    x: usize,
    y: usize,
    class: &'static str,
}

const COLUMNS: usize = 32;

/// The side of a cell, and what is between two, in units of the picture.
const SIDE: usize = 10;

/// Kinds of blocks, by how much of the patch they take: class and meaning.
const KINDS: [(&str, &str); 4] = [
    ("same", "the same at the same place"),
    ("moved", "changed as predicted, or moved: next to nothing in the patch"),
    ("some", "partly new: up to a quarter of its size in the patch"),
    ("new", "new: more than that"),
];

fn kind(block: &Block, size: u32) -> usize {
    match block.patch_bytes {
        bytes if bytes.saturating_mul(4) > size => 3,
        bytes if bytes.saturating_mul(32) > size => 2,
        _ if !block.is_same => 1,
        _ => 0,
    }
}

impl Picture {
    fn of(changes: &changes::Changes) -> Self {
        let blocks = &changes.blocks;
        let kinds: Vec<usize> =
            blocks.iter().map(|block| kind(block, changes.block_size)).collect();
        let cells = kinds.iter().enumerate().map(|(at, kind)| {
            let (class, _) = KINDS.get(*kind).copied().unwrap_or_default();
            Cell { x: at % COLUMNS * SIDE, y: at / COLUMNS * SIDE, class }
        });
        let counted = KINDS.iter().enumerate().map(|(kind, (class, meaning))| {
            let count = kinds.iter().filter(|found| **found == kind).count();
            (*class, *meaning, count, percent(count as u64, kinds.len() as u64))
        });
        Self {
            cells: cells.collect(),
            width: COLUMNS * SIDE,
            height: blocks.len().div_ceil(COLUMNS).max(1) * SIDE,
            block: Size(changes.block_size.into()),
            old: Size(changes.old_size.into()),
            new: Size(changes.new_size.into()),
            patch: Size(changes.patch_size),
            patch_percent: percent(changes.patch_size, changes.new_size.into()),
            codec: changes.codec.clone(),
            isa: changes.isa.clone(),
            kinds: counted.collect(),
            costly: costly(blocks, changes.block_size),
        }
    }
}

/// The ranges that take most of the patch, the costliest first.
fn costly(blocks: &[Block], size: u32) -> Vec<(String, String, Size)> {
    // Blocks in a row are one range.
    let mut ranges: Vec<(u32, u32, u32)> = Vec::new();
    for block in blocks.iter().filter(|block| kind(block, size) >= 2) {
        let end = block.start.saturating_add(size);
        match ranges.last_mut() {
            Some((_, last, bytes)) if *last == block.start => {
                (*last, *bytes) = (end, bytes.saturating_add(block.patch_bytes));
            }
            _ => ranges.push((block.start, end, block.patch_bytes)),
        }
    }
    ranges.sort_by_key(|(start, _, bytes)| (core::cmp::Reverse(*bytes), *start));
    let hex = |at: u32| format!("0x{at:x}");
    let first = ranges.into_iter().take(8);
    first.map(|(from, to, bytes)| (hex(from), hex(to), Size(bytes.into()))).collect()
}

pub(super) async fn get(
    State(service): State<Service>,
    visitor: Visitor,
    At(product): At<Name>,
    Asked(mut which): Asked<Which>,
) -> Result<Response, Error> {
    let tenant = &visitor.caller().tenant;
    let state = service.states().get(tenant, &product).await?;
    let rows = super::versions::rows(&state.catalogue, &product);
    let releases: Vec<String> = rows.iter().map(|row| row.version.to_string()).collect();
    // Without more said the last two.
    for (chosen, nth) in [(&mut which.to, 0), (&mut which.from, 1)] {
        if chosen.is_empty() {
            *chosen = releases.get(nth).cloned().unwrap_or_default();
        }
    }
    let mut components: Vec<String> = Vec::new();
    for release in state.catalogue.releases(&product) {
        components.extend(release.components.iter().map(|one| one.name.to_string()));
    }
    components.sort_unstable();
    components.dedup();
    let frame = Frame::new(&visitor, "What changed", "/ui/products").done(which.done.as_deref());
    let mut shown = Page {
        frame,
        product,
        releases,
        components,
        picture: None,
        is_pending: false,
        is_missing: false,
        problem: String::new(),
        which,
    };
    if !shown.which.from.is_empty() {
        let Which { from, to, component, .. } = &shown.which;
        let pair = (&Version::new(&**from)?, &Version::new(&**to)?);
        match changes::find(&service, tenant, &shown.product, pair, component).await? {
            Found::Ready(changes) => shown.picture = Some(Picture::of(&changes)),
            Found::Pending { why } => {
                shown.is_pending = true;
                shown.problem = why;
            }
            Found::Missing => shown.is_missing = true,
            Found::Impossible { why } => shown.problem = why,
        }
    }
    page(&shown)
}

pub(super) async fn post(
    State(service): State<Service>,
    visitor: Visitor,
    At(product): At<Name>,
    fields: Fields,
) -> Result<Response, Error> {
    let [from, to, component] = ["from", "to", "component"].map(|name| fields.text(name));
    let pair = (&Version::new(from)?, &Version::new(to)?);
    changes::ask(&service, &visitor.caller().tenant, &product, pair, component).await?;
    let [product, from, to, component] = [&*product, from, to, component].map(encoded);
    Ok(go(&format!(
        "/ui/products/{product}/changes?from={from}&to={to}&component={component}&done=asked"
    )))
}
