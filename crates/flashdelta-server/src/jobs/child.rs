//! The process that makes one patch: request on standard input, patch on standard output.

use std::io::{Read as _, Write as _};

use flashdelta::Input;
use flashdelta_fleet::release::Task;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What is asked: this as a line of JSON, then both files.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) task: Task,
    /// Bytes of the old file.
    pub(super) old: usize,
    /// Bytes of the new file.
    pub(super) new: usize,
    /// Bytes of memory.
    pub(super) memory: u64,
}

/// How the process ends when the patch cannot be made for the applier; the reason is on standard
/// error.
pub(super) const IMPOSSIBLE: i32 = 3;

/// Makes the patch. Gives what the process ends with.
///
/// # Errors
///
/// [`Error::Io`], [`Error::Json`], [`Error::Make`].
pub(crate) fn make_patch() -> Result<i32, Error> {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    std::io::BufRead::read_until(&mut input, b'\n', &mut line).map_err(Error::io("request"))?;
    let request: Request = serde_json::from_slice(&line).map_err(Error::Json)?;
    limit(request.memory)?;
    let mut files = Vec::new();
    input.read_to_end(&mut files).map_err(Error::io("request"))?;
    drop(input);
    if files.len() != request.old + request.new {
        return Err(Error::Make("the request is cut short".to_owned()));
    }
    let (old, new) = files.split_at(request.old);
    let task = &request.task;
    let old = Input::from_bytes(old).named(task.old_name.clone());
    let new = Input::from_bytes(new).named(task.new_name.clone());
    // As many workers as processors are run by whoever sets them up: one thread each.
    match task.make(&old, &new, 1) {
        Ok(patch) => {
            let mut output = std::io::stdout().lock();
            output.write_all(&patch).and_then(|()| output.flush()).map_err(Error::io("patch"))?;
            Ok(0)
        }
        Err(error) if error.is_for_profile() => {
            eprintln!("{error}");
            Ok(IMPOSSIBLE)
        }
        Err(error) => Err(Error::Make(error.to_string())),
    }
}

/// Memory and precedence of this process from now on; and it ends with the worker that started it.
#[cfg(target_os = "linux")]
fn limit(memory: u64) -> Result<(), Error> {
    use rustix::process::{setrlimit, Resource, Rlimit, Signal};
    let failed = |error: rustix::io::Errno| Error::io("limits of the process")(error.into());
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    // Devices that ask come before patches that are made.
    rustix::process::nice(10).map_err(failed)?;
    let limit = Rlimit { current: Some(memory), maximum: Some(memory) };
    setrlimit(Resource::Data, limit).map_err(failed)
}

#[cfg(not(target_os = "linux"))]
fn limit(_: u64) -> Result<(), Error> {
    Ok(())
}
