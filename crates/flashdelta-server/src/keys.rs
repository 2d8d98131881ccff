//! Files with keys and certificates.

use std::io;
use std::path::Path;

use flashdelta::sign::{PrivateKey, PublicKey};
use flashdelta::{Input, InputError, ReadError};

use crate::Error;

/// The bytes of such a file: up to 1 MiB, and no more is read.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let read = Input::open_small(path).map(Input::into_bytes);
    read.map_err(|error| match error {
        InputError::File(ReadError::Read { error, .. }) => Error::io(path.display())(error),
        error => Error::io(path.display())(io::Error::other(error)),
    })
}

/// The key that patches are signed with.
pub(crate) fn signing(path: &Path) -> Result<PrivateKey, Error> {
    PrivateKey::from_pem(&text(path)?).map_err(|error| wrong(path, &error))
}

/// The key that signatures of a command are checked with.
pub(crate) fn public(path: &Path) -> Result<PublicKey, Error> {
    PublicKey::from_pem(&text(path)?).map_err(|error| wrong(path, &error))
}

fn text(path: &Path) -> Result<String, Error> {
    String::from_utf8(read(path)?).map_err(|_| wrong(path, &"it is not a text file"))
}

fn wrong(path: &Path, found: &dyn core::fmt::Display) -> Error {
    Error::bad("signing key", format!("{}: {found}", path.display()), "a key in PEM")
}
