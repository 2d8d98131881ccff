//! Who signs patches: a key in a file, or a command that has it, of an HSM or a KMS say.

use core::time::Duration;
use std::process::Stdio;
use std::sync::Arc;

use flashdelta::set;
use flashdelta::sign::{self, PrivateKey, PublicKey};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::JobLimits;
use crate::{keys, Error};

/// Who signs patches. A clone is the same.
#[derive(Clone)]
pub(crate) enum Signer {
    /// A key.
    Key(Arc<PrivateKey>),
    /// A command, and the key that its signatures are checked with.
    Command(Arc<[String]>, Arc<PublicKey>),
}

/// How long a command may take.
const TIME: Duration = Duration::from_secs(60);

/// The longest that a command may say: 64 bytes, or the same in DER.
const LONGEST: u64 = 1024;

impl Signer {
    /// Who was set; `None`: patches are not signed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Bad`].
    pub(crate) fn open(limits: &JobLimits) -> Result<Option<Self>, Error> {
        if let Some(path) = &limits.signing_key {
            return Ok(Some(Self::Key(Arc::new(keys::signing(path)?))));
        }
        let (Some(command), Some(path)) = (&limits.signing_command, &limits.signing_public) else {
            return Ok(None);
        };
        let words: Arc<[String]> = command.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err(Error::bad("signing command", &**command, "a program and its arguments"));
        }
        Ok(Some(Self::Command(words, Arc::new(keys::public(path)?))))
    }

    /// The patch, or the component set, with a signature.
    ///
    /// # Errors
    ///
    /// [`Error::Make`], if this one cannot be signed; [`Error::Io`], if nothing can be now.
    pub(super) async fn sign(&self, made: &[u8]) -> Result<Vec<u8>, Error> {
        let is_set = set::is_set(made);
        let message = match is_set {
            true => set::message(made).map_err(cannot),
            false => sign::message(made).map_err(cannot),
        }?;
        let signature = match self {
            Self::Key(key) => key.sign(&message),
            Self::Command(words, key) => {
                let signature = run(words, &message).await?;
                // What a command that is wrongly set up has signed goes to no device.
                sign::signature_made(&message, &signature, key).map_err(|error| {
                    Error::io("signing command")(std::io::Error::other(error.to_string()))
                })?
            }
        };
        match is_set {
            true => set::attach(made, signature).map_err(cannot),
            false => sign::attach(made, signature).map_err(cannot),
        }
    }
}

fn cannot(error: impl core::fmt::Display) -> Error {
    Error::Make(format!("cannot sign: {error}"))
}

/// What the command says to this message.
async fn run(words: &[String], message: &[u8]) -> Result<Vec<u8>, Error> {
    let Some((program, arguments)) = words.split_first() else { return Ok(Vec::new()) };
    let failed = || Error::io(format!("signing command {program}"));
    let other = |what: String| failed()(std::io::Error::other(what));
    let mut child = Command::new(program);
    child.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.kill_on_drop(true).spawn().map_err(failed())?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut input), Some(output), Some(errors)) = (input, output, errors) else {
        return Err(other("no pipes".to_owned()));
    };
    let (mut made, mut told) = (Vec::new(), Vec::new());
    let (mut output, mut errors) = (output.take(LONGEST), errors.take(LONGEST));
    let answer = async {
        // One that has ended says why.
        let _ = input.write_all(message).await;
        drop(input);
        let (made, told) =
            tokio::join!(output.read_to_end(&mut made), errors.read_to_end(&mut told));
        made.and(told).map_err(failed())?;
        child.wait().await.map_err(failed())
    };
    let status = match tokio::time::timeout(TIME, answer).await {
        Ok(status) => status?,
        Err(_) => return Err(other(format!("no signature within {} s", TIME.as_secs()))),
    };
    match status.success() {
        true => Ok(made),
        false => Err(other(format!("{status} {}", String::from_utf8_lossy(&told).trim()))),
    }
}
