//! Why the program failed: a message, what to do, and the exit code.

use core::fmt;
use std::io;
use std::path::Path;

use flashdelta::apply::{ApplyError, ErrorClass};
use flashdelta::diff::DiffError;
use flashdelta::file::{FileError, MakeError};
use flashdelta::image::ImageError;
use flashdelta::manifest::ManifestError;

use crate::text;

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
        Self::new(Class::Io, format!("cannot {verb} {}: {error}", path.display()))
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Class::Interrupted, "interrupted: nothing was written")
    }

    /// A firmware file cannot be read.
    pub(crate) fn image(path: &Path, error: &ImageError) -> Self {
        let failure = Self::new(Class::BadFile, format!("{}: {error}", path.display()));
        match error {
            ImageError::Overlap { .. } => {
                failure.hint("--accept overlap lets the last one win, overlap-first the first one, overlap-same only bytes that are equal")
            }
            ImageError::DataAfterEnd { .. } => failure.hint("--accept after-end leaves it out, after-end-read reads it"),
            ImageError::BadChecksum { .. } | ImageError::BadCount { .. } => failure.hint("--accept checksum reads on"),
            ImageError::MissingBlock { .. } => failure.hint("--accept checksum reads the blocks that are there"),
            ImageError::NoRecord { .. } => failure.hint("--accept comments leaves out lines that are no records"),
            ImageError::WordAddresses { .. } => failure.hint("`diff --verbatim` patches the text as it is"),
            ImageError::BadBlock { .. } => failure.hint("--accept comments leaves out what is no block"),
            _ => failure,
        }
    }

    /// Applying failed, or giving back the file.
    pub(crate) fn file(error: &FileError, names: &Names<'_>) -> Self {
        let failure = |class, path: &Path| Self::new(class, format!("{}: {error}", path.display()));
        match error {
            FileError::Apply(error) => Self::apply(error, names),
            FileError::OldFile(error) => Self::image(names.old, error),
            FileError::NeedsOldText => {
                failure(Class::WrongBase, names.old).hint("--as bin makes a plain binary")
            }
            FileError::NewFileMismatch { .. } => failure(Class::WrongBase, names.old),
            FileError::Convert(_) => failure(Class::DoesNotFit, names.new),
            _ => failure(Class::BadPatch, names.patch),
        }
    }

    /// A manifest in an archive is wrong.
    pub(crate) fn manifest(path: &Path, error: &ManifestError) -> Self {
        Self::new(Class::BadFile, format!("{}: {error}", path.display()))
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

    /// The applier failed.
    pub(crate) fn apply<O: fmt::Display, N: fmt::Display>(
        error: &ApplyError<O, N>,
        names: &Names<'_>,
    ) -> Self {
        let class = Class::from(error.class());
        let file = match (class, error) {
            (Class::WrongBase, _) | (_, ApplyError::ReadOld { .. }) => names.old,
            (Class::Io, _) => names.new,
            _ => names.patch,
        };
        let failure = Self::new(class, format!("{}: {error}", file.display()));
        match class {
            Class::WrongBase => failure
                .hint("`flashdelta info` shows the SHA-256 of an image, and of the one that a patch was made from"),
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

/// The files of an update, for messages.
pub(crate) struct Names<'a> {
    pub(crate) old: &'a Path,
    pub(crate) patch: &'a Path,
    pub(crate) new: &'a Path,
}
