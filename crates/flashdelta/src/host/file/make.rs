//! Two files: the patch between their images.

use super::error::MakeError;
use super::host::HostSection;
use super::left_out;
use super::reading::{Memory, MemoryOptions};
use super::recipe::{FileRecipe, OldText};
use crate::host::budget::{Budget, Stop};
use crate::host::diff::{DiffOptions, Patch};
use crate::host::image;

/// Makes a patch that turns one firmware file into another, which may be of another format.
///
/// The same arguments give the same bytes on every machine. For files that are their own image the
/// patch is that of [`crate::diff::diff`].
///
/// # Errors
///
/// See [`crate::diff::diff`]; also [`MakeError::OldFile`] and [`MakeError::NewFile`] for text files
/// that are damaged, or dubious.
pub fn diff(old_file: &[u8], new_file: &[u8], options: &DiffOptions) -> Result<Patch, MakeError> {
    diff_with(old_file, new_file, options, &MemoryOptions::default())
}

/// The same as [`diff`], with a say in how files of records are read.
///
/// # Errors
///
/// Those of [`diff`].
pub fn diff_with(
    old_file: &[u8],
    new_file: &[u8],
    options: &DiffOptions,
    memory: &MemoryOptions,
) -> Result<Patch, MakeError> {
    let mut watch = |_| options.goes_on();
    let budget = &mut Budget::new(u64::MAX, &mut watch);
    let old = Memory::read_within(old_file, memory, budget).map_err(MakeError::old_file)?;
    let new = Memory::read_within(new_file, memory, budget).map_err(MakeError::new_file)?;
    diff_read((old_file, old), (new_file, new), options, memory, budget)
}

/// The same as [`diff_with`], of files the images in which have been read.
pub(crate) fn diff_read(
    (old_file, mut old): (&[u8], Memory<'_>),
    (new_file, mut new): (&[u8], Memory<'_>),
    options: &DiffOptions,
    memory: &MemoryOptions,
    budget: &mut Budget<'_>,
) -> Result<Patch, MakeError> {
    let split = match new.is_memory() {
        true => Some(image::split_within(new_file, budget)?),
        false => None,
    };
    if split.as_ref().is_some_and(|split| !split.is_apart()) {
        // Too irregular: the text is patched as text.
        (old, new) = (Memory::plain(old_file), Memory::plain(new_file));
    }
    if !old.is_memory() && !new.is_memory() {
        return Ok(crate::host::diff::diff(old_file, new_file, options)?);
    }
    let old_text = old_text(&old, old_file, memory, budget)?;
    let describe = |split: image::Split<'_>| {
        FileRecipe::describe(new_file, &split, &new, memory, &old_text, options)
    };
    let section = HostSection {
        old_is_memory: old.is_memory(),
        old_in_order: old.is_in_order(),
        memory: memory.clone(),
        new: split.map(describe).transpose()?,
    };
    let mut options = options.clone();
    options.host_section = section.emit();
    if options.base.is_none() && (options.old_map.is_none() || options.new_map.is_none()) {
        let (old_map, new_map) = image::address_maps(&old.image, &new.image);
        options = options.address_maps(old.address_map(old_map), new.address_map(new_map));
    }
    Ok(crate::host::diff::diff(&old.image, &new.image, &options)?)
}

/// What the old file of records has besides the image in it.
pub(super) fn old_text(
    old: &Memory<'_>,
    file: &[u8],
    options: &MemoryOptions,
    budget: &mut Budget<'_>,
) -> Result<OldText, Stop> {
    if !old.is_memory() {
        return Ok(OldText::default());
    }
    if let Some(template) = image::apj::frame(file) {
        return Ok(OldText { template, rest: Vec::new() });
    }
    let split = image::split_within(file, budget)?;
    if !split.is_apart() {
        return Ok(OldText::default());
    }
    let runs = if old.is_in_order() { None } else { left_out::runs(&split, options) };
    let rest = runs.map_or_else(Vec::new, |runs| left_out::rest(&split.data, &runs));
    Ok(OldText { template: split.template, rest })
}
