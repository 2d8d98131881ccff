//! One patch, made by a process of its own.

use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use flashdelta_fleet::release::Task;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::child::{Request, IMPOSSIBLE};
use super::JobLimits;
use crate::contents::Contents;
use crate::database::Tenant;
use crate::Error;

/// What came of it.
pub(super) enum Outcome {
    Made(Vec<u8>),
    /// It cannot be made for the applier.
    Impossible(String),
    /// It was not made, because of a limit or a fault.
    Failed(String),
}

/// Makes the patch of a job. `program`: this one.
pub(super) async fn make(
    tenant: &Tenant,
    task: &Task,
    contents: &Contents,
    limits: &JobLimits,
    program: &Path,
) -> Result<Outcome, Error> {
    let old = match &task.old {
        Some(digest) => contents.get(tenant, digest).await?,
        None => Bytes::new(),
    };
    let new = contents.get(tenant, &task.new).await?;
    let memory = limits.job_memory << 20;
    let request = Request { task: task.clone(), old: old.len(), new: new.len(), memory };
    let mut line = serde_json::to_vec(&request).map_err(Error::Json)?;
    line.push(b'\n');
    let failed = || Error::io(program.display());
    let mut child = Command::new(program);
    child.arg("make-patch").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    // Dropped (the worker ends, the time is over, the lease is lost): it is killed.
    let mut child = child.stderr(Stdio::piped()).kill_on_drop(true).spawn().map_err(failed())?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut input), Some(output), Some(errors)) = (input, output, errors) else {
        return Err(Error::Make("no pipes".to_owned()));
    };
    let ask = async move {
        for part in [&line[..], &old, &new] {
            // A process that has ended says why.
            if input.write_all(part).await.is_err() {
                break;
            }
        }
    };
    let (mut patch, mut message) = (Vec::new(), Vec::new());
    let longest = 4 * (request.new as u64 + (1 << 20));
    let (mut output, mut errors) = (output.take(longest), errors.take(4096));
    let answer = async {
        let ((), patch, message) =
            tokio::join!(ask, output.read_to_end(&mut patch), errors.read_to_end(&mut message));
        patch.and(message).map_err(failed())?;
        child.wait().await.map_err(failed())
    };
    let Ok(status) = tokio::time::timeout(limits.time(), answer).await else {
        return Ok(Outcome::Failed(format!("not made within {} s", limits.job_seconds)));
    };
    let (status, message) = (status?, String::from_utf8_lossy(&message).trim().to_owned());
    Ok(match status.code() {
        Some(0) => Outcome::Made(patch),
        Some(IMPOSSIBLE) => Outcome::Impossible(message),
        _ => Outcome::Failed(format!(
            "{status} (limit of memory: {} MiB) {message}",
            limits.job_memory
        )),
    })
}
