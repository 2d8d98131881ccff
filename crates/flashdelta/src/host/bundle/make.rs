//! Making a bundle.

use core::ops::ControlFlow;
use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::check::{check_contents, MemberWarning};
use super::format::{BundleInfo, MemberInfo, Method, MOST_LEVELS, MOST_OF_A_NAME};
use super::member::{self, SMALL};
use super::options::BundleOptions;
use super::pairing::{pair, Candidate};
use crate::device::format::MAX_SIZE;
use crate::host::archive::Contents;
use crate::host::budget::{output_limit, total_limit, Budget, Halt, Stop};
use crate::host::deflate::{analyse, recreate};
use crate::host::diff::{DiffError, DiffOptions, DiffProgress};
use crate::host::file::{self, MakeError};
use crate::host::room;

/// What taking both files apart may inflate, in bytes, beside what is in proportion to them: beyond
/// it archives in archives are patched as they are.
const MOST_INFLATED: u64 = 1 << 30;

/// A bundle and how it came about.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct BundlePatch {
    /// The bundle.
    pub bytes: Vec<u8>,
    /// What it says about itself; what each member costs.
    pub info: BundleInfo,
    /// Names of members of the old file from which none of the new file is made.
    pub unused: Vec<String>,
    /// What in the old and in the new file is patched differently from what its name or format
    /// suggests.
    pub warnings: [Vec<MemberWarning>; 2],
}

/// Makes a bundle that turns `old` into `new`: files that hold others. Files that do not become one
/// member, so that any two files will do. The same arguments give the same bytes on every machine.
///
/// A bundle is not larger than the patch of both files as a whole by more than its own header,
/// about 100 bytes: that is tried, too, unless compressed data that changed would make it more than
/// twice as large. [`plain_patch`](super::plain_patch) gives the patch if this won.
///
/// The patches inside are made by `options`, save for address maps, which would only suit one of
/// the members.
///
/// # Errors
///
/// [`MakeError`]: the files are too large, or a manifest in them is wrong, or the device profile
/// does not allow what was asked for, or the callback asked to give up.
pub fn diff(old: &[u8], new: &[u8], options: &DiffOptions) -> Result<BundlePatch, MakeError> {
    diff_with(old, new, options, &BundleOptions::default())
}

/// The same as [`diff`], with a say in how the files are taken.
///
/// # Errors
///
/// Those of [`diff`].
pub fn diff_with(
    old: &[u8],
    new: &[u8],
    options: &DiffOptions,
    bundle_options: &BundleOptions,
) -> Result<BundlePatch, MakeError> {
    let (found, limit) = (old.len().max(new.len()) as u64, u64::from(MAX_SIZE));
    if found > limit {
        return Err(DiffError::TooLarge { found, limit }.into());
    }
    let mut watch = |_| options.goes_on();
    let mut budget = Budget::new(MOST_INFLATED + total_limit(found, 0, 0), &mut watch);
    let taken_apart = |file, budget: &mut Budget<'_>| match Contents::of(file, budget) {
        Ok(contents) => Ok(contents),
        Err(Stop::OverBudget { .. }) => Ok((Contents::whole(file), None)),
        Err(stop) => Err(MakeError::from(stop)),
    };
    let (old_contents, old_error) = taken_apart(old, &mut budget)?;
    let (new_contents, new_error) = taken_apart(new, &mut budget)?;
    let warnings = [
        check_contents(&old_contents, old_error, bundle_options, &mut budget)
            .map_err(|halt| stopped(halt, MakeError::OldManifest))?,
        check_contents(&new_contents, new_error, bundle_options, &mut budget)
            .map_err(|halt| stopped(halt, MakeError::NewManifest))?,
    ];
    let is_whole =
        [&old_contents, &new_contents].iter().all(|contents| contents.container.is_whole());
    let whole = |options: &DiffOptions, budget: &mut Budget<'_>| {
        let (old, new) = (Contents::whole(old), Contents::whole(new));
        Maker { old, new, options, level: 0 }.run(budget)
    };
    let mut best = if is_whole {
        whole(options, &mut budget)?
    } else {
        let changed = changed_streams(&old_contents, &new_contents);
        let half = part_of(options, 0.0, 0.5);
        let maker = Maker { old: old_contents, new: new_contents, options: &half, level: 0 };
        let bundle = maker.run(&mut budget)?;
        let len = bundle.patch.bytes.len();
        // What an applier would refuse is not made.
        let applies = bundle.claims <= total_limit(old.len() as u64, len as u64, 0);
        if applies && len < changed / 2 {
            bundle
        } else {
            let whole = whole(&part_of(options, 0.5, 1.0), &mut budget)?;
            if !applies || whole.patch.bytes.len() < len {
                whole
            } else {
                bundle
            }
        }
    }
    .patch;
    best.warnings = warnings;
    Ok(best)
}

