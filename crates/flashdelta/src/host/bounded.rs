//! Files that are read to their end, but no further than a limit.

use core::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::room;
use crate::device::error::codes;

/// No description, profile or key is longer, in bytes.
const MOST_SMALL: u64 = 1 << 20;

/// The bytes of a file that people write, and that is small.
pub(crate) fn small(path: &Path) -> Result<Vec<u8>, ReadError> {
    read(open(path)?, 0, MOST_SMALL, path)
}

pub(crate) fn open(path: &Path) -> Result<File, ReadError> {
    File::open(path).map_err(|error| ReadError::Read { path: path.to_owned(), error })
}

/// Reads to the end of a reader. `stated`: how much there is, 0 if nothing tells.
pub(crate) fn read(
    reader: impl Read,
    stated: u64,
    limit: u64,
    path: &Path,
) -> Result<Vec<u8>, ReadError> {
    let too_large = |found| ReadError::TooLarge { path: path.to_owned(), found, limit };
    if stated > limit {
        return Err(too_large(stated));
    }
    let out_of_memory = |needed| ReadError::OutOfMemory { path: path.to_owned(), needed };
    let mut bytes = room::with_capacity(stated as usize).map_err(|_| out_of_memory(stated))?;
    let read = reader.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::OutOfMemory => out_of_memory(bytes.len() as u64),
        _ => ReadError::Read { path: path.to_owned(), error },
    })?;
    match bytes.len() as u64 > limit {
        true => Err(too_large(bytes.len() as u64)),
        false => Ok(bytes),
    }
}

/// Why a file could not be read.
#[non_exhaustive]
#[derive(Debug)]
pub enum ReadError {
    /// Reading it failed.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is too large.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes, as far as it was looked at.
        found: u64,
        /// The largest size possible.
        limit: u64,
    },
    /// This computer does not give the memory that it takes.
    OutOfMemory {
        /// The file.
        path: PathBuf,
        /// Its size in bytes, as far as it was looked at.
        needed: u64,
    },
}

codes! {
    impl[] ReadError {
        Self::Read { .. } => "read", Io, CheckFile;
        Self::TooLarge { .. } => "file-too-large", DoesNotFit;
        Self::OutOfMemory { .. } => "out-of-memory", DoesNotFit;
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::TooLarge { path, found, limit } => {
                write!(f, "{} is too large: {found} bytes, the limit is {limit}", path.display())
            }
            Self::OutOfMemory { path, needed } => write!(
                f,
                "out of memory: this computer does not give {needed} bytes to read {}",
                path.display()
            ),
        }
    }
}

impl core::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            _ => None,
        }
    }
}
