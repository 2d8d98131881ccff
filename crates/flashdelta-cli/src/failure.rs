//! Why the program failed: a message, what to do, and the exit code.

use core::fmt;
use std::io;
use std::path::Path;

use flashdelta::apply::{ApplyError, ErrorClass};
use flashdelta::bundle::BundleError;
use flashdelta::diff::DiffError;
use flashdelta::door::{DoorError, PatchError, Side};
use flashdelta::file::{FileError, MakeError};
use flashdelta::image::{ImageError, Target};
use flashdelta::manifest::ManifestError;

use crate::{inputs, text};

/// What a subcommand ends in.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Whose fault it is. The numbers are the exit codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Internal = 1,
    Usage = 2,
    BadPatch = 3,
    WrongBase = 4,
    WrongDevice = 5,
    DoesNotFit = 6,
    Io = 7,
    BadFile = 8,
    Interrupted = 130,
}

impl Class {
    /// The name, as machines read it.
    fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::BadPatch => "bad-patch",
            Self::WrongBase => "wrong-base",
            Self::WrongDevice => "wrong-device",
            Self::DoesNotFit => "does-not-fit",
            Self::Io => "io",
            Self::BadFile => "bad-file",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<ErrorClass> for Class {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::BadPatch => Self::BadPatch,
            ErrorClass::WrongBase => Self::WrongBase,
            ErrorClass::WrongDevice => Self::WrongDevice,
            ErrorClass::DoesNotFit => Self::DoesNotFit,
            ErrorClass::Io => Self::Io,
            ErrorClass::BadFile => Self::BadFile,
            ErrorClass::Misuse => Self::Usage,
            ErrorClass::Cancelled => Self::Interrupted,
            _ => Self::Internal,
        }
    }
}

