//! Reads Rust sources: what they import, and what kinds of items they have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The code of every module by its path: without comments, and without its tests.
pub(crate) struct Modules(BTreeMap<String, String>);

impl Modules {
    pub(crate) fn read(source: &Path) -> Self {
        let files = rust_files(source).into_iter().filter_map(|file| {
            let path = file.strip_prefix(source).unwrap().to_str().unwrap().replace('\\', "/");
            let path = path.trim_end_matches(".rs");
            let name = path.strip_suffix("/mod").unwrap_or(path);
            let is_test = name.ends_with("tests") || name.ends_with("testing");
            let name = if name == "lib" { "" } else { name };
            (!is_test).then(|| (name.to_owned(), code(&fs::read_to_string(&file).unwrap())))
        });
        Self(files.collect())
    }

    /// Number of modules.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// From each module to those beside it that it, or what is in it, imports from.
    pub(crate) fn arrows(&self) -> BTreeSet<(String, String)> {
        let mut arrows = BTreeSet::new();
        for (from, code) in &self.0 {
            for path in used_paths(code) {
                let Some(to) = self.home(from, &path, 0) else { continue };
                arrows.extend(beside(from, &to));
            }
        }
        arrows
    }

    /// The module where what `path` names is, as seen from `module`.
    fn home(&self, module: &str, path: &[String], depth: usize) -> Option<String> {
        let mut at: Vec<&str> = module.split('/').filter(|part| !part.is_empty()).collect();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => at.clear(),
            "super" | "self" => {}
            child if self.0.contains_key(&inside(&at, child)) => {}
            _ => return None,
        }
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(at.pop()),
                child if self.0.contains_key(&inside(&at, child)) => at.push(child),
                name => {
                    // It is there, or what is there gives the name of something elsewhere.
                    let here = at.join("/");
                    let given = used_paths(self.0.get(&here)?).into_iter().find(|given| {
                        given.last().is_some_and(|last| last == name) && given[..] != *rest
                    });
                    let is_folder = self.0.keys().any(|other| other.starts_with(&inside(&at, "")));
                    return match given.filter(|_| is_folder && depth < 6) {
                        Some(given) => self.home(&here, &given, depth + 1),
                        None => Some(here),
                    };
                }
            }
            rest = after;
        }
        Some(at.join("/"))
    }
}

fn inside(folder: &[&str], child: &str) -> String {
    folder.iter().copied().chain([child]).collect::<Vec<_>>().join("/")
}

/// The two modules beside each other that these are, or are in; `None` if one is in the other.
fn beside(from: &str, to: &str) -> Option<(String, String)> {
    let (from, to): (Vec<_>, Vec<_>) = (from.split('/').collect(), to.split('/').collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    Some((from.get(..=common)?.join("/"), to.get(..=common)?.join("/")))
}

/// The paths that code uses, each as its parts: all of `use`, and `crate::` and `super::`
/// elsewhere.
fn used_paths(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = code;
    while let Some(at) = rest.find("use ") {
        let is_word = !rest[..at].ends_with(is_name);
        let (tree, after) = rest[at + 4..].split_once(';').unwrap_or((&rest[at + 4..], ""));
        if is_word {
            spread(&tree.split_whitespace().collect::<Vec<_>>().join(" "), "", &mut paths);
        }
        rest = if is_word { after } else { &rest[at + 4..] };
    }
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|c: char| is_name(c) || c == ':' || c == '$') {
                continue;
            }
            let end = code[at..].find(|c: char| !(is_name(c) || c == ':'));
            paths.push(code[at..end.map_or(code.len(), |end| at + end)].trim_matches(':').into());
        }
    }
    let parts = |path: String| path.split("::").map(|part| part.trim().to_owned()).collect();
    paths.into_iter().map(parts).collect()
}

