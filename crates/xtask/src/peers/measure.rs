//! Runs a program and tells how long it took and how much memory it had.

use core::time::Duration;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};
use std::time::Instant;

use anyhow::{bail, Context as _, Result};

/// What running a program took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// From start to end; or what the program printed, if it told the seconds of what matters.
    pub(crate) seconds: f64,
    /// Seconds of processors, all threads together.
    pub(crate) cpu: f64,
    /// Most memory at any time, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs a program to its end, at most for `limit`.
pub(crate) fn measure(command: &mut Command, limit: Duration) -> Result<Cost> {
    let folder = tempfile()?;
    let (mut stdout, mut stderr) = (folder.0, folder.1);
    command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let start = Instant::now();
    let mut child =
        command.spawn().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    let pid = child.id();
    let (status, usage) = loop {
        if let Some(end) = reap(pid)? {
            break end;
        }
        if start.elapsed() > limit {
            child.kill()?;
            while reap(pid)?.is_none() {
                std::thread::sleep(Duration::from_millis(10));
            }
            bail!("took more than {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    let took = start.elapsed().as_secs_f64();
    if !status.success() {
        let errors = content(&mut stderr)?;
        bail!("{status}: {}", errors.trim().lines().last().unwrap_or("no message"));
    }
    let told = content(&mut stdout)?.trim().parse().ok();
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Cost {
        seconds: told.unwrap_or(took),
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peak_kib: usage.ru_maxrss.unsigned_abs(),
    })
}

/// Two files without names, for what the program prints: unlike pipes they never fill up.
fn tempfile() -> Result<(File, File)> {
    let make = |name: &str| -> Result<File> {
        let path = std::env::temp_dir().join(format!("xtask-peers-{}-{name}", std::process::id()));
        let file =
            File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    };
    Ok((make("out")?, make("err")?))
}

fn content(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// If the process has ended: how, and what it has used, which only `wait4` tells.
fn reap(pid: u32) -> Result<Option<(ExitStatus, libc::rusage)>> {
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid `rusage`: it has only numbers.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: both pointers are to live variables; the process is our child, and nobody else waits
    // for it.
    let found = unsafe { libc::wait4(pid as libc::pid_t, &mut status, libc::WNOHANG, &mut usage) };
    match found {
        0 => Ok(None),
        n if n > 0 => Ok(Some((ExitStatus::from_raw(status), usage))),
        _ => Err(std::io::Error::last_os_error()).context("cannot wait for a child process"),
    }
}
