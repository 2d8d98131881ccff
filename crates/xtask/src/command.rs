//! Running other programs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{bail, Context as _, Result};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where cargo puts what it builds for the workspace.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Tools that the chores bring themselves: inside the target folder, unknown to the system.
pub(crate) fn tools() -> PathBuf {
    target_dir().join("tools")
}

/// Where programs are looked for: as the shell does, then among our own tools, then where Debian
/// has programs for root.
fn search_path() -> OsString {
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    for more in [tools().join("bin"), "/usr/sbin".into(), "/sbin".into()] {
        if !folders.contains(&more) {
            folders.push(more);
        }
    }
    std::env::join_paths(folders).unwrap_or_default()
}

/// A program that runs in the root of the repository, without standard input.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    // A path that is set for the child is not where `Command` looks for the program.
    let program = program.as_ref();
    let found = program.to_str().and_then(find);
    let mut command = Command::new(found.as_deref().map_or(program, Path::as_os_str));
    command.current_dir(root()).stdin(Stdio::null()).env("PATH", search_path());
    // Cargo describes the package of xtask to xtask; what we run is none of its business.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// `cargo`, with arguments separated by spaces.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.args(arguments.split_whitespace());
    cargo
}

/// The program that we make, optimized: what `FLASHDELTA_BINARY` names, or built from here, once.
pub(crate) fn release_program() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = std::env::var_os("FLASHDELTA_BINARY") {
        return Ok(path.into());
    }
    if BUILT.get().is_none() {
        exec(&mut cargo("build --quiet --release --package flashdelta-cli"))?;
    }
    Ok(BUILT.get_or_init(|| target_dir().join("release/flashdelta")).clone())
}

/// Where the output of programs also goes, while a step runs.
static LOG: Mutex<Option<File>> = Mutex::new(None);

/// From now on, what [`exec`] runs is written to this file, too; None: no longer.
pub(crate) fn log_to(path: Option<&Path>) -> Result<()> {
    let file = match path {
        Some(path) => {
            Some(File::create(path).with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => None,
    };
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = file;
    Ok(())
}

/// Prints a line, and writes it to the log.
pub(crate) fn say(line: &str) {
    println!("{line}");
    if let Some(log) = &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = writeln!(log, "{line}");
    }
}

/// Runs a program that tells on its own what goes wrong.
pub(crate) fn exec(command: &mut Command) -> Result<()> {
    say(&format!("$ {}", shown(command)));
    let status = match &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(log) => run_logged(command, log),
        None => command.status(),
    };
    let status = status.with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a program; both of its outputs are shown and logged as they come.
fn run_logged(command: &mut Command, log: &mut File) -> std::io::Result<ExitStatus> {
    let (mut reader, writer) = std::io::pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    // The end of the pipe that the command still holds is closed, or it would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut piece = [0; 8192];
    loop {
        let len = reader.read(&mut piece)?;
        if len == 0 {
            return child.wait();
        }
        let mut out = std::io::stdout();
        out.write_all(&piece[..len])?;
        out.flush()?;
        log.write_all(&piece[..len])?;
    }
}

/// Runs a program and gives what it prints; its errors become the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {}", shown(command)))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}): {}", shown(command), output.status, errors.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program runs, and ends well.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a program can be found.
pub(crate) fn exists(program: &str) -> bool {
    find(program).is_some()
}

/// Where a program is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return None;
    }
    std::env::split_paths(&search_path())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Where Chromium is, by whichever name.
pub(crate) fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(find)
}

pub(crate) fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    // Programs that were looked for are named as they were asked for.
    let name = program.file_name().and_then(|name| name.to_str());
    let known = name.filter(|name| find(name).as_deref() == Some(program));
    let program = known.map_or_else(|| program.to_string_lossy().into_owned(), str::to_owned);
    let arguments = command.get_args().map(|word| word.to_string_lossy().into_owned());
    core::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