/// Every path of `a::{b, c::{d, e as f}}`.
fn spread(tree: &str, before: &str, paths: &mut Vec<String>) {
    let Some((start, group)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or_default().trim();
        paths.push(format!("{before}{name}").trim_end_matches("::self").into());
        return;
    };
    let before = format!("{before}{}", start.trim());
    let (mut depth, mut begin) = (0, 0);
    let group = group.rsplit_once('}').map_or(group, |(group, _)| group);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[begin..at].trim().is_empty() {
                    spread(&group[begin..at], &before, paths);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// Code without comments, up to the tests at its end.
pub(crate) fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines on which items with code begin, in a file that should have none but `mod x;`, `use`
/// and type aliases.
pub(crate) fn items(text: &str) -> Vec<String> {
    let code = code(text);
    let begins_item = |line: &&str| {
        let mut line = line.trim_start();
        while let Some((_, rest)) = line.strip_prefix('#').and_then(|line| line.split_once(']')) {
            line = rest.trim_start();
        }
        let line = line.strip_prefix("pub").unwrap_or(line).trim_start();
        let line = match line.strip_prefix('(').and_then(|line| line.split_once(')')) {
            Some((_, rest)) => rest.trim_start(),
            None => line,
        };
        let word = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).next();
        match word.unwrap_or_default() {
            "fn" | "const" | "static" | "async" | "unsafe" | "extern" | "impl" | "struct"
            | "enum" | "union" | "trait" => true,
            "mod" => line.contains('{'),
            word => !word.is_empty() && line[word.len()..].starts_with('!'),
        }
    };
    code.lines().filter(begins_item).map(str::to_owned).collect()
}

/// For each module that is the first one, by its name, of circles: one of them.
pub(crate) fn circles(arrows: &BTreeSet<(String, String)>) -> Vec<String> {
    let starts: BTreeSet<&String> = arrows.iter().map(|(from, _)| from).collect();
    let circle_of = |start: &String| {
        let (mut ways, mut seen) = (vec![vec![start.as_str()]], BTreeSet::new());
        while let Some(way) = ways.pop() {
            for (_, to) in arrows.iter().filter(|(from, _)| way.last() == Some(&from.as_str())) {
                let way: Vec<&str> = way.iter().copied().chain([to.as_str()]).collect();
                if to == start {
                    return Some(way.join(" -> "));
                }
                if to > start && seen.insert(to) {
                    ways.push(way);
                }
            }
        }
        None
    };
    starts.into_iter().filter_map(circle_of).collect()
}

/// `crate::a::b::c` in code, as `a/b/c`: of `use crate::a::{b, c}` only `a`.
pub(crate) fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in code {
        for (at, start) in line.match_indices("crate::") {
            // Not `$crate::`, and not the end of another word.
            if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            let rest = &line[at + start.len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches(':');
            found.push(path.replace("::", "/"));
        }
    }
    found
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn a_circle_is_found() {
    let source = [
        ("", "pub mod door;"),
        ("door", "mod make; mod apply; mod read; pub use make::{make, Made};"),
        ("door/make", "use super::apply::apply;\nuse crate::door::read;"),
        ("door/apply", "use super::read::{Read, Side};\nuse super::Made;"),
        ("door/read", "// super::make\n#[cfg(test)]\nmod tests { use super::super::make; }"),
    ];
    let modules = |source: &[(&str, &str)]| {
        Modules(source.iter().map(|(name, text)| ((*name).into(), code(text))).collect())
    };
    let found = circles(&modules(&source).arrows());
    assert_eq!(found, ["door/apply -> door/make -> door/apply"]);
    let sound =
        source.map(|(name, text)| (name, text.strip_suffix("\nuse super::Made;").unwrap_or(text)));
    assert_eq!(circles(&modules(&sound).arrows()), [""; 0]);
}

#[test]
fn code_in_a_mod_file_is_found() {
    let sound = "//! fn\n#[cfg(test)]\nmod a;\nmod b;\npub(crate) use b::{\n    const_of,\n};\n\
                 pub type A = B;\n";
    let tests = "#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n";
    assert_eq!(items(&format!("{sound}{tests}")), [""; 0]);
    for item in [
        "fn a() {}",
        "pub(crate) const fn a() {}",
        "pub unsafe extern \"C\" fn a() {}",
        "async fn a() {}",
        "pub struct A;",
        "pub(in crate::a) enum A {",
        "union A {",
        "pub trait A {",
        "impl<A> B {",
        "const _: () = ();",
        "static A: u8 = 0;",
        "macro_rules! a {",
        "codes! {",
        "#[must_use] fn a() {}",
        "mod a { fn b() {} }",
    ] {
        assert_eq!(items(&format!("{sound}{item}\n{tests}")), [item]);
        assert_eq!(items(&format!("{sound}mod b {{\n    {item}\n}}\n")).len(), 2, "{item}");
    }
}
