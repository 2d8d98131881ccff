//! Applying a bundle.

use core::ops::ControlFlow;

use sha2::{Digest as _, Sha256};

use super::format::{info, BundleInfo, MemberInfo, Method};
use super::{member_apply, BundleError, MOST_LEVELS, SMALL};
use crate::device::apply::{NewImage as _, Progress};
use crate::host::apply::MemoryImage;
use crate::host::archive::deflate::recreate;
use crate::host::archive::Contents;

/// Applies a bundle in memory: gives the new file, byte by byte.
///
/// Nothing is allocated by sizes that the bundle claims. A few bytes of it can make a large file,
/// though: one that no honest bundle makes, by the limit of [`MemoryImage::for_patch`], is refused.
/// Each part of the bundle has that limit, too, and old members are inflated to 128 MiB at most.
///
/// # Errors
///
/// See [`BundleError`]; among them [`BundleError::NewTooLong`].
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
/// called now and then, at least after each member, and may give up.
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
    let total = info(bundle)?.new_size;
    let limit = limit.unwrap_or_else(|| self::limit(old.len(), bundle.len()));
    let new = apply_at(old, bundle, limit, 0, &mut |written| {
        progress(Progress { done: false, written, total })
    })?;
    match progress(Progress { done: true, written: total, total }) {
        ControlFlow::Continue(()) => Ok(new),
        ControlFlow::Break(()) => Err(BundleError::Cancelled),
    }
}

/// No honest patch or bundle of this length makes more than so many bytes from an old file of this
/// length.
pub(super) fn limit(old_len: usize, patch_len: usize) -> u32 {
    MemoryImage::for_patch(old_len as u64, patch_len as u64).capacity()
}

/// Hears how many bytes of the new file are made, and may give up.
type Watch<'a> = dyn FnMut(u32) -> ControlFlow<()> + 'a;

fn apply_at(
    old: &[u8],
    bundle: &[u8],
    limit: u32,
    level: usize,
    watch: &mut Watch<'_>,
) -> Result<Vec<u8>, BundleError> {
    if level > MOST_LEVELS {
        return Err(BundleError::TooDeep);
    }
    let info = info(bundle)?;
    if info.new_size > limit {
        return Err(BundleError::NewTooLong { needed: info.new_size, limit });
    }
    let digest: [u8; 32] = Sha256::digest(old).into();
    let found = digest.first_chunk::<12>().copied().unwrap_or_default();
    if found != info.old_digest || old.len() != info.old_size as usize {
        return Err(BundleError::OldMismatch { expected: info.old_digest, found });
    }
    let container = info.old_container;
    let old = Contents::new(old, container)
        .map_err(|error| BundleError::Container { container, error })?;
    let new = Maker::new(&info, &old, bundle, level, watch)?.run(watch)?;
    let found: [u8; 32] = Sha256::digest(&new).into();
    if found != info.new_digest {
        return Err(BundleError::NewMismatch { expected: info.new_digest, found });
    }
    Ok(new)
}

/// The common part of an old file: its template and its small members.
pub(super) fn common(contents: &Contents<'_>) -> Vec<u8> {
    let (mut common, _) = contents.template();
    for index in 0..contents.members.len() {
        let content = contents.content(index);
        if content.len() <= SMALL {
            common.extend_from_slice(content);
        }
    }
    common
}

struct Maker<'a> {
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

