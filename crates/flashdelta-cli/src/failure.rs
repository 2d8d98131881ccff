//! Why the program failed: a message, what to do, and the exit code.

use core::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use flashdelta::apply::{ApplyError, HeapError, SlotFileError};
use flashdelta::archive::folder::FolderError;
use flashdelta::diff::DiffError;
use flashdelta::door::{ConvertError, DoorError, InfoError, PatchError, Side};
use flashdelta::file::{FileError, MakeError};
use flashdelta::holes::HoleSyntaxError;
use flashdelta::image::{ImageError, Target};
use flashdelta::profile::{ProfileError, SizeError};
use flashdelta::set::{SetFileError, SetFolderError, SetMakeError, SetSourceError};
use flashdelta::sign::{KeyError, SealError, SignError};
use flashdelta::update::in_place::InPlaceError;
use flashdelta::{ErrorClass, InputError, Remedy};
use flashdelta_fleet::release::ReleaseError;

use crate::product::Product;
use crate::text::remark;
use crate::{remedy, standard, text};

/// What a subcommand ends in.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Codes of errors that show the lines of TOML that are wrong.
const QUOTING: [&str; 3] = ["profile-description", "set-description", "release-description"];

/// Why the program failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: ErrorClass,
    /// The stable name of a library error; none of the program's own.
    code: Option<&'static str>,
    message: String,
    hint: Option<String>,
}

/// A failure from an error of the library: its class, its code, and its remedy in this program's
/// words.
macro_rules! failure {
    ($error:expr) => {
        Failure::coded($error.code(), $error.class(), $error.remedy(), $error.to_string())
    };
    ($error:expr, $path:expr) => {
        Failure::coded(
            $error.code(),
            $error.class(),
            $error.remedy(),
            format!("{}: {}", text::path($path), $error),
        )
    };
}

