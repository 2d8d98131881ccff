//! Static releases: built, broken off, gone on, asked.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use flashdelta::apply::apply;
use flashdelta::door::{self, ApplyRequest};
use flashdelta::sign::{PrivateKey, TrustedKeys};
use flashdelta::verify::Algorithm;
use flashdelta::Input;
use flashdelta_fleet::release::{resolve, Build, Query, ReleaseError, Resolution, Resolved};
use flashdelta_fleet::{Digest, Name};

/// A folder of its own for a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("flashdelta-release-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn build(&self) -> Result<Build, ReleaseError> {
        Build::open(&self.path("RELEASE.toml"), &self.path("public"))
    }

    fn resolve(&self, query: Query) -> Resolution {
        resolve(&self.path("public"), &query, None).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn go_on(_: usize, _: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Firmware that looks a little like code; releases differ in some words.
fn image(release: u32) -> Vec<u8> {
    let mut state = 7u32;
    let words = (0..2000u32).flat_map(|at| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let changed = at % 97 < release;
        (if changed { state ^ release } else { state >> 12 }).to_le_bytes()
    });
    words.collect()
}

const DESCRIPTION: &str = r#"
product = "heron"
profiles = ["esp32", "small"]
effort = 1
[[release]]
version = "1.0"
file = "a.bin"
[[release]]
version = "1.1"
file = "b.bin"
[[release]]
version = "1.2"
file = "c.bin"
auxiliary = ["notes.txt"]
"#;

fn heron(folder: &Folder) {
    for (number, name) in [(0, "a.bin"), (1, "b.bin"), (2, "c.bin")] {
        folder.write(name, image(number));
    }
    folder.write("notes.txt", "notes");
    folder.write("RELEASE.toml", DESCRIPTION);
}

fn query() -> Query {
    Query::new(Name::new("heron").unwrap())
}

/// All files of a folder, without the cache.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(found) = folders.pop() {
        for entry in fs::read_dir(found).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with(".cache") => {}
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_owned();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    files
}

#[test]
fn every_device_gets_to_the_latest_release() {
    let folder = Folder::new("all");
    heron(&folder);
    let build = folder.build().unwrap();
    build.run(2, &go_on).unwrap();
    let summary = build.finish().unwrap();
    // From two releases and from nothing, for two profiles.
    assert_eq!((summary.patches, summary.left_out.len(), summary.is_signed), (6, 0, false));
    let latest = image(2);
    for profile in ["esp32", "small", "none"] {
        for (held, kind) in [(Some(0), "delta"), (Some(1), "delta"), (None, "whole")] {
            let digest = held.map(|held| Digest::of(&image(held)));
            let found = folder.resolve(query().digest(digest).profile(profile.to_owned()));
            let Resolved::Update { steps, bytes, .. } = found.answer else { panic!("{found:?}") };
            let [step] = &*steps else { panic!("{steps:?}") };
            let sent = fs::read(folder.path("public").join(&step.path)).unwrap();
            assert_eq!((sent.len() as u64, Digest::of(&sent)), (step.size, step.sha256));
            assert_eq!(bytes, step.size);
            if profile == "none" {
                assert_eq!((step.kind, &sent), ("file", &latest));
                continue;
            }
            assert_eq!(step.kind, kind);
            let old = held.map(image).unwrap_or_default();
            assert_eq!(apply(&old, &sent).unwrap(), latest);
            let most = if kind == "delta" { latest.len() / 4 } else { latest.len() };
            assert!(sent.len() < most, "{kind}: {}", sent.len());
        }
    }
    let held = folder.resolve(query().digest(Digest::of(&latest)));
    assert!(matches!(held.answer, Resolved::UpToDate { .. }));
    assert_eq!(held.reasons[0].to_string(), "the device holds release 1.2");
    let small = folder.resolve(query().digest(Digest::of(&image(0))).max_bytes(20));
    assert_eq!(small.answer, Resolved::Nothing);
    assert!(small.reasons[1].to_string().contains("small enough"), "{small:?}");
}

#[test]
fn a_build_that_was_broken_off_goes_on() {
    let folder = Folder::new("broken");
    heron(&folder);
    let count = AtomicUsize::new(0);
    let stop = |_: usize, _: usize| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    let build = folder.build().unwrap();
    assert_eq!(build.run(1, &stop).unwrap_err().code(), "cancelled");
    assert!(!folder.path("public/index.json").exists());
    let missing = folder.build().unwrap().missing();
    assert_eq!((build.tasks().len(), missing.len()), (6, 4));
    assert_eq!(build.finish().unwrap_err().code(), "release-unfinished");

    // What a cut left behind is made again: a file that is half there, or another one.
    let cache: Vec<_> = fs::read_dir(folder.path("public/.cache")).unwrap().collect();
    let [first, second] = [0, 1].map(|at: usize| cache[at].as_ref().unwrap().path());
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(folder.build().unwrap().missing().len(), 5);
    fs::copy(&second, &first).unwrap();
    assert_eq!(folder.build().unwrap().missing().len(), 5);

    let build = folder.build().unwrap();
    build.run(2, &go_on).unwrap();
    build.finish().unwrap();
    let first = files(&folder.path("public"));
    // Nothing is made twice, and the same comes out in one go.
    let build = folder.build().unwrap();
    assert!(build.missing().is_empty());
    build.finish().unwrap();
    assert_eq!(files(&folder.path("public")), first);
    fs::remove_dir_all(folder.path("public")).unwrap();
    let build = folder.build().unwrap();
    build.run(0, &go_on).unwrap();
    build.finish().unwrap();
    assert_eq!(files(&folder.path("public")), first);
}

