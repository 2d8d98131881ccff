//! Holds `docs/errors.md` to the tables of the error types.

use std::collections::{BTreeMap, BTreeSet};

use crate::device::error::ErrorClass;
use crate::{apply, archive, bundle, diff, door, file, image, manifest, nor, update};

type Table = &'static [(&'static str, ErrorClass, &'static str)];

/// The tables of all error types.
fn tables() -> Vec<(&'static str, Table)> {
    vec![
        ("HeaderError", crate::HeaderError::CODES),
        ("ApplyError", apply::ApplyError::<(), ()>::CODES),
        ("SuspendError", apply::SuspendError::<(), ()>::CODES),
        ("ResumeError", apply::ResumeError::<(), (), ()>::CODES),
        ("SlotError", nor::SlotError::<()>::CODES),
        ("SharedError", nor::SharedError::<()>::CODES),
        ("AbError", update::ab::AbError::<(), (), ()>::CODES),
        ("InPlaceError", update::in_place::InPlaceError::<()>::CODES),
        ("SlotFileError", apply::SlotFileError::CODES),
        ("StoreError", crate::receive::StoreError::<()>::CODES),
        ("MessageError", crate::group::MessageError::CODES),
        ("NodeError", crate::group::NodeError::<()>::CODES),
        ("CoordinatorError", crate::group::CoordinatorError::CODES),
        ("HeapError", apply::HeapError::<(), ()>::CODES),
        ("VerifyError", crate::verify::VerifyError::CODES),
        ("GuardError", crate::verify::GuardError::<(), ()>::CODES),
        ("AuthenticateError", crate::sign::AuthenticateError::CODES),
        ("KeyError", crate::sign::KeyError::CODES),
        ("SignError", crate::sign::SignError::CODES),
        ("SetError", update::set::SetError::CODES),
        ("SetUpdateError", update::set::SetUpdateError::<(), (), (), ()>::CODES),
        ("SetFileError", crate::set::SetFileError::CODES),
        ("SetSourceError", crate::set::SetSourceError::CODES),
        ("SetFolderError", crate::set::SetFolderError::CODES),
        ("SetMakeError", crate::set::SetMakeError::CODES),
        ("SealError", crate::host::seal::SealError::CODES),
        ("HoleError", crate::holes::HoleError::CODES),
        ("HoleSyntaxError", crate::holes::HoleSyntaxError::CODES),
        ("ProfileError", crate::profile::ProfileError::CODES),
        ("SizeError", crate::profile::SizeError::CODES),
        ("UnknownCodec", crate::UnknownCodec::CODES),
        ("UnknownInstructionSet", crate::UnknownInstructionSet::CODES),
        ("NotARecord", update::holes::NotARecord::CODES),
        ("DiffError", diff::DiffError::CODES),
        ("ImageError", image::ImageError::CODES),
        ("WriteError", image::WriteError::<()>::CODES),
        ("DeflateError", archive::DeflateError::CODES),
        ("ContainerError", archive::ContainerError::CODES),
        ("DamagedArchive", archive::DamagedArchive::CODES),
        ("FolderError", archive::folder::FolderError::CODES),
        ("JsonError", manifest::JsonError::CODES),
        ("ManifestError", manifest::ManifestError::CODES),
        ("PartsError", manifest::PartsError::CODES),
        ("FileError", file::FileError::CODES),
        ("MakeError", file::MakeError::CODES),
        ("BundleError", bundle::BundleError::CODES),
        ("ReadError", crate::ReadError::CODES),
        ("InputError", crate::InputError::CODES),
        ("DoorError", door::DoorError::CODES),
        ("PatchError", door::PatchError::CODES),
        ("InfoError", door::InfoError::CODES),
        ("ConvertError", door::ConvertError::CODES),
    ]
}

/// A code may be in several tables, if it is the same there: class, and remedies.
fn codes() -> BTreeMap<&'static str, (ErrorClass, BTreeSet<&'static str>)> {
    let mut codes = BTreeMap::new();
    for (name, table) in tables() {
        for (code, class, remedy) in table {
            let entry = codes.entry(*code).or_insert((*class, BTreeSet::new()));
            assert_eq!(entry.0, *class, "{code} has two classes, one of them in {name}");
            if !remedy.is_empty() {
                entry.1.insert(*remedy);
            }
        }
    }
    codes
}

#[test]
fn the_table_of_errors_is_that_of_the_source() {
    let document = include_str!("../../../docs/errors.md");
    // What follows is held to the source in that crate.
    let (document, _) = document.split_once("\n## Fleets and releases\n").unwrap();
    let mut listed = BTreeSet::new();
    let codes = codes();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let [_, code, class, exit, _, _, meaning, remedies, _] = &cells[..] else {
            panic!("not seven cells: {row}");
        };
        let (known, known_remedies) =
            codes.get(&**code).unwrap_or_else(|| panic!("no error has the code {code}"));
        assert_eq!((&**class, &**exit), (known.name(), &*known.exit_code().to_string()), "{code}");
        let remedies: BTreeSet<_> = remedies.split(", ").filter(|remedy| *remedy != "-").collect();
        assert_eq!(&remedies, known_remedies, "{code}");
        assert!(!meaning.is_empty(), "{code}");
        assert!(listed.insert(code.clone()), "{code} twice");
    }
    let missing: Vec<_> = codes.keys().filter(|code| !listed.contains(**code)).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}

#[test]
fn codes_are_words_with_hyphens() {
    for code in codes().keys() {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        assert!(code.split('-').all(is_word), "{code}");
    }
}

/// Front ends say what to do, in words of their own: the texts of the library only state facts.
#[test]
fn texts_name_no_options() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "error.rs") {
                seen += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    let is_advice = ["--", "transfer ", " again", "?)"]
                        .iter()
                        .any(|advice| line.contains(advice));
                    assert!(!is_advice, "{}: {line}", path.display());
                }
            }
        }
    }
    assert!(seen >= 6, "only {seen} files");
}

/// One thing has one name, and two things have names that nobody takes for each other.
#[test]
fn no_two_codes_differ_by_a_plural() {
    let codes = codes();
    let twins: Vec<_> =
        codes.keys().filter(|code| codes.contains_key(&*format!("{code}s"))).collect();
    assert!(twins.is_empty(), "{twins:?}");
}