/// An error of the maker, where a call has to stop or something is wrong with a file.
fn stopped<E>(halt: Halt<E>, error: impl FnOnce(E) -> MakeError) -> MakeError {
    match halt {
        Halt::Bad(bad) => error(bad),
        Halt::Stop(stop) => stop.into(),
    }
}

/// Bytes of the new file that are compressed and changed, so that a patch of the files as a whole
/// has to spell them out.
fn changed_streams(old: &Contents<'_>, new: &Contents<'_>) -> usize {
    let same = |a: &mut dyn Iterator<Item = (&u8, &u8)>| a.take_while(|(a, b)| a == b).count();
    let kept = |a: &[u8], b: &[u8]| {
        let front = same(&mut a.iter().zip(b));
        front + same(&mut a[front..].iter().rev().zip(b[front..].iter().rev()))
    };
    let changed = |index: usize| {
        let stream = new.raw(index);
        stream.len()
            - (0..old.members.len()).map(|other| kept(stream, old.raw(other))).max().unwrap_or(0)
    };
    (0..new.members.len()).filter(|index| new.members[*index].is_deflated).map(changed).sum()
}

/// The options with a share of the progress.
fn part_of(options: &DiffOptions, from: f32, to: f32) -> DiffOptions {
    let mut part = options.clone();
    if let Some(progress) = options.progress.clone() {
        part.progress = Some(std::sync::Arc::new(move |at: DiffProgress| -> ControlFlow<()> {
            progress(DiffProgress { fraction: from + (to - from) * at.fraction, ..at })
        }));
    }
    part
}

/// All of these, one after the other.
fn joined(parts: &[&[u8]]) -> Result<Vec<u8>, Stop> {
    let mut all = room::with_capacity(parts.iter().map(|part| part.len()).sum())?;
    for part in parts {
        room::extend(&mut all, part)?;
    }
    Ok(all)
}

struct Maker<'a> {
    old: Contents<'a>,
    new: Contents<'a>,
    options: &'a DiffOptions,
    /// How many containers this one is in.
    level: usize,
}

/// A bundle, and what applying it makes, as [`Budget`] counts.
struct Made {
    patch: BundlePatch,
    claims: u64,
}

/// A part of a bundle, and what applying it makes.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    claims: u64,
}

impl Part {
    /// A patch from an old member of this length.
    fn patch(bytes: Vec<u8>, old_len: usize) -> Self {
        // A patch that was just made can be read.
        let claims = file::claims(&bytes).map_or(u64::MAX, |claims| claims.bytes);
        Self { claims: claims.saturating_add(member::reading(old_len)), bytes }
    }
}

/// A member of the new file as it is compared.
struct Member<'a> {
    content: std::borrow::Cow<'a, [u8]>,
    recipe: Option<Vec<u8>>,
}

