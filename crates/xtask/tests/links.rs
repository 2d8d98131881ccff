//! Links in the documents lead somewhere: to a file of the repository, and to a heading in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag, TagEnd};

#[test]
fn links_lead_to_files_and_headings() {
    let files = files();
    if files.is_empty() {
        return;
    }
    let documents: BTreeMap<PathBuf, Document> = files
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), Document::read(&fs::read_to_string(root().join(path)).unwrap())))
        .collect();
    assert!(documents.len() > 20, "only {} documents were found", documents.len());
    let folders: BTreeSet<&Path> = files.iter().flat_map(|file| file.ancestors().skip(1)).collect();
    let (mut dead, mut seen) = (Vec::new(), 0);
    for (path, document) in &documents {
        let name = path.display();
        dead.extend(document.undefined.iter().map(|link| format!("{name}: [{link}] is nowhere")));
        for link in &document.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let Some(target) = resolve(path, file) else {
                dead.push(format!("{name}: {link} leaves the repository"));
                continue;
            };
            if !files.contains(&target) && !folders.contains(&*target) {
                dead.push(format!("{name}: {link} is no file"));
            } else if !heading.is_empty() {
                let headings = documents.get(&target).map(|document| &document.headings);
                if !headings.is_some_and(|headings| headings.contains(heading)) {
                    dead.push(format!("{name}: {link} is no heading"));
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} links were found");
    assert!(dead.is_empty(), "dead links: {dead:#?}");
}

#[test]
fn headings_are_named_as_forges_do() {
    let text =
        "# A *word*, and `code_here`\n## Same\n## Same\n[a](b#c) ![d](e.svg) [file]\n<a id=\"x\">";
    let document = Document::read(text);
    let headings = ["a-word-and-code_here", "same", "same-1", "x"].map(String::from);
    assert_eq!(document.headings, BTreeSet::from(headings));
    assert_eq!(document.links, ["b#c", "e.svg"]);
    assert_eq!(document.undefined, ["file"]);
}

/// What a document has that links lead to, and that lead elsewhere.
#[derive(Default)]
struct Document {
    headings: BTreeSet<String>,
    links: Vec<String>,
    /// Names in brackets that were meant as links, and are defined nowhere.
    undefined: Vec<String>,
}

impl Document {
    fn read(text: &str) -> Self {
        let mut document = Self::default();
        let mut undefined = Vec::new();
        let mut note = |link: BrokenLink<'_>| {
            // Anything but words in brackets is an index of something.
            if link.reference.chars().all(|c| c.is_alphanumeric() || c == ' ' || c == '`')
                && link.reference.len() > 2
            {
                undefined.push(link.reference.to_string());
            }
            None::<(CowStr<'_>, CowStr<'_>)>
        };
        let options = Options::ENABLE_TABLES;
        let parser = Parser::new_with_broken_link_callback(text, options, Some(&mut note));
        let mut heading: Option<String> = None;
        for event in parser {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => document.head(&heading.take().unwrap()),
                Event::Text(text) | Event::Code(text) => {
                    heading.iter_mut().for_each(|heading| heading.push_str(&text));
                }
                Event::Start(Tag::Link { dest_url: to, .. } | Tag::Image { dest_url: to, .. }) => {
                    document.links.push(to.to_string());
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    let names =
                        html.split(" id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
                    document.headings.extend(names.map(|(name, _)| name.to_owned()));
                }
                _ => {}
            }
        }
        document.undefined = undefined;
        document
    }

    /// Notes a heading by the name that GitHub, GitLab and mdBook give it.
    fn head(&mut self, text: &str) {
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let name: String = kept.flat_map(char::to_lowercase).collect();
        let name = name.trim().replace(' ', "-");
        let mut names = (1..).map(|number| format!("{name}-{number}"));
        let mut free = name.clone();
        while self.headings.contains(&free) {
            free = names.next().unwrap();
        }
        self.headings.insert(free);
    }
}

/// The file that a link in `document` means; `None` if it is outside of the repository.
fn resolve(document: &Path, link: &str) -> Option<PathBuf> {
    if link.is_empty() {
        return Some(document.to_owned());
    }
    let mut target = PathBuf::new();
    for component in document.parent()?.join(link).components() {
        match component {
            Component::Normal(name) => target.push(name),
            Component::ParentDir => target.pop().then_some(())?,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(target)
}

/// Everything that is part of the repository, from its root. Nothing, said aloud, where that is not
/// known.
fn files() -> BTreeSet<PathBuf> {
    let git = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let Some(git) = git.ok().filter(|git| git.status.success()) else {
        eprintln!("SKIPPED: no git, or no clone: which files are ours is not known");
        return BTreeSet::new();
    };
    let names = String::from_utf8(git.stdout).unwrap();
    names.split_terminator('\0').map(PathBuf::from).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