impl<'a> Maker<'a> {
    fn new(
        info: &'a BundleInfo,
        old: &'a Contents<'a>,
        bundle: &'a [u8],
        level: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Self, BundleError> {
        let small = info
            .members
            .iter()
            .filter(|m| m.method == Method::Common)
            .map(|m| u64::from(m.content_size));
        let recipes: u64 = info.members.iter().filter_map(|m| m.recipe).map(u64::from).sum();
        let behind = recipes + info.template_len() as u64;
        let len = behind + small.sum::<u64>();
        let Some(len) = u32::try_from(len).ok().map(|len| len as usize) else {
            return Err(BundleError::BadField {
                field: "length of a recipe",
                offset: info.header_len,
            });
        };
        let body = bundle.get(info.header_len as usize..).unwrap_or_default();
        let mut maker = Self {
            info,
            old,
            level,
            body,
            common: Vec::new(),
            recipes: 0,
            template: recipes as usize,
            small: behind as usize,
        };
        let patch = maker.take(info.common_len);
        maker.common = match (patch, len) {
            ([], 0) => Vec::new(),
            (patch, len) => member_apply(&common(old), patch, len, &mut |_| watch(0))
                .map_err(|error| BundleError::Member {
                    name: String::new(),
                    error: Box::new(error),
                })?
                .ok_or(BundleError::Cancelled)?,
        };
        Ok(maker)
    }

    /// The next bytes of the bundle.
    fn take(&mut self, count: u32) -> &'a [u8] {
        let (taken, rest) = self.body.split_at_checked(count as usize).unwrap_or((self.body, &[]));
        self.body = rest;
        taken
    }

    fn run(mut self, watch: &mut Watch<'_>) -> Result<Vec<u8>, BundleError> {
        let info = self.info;
        let mut new = Vec::new();
        for member in &info.members {
            let end = self.template + member.gap as usize;
            new.extend_from_slice(self.common.get(self.template..end).unwrap_or_default());
            self.template = end;
            let start = new.len() as u32;
            // A share of the member is as large a share of what it takes in the file.
            let content = self.content(member, &mut |made| {
                let share = u64::from(made) * u64::from(member.size)
                    / u64::from(member.content_size.max(1));
                watch(start.saturating_add(share.min(u64::from(member.size)) as u32))
            })?;
            let wrong =
                BundleError::BadField { field: "size of a member", offset: info.header_len };
            if content.len() != member.content_size as usize {
                return Err(wrong);
            }
            let Some(recipe) = member.recipe else {
                new.extend_from_slice(&content);
                go_on(watch, &new)?;
                continue;
            };
            let end = self.recipes + recipe as usize;
            let recipe = self.common.get(self.recipes..end).unwrap_or_default();
            self.recipes = end;
            let data = recreate(&content, recipe, member.size as usize)
                .map_err(|error| BundleError::Deflate { name: member.name.clone(), error })?;
            if data.len() != member.size as usize {
                return Err(wrong);
            }
            new.extend_from_slice(&data);
            go_on(watch, &new)?;
        }
        let recipes: usize =
            info.members.iter().filter_map(|m| m.recipe).map(|len| len as usize).sum();
        new.extend_from_slice(
            self.common.get(self.template..recipes + info.template_len()).unwrap_or_default(),
        );
        Ok(new)
    }

    /// What a member holds.
    fn content(
        &mut self,
        member: &MemberInfo,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<u8>, BundleError> {
        let part = self.take(member.bytes);
        let failed =
            |error| BundleError::Member { name: member.name.clone(), error: Box::new(error) };
        let len = member.content_size as usize;
        Ok(match member.method {
            Method::Same => self.old_content(member)?.to_vec(),
            Method::Patch | Method::Full => {
                let old =
                    if member.method == Method::Full { &[] } else { self.old_content(member)? };
                let made = member_apply(old, part, len, &mut |progress| watch(progress.written));
                made.map_err(failed)?.ok_or(BundleError::Cancelled)?
            }
            Method::Verbatim => part.to_vec(),
            Method::Common => {
                let start = self.small;
                self.small += len;
                self.common.get(start..self.small).unwrap_or_default().to_vec()
            }
            Method::Bundle => {
                let nested = |error| match error {
                    BundleError::Cancelled => error,
                    error => {
                        BundleError::Nested { name: member.name.clone(), error: Box::new(error) }
                    }
                };
                // Before anything is made.
                if info(part).map_err(nested)?.new_size as usize != len {
                    return Err(BundleError::BadField {
                        field: "size of a member",
                        offset: self.info.header_len,
                    });
                }
                let old = self.old_content(member)?;
                apply_at(old, part, limit(old.len(), part.len()), self.level + 1, watch)
                    .map_err(nested)?
            }
        })
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

/// Tells how much is made.
fn go_on(watch: &mut Watch<'_>, new: &[u8]) -> Result<(), BundleError> {
    match watch(new.len() as u32) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(BundleError::Cancelled),
    }
}
