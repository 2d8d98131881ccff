//! Whose fault an error is.

/// Whose fault an error is, and so what to do about it.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorClass {
    /// The library broke a promise: a bug.
    Internal,
    /// It was called or used in a way that cannot work: a mistake of the program, or an option that
    /// is not possible.
    Misuse,
    /// The patch is damaged, incomplete, or no patch: get it again.
    BadPatch,
    /// The old image is not the one that the patch was made from: get another patch.
    WrongBase,
    /// The patch is for other devices, or would go back below the security counter.
    WrongDevice,
    /// The device lacks the memory or the features for the patch: make it for another profile.
    DoesNotFit,
    /// Reading or writing an image or a file failed.
    Io,
    /// A firmware file is damaged, or dubious (hosts only).
    BadFile,
    /// Nobody who is trusted vouches for the patch: it is not signed, by an unknown key, or its
    /// bytes are not those that were vouched for.
    NotAuthentic,
    /// A callback or a signal ended it.
    Cancelled,
}

impl ErrorClass {
    /// The name, as machines read it; it is stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Misuse => "usage",
            Self::BadPatch => "bad-patch",
            Self::WrongBase => "wrong-base",
            Self::WrongDevice => "wrong-device",
            Self::DoesNotFit => "does-not-fit",
            Self::Io => "io",
            Self::BadFile => "bad-file",
            Self::NotAuthentic => "not-authentic",
            Self::Cancelled => "interrupted",
        }
    }

    /// What programs end with, 1 to 255.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Misuse => 2,
            Self::BadPatch => 3,
            Self::WrongBase => 4,
            Self::WrongDevice => 5,
            Self::DoesNotFit => 6,
            Self::Io => 7,
            Self::BadFile => 8,
            Self::NotAuthentic => 9,
            Self::Cancelled => 130,
        }
    }
}
