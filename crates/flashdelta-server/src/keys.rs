//! Files with keys and certificates.

use std::io;
use std::path::Path;

use flashdelta::sign::PrivateKey;
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
    let wrong = |found: &dyn core::fmt::Display| {
        Error::bad("signing key", format!("{}: {found}", path.display()), "a private key in PEM")
    };
    let pem = String::from_utf8(read(path)?).map_err(|_| wrong(&"it is not a text file"))?;
    PrivateKey::from_pem(&pem).map_err(|error| wrong(&error))
}
