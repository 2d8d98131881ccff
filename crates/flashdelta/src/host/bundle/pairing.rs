//! Which member of the old file a new one is made from.

use std::collections::{BTreeMap, HashMap};

use crate::host::manifest::esp_idf::FlasherArgs;
use crate::host::manifest::esp_web_tools::Manifest;
use crate::host::manifest::reference::{self, Style};
use crate::host::manifest::{Json, Place};

/// A member, as far as pairing cares.
pub(super) struct Candidate<'a> {
    pub(super) name: &'a str,
    pub(super) content: &'a [u8],
}

/// This many pairs are compared by what they hold; if there are more, only names count.
const MOST_COMPARISONS: usize = 1 << 16;

/// Scores: how alike two members are, of 1000; and what is added if they have something in common
/// beside their content.
const SAME_NAME: u32 = 200;
const SAME_ROLE: u32 = 150;
const SIMILAR_NAME: u32 = 100;
const SAME_EXTENSION: u32 = 10;
/// Below it a member has nothing to do with the other one.
const LEAST: u32 = 50;

/// For each new member the old one that is likely to help most. Of equals the first one.
pub(super) fn pair(old: &[Candidate<'_>], new: &[Candidate<'_>]) -> Vec<Option<usize>> {
    let (old_roles, new_roles) = (roles(old), roles(new));
    if old.len().saturating_mul(new.len()) > MOST_COMPARISONS {
        return pair_by_names(old, &old_roles, new, &new_roles);
    }
    let sketches: Vec<_> = old.iter().map(|member| Sketch::of(member.content)).collect();
    let best = |member: &Candidate<'_>| {
        let (role, of_new) = (new_roles.get(member.name), Sketch::of(member.content));
        let score = |(candidate, of_old): (&Candidate<'_>, &Sketch)| {
            let likeness = of_new.likeness(of_old);
            let bonus = match (candidate.name, member.name) {
                (a, b) if a == b => SAME_NAME,
                _ if role.is_some() && role == old_roles.get(candidate.name) => SAME_ROLE,
                (a, b) if without_numbers(a) == without_numbers(b) => SIMILAR_NAME,
                (a, b) if extension(a) == extension(b) && likeness > 0 => SAME_EXTENSION,
                _ => 0,
            };
            likeness + bonus
        };
        let scores = old.iter().zip(&sketches).map(score).enumerate();
        let best = scores.min_by_key(|(_, score)| core::cmp::Reverse(*score));
        best.filter(|(_, score)| *score >= LEAST).map(|(index, _)| index)
    };
    new.iter().map(best).collect()
}

/// The same for many members: by their names, roles and names without numbers, looked up.
fn pair_by_names(
    old: &[Candidate<'_>],
    old_roles: &BTreeMap<String, String>,
    new: &[Candidate<'_>],
    new_roles: &BTreeMap<String, String>,
) -> Vec<Option<usize>> {
    let (mut names, mut roles, mut similar) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (index, member) in old.iter().enumerate() {
        names.entry(member.name).or_insert(index);
        similar.entry(without_numbers(member.name)).or_insert(index);
        if let Some(role) = old_roles.get(member.name) {
            roles.entry(role).or_insert(index);
        }
    }
    let best = |member: &Candidate<'_>| {
        let by_role = || new_roles.get(member.name).and_then(|role| roles.get(role));
        let by_name = names.get(member.name).or_else(by_role);
        by_name.or_else(|| similar.get(&without_numbers(member.name))).copied()
    };
    new.iter().map(best).collect()
}

/// A name whose numbers are left out: those of versions change.
fn without_numbers(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        match c {
            '0'..='9' if text.ends_with('#') => {}
            '0'..='9' => text.push('#'),
            c => text.push(c),
        }
    }
    text
}

fn extension(name: &str) -> Option<&str> {
    name.rsplit('/').next()?.rsplit_once('.').map(|(_, extension)| extension)
}

