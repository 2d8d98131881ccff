//! Applying a bundle.

use core::ops::ControlFlow;
use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use super::format::{info, BundleInfo, MemberInfo, Method, MOST_LEVELS};
use super::member::{self, MemberFailure};
use super::BundleError;
use crate::device::apply::Progress;
use crate::host::archive::Contents;
use crate::host::budget::{output_limit, total_limit, Budget, Halt, Stop};
use crate::host::deflate::recreate;
use crate::host::room;

/// Applies a bundle in memory: gives the new file, byte by byte.
///
/// Nothing is allocated by sizes that the bundle claims. A few bytes of it can make a large file,
/// though: one that no honest bundle makes, by the limit of
/// [`MemoryImage::for_patch`](crate::apply::MemoryImage::for_patch), is refused. All that is made
/// on the way to it, members that are inflated and bundles in it included, may take twice that
/// limit.
///
/// # Errors
///
/// See [`BundleError`]; among them [`BundleError::NewTooLong`] and [`BundleError::TooMuchWork`].
pub fn apply(old: &[u8], bundle: &[u8]) -> Result<Vec<u8>, BundleError> {
    apply_with(old, bundle, None, &mut |_| ControlFlow::Continue(()))
}

/// The same as [`apply`], but the new file may have up to `limit` bytes.
///
/// # Errors
///
/// See [`BundleError`]; among them [`BundleError::NewTooLong`].
pub fn apply_with_limit(old: &[u8], bundle: &[u8], limit: u32) -> Result<Vec<u8>, BundleError> {
    apply_with(old, bundle, Some(limit), &mut |_| ControlFlow::Continue(()))
}

/// The same as [`apply`]. The new file may have up to `limit` bytes, if there is one. `progress` is
/// called often, also while members are inflated, compressed and checked, and may give up.
///
/// # Errors
///
/// Those of [`apply`], and [`BundleError::Cancelled`].
pub fn apply_with(
    old: &[u8],
    bundle: &[u8],
    limit: Option<u32>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<u8>, BundleError> {
    let info = info(bundle)?;
    let total = info.new_size;
    let (old_len, len) = (old.len() as u64, bundle.len() as u64);
    let limit = limit.unwrap_or_else(|| output_limit(old_len, len));
    if total > limit {
        return Err(BundleError::NewTooLong { needed: total, limit });
    }
    let mut watch = |written| progress(Progress { written, total, ..Progress::default() });
    let mut budget = Budget::new(total_limit(old_len, len, limit), &mut watch);
    let new = apply_at(old, &info, bundle, 0, &mut budget)?;
    match progress(Progress { done: true, written: total, total, ..Progress::default() }) {
        ControlFlow::Continue(()) => Ok(new),
        ControlFlow::Break(()) => Err(BundleError::Cancelled),
    }
}

impl From<Stop> for BundleError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::OverBudget { needed, limit } => Self::TooMuchWork { needed, limit },
            Stop::OutOfMemory { needed } => Self::OutOfMemory { needed },
            Stop::Cancelled => Self::Cancelled,
        }
    }
}

fn apply_at(
    old: &[u8],
    info: &BundleInfo,
    bundle: &[u8],
    level: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>, BundleError> {
    if level > MOST_LEVELS {
        return Err(BundleError::TooDeep);
    }
    budget.take(info.new_size.into())?;
    let digest = digest(old, budget)?;
    let found = digest.first_chunk::<12>().copied().unwrap_or_default();
    if found != info.old_digest || old.len() != info.old_size as usize {
        return Err(BundleError::OldMismatch { expected: info.old_digest, found });
    }
    let container = info.old_container;
    let old = Contents::new(old, container, budget).map_err(|halt| match halt {
        Halt::Bad(error) => BundleError::Container { container, error },
        Halt::Stop(stop) => stop.into(),
    })?;
    let new = Builder::new(info, &old, bundle, level, budget)?.run(budget)?;
    let (expected, found) = (u64::from(info.new_size), new.len() as u64);
    if expected != found {
        return Err(BundleError::Length { name: String::new(), expected, found });
    }
    let found = self::digest(&new, budget)?;
    if found != info.new_digest {
        return Err(BundleError::NewMismatch { expected: info.new_digest, found });
    }
    Ok(new)
}

fn digest(bytes: &[u8], budget: &mut Budget<'_>) -> Result<[u8; 32], Stop> {
    let mut hash = Sha256::new();
    for piece in bytes.chunks(64 << 10) {
        hash.update(piece);
        budget.work(piece.len() as u64)?;
    }
    Ok(hash.finalize().into())
}

/// A new file that is being built from its members.
struct Builder<'a> {
    info: &'a BundleInfo,
    old: &'a Contents<'a>,
    level: usize,
    /// What is left of the bundle.
    body: &'a [u8],
    /// What the common patch leads to: recipes, then the template, then small members.
    common: Vec<u8>,
    /// What is next in the recipes, the template and the small members.
    recipes: usize,
    template: usize,
    small: usize,
}

impl<'a> Builder<'a> {
    fn new(
        info: &'a BundleInfo,
        old: &'a Contents<'a>,
        bundle: &'a [u8],
        level: usize,
        budget: &mut Budget<'_>,
    ) -> Result<Self, BundleError> {
        let len = info.common_result_len();
        let Some(len) = u32::try_from(len).ok().map(|len| len as usize) else {
            return Err(BundleError::BadField {
                field: "length of a recipe",
                offset: info.header_len,
            });
        };
        let recipes = info.recipes_len() as usize;
        let mut builder = Self {
            info,
            old,
            level,
            body: bundle.get(info.header_len as usize..).unwrap_or_default(),
            common: Vec::new(),
            recipes: 0,
            template: recipes,
            small: recipes + info.template_len(),
        };
        let patch = builder.take(info.common_len);
        if !patch.is_empty() || len > 0 {
            // It is no part of the new file yet.
            let made = budget.member((0, 0, len as u64), |budget| {
                member::apply(&member::common(old), patch, len, budget)
            });
            builder.common = made.map_err(|failure| failed("", len, failure))?;
        }
        Ok(builder)
    }

