//! Making a bundle.

use core::ops::ControlFlow;
use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::apply::{common, limit};
use super::check::{check_contents, Warning};
use super::format::{BundleInfo, MemberInfo, Method};
use super::pairing::{pair, Candidate};
use super::{member_diff, MOST_LEVELS, SMALL};
use crate::device::format::MAX_SIZE;
use crate::host::archive::deflate::{analyse, recreate};
use crate::host::archive::{Container, Contents};
use crate::host::diff::{DiffError, DiffOptions, DiffProgress};
use crate::host::file::MakeError;

/// A name in a bundle is cut to this many bytes: it is for people only.
const MOST_OF_A_NAME: usize = 1024;

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
    /// What in the old and in the new file is patched otherwise than it seems to be meant.
    pub warnings: [Vec<Warning>; 2],
}

/// How files that hold others are taken.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BundleOptions {
    /// Manifests that are wrong (offsets that are no whole numbers, say) are files as any other,
    /// and not refused.
    pub accept_manifests: bool,
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
    let ((old_contents, old_error), (new_contents, new_error)) =
        (Contents::of(old), Contents::of(new));
    let warnings = [
        check_contents(&old_contents, old_error, bundle_options).map_err(MakeError::OldManifest)?,
        check_contents(&new_contents, new_error, bundle_options).map_err(MakeError::NewManifest)?,
    ];
    let is_whole = [&old_contents, &new_contents]
        .iter()
        .all(|contents| contents.container == Container::Whole);
    let whole =
        |options| Maker { old: Contents::whole(old), new: Contents::whole(new), options, level: 0 };
    let mut best = if is_whole {
        whole(options).run([old, new])?
    } else {
        let changed = changed_streams(&old_contents, &new_contents);
        let half = part_of(options, 0.0, 0.5);
        let bundle = Maker { old: old_contents, new: new_contents, options: &half, level: 0 }
            .run([old, new])?;
        if bundle.bytes.len() < changed / 2 {
            bundle
        } else {
            let whole = whole(&part_of(options, 0.5, 1.0)).run([old, new])?;
            if whole.bytes.len() < bundle.bytes.len() {
                whole
            } else {
                bundle
            }
        }
    };
    best.warnings = warnings;
    Ok(best)
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

struct Maker<'a> {
    old: Contents<'a>,
    new: Contents<'a>,
    options: &'a DiffOptions,
    /// How many containers this one is in.
    level: usize,
}

/// A member of the new file as it is compared.
struct Member<'a> {
    content: std::borrow::Cow<'a, [u8]>,
    recipe: Option<Vec<u8>>,
}

impl<'a> Maker<'a> {
    fn run(self, [old_file, new_file]: [&[u8]; 2]) -> Result<BundlePatch, MakeError> {
        let members: Vec<Member<'_>> =
            (0..self.new.members.len()).map(|index| self.member(index)).collect();
        let pairs = self.pairs(&members);
        let same = self.same();
        let (template, gaps) = self.new.template();
        let (mut infos, mut parts, mut recipes, mut small) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let all: usize = members.iter().map(|member| member.content.len()).sum();
        let mut done = 0;
        for (index, member) in members.iter().enumerate() {
            let from = done as f32 / (all + 1) as f32;
            done += member.content.len();
            let options = part_of(self.options, from, done as f32 / (all + 1) as f32);
            let (mut info, part) = self.choose(index, member, pairs[index], &same, &options)?;
            info.name = shortened(&self.new.members[index].name);
            info.gap = gaps[index] as u32;
            info.size = self.new.raw(index).len() as u32;
            info.bytes = part.len() as u32;
            match info.recipe {
                Some(_) => recipes.extend_from_slice(member.recipe.as_deref().unwrap_or_default()),
                None => info.content_size = info.size,
            }
            if info.method == Method::Common {
                small.extend_from_slice(&member.content);
            }
            infos.push(info);
            parts.extend(part);
        }
        let new_common = [recipes, template, small].concat();
        let mut options = part_of(self.options, done as f32 / (all + 1) as f32, 1.0);
        (options.old_map, options.new_map, options.base) = (None, None, None);
        let patch = match new_common.is_empty() {
            true => Vec::new(),
            false => member_diff(&common(&self.old), &new_common, &options)?,
        };
        let digest: [u8; 32] = Sha256::digest(old_file).into();
        let mut info = BundleInfo {
            old_container: self.old.container,
            new_container: self.new.container,
            old_size: old_file.len() as u32,
            new_size: new_file.len() as u32,
            old_digest: digest.first_chunk().copied().unwrap_or_default(),
            new_digest: Sha256::digest(new_file).into(),
            header_len: 0,
            common_len: patch.len() as u32,
            members: infos,
        };
        let bytes = [info.emit(), patch, parts].concat();
        let used =
            |index: usize| info.members.iter().any(|member| member.old == Some(index as u32));
        let is_gone = |(index, name): (usize, &String)| {
            !used(index) && !info.members.iter().any(|m| m.name == *name)
        };
        let names: Vec<String> =
            self.old.members.iter().map(|member| member.name.clone()).collect();
        let unused = names
            .iter()
            .enumerate()
            .filter(|(index, name)| is_gone((*index, name)))
            .map(|(_, n)| n.clone());
        Ok(BundlePatch {
            unused: unused.collect(),
            bytes,
            info,
            warnings: [Vec::new(), Vec::new()],
        })
    }

