//! Keys in files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flashdelta::facts::hex;
use flashdelta::sign::{KeyError, PrivateKey, PublicKey, TrustedKeys};
use flashdelta::verify::KeyId;
use flashdelta::ErrorClass;

use crate::failure::{Failure, Outcome};
use crate::inputs;
use crate::text;

/// Whose signature is required.
#[derive(clap::Args)]
#[command(next_help_heading = "Who must have signed the patch")]
pub(crate) struct KeyArgs {
    /// Refuse a patch that is not signed with this public key; may be given several times, then
    /// with one of these
    #[arg(long = "key", value_name = "KEY.pub.pem")]
    keys: Vec<PathBuf>,
}

impl KeyArgs {
    /// The keys, if a signature is required.
    pub(crate) fn read(&self) -> Outcome<Option<TrustedKeys>> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let keys = self.keys.iter().map(|path| public(path)).collect::<Outcome<Vec<_>>>()?;
        Ok(Some(TrustedKeys::new(keys)))
    }
}

/// A public key.
pub(crate) fn public(path: &Path) -> Outcome<PublicKey> {
    PublicKey::from_pem(&pem(path, KeyError::NoPublicKey)?)
        .map_err(|error| Failure::key(path, &error))
}

/// A private key.
pub(crate) fn private(path: &Path) -> Outcome<PrivateKey> {
    PrivateKey::from_pem(&pem(path, KeyError::NoPrivateKey)?)
        .map_err(|error| Failure::key(path, &error))
}

/// The text of a file; if it is none, it is no key of the kind that is wanted.
fn pem(path: &Path, otherwise: KeyError) -> Outcome<String> {
    String::from_utf8(inputs::small(path)?).map_err(|_| Failure::key(path, &otherwise))
}

/// The file of the public key that belongs to a file of a private one: `KEY.pem` and
/// `KEY.pub.pem`.
pub(crate) fn public_path(private: &Path) -> PathBuf {
    match private.extension() {
        Some(extension) if extension == "pem" => private.with_extension("pub.pem"),
        _ => {
            let mut name = private.as_os_str().to_owned();
            name.push(".pub.pem");
            name.into()
        }
    }
}

/// Writes a key to a file that is not there yet. A secret one can be read by its owner only.
pub(crate) fn write_new(path: &Path, pem: &str, is_secret: bool) -> Outcome {
    refuse_present(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_secret {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let _ = is_secret;
    let written = options.open(path).and_then(|mut file| {
        file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
            let _ = fs::remove_file(path);
        })
    });
    written.map_err(|error| Failure::write(path, &error))
}

/// A key that is lost is lost for good: no file is replaced.
pub(crate) fn refuse_present(path: &Path) -> Outcome {
    if path.symlink_metadata().is_ok() {
        let message = format!("{} is there already, and keys are not replaced", text::path(path));
        return Err(Failure::new(ErrorClass::Misuse, message)
            .hint("name a file that is not there yet, or move this one away"));
    }
    Ok(())
}

/// A key id, as people and machines read it.
pub(crate) fn id(key_id: KeyId) -> String {
    hex(&key_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_have_names_of_their_own() {
        for (private, public) in [
            ("a/release.pem", "a/release.pub.pem"),
            ("release", "release.pub.pem"),
            ("release.key", "release.key.pub.pem"),
            ("v1.2.pem", "v1.2.pub.pem"),
        ] {
            assert_eq!(public_path(Path::new(private)), Path::new(public));
        }
    }
}