/// What members are for, by their names, as far as JSON files among them tell.
fn roles(members: &[Candidate<'_>]) -> BTreeMap<String, String> {
    let mut roles = BTreeMap::new();
    for member in members.iter().filter(|member| extension(member.name) == Some("json")) {
        let folder = member.name.rfind('/').map_or("", |at| &member.name[..=at]);
        let named = |reference: &str, style| {
            reference::member(member.name, reference, style)
                .unwrap_or_else(|| format!("{folder}{reference}"))
        };
        let said: Vec<(String, String)> = if let Ok(manifest) = Manifest::parse(member.content) {
            let parts = manifest
                .builds
                .iter()
                .flat_map(|b| b.parts.iter().map(move |part| (&b.chip_family, part)));
            parts
                .map(|(chip, part)| {
                    (named(&part.path, Style::Url), format!("{chip} {}", part.offset))
                })
                .collect()
        } else if let Ok(args) = FlasherArgs::parse(member.content) {
            let role =
                |role: Option<String>, offset: u32| role.unwrap_or_else(|| offset.to_string());
            args.files
                .into_iter()
                .map(|file| (named(&file.path, Style::Path), role(file.role, file.offset)))
                .collect()
        } else {
            let roles = nordic_roles(member.content).unwrap_or_default().into_iter();
            roles.map(|(path, role)| (named(&path, Style::Path), role)).collect()
        };
        for (path, role) in said {
            roles.entry(path).or_insert_with(|| format!("{folder}{role}"));
        }
    }
    roles
}

/// The files that the `manifest.json` of Nordic's DFU packages names (nRF Util: "application",
/// "softdevice_bootloader", ...).
fn nordic_roles(text: &[u8]) -> Option<Vec<(String, String)>> {
    let json = Json::parse(text).ok()?;
    let mut roles = Vec::new();
    for (image, place) in Place::root(&json).get("manifest").ok()?.entries().ok()? {
        for key in ["bin_file", "dat_file"] {
            if let Some(file) = place.find(key).ok().flatten() {
                roles.push((file.text().ok()?.to_owned(), format!("{image} {key}")));
            }
        }
    }
    Some(roles)
}

/// A sample of what a file holds: the smallest hashes of its runs of 8 bytes (A. Broder, *On the
/// resemblance and containment of documents*, 1997).
#[derive(Default)]
struct Sketch(Vec<u64>);

impl Sketch {
    const SIZE: usize = 512;

    fn of(content: &[u8]) -> Self {
        let mut hashes: Vec<u64> = Vec::new();
        let mut limit = u64::MAX;
        for run in content.windows(8) {
            let run = run.first_chunk().map_or(0, |run| u64::from_le_bytes(*run));
            // Runs of one byte are in every image.
            if run == run.rotate_left(8) {
                continue;
            }
            let mixed = (run ^ run >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let hash = mixed ^ mixed >> 29;
            if hash < limit {
                hashes.push(hash);
                if hashes.len() >= 8 * Self::SIZE {
                    Self::thin(&mut hashes);
                    limit = hashes.last().copied().unwrap_or(u64::MAX);
                }
            }
        }
        Self::thin(&mut hashes);
        Self(hashes)
    }

    fn thin(hashes: &mut Vec<u64>) {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(Self::SIZE);
    }

    /// How much of this is in the other one, of 1000: estimated from the range of hashes that both
    /// samples cover.
    fn likeness(&self, other: &Self) -> u32 {
        let full = |hashes: &Vec<u64>| {
            if hashes.len() < Self::SIZE {
                u64::MAX
            } else {
                hashes[Self::SIZE - 1]
            }
        };
        let limit = full(&self.0).min(full(&other.0));
        let mine = self.0.partition_point(|hash| *hash <= limit);
        let shared =
            self.0[..mine].iter().filter(|hash| other.0.binary_search(hash).is_ok()).count();
        (1000 * shared as u32).checked_div(mine as u32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paired(old: &[(&str, &[u8])], new: &[(&str, &[u8])]) -> Vec<Option<usize>> {
        let candidates = |members: &[(&'static str, &'static [u8])]| -> Vec<Candidate<'static>> {
            members.iter().map(|(name, content)| Candidate { name, content }).collect()
        };
        // Tests leak a few bytes so that the helper stays short.
        let leak = |members: &[(&str, &[u8])]| -> Vec<(&'static str, &'static [u8])> {
            let leaked = members.iter().map(|(name, content)| {
                let name: &'static str = String::leak((*name).to_owned());
                let content: &'static [u8] = Vec::leak(content.to_vec());
                (name, content)
            });
            leaked.collect()
        };
        pair(&candidates(&leak(old)), &candidates(&leak(new)))
    }

    fn noise(seed: u32) -> Vec<u8> {
        let mut state = seed | 1;
        (0..4000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u8
            })
            .collect()
    }

    #[test]
    fn names_with_other_versions_belong_together() {
        let (a, b) = (noise(1), noise(2));
        let old = [("boot_1.0.bin", &a[..]), ("app_1.0.bin", &b)];
        let new = [("app_1.10.bin", &a[..2000]), ("boot_2.bin", &[]), ("other", &[])];
        // Content counts more than a name: app_1.10 is the old bootloader.
        assert_eq!(paired(&old, &new), [Some(0), None, None]);
        assert_eq!(paired(&old, &[("app_1.10.bin", &noise(3))]), [Some(1)]);
    }

    #[test]
    fn content_pairs_what_was_renamed() {
        let (a, b) = (noise(1), noise(2));
        let changed = [&b[..3000], &noise(5)[..500]].concat();
        assert_eq!(paired(&[("x.bin", &a), ("y.bin", &b)], &[("z.hex", &changed)]), [Some(1)]);
    }

    #[test]
    fn many_members_are_paired_by_their_names() {
        let names: Vec<String> = (0..300).map(|i| format!("part-{}-1.{i}.bin", 'a')).collect();
        let old: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b"x"[..])).collect();
        let mut new = old.clone();
        new.reverse();
        new.push(("part-a-2.0.bin", b""));
        new.push(("other", b""));
        let expected = (0..300).rev().map(Some).chain([Some(0), None]);
        assert_eq!(paired(&old, &new), expected.collect::<Vec<_>>());
    }

    #[test]
    fn manifests_tell_what_files_are_for() {
        let manifest = |app: &str| {
            format!(
                r#"{{"builds": [{{"chipFamily": "ESP32",
                                  "parts": [{{"path": "{app}", "offset": 65536}}]}}]}}"#
            )
        };
        let (old, new) = (manifest("alpha.bin"), manifest("omega.bin"));
        let old =
            [("manifest.json", old.as_bytes()), ("beta.bin", &noise(4)), ("alpha.bin", &noise(1))];
        let new = [("manifest.json", new.as_bytes()), ("omega.bin", &noise(2))];
        assert_eq!(paired(&old, &new), [Some(0), Some(2)]);
    }
}