/// Why the program failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }

    /// Says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file could not be used. `verb`: read, write, ...
    pub(crate) fn io(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(Class::Io, format!("cannot {verb} {}: {error}", text::path(path)))
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Class::Interrupted, "interrupted: nothing was written")
    }

    /// A firmware file cannot be read.
    pub(crate) fn image(path: &Path, error: &ImageError) -> Self {
        let failure = Self::new(Class::BadFile, format!("{}: {error}", text::path(path)));
        match error {
            ImageError::Overlap { .. } => {
                failure.hint("--accept overlap lets the last one win, overlap-first the first one, overlap-same only bytes that are equal")
            }
            ImageError::DataAfterEnd { .. } => failure.hint("--accept after-end leaves it out, after-end-read reads it"),
            ImageError::BadChecksum { .. } | ImageError::BadCount { .. } => failure.hint("--accept checksum reads on"),
            ImageError::MissingBlock { .. } => failure.hint("--accept checksum reads the blocks that are there"),
            ImageError::NoRecord { .. } => failure.hint("--accept comments leaves out lines that are no records"),
            ImageError::UnknownRecord { .. } => failure.hint(
                "--accept records carries records of unknown types along; the memory is without them",
            ),
            ImageError::SeveralTargets { targets } => failure.hint(selecting(targets)),
            ImageError::NotInFile { targets, .. } => failure.hint(selecting(targets)),
            ImageError::WordAddresses { .. } => failure.hint("`diff --verbatim` patches the text as it is"),
            ImageError::BadBlock { .. } => failure.hint("--accept comments leaves out what is no block"),
            _ => failure,
        }
    }

    /// A patch of any kind could not be applied. `names`: of the old file, the patch, the new file.
    pub(crate) fn patch(error: &PatchError, names: [&Path; 3]) -> Self {
        let [old, patch, new] = names;
        let class = Class::from(error.class());
        let failure = |class, path: &Path| {
            Self::new(class, text::escaped(&format!("{}: {error}", path.display())))
        };
        match error {
            _ if error.is_cancelled() => Self::interrupted(),
            PatchError::Input(error) => inputs::failure(error),
            PatchError::Write(error) => Self::io("write", new, error),
            PatchError::File(FileError::OldFile(error)) => Self::image(old, error),
            PatchError::File(FileError::NeedsOldText) => {
                failure(class, old).hint("--as bin makes a plain binary")
            }
            PatchError::File(FileError::Convert(_)) => failure(class, new),
            PatchError::File(FileError::Apply(error)) => Self::apply(error, names),
            PatchError::Apply(error) => Self::apply(error, names),
            PatchError::Bundle(BundleError::NewTooLong { .. }) => failure(class, patch)
                .hint("`flashdelta apply --limit` raises it, if you trust whoever made the patch"),
            PatchError::Ram { found, .. } => {
                let failure = failure(class, patch);
                match *found >= 2 << 10 {
                    true => failure.hint(format!("make it with --ram {}", text::size(*found))),
                    false => failure,
                }
            }
            PatchError::BundleForDevice => failure(Class::Usage, patch)
                .hint("leave out the options that describe a device or a format"),
            PatchError::WrongWayRound => failure(class, patch),
            PatchError::AlreadyNew => failure(class, old),
            _ => match class {
                Class::WrongBase => failure(class, old).hint(WRONG_BASE_HINT),
                Class::Io => failure(class, new),
                _ => failure(class, patch),
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
            DoorError::EmptyNew => {
                Self::new(Class::BadFile, format!("{}: {error}", text::path(new)))
                    .hint("did the build fail? --allow-empty makes the patch all the same")
            }
            DoorError::NoElf { side } => {
                let elf = match side {
                    Side::Old => old_elf,
                    Side::New => new_elf,
                };
                Self::new(
                    Class::BadFile,
                    format!("{}: {error}", text::path(elf.unwrap_or(of(side)))),
                )
            }
            DoorError::NotForArchives { side, .. } => {
                Self::new(Class::Usage, format!("{}: {error}", text::path(of(side)))).hint(
                    "leave out --old-elf, --new-elf, --accept, --fill, --range and the like, or unpack \
                     the archives and make a patch for each member that needs them",
                )
            }
            DoorError::NotWorking { .. } => Self::new(Class::Internal, error.to_string()).hint(
                "nothing was written; this is a bug in flashdelta: please report it, with both \
                 files if you can",
            ),
            _ => Self::new(Class::Internal, error.to_string()),
        }
    }

    /// A manifest in an archive is wrong.
    pub(crate) fn manifest(path: &Path, error: &ManifestError) -> Self {
        Self::new(Class::BadFile, format!("{}: {error}", text::path(path)))
            .hint("--accept manifest takes it as a file like any other")
    }

    /// The maker failed.
    pub(crate) fn make(error: &MakeError, old: &Path, new: &Path) -> Self {
        match error {
            MakeError::Diff(error) => Self::diff(error),
            MakeError::OldFile(error) => Self::image(old, error),
            MakeError::NewFile(error) => Self::image(new, error),
            MakeError::OldManifest(error) => Self::manifest(old, error),
            MakeError::NewManifest(error) => Self::manifest(new, error),
            _ => Self::new(Class::Internal, error.to_string()),
        }
    }

    pub(crate) fn diff(error: &DiffError) -> Self {
        let failure = |class| Self::new(class, error.to_string());
        match error {
            DiffError::ProfileTooSmall { codec, needed, .. } => {
                let ram = text::size(*needed);
                failure(Class::DoesNotFit).hint(format!("--ram {ram} is enough for codec {codec}"))
            }
            DiffError::CodecNotInProfile { codec, .. } => failure(Class::DoesNotFit)
                .hint(format!("leave out --codec, or use a --profile whose device has the {codec} codec built in")),
            DiffError::InstructionSetNotInProfile { .. } => failure(Class::DoesNotFit)
                .hint("leave out --isa, or use a --profile whose device has this instruction set built in"),
            DiffError::BadProfile { .. } => failure(Class::Usage),
            DiffError::Cancelled => Self::interrupted(),
            _ => failure(Class::DoesNotFit),
        }
    }

    /// The applier failed. `names`: of the old file, the patch, the new file.
    pub(crate) fn apply<O: fmt::Display, N: fmt::Display>(
        error: &ApplyError<O, N>,
        names: [&Path; 3],
    ) -> Self {
        let [old, patch, new] = names;
        let class = Class::from(error.class());
        let file = match (class, error) {
            (Class::WrongBase, _) | (_, ApplyError::ReadOld { .. }) => old,
            (Class::Io, _) => new,
            _ => patch,
        };
        let failure = Self::new(class, format!("{}: {error}", text::path(file)));
        match (class, error) {
            (Class::WrongBase, _) => failure.hint(WRONG_BASE_HINT),
            (_, ApplyError::NewTooLong { .. }) => failure
                .hint("`flashdelta apply --limit` raises it, if you trust whoever made the patch"),
            _ => failure,
        }
    }

    /// Tells people, and machines if they ask, and gives the class, which is the exit code.
    pub(crate) fn report(&self, json: bool) -> Class {
        eprintln!("error: {self}");
        if let Some(hint) = &self.hint {
            eprintln!("hint: {hint}");
        }
        self.report_to_machine(json);
        self.class
    }

    /// Tells machines if they ask.
    pub(crate) fn report_to_machine(&self, json: bool) {
        if json {
            let error = serde_json::json!({ "error": {
                "class": self.class.name(),
                "exit_code": self.class as u8,
                "message": self.message,
                "hint": self.hint,
            }});
            let _ = text::print(&format!("{error:#}\n"));
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What to do about a wrong old file.
const WRONG_BASE_HINT: &str = "`flashdelta info` shows the SHA-256 of an image, and of the one \
                               that a patch was made from";

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
