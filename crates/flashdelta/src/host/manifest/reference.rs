//! How manifests name files: references, and where they lead.
//!
//! ESP Web Tools fetches parts as a browser does: `path` is a URL relative to the manifest (RFC
//! 3986, sections 3.3, 3.4, 5.2 and 5.2.4; sections 2.1 and 2.4 for `%20`). `flasher_args.json`
//! holds paths of files, relative to its own folder.

use crate::host::archive::names::{self, NameProblem};

/// What kind of reference it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Url,
    Path,
}

/// Where a reference leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// This many folders up from that of the manifest, then down this path.
    Relative { up: usize, path: String },
    /// Down this path from the root of the site.
    Rooted { path: String },
    /// To another host, scheme or drive.
    Elsewhere,
}

impl Target {
    /// Reads a reference.
    pub(crate) fn parse(reference: &str, style: Style) -> Result<Self, NameProblem> {
        let path = match style {
            Style::Path => reference,
            Style::Url => reference.split(['#', '?']).next().unwrap_or_default(),
        };
        if has_scheme(path) || path.starts_with("//") {
            return Ok(Self::Elsewhere);
        }
        let rooted = path.strip_prefix('/');
        if rooted.is_some() && style == Style::Path {
            return Ok(Self::Elsewhere);
        }
        let (mut up, mut parts) = (0, Vec::new());
        for part in rooted.unwrap_or(path).split('/') {
            let part = match style {
                Style::Path => part.to_owned(),
                Style::Url => decoded(part),
            };
            match &*part {
                "." => {}
                ".." if parts.pop().is_none() => up += 1,
                ".." => {}
                _ if part.contains('/') => return Err(NameProblem::Character { found: '/' }),
                _ => parts.push(part),
            }
        }
        let path = parts.join("/");
        names::check(&path)?;
        Ok(match rooted {
            // Above the root of a site is its root.
            Some(_) => Self::Rooted { path },
            None => Self::Relative { up, path },
        })
    }

    /// The path from the root of a release, in whose folder `base` the manifest is. `None`: it
    /// leads elsewhere, or out of the release.
    pub(crate) fn within(&self, base: &[&str]) -> Option<String> {
        match self {
            Self::Elsewhere => None,
            Self::Rooted { path } => Some(path.clone()),
            Self::Relative { up, path } => {
                let kept = base.get(..base.len().checked_sub(*up)?)?;
                Some(kept.iter().copied().chain([&**path]).collect::<Vec<_>>().join("/"))
            }
        }
    }
}

/// The member of an archive that a member names, by their names in the archive.
pub(crate) fn member(manifest: &str, reference: &str, style: Style) -> Option<String> {
    let base: Vec<&str> = match manifest.rsplit_once('/') {
        Some((folder, _)) => folder.split('/').collect(),
        None => Vec::new(),
    };
    Target::parse(reference, style).ok()?.within(&base)
}

/// Whether it begins with a scheme (RFC 3986, section 3.1), or a drive.
fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// A part of a path without percent-encoding; as it is, where that is not in order.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| core::str::from_utf8(digits).ok());
        let digits = digits.filter(|text| text.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(reference: &str) -> Result<Target, NameProblem> {
        Target::parse(reference, Style::Url)
    }

    #[test]
    fn urls_lead_where_a_browser_goes() {
        let here = |path: &str| Ok(Target::Relative { up: 0, path: path.to_owned() });
        assert_eq!(url("fw.bin"), here("fw.bin"));
        assert_eq!(url("./fw.bin"), here("fw.bin"));
        assert_eq!(url("a/./b/../fw.bin"), here("a/fw.bin"));
        assert_eq!(url("fw.bin?v=1#x"), here("fw.bin"));
        assert_eq!(url("my%20fw%2ebin"), here("my fw.bin"));
        assert_eq!(url("100%.bin"), here("100%.bin"));
        assert_eq!(url("%ff.bin"), here("%ff.bin"), "not UTF-8");
        assert_eq!(url("a/%2E%2e/fw.bin"), here("fw.bin"));
        let up = |up, path: &str| Ok(Target::Relative { up, path: path.to_owned() });
        assert_eq!(url("../firmware/fw.bin"), up(1, "firmware/fw.bin"));
        assert_eq!(url("a/../../../fw.bin"), up(2, "fw.bin"));
        assert_eq!(url("/fw.bin"), Ok(Target::Rooted { path: "fw.bin".to_owned() }));
        assert_eq!(url("/../fw.bin"), Ok(Target::Rooted { path: "fw.bin".to_owned() }));
        for elsewhere in ["https://example.org/fw.bin", "//example.org/fw.bin", "C:fw.bin"] {
            assert_eq!(url(elsewhere), Ok(Target::Elsewhere), "{elsewhere}");
        }
        for (bad, problem) in [
            ("", NameProblem::EmptyPart),
            ("?v=1", NameProblem::EmptyPart),
            ("a//b", NameProblem::EmptyPart),
            ("folder/", NameProblem::EmptyPart),
            ("..", NameProblem::EmptyPart),
            ("a%2fb", NameProblem::Character { found: '/' }),
            ("..%5cb", NameProblem::Character { found: '\\' }),
            ("a%00b", NameProblem::Character { found: '\0' }),
        ] {
            assert_eq!(url(bad), Err(problem), "{bad}");
        }
    }

    #[test]
    fn paths_are_taken_as_they_are() {
        let path = |reference| Target::parse(reference, Style::Path);
        let here = |path: &str| Ok(Target::Relative { up: 0, path: path.to_owned() });
        assert_eq!(path("a/b%20c?.bin"), here("a/b%20c?.bin"));
        assert_eq!(path("/home/fw.bin"), Ok(Target::Elsewhere));
    }

    #[test]
    fn members_are_found_from_the_folder_of_the_manifest() {
        let member = |manifest, reference| member(manifest, reference, Style::Url);
        assert_eq!(member("a/b/manifest.json", "../fw.bin").as_deref(), Some("a/fw.bin"));
        assert_eq!(member("a/b/manifest.json", "/fw.bin").as_deref(), Some("fw.bin"));
        assert_eq!(member("manifest.json", "./fw.bin").as_deref(), Some("fw.bin"));
        assert_eq!(member("a/manifest.json", "../../fw.bin"), None);
    }
}