impl<'a> Maker<'a> {
    fn run(self, budget: &mut Budget<'_>) -> Result<Made, MakeError> {
        let members: Result<Vec<Member<'_>>, Stop> =
            (0..self.new.members.len()).map(|index| self.member(index, budget)).collect();
        let members = members?;
        let pairs = self.pairs(&members);
        let same = self.same();
        let (template, gaps) = self.new.template();
        let (mut infos, mut parts, mut recipes, mut small) =
            (Vec::new(), Vec::<u8>::new(), Vec::new(), Vec::<u8>::new());
        let all: usize = members.iter().map(|member| member.content.len()).sum();
        let mut done = 0;
        let mut claims = self.old.taken + self.new.file().len() as u64;
        for (index, member) in members.iter().enumerate() {
            let from = done as f32 / (all + 1) as f32;
            done += member.content.len();
            let options = part_of(self.options, from, done as f32 / (all + 1) as f32);
            let (mut info, part) =
                self.choose(index, member, pairs[index], &same, &options, budget)?;
            info.name = shortened(&self.new.members[index].name);
            info.gap = gaps[index] as u32;
            info.size = self.new.raw(index).len() as u32;
            info.bytes = part.bytes.len() as u32;
            claims = claims.saturating_add(part.claims);
            match info.recipe {
                Some(_) => {
                    recipes.extend_from_slice(member.recipe.as_deref().unwrap_or_default());
                    claims = claims.saturating_add(info.size.into());
                }
                None => info.content_size = info.size,
            }
            if info.method == Method::Common {
                room::extend(&mut small, &member.content)?;
                claims = claims.saturating_add(member.content.len() as u64);
            }
            infos.push(info);
            room::extend(&mut parts, &part.bytes)?;
        }
        let new_common = joined(&[&recipes, &template, &small])?;
        let mut options = part_of(self.options, done as f32 / (all + 1) as f32, 1.0);
        (options.old_map, options.new_map, options.base) = (None, None, None);
        let patch = match new_common.is_empty() {
            true => Part::default(),
            false => {
                let old_common = member::common(&self.old);
                Part::patch(member::diff(&old_common, &new_common, &options)?, old_common.len())
            }
        };
        let claims = claims.saturating_add(patch.claims);
        let (old_file, new_file) = (self.old.file(), self.new.file());
        let digest: [u8; 32] = Sha256::digest(old_file).into();
        let mut info = BundleInfo {
            old_container: self.old.container,
            new_container: self.new.container,
            old_size: old_file.len() as u32,
            new_size: new_file.len() as u32,
            old_digest: digest.first_chunk().copied().unwrap_or_default(),
            new_digest: Sha256::digest(new_file).into(),
            header_len: 0,
            common_len: patch.bytes.len() as u32,
            members: infos,
        };
        let bytes = joined(&[&info.emit(), &patch.bytes, &parts])?;
        let unused = self.unused(&info);
        let patch = BundlePatch { unused, bytes, info, warnings: [Vec::new(), Vec::new()] };
        Ok(Made { patch, claims })
    }

    /// Old members that nothing is made from, and whose names are gone.
    fn unused(&self, info: &BundleInfo) -> Vec<String> {
        let used: HashSet<u32> = info.members.iter().filter_map(|member| member.old).collect();
        let names: HashSet<&str> = info.members.iter().map(|member| &*member.name).collect();
        let old = (0..).zip(&self.old.members);
        let gone =
            old.filter(|(index, member)| !used.contains(index) && !names.contains(&*member.name));
        gone.map(|(_, member)| member.name.clone()).collect()
    }