    /// The next bytes of the bundle.
    fn take(&mut self, count: u32) -> &'a [u8] {
        let (taken, rest) = self.body.split_at_checked(count as usize).unwrap_or((self.body, &[]));
        self.body = rest;
        taken
    }

    fn run(mut self, budget: &mut Budget<'_>) -> Result<Vec<u8>, BundleError> {
        let info = self.info;
        let mut new = Vec::new();
        for member in &info.members {
            let end = self.template + member.gap as usize;
            room::extend(&mut new, self.common.get(self.template..end).unwrap_or_default())?;
            self.template = end;
            // A share of the member is as large a share of what it takes in the file.
            let share = (new.len() as u64, u64::from(member.size), u64::from(member.content_size));
            let data = budget.member(share, |budget| self.data(member, budget))?;
            room::extend(&mut new, &data)?;
            budget.made(new.len() as u64)?;
            budget.ask()?;
        }
        let end = info.recipes_len() as usize + info.template_len();
        room::extend(&mut new, self.common.get(self.template..end).unwrap_or_default())?;
        Ok(new)
    }

    /// A member as it is in the new file.
    fn data(
        &mut self,
        member: &MemberInfo,
        budget: &mut Budget<'_>,
    ) -> Result<Cow<'a, [u8]>, BundleError> {
        let content = self.content(member, budget)?;
        let length = |expected: u32, data: &[u8]| match data.len() as u64 {
            found if found == u64::from(expected) => Ok(()),
            found => {
                let (name, expected) = (member.name.clone(), expected.into());
                Err(BundleError::Length { name, expected, found })
            }
        };
        length(member.content_size, &content)?;
        let Some(recipe) = member.recipe else {
            length(member.size, &content)?;
            return Ok(content);
        };
        let end = self.recipes + recipe as usize;
        let recipe = self.common.get(self.recipes..end).unwrap_or_default();
        self.recipes = end;
        budget.take(member.size.into())?;
        let data =
            recreate(&content, recipe, member.size as usize, budget).map_err(
                |halt| match halt {
                    Halt::Bad(error) => BundleError::Deflate { name: member.name.clone(), error },
                    Halt::Stop(stop) => stop.into(),
                },
            )?;
        length(member.size, &data)?;
        Ok(data.into())
    }

    /// What a member holds. What is made for it is taken from the budget first.
    fn content(
        &mut self,
        member: &MemberInfo,
        budget: &mut Budget<'_>,
    ) -> Result<Cow<'a, [u8]>, BundleError> {
        let part = self.take(member.bytes);
        let len = member.content_size as usize;
        Ok(match member.method {
            Method::Same => self.old_content(member)?.into(),
            Method::Verbatim => part.into(),
            Method::Patch | Method::Full => {
                let old = match member.method {
                    Method::Full => &[],
                    _ => self.old_content(member)?,
                };
                let made = member::apply(old, part, len, budget);
                made.map_err(|failure| failed(&member.name, len, failure))?.into()
            }
            Method::Bundle => self.nested(member, part, budget)?.into(),
            Method::Common => {
                budget.take(len as u64)?;
                let start = self.small;
                self.small = start.saturating_add(len);
                room::copy(self.common.get(start..self.small).unwrap_or_default())?.into()
            }
        })
    }

    /// What a member holds that a bundle makes.
    fn nested(
        &self,
        member: &MemberInfo,
        part: &[u8],
        budget: &mut Budget<'_>,
    ) -> Result<Vec<u8>, BundleError> {
        let nested = |error| match error {
            BundleError::Cancelled
            | BundleError::OutOfMemory { .. }
            | BundleError::TooMuchWork { .. } => error,
            error => BundleError::Nested { name: member.name.clone(), error: Box::new(error) },
        };
        // Before anything is made.
        let info = info(part).map_err(nested)?;
        if info.new_size != member.content_size {
            let (expected, found) = (member.content_size.into(), info.new_size.into());
            return Err(BundleError::Length { name: member.name.clone(), expected, found });
        }
        let old = self.old_content(member)?;
        budget.take(member::reading(old.len()))?;
        apply_at(old, &info, part, self.level + 1, budget).map_err(nested)
    }

    /// The old member that a new one starts from.
    fn old_content(&self, member: &MemberInfo) -> Result<&'a [u8], BundleError> {
        let missing = BundleError::BadField { field: "old member", offset: self.info.header_len };
        let index =
            member.old.map(|index| index as usize).filter(|index| *index < self.old.members.len());
        let index = index.ok_or(missing)?;
        Ok(if member.old_is_inflated { self.old.content(index) } else { self.old.raw(index) })
    }
}

/// Why the patch of a member of this length did not make it.
fn failed(name: &str, len: usize, failure: MemberFailure) -> BundleError {
    let name = name.to_owned();
    match failure {
        MemberFailure::Halt(Halt::Bad(error)) => {
            BundleError::Member { name, error: Box::new(error) }
        }
        MemberFailure::Halt(Halt::Stop(stop)) => stop.into(),
        MemberFailure::Length(found) => BundleError::Length { name, expected: len as u64, found },
    }
}