    /// A member of the new file: inflated, if it can be deflated again to the same bytes by less
    /// than a quarter of them.
    fn member(&self, index: usize) -> Member<'_> {
        let raw = self.new.raw(index);
        if let Some(plain) = self.new.plain.get(index).and_then(Option::as_deref) {
            // What an applier would refuse to make is patched as it is compressed.
            let is_possible = plain.len() <= limit(0, 0) as usize;
            let recipe =
                is_possible.then(|| analyse(raw, plain.len()).ok()).flatten().filter(|recipe| {
                    recipe.len() < raw.len() / 4 + 16
                        && recreate(plain, recipe, raw.len()).is_ok_and(|again| again == raw)
                });
            if recipe.is_some() {
                return Member { content: plain.into(), recipe };
            }
        }
        Member { content: raw.into(), recipe: None }
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

    /// The old members by their digests: as they stand in the file, and as what they hold.
    fn same(&self) -> HashMap<[u8; 32], (usize, bool)> {
        let mut same = HashMap::new();
        for index in (0..self.old.members.len()).rev() {
            // What stands in the file as it is needs no recipe: it comes last, and counts.
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
    ) -> Result<(MemberInfo, Vec<u8>), MakeError> {
        let old = |method, (index, old_is_inflated): (usize, bool)| MemberInfo {
            method,
            old: Some(index as u32),
            old_is_inflated,
            ..MemberInfo::default()
        };
        let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
        if let Some(found) = same.get(&digest(self.new.raw(index))) {
            return Ok((old(Method::Same, *found), Vec::new()));
        }
        let content = &member.content[..];
        let recipe = member.recipe.as_ref().map(|recipe| recipe.len() as u32);
        let with_recipe = |info| MemberInfo { recipe, content_size: content.len() as u32, ..info };
        if let Some(found) = same.get(&digest(content)) {
            return Ok((with_recipe(old(Method::Same, *found)), Vec::new()));
        }
        let of = |method| with_recipe(MemberInfo { method, ..MemberInfo::default() });
        if content.len() <= SMALL && self.new.container != Container::Whole {
            return Ok((of(Method::Common), Vec::new()));
        }
        let mut options = options.clone();
        if self.new.container != Container::Whole {
            (options.old_map, options.new_map) = (None, None);
        }
        let mut best = (of(Method::Verbatim), content.to_vec());
        let mut try_one = |info: MemberInfo, from: usize, bytes: Vec<u8>| {
            if bytes.len() < best.1.len() && content.len() <= limit(from, bytes.len()) as usize {
                best = (info, bytes);
            }
        };
        match pair.or((self.old.container == Container::Whole).then_some(0)) {
            // Compressed bytes that cannot be made again are compared with compressed bytes.
            Some(found) => {
                let is_inflated = recipe.is_some() || !self.new.members[index].is_deflated;
                let from = if is_inflated { self.old.content(found) } else { self.old.raw(found) };
                if let Some(bundle) = self.nested(from, content, &options)? {
                    try_one(
                        with_recipe(old(Method::Bundle, (found, is_inflated))),
                        from.len(),
                        bundle,
                    );
                } else {
                    let patch = member_diff(from, content, &options)?;
                    try_one(
                        with_recipe(old(Method::Patch, (found, is_inflated))),
                        from.len(),
                        patch,
                    );
                }
            }
            None => try_one(of(Method::Full), 0, member_diff(&[], content, &options)?),
        }
        Ok(best)
    }

    /// A bundle for a member, if it and its old counterpart are containers.
    fn nested(
        &self,
        old: &[u8],
        new: &[u8],
        options: &DiffOptions,
    ) -> Result<Option<Vec<u8>>, MakeError> {
        if self.level >= MOST_LEVELS || self.new.container == Container::Whole {
            return Ok(None);
        }
        let [old_contents, new_contents] = [old, new].map(|file| Contents::of(file).0);
        if [&old_contents, &new_contents]
            .iter()
            .any(|contents| contents.container == Container::Whole)
        {
            return Ok(None);
        }
        let maker = Maker { old: old_contents, new: new_contents, options, level: self.level + 1 };
        maker.run([old, new]).map(|bundle| Some(bundle.bytes))
    }
}

/// A name that is not too long.
fn shortened(name: &str) -> String {
    let end = (0..=MOST_OF_A_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name[..end.unwrap_or(0)].to_owned()
}