impl Failure {
    pub(crate) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, code: None, message: message.into(), hint: None }
    }

    fn coded(
        code: &'static str,
        class: ErrorClass,
        remedy: Option<Remedy>,
        message: String,
    ) -> Self {
        if class == ErrorClass::Cancelled {
            return Self { code: Some(code), ..Self::interrupted() };
        }
        let hint = remedy.as_ref().map(remedy::words);
        let message = match QUOTING.contains(&code) {
            true => message.lines().map(text::escaped).collect::<Vec<_>>().join("\n"),
            false => text::escaped(&message),
        };
        Self { class, code: Some(code), message, hint }
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Calls the product of the device as whoever typed it: the patch has but its number.
    pub(crate) fn naming(mut self, product: Option<&Product>) -> Self {
        if let Some(Product { id, name: Some(name) }) = product {
            let (number, name) = (format!("product {id:08x}"), text::escaped(name));
            self.message = self.message.replace(&number, &format!("{number} ({name})"));
        }
        self
    }

    /// A result could not be written.
    pub(crate) fn write(path: &Path, error: &io::Error) -> Self {
        let name = text::path(path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let failure = match error.kind() {
            io::ErrorKind::PermissionDenied if is_writable(path) => {
                let folder = text::path(folder.unwrap_or(Path::new(".")));
                let message =
                    format!("cannot write {name}: nothing can be put into {folder}: {error}");
                let hint = "a file is made under another name beside the old one, and takes its \
                            place when it is complete";
                return Self::new(ErrorClass::Io, message).hint(hint);
            }
            _ => Self::new(ErrorClass::Io, format!("cannot write {name}: {error}")),
        };
        failure.hint_of(Some(error))
    }

    /// What to do about an error of the system, where something else is wrong with it than with the
    /// path.
    fn hint_of(self, error: Option<&io::Error>) -> Self {
        match error.map(io::Error::kind) {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                self.hint("make room on that disk, or write to another one")
            }
            _ => self,
        }
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(ErrorClass::Cancelled, "interrupted: nothing was written")
    }

    /// A firmware file cannot be read.
    pub(crate) fn image(path: &Path, error: &ImageError) -> Self {
        let failure = failure!(error, path);
        match error {
            ImageError::SeveralTargets { targets } | ImageError::NotInFile { targets, .. } => {
                failure.hint(selecting(targets))
            }
            ImageError::AddressOverflow { .. } => failure.hint(
                "addresses have 32 bits: if a --base was given, give the right one; else the file \
                 is wrong",
            ),
            _ => failure,
        }
    }

    /// A firmware file cannot be converted.
    pub(crate) fn convert(path: &Path, error: &ConvertError) -> Self {
        match error {
            ConvertError::File(error) => Self::image(path, error),
            ConvertError::NotInFormat { .. } => failure!(error),
            _ => failure!(error, path),
        }
    }

    /// It cannot be told what a file is. `old`: what it was to be applied to.
    pub(crate) fn info(error: &InfoError, path: &Path, old: Option<&Path>) -> Self {
        match error {
            InfoError::Patch(error) => {
                let old = old.unwrap_or(Path::new("old image"));
                Self::patch(error, [old, path, Path::new("new image")])
            }
            InfoError::File(error) => Self::image(path, error).of_others(),
            _ => failure!(error, path),
        }
    }

    /// The hint may be about an option that `info` does not have: it reads files as they are.
    fn of_others(mut self) -> Self {
        if let Some(hint) = self.hint.take_if(|hint| hint.starts_with("--accept")) {
            self.hint = Some(format!("of `diff` and `convert`: {hint}"));
        }
        self
    }

    /// A file, a folder or the parts of a manifest cannot be read.
    pub(crate) fn input(error: &InputError) -> Self {
        let failure = failure!(error);
        match error {
            InputError::Folder(FolderError::Io { error, .. }) => failure.hint_of(Some(error)),
            _ => failure,
        }
    }

    /// There is no such profile, or its file is wrong.
    pub(crate) fn profile(error: &ProfileError) -> Self {
        failure!(error)
    }

    /// A text declares no hole, or is no value.
    pub(crate) fn hole_syntax(error: &HoleSyntaxError) -> Self {
        failure!(error)
    }

    /// The arguments are wrong: what clap says, and the code where the library found it out.
    pub(crate) fn arguments(error: &clap::Error, message: String) -> Self {
        let source = core::error::Error::source(error);
        let code = source.and_then(|source| {
            let hole = source.downcast_ref().map(HoleSyntaxError::code);
            hole.or_else(|| source.downcast_ref().map(SizeError::code))
        });
        Self { code, ..Self::new(ErrorClass::Misuse, message) }
    }

    /// A patch of any kind could not be applied. `names`: of the old file, the patch, the new file.
    pub(crate) fn patch(error: &PatchError, names: [&Path; 3]) -> Self {
        let [old, patch, new] = names;
        match error {
            PatchError::Input(error) => Self::input(error),
            PatchError::Write(error) => Self::write(new, error),
            PatchError::File(FileError::OldFile(error)) => Self::image(old, error),
            PatchError::File(FileError::Apply(error)) => Self::apply(error, names),
            PatchError::File(error @ FileError::Convert(_)) => failure!(error, new),
            PatchError::Apply(
                error @ (ApplyError::Write { error: io, .. } | ApplyError::Finish { error: io }),
            ) => Self::apply(error, names).hint_of(Some(io)),
            PatchError::Apply(error) => Self::apply(error, names),
            PatchError::WrongRecords { error: inner, .. } => match &**inner {
                PatchError::Apply(ApplyError::OldMismatch { len, .. }) => {
                    failure!(error, old).hint(digest_of(*len, old, patch))
                }
                _ => failure!(error, old),
            },
            _ => match error.class() {
                ErrorClass::WrongBase => failure!(error, old),
                ErrorClass::Io => failure!(error, new),
                _ => failure!(error, patch),
            },
        }
    }

    /// A patch could not be made. `names`: of the old and the new file; `elfs`: of their ELF files.
    pub(crate) fn door(error: &DoorError, names: [&Path; 2], elfs: [Option<&Path>; 2]) -> Self {
        let ([old, new], [old_elf, new_elf]) = (names, elfs);
        let of = |side: &Side| match side {
            Side::Old => old,
            Side::New => new,
        };
        match error {
            DoorError::Make(error) => Self::make(error, old, new),
            DoorError::EmptyNew => failure!(error, new),
            DoorError::NoElf { side: Side::Old } => failure!(error, old_elf.unwrap_or(old)),
            DoorError::NoElf { side: Side::New } => failure!(error, new_elf.unwrap_or(new)),
            DoorError::NotForArchives { side, .. } => failure!(error, of(side)),
            DoorError::DamagedArchive { side, error } => failure!(error, of(side)),
            _ => failure!(error),
        }
    }

    /// The maker failed.
    pub(crate) fn make(error: &MakeError, old: &Path, new: &Path) -> Self {
        match error {
            MakeError::OldFile(error) => failure!(error, old),
            MakeError::NewFile(error) => failure!(error, new),
            MakeError::OldManifest(error) => failure!(error, old),
            MakeError::NewManifest(error) => failure!(error, new),
            _ => failure!(error),
        }
    }

    /// A file is no key, or there is none.
    pub(crate) fn key(path: &Path, error: &KeyError) -> Self {
        let failure = failure!(error, path);
        match error {
            KeyError::IsPrivate => failure.hint(
                "give its public half: `openssl pkey -in KEY.pem -pubout -out KEY.pub.pem` makes \
                 it of a private key",
            ),
            _ => failure,
        }
    }

    /// A patch cannot be signed.
    pub(crate) fn seal(path: &Path, error: &SealError) -> Self {
        failure!(error, path)
    }

    /// A signature cannot be attached to a patch.
    pub(crate) fn sign(patch: &Path, signature: &Path, error: &SignError) -> Self {
        match error {
            SignError::Seal(error) => Self::seal(patch, error),
            _ => failure!(error, signature),
        }
    }

    /// Making a patch between images failed.
    pub(crate) fn diff(error: &DiffError) -> Self {
        failure!(error)
    }

    /// The applier failed. `names`: of the old file, the patch, the new file.
    pub(crate) fn apply<O: fmt::Display, N: fmt::Display>(
        error: &ApplyError<O, N>,
        names: [&Path; 3],
    ) -> Self {
        let [old, patch, new] = names;
        if let ApplyError::OldMismatch { len, .. } = error {
            return failure!(error, old).hint(digest_of(*len, old, patch));
        }
        match (error.class(), error) {
            (ErrorClass::WrongBase, _) | (_, ApplyError::ReadOld { .. }) => failure!(error, old),
            (ErrorClass::Io, _) => failure!(error, new),
            _ => failure!(error, patch),
        }
    }

    /// A slot in a file could not be updated. `names`: of the slot, the patch, the journal.
    pub(crate) fn slot_file(error: &SlotFileError, names: [&Path; 3]) -> Self {
        let [slot, patch, journal] = names;
        let failure = match error {
            SlotFileError::Update(_) if error.io_error().is_some() => failure!(error, slot),
            SlotFileError::Update(InPlaceError::Apply(error)) => {
                Self::apply(error, [slot, patch, slot])
            }
            SlotFileError::Trial(HeapError::Apply(error)) => {
                Self::apply(error, [slot, patch, slot])
            }
            SlotFileError::Trial(_) => failure!(error, patch),
            SlotFileError::Update(
                InPlaceError::OtherPatch
                | InPlaceError::OtherVersion
                | InPlaceError::ScratchDamaged
                | InPlaceError::Resume(_),
            )
            | SlotFileError::Journal(_)
            | SlotFileError::NotAJournal
            | SlotFileError::JournalIsSlot => failure!(error, journal),
            SlotFileError::Update(InPlaceError::Header(_) | InPlaceError::NotInPlace) => {
                failure!(error, patch)
            }
            // The program's own words say that nothing was written.
            SlotFileError::Cancelled => {
                let message = "interrupted: the same command goes on where it was";
                Self { code: Some("cancelled"), ..Self::new(ErrorClass::Cancelled, message) }
            }
            _ => failure!(error, slot),
        };
        failure.hint_of(error.io_error())
    }

    /// A set is none, or a damaged one.
    pub(crate) fn set_file(path: &Path, error: &SetFileError) -> Self {
        failure!(error, path)
    }

    /// A set cannot be made.
    pub(crate) fn set_make(error: &SetMakeError) -> Self {
        failure!(error)
    }

    /// What a set shall be made of cannot be read, or is nothing.
    pub(crate) fn set_source(error: &SetSourceError) -> Self {
        failure!(error)
    }

    /// A set cannot be applied to a folder.
    pub(crate) fn set_folder(set: &Path, error: &SetFolderError) -> Self {
        failure!(error, set)
    }

    /// A release cannot be built, or asked.
    pub(crate) fn release(error: &ReleaseError) -> Self {
        failure!(error)
    }

    /// A folder cannot be written.
    pub(crate) fn folder(error: &FolderError) -> Self {
        let failure = failure!(error);
        match error {
            FolderError::Io { error, .. } => failure.hint_of(Some(error)),
            _ => failure,
        }
    }

    /// Tells people, and machines if they ask, and gives the class, which is the exit code.
    pub(crate) fn report(&self, json: bool) -> ErrorClass {
        remark!("error: {self}");
        if let Some(hint) = &self.hint {
            remark!("hint: {hint}");
        }
        self.report_to_machine(json);
        self.class
    }

    /// Tells machines if they ask.
    pub(crate) fn report_to_machine(&self, json: bool) {
        if json {
            let error = serde_json::json!({ "error": {
                "class": self.class.name(),
                "exit_code": self.class.exit_code(),
                "code": self.code,
                "message": self.message,
                "hint": self.hint,
            }});
            let _ = standard::write(format!("{error:#}\n").as_bytes());
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Whether a file is there that can be written itself. It stays as it is.
fn is_writable(path: &Path) -> bool {
    path.is_file() && OpenOptions::new().append(true).open(path).is_ok()
}

/// How the version of an old image is looked up that is not the one of a patch.
fn digest_of(len: u32, old: &Path, patch: &Path) -> String {
    let [old, patch] = [old, patch].map(text::path);
    format!(
        "`flashdelta info {old} --digest-len {len}` shows the whole SHA-256 of the bytes that were \
         compared, to look up which version this is; `flashdelta info {patch}` which one it has to \
         be"
    )
}

/// How one of several memories in a file is selected.
pub(crate) fn selecting(targets: &[Target]) -> String {
    let first = targets.first().copied().unwrap_or_default();
    if let Some(board) = first.board {
        return format!("select one with --board, such as --board {board:04x}");
    }
    let mut families = targets.iter().filter_map(|target| target.family);
    match families.next() {
        Some(family) if families.any(|other| other != family) => {
            format!("select one with --family, such as --family {family:#010x}")
        }
        _ if targets.len() > 1 => "select one with --image, from 1 on".to_owned(),
        _ => "leave the selection out".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_journal_names_the_journal() {
        let names = ["slot.bin", "update.fdp", "slot.journal"].map(Path::new);
        for error in
            [InPlaceError::OtherPatch, InPlaceError::OtherVersion, InPlaceError::ScratchDamaged]
        {
            let failure = Failure::slot_file(&SlotFileError::Update(error), names);
            assert!(failure.message.starts_with("slot.journal: "), "{failure}");
        }
        let too_small = InPlaceError::SlotTooSmall { needed: 2, found: 1 };
        let failure = Failure::slot_file(&SlotFileError::Update(too_small), names);
        assert!(failure.message.starts_with("slot.bin: "), "{failure}");
    }
}