#[test]
fn workers_make_the_same_patches() {
    let folder = Folder::new("workers");
    heron(&folder);
    let build = folder.build().unwrap();
    for task in build.missing() {
        // As JSON, and with nothing but the bytes.
        let sent: flashdelta_fleet::release::Task =
            serde_json::from_str(&serde_json::to_string(&task).unwrap()).unwrap();
        assert_eq!(sent.key(), task.key());
        let (old, new) = build.inputs(&task).unwrap();
        let bytes =
            |input: &Input<'_>| Input::from_bytes(input.bytes().to_vec()).named(input.name());
        let (old, new) = (old.as_ref().map(bytes), bytes(&new));
        let patch = sent.make(old.as_ref().unwrap_or(&new), &new, 1).unwrap();
        // A patch for another task is not taken.
        let other = build
            .tasks()
            .iter()
            .find(|other| (other.from.as_ref(), &other.to) != (task.from.as_ref(), &task.to))
            .unwrap();
        assert_eq!(build.keep(other, &patch).unwrap_err().code(), "release-patch");
        assert!(build.keep(&task, &patch[..patch.len() - 1]).is_err());
        build.keep(&task, &patch).unwrap();
        let wrong = Input::from_bytes(&b"another file"[..]);
        assert_eq!(sent.make(&new, &wrong, 1).unwrap_err().code(), "release-patch");
    }
    assert_eq!(build.finish().unwrap().patches, 6);
}

#[test]
fn the_index_and_the_patches_are_signed() {
    let folder = Folder::new("signed");
    heron(&folder);
    let key = PrivateKey::generate(Algorithm::P256).unwrap();
    folder.write("key.pem", key.to_pem());
    folder.write("RELEASE.toml", format!("sign-key = 'key.pem'\n{DESCRIPTION}"));
    let build = folder.build().unwrap();
    build.run(0, &go_on).unwrap();
    assert!(build.finish().unwrap().is_signed);
    let public = folder.path("public");
    let keys = TrustedKeys::from(key.public());
    let found = resolve(&public, &query(), Some(&keys)).unwrap();
    let Resolved::Update { steps, .. } = &found.answer else { panic!("{found:?}") };
    let patch = fs::read(public.join(&steps[0].path)).unwrap();
    flashdelta::sign::authenticate(&patch, Some(&mut keys.clone())).unwrap();

    let refused = |keys: &TrustedKeys| resolve(&public, &query(), Some(keys)).unwrap_err().code();
    let other = PrivateKey::generate(Algorithm::P256).unwrap();
    assert_eq!(refused(&other.public().into()), "unknown-key");
    let index = fs::read_to_string(public.join("index.json")).unwrap();
    fs::write(public.join("index.json"), index.replace("1.2", "1.1")).unwrap();
    assert_eq!(refused(&keys), "wrong-signature");
    fs::write(public.join("index.json.sig"), "{\"signatures\":[]}").unwrap();
    assert_eq!(refused(&keys), "unsigned");
    fs::remove_file(public.join("index.json.sig")).unwrap();
    assert_eq!(refused(&keys), "unsigned");
}

#[test]
fn patches_lead_to_several_releases_and_through_them() {
    let folder = Folder::new("chain");
    heron(&folder);
    // To 1.2 only from 1.1, and to 1.1 from 1.0.
    let chain = "to = ['1.1', '1.2']\nwhole = false\nfiles = false\n";
    folder.write("RELEASE.toml", format!("{chain}{DESCRIPTION}"));
    let build = folder.build().unwrap();
    build.run(0, &go_on).unwrap();
    build.finish().unwrap();
    let index = fs::read_to_string(folder.path("public/index.json")).unwrap();
    let mut index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let patches = index["patches"].as_array_mut().unwrap();
    patches.retain(|patch| patch["from"] != "1.0" || patch["to"] != "1.2");
    folder.write("public/index.json", index.to_string());
    let found = folder.resolve(query().digest(Digest::of(&image(0))));
    let Resolved::Update { steps, .. } = found.answer else { panic!("{found:?}") };
    let made = steps.iter().fold(image(0), |held, step| {
        apply(&held, &fs::read(folder.path("public").join(&step.path)).unwrap()).unwrap()
    });
    assert_eq!((steps.len(), made), (2, image(2)));
    assert_eq!(folder.resolve(query()).answer, Resolved::Nothing);
}