    /// A member of the new file: inflated, if it can be deflated again to the same bytes by less
    /// than a quarter of them.
    fn member(&self, index: usize, budget: &mut Budget<'_>) -> Result<Member<'_>, Stop> {
        let raw = self.new.raw(index);
        if let Some(plain) = self.new.plain.get(index).and_then(Option::as_deref) {
            // What an applier would refuse to make is patched as it is compressed.
            if plain.len() <= output_limit(0, 0) as usize {
                if let Some(recipe) = recipe(raw, plain, budget)? {
                    return Ok(Member { content: plain.into(), recipe: Some(recipe) });
                }
            }
        }
        Ok(Member { content: raw.into(), recipe: None })
    }

    fn pairs(&self, members: &[Member<'_>]) -> Vec<Option<usize>> {
        let candidate = |(name, content)| Candidate { name, content };
        let names = |contents: &'_ Contents<'a>| {
            contents.members.iter().map(|m| m.name.clone()).collect::<Vec<_>>()
        };
        let (old_names, new_names) = (names(&self.old), names(&self.new));
        let old =
            old_names.iter().enumerate().map(|(i, name)| candidate((name, self.old.content(i))));
        let new =
            new_names.iter().zip(members).map(|(name, member)| candidate((name, &member.content)));
        pair(&old.collect::<Vec<_>>(), &new.collect::<Vec<_>>())
    }

    /// The old members by their digests: as they are in the file, and as what they hold.
    fn same(&self) -> HashMap<[u8; 32], (usize, bool)> {
        let mut same = HashMap::new();
        for index in (0..self.old.members.len()).rev() {
            // What is in the file as it is needs no recipe: it comes last, and counts.
            same.insert(Sha256::digest(self.old.content(index)).into(), (index, true));
            same.insert(Sha256::digest(self.old.raw(index)).into(), (index, false));
        }
        same
    }

    /// The smallest way to make a member, and the bytes for it.
    fn choose(
        &self,
        index: usize,
        member: &Member<'_>,
        pair: Option<usize>,
        same: &HashMap<[u8; 32], (usize, bool)>,
        options: &DiffOptions,
        budget: &mut Budget<'_>,
    ) -> Result<(MemberInfo, Part), MakeError> {
        let old = |method, (index, old_is_inflated): (usize, bool)| MemberInfo {
            method,
            old: Some(index as u32),
            old_is_inflated,
            ..MemberInfo::default()
        };
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        if let Some(found) = same.get(&digest(self.new.raw(index))) {
            return Ok((old(Method::Same, *found), Part::default()));
        }
        let content = &member.content[..];
        let recipe = member.recipe.as_ref().map(|recipe| recipe.len() as u32);
        let with_recipe = |info| MemberInfo { recipe, content_size: content.len() as u32, ..info };
        if let Some(found) = same.get(&digest(content)) {
            return Ok((with_recipe(old(Method::Same, *found)), Part::default()));
        }
        let of = |method| with_recipe(MemberInfo { method, ..MemberInfo::default() });
        if content.len() <= SMALL && !self.new.container.is_whole() {
            return Ok((of(Method::Common), Part::default()));
        }
        let mut options = options.clone();
        if !self.new.container.is_whole() {
            (options.old_map, options.new_map) = (None, None);
        }
        let mut best =
            (of(Method::Verbatim), Part { bytes: room::copy(content)?, ..Part::default() });
        let mut try_one = |info: MemberInfo, from: usize, part: Part| {
            let limit = output_limit(from as u64, part.bytes.len() as u64) as usize;
            if part.bytes.len() < best.1.bytes.len() && content.len() <= limit {
                best = (info, part);
            }
        };
        match pair.or((self.old.container.is_whole()).then_some(0)) {
            // Compressed bytes that cannot be made again are compared with compressed bytes.
            Some(found) => {
                let is_inflated = recipe.is_some() || !self.new.members[index].is_deflated;
                let from = if is_inflated { self.old.content(found) } else { self.old.raw(found) };
                if let Some(bundle) = self.nested(from, content, &options, budget)? {
                    try_one(
                        with_recipe(old(Method::Bundle, (found, is_inflated))),
                        from.len(),
                        bundle,
                    );
                } else {
                    let patch = member::diff(from, content, &options)?;
                    try_one(
                        with_recipe(old(Method::Patch, (found, is_inflated))),
                        from.len(),
                        Part::patch(patch, from.len()),
                    );
                }
            }
            None => {
                let patch = member::diff(&[], content, &options)?;
                try_one(of(Method::Full), 0, Part::patch(patch, 0));
            }
        }
        Ok(best)
    }

    /// A bundle for a member, if it and its old counterpart are containers.
    fn nested(
        &self,
        old: &[u8],
        new: &[u8],
        options: &DiffOptions,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Part>, MakeError> {
        if self.level >= MOST_LEVELS || self.new.container.is_whole() {
            return Ok(None);
        }
        let mut take_apart = |file| match Contents::of(file, budget) {
            Ok((contents, _)) if !contents.container.is_whole() => Ok(Some(contents)),
            Ok(_) | Err(Stop::OverBudget { .. }) => Ok(None),
            Err(stop) => Err(MakeError::from(stop)),
        };
        let (Some(old_contents), Some(new_contents)) = (take_apart(old)?, take_apart(new)?) else {
            return Ok(None);
        };
        let maker = Maker { old: old_contents, new: new_contents, options, level: self.level + 1 };
        let made = maker.run(budget)?;
        let claims = made.claims.saturating_add(member::reading(old.len()));
        Ok(Some(Part { bytes: made.patch.bytes, claims }))
    }
}

/// How to deflate `plain` to `raw` again, if that takes less than a quarter of it.
fn recipe(raw: &[u8], plain: &[u8], budget: &mut Budget<'_>) -> Result<Option<Vec<u8>>, Stop> {
    let recipe = match analyse(raw, plain.len(), budget) {
        Ok(recipe) if recipe.len() < raw.len() / 4 + 16 => recipe,
        Ok(_) | Err(Halt::Bad(_)) => return Ok(None),
        Err(Halt::Stop(stop)) => return Err(stop),
    };
    match recreate(plain, &recipe, raw.len(), budget) {
        Ok(again) => Ok((again == raw).then_some(recipe)),
        Err(Halt::Bad(_)) => Ok(None),
        Err(Halt::Stop(stop)) => Err(stop),
    }
}

/// A name that is not too long.
fn shortened(name: &str) -> String {
    let end = (0..=MOST_OF_A_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name[..end.unwrap_or(0)].to_owned()
}