#[test]
fn any_format_is_a_release() {
    let folder = Folder::new("formats");
    let data = |name: &str| format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let release = |version: &str, file: String| {
        format!("[[release]]\nversion = '{version}'\nfile = '{file}'\n")
    };
    let description = String::from("product = 'heron'\neffort = 1\n")
        + &release("1.0", data("firmware/cortex-m-1.0.s19"))
        + &release("1.1", data("firmware/cortex-m-1.1.hex"));
    folder.write("RELEASE.toml", description);
    let build = folder.build().unwrap();
    build.run(0, &go_on).unwrap();
    build.finish().unwrap();
    let (old, new) = (data("firmware/cortex-m-1.0.s19"), data("firmware/cortex-m-1.1.hex"));
    let old = Input::open(old.as_ref()).unwrap();
    for digest in [Some(Digest::of(old.bytes())), None] {
        let found = folder.resolve(query().digest(digest));
        let Resolved::Update { steps, .. } = found.answer else { panic!("{found:?}") };
        let patch = fs::read(folder.path("public").join(&steps[0].path)).unwrap();
        let nothing = Input::verbatim(&b""[..]);
        let from = if digest.is_some() { &old } else { &nothing };
        let made = door::apply(from, &patch, ApplyRequest::new()).unwrap();
        assert_eq!(made.bytes, fs::read(&new).unwrap());
    }

    // Archives become bundles, which nobody signs but the index.
    let description =
        String::from("product = 'heron'\neffort = 1\nprofiles = ['linux']\nsign-key = 'key.pem'\n")
            + &release("1.0", data("archives/heron-1.0.zip"))
            + &release("1.1", data("archives/heron-1.1.zip"));
    folder.write("RELEASE.toml", description);
    folder.write("key.pem", PrivateKey::generate(Algorithm::Ed25519).unwrap().to_pem());
    let build = folder.build().unwrap();
    build.run(0, &go_on).unwrap();
    build.finish().unwrap();
    let index = fs::read_to_string(folder.path("public/index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    assert_eq!(
        (&index["patches"][0]["is_bundle"], &index["patches"][0]["is_signed"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn what_does_not_fit_a_profile_is_left_out() {
    let folder = Folder::new("left-out");
    heron(&folder);
    folder.write("nano.toml", "like = 'tiny'\nram = 1100\n");
    folder.write("RELEASE.toml", DESCRIPTION.replace("\"small\"", "\"nano.toml\""));
    let build = folder.build().unwrap();
    build.run(0, &go_on).unwrap();
    let summary = build.finish().unwrap();
    assert_eq!((summary.patches, summary.left_out.len()), (3, 3));
    assert!(summary.left_out["1.0 to 1.2 for nano"].contains("does not fit"), "{summary:?}");
    let found = folder.resolve(query().digest(Digest::of(&image(0))).profile("nano".to_owned()));
    let Resolved::Update { steps, .. } = found.answer else { panic!("{found:?}") };
    assert_eq!(steps[0].kind, "file");
}

#[test]
fn mistakes_are_named() {
    let folder = Folder::new("mistakes");
    heron(&folder);
    for (from, to, code, part) in [
        ("product", "produkt", "release-description", "unknown field `produkt`"),
        ("effort = 1", "effort = 12", "release-description", "effort: found 12, expected 1 to 9"),
        ("effort = 1", "chunks = 300", "release-description", "power of two"),
        ("\"small\"", "\"esp32\"", "release-description", "two profiles with the name esp32"),
        ("\"small\"", "\"none.toml\"", "read", "none.toml"),
        ("\"1.1\"", "\"1.0\"", "release-description", "release 1.0 is there twice"),
        ("\"1.1\"", "\"a b\"", "release-description", "expected a version"),
        ("effort = 1", "to = ['2.0']", "release-version", "no release 2.0"),
        ("b.bin", "z.bin", "read", "z.bin"),
        ("effort = 1", "sign-key = 'a.bin'", "read", "a.bin"),
        ("effort = 1", "sign-key = 'notes.txt'", "bad-key", "notes.txt"),
    ] {
        folder.write("RELEASE.toml", DESCRIPTION.replacen(from, to, 1));
        let error = folder.build().unwrap_err();
        assert_eq!(error.code(), code, "{to}: {error}");
        assert!(error.to_string().contains(part), "{to}: {error}");
    }
    heron(&folder);
    let build = folder.build().unwrap();
    build.run(0, &go_on).unwrap();
    build.finish().unwrap();
    let public = folder.path("public");
    let asked = |query: Query| resolve(&public, &query, None).unwrap_err().code();
    assert_eq!(asked(Query::new(Name::new("stork").unwrap())), "release-product");
    assert_eq!(asked(query().profile("pdp11".to_owned())), "release-profile");
    let index = fs::read_to_string(public.join("index.json")).unwrap();
    for wrong in [
        index.replace("\"format\": 1", "\"format\": 2"),
        index.replace("patches/", "../patches/"),
        index.replace("patches/", "/patches/"),
        index[..index.len() / 2].to_owned(),
    ] {
        fs::write(public.join("index.json"), wrong).unwrap();
        assert_eq!(asked(query()), "release-index");
    }
}
