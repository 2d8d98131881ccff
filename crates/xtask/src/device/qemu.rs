//! Runs guests.

use core::time::Duration;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{bail, Context as _, Result};

use super::board::Board;
use super::recipe::{folder, Language};
use crate::command::command;

/// What a guest is to do.
pub(crate) struct Task<'a> {
    pub(crate) old: &'a [u8],
    /// What the new image should be.
    pub(crate) expected: &'a [u8],
    pub(crate) patches: &'a [Vec<u8>],
    /// The most that a workspace may take.
    pub(crate) workspace: usize,
    /// How the update is suspended, by a guest with that feature.
    pub(crate) suspended: Option<Suspended>,
}

/// How an update is suspended.
#[derive(Clone, Copy)]
pub(crate) struct Suspended {
    /// Bytes of the patch from one reset to the next.
    pub(crate) every: u32,
    /// Bytes of flash that a call may read and write.
    pub(crate) budget: u32,
}

/// What came of a patch.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// 0, or the number of an error: see [`outcome_name`].
    pub(crate) outcome: u32,
    /// Whether the image was the expected one, in the guest's view.
    pub(crate) same: bool,
    pub(crate) instructions: u64,
    pub(crate) stack: u32,
    pub(crate) workspace: u32,
    /// Size of the applier itself.
    pub(crate) applier: u32,
    /// Of a suspended update: resets, bytes of the patch that were taken in all, and what the
    /// longest call has done: bytes of flash, and instructions.
    pub(crate) resets: u32,
    pub(crate) taken: u32,
    pub(crate) longest_flash: u32,
    pub(crate) longest_call: u64,
}

/// The last image, and a report for each patch.
pub(crate) struct Run {
    pub(crate) reports: Vec<Report>,
    pub(crate) new: Vec<u8>,
}

/// Bytes of what the guest is told, its table of patches not counted.
const TASK: usize = 21 * 4;
/// Bytes of a report of the guest's.
const REPORT: usize = 13 * 4;
/// Room for the applier itself.
const STORAGE: usize = 4096;
/// How the guest ends when the processor traps.
const TRAPPED: i32 = 99;

/// Runs a guest, at most for `limit`.
pub(crate) fn run(
    board: &Board,
    program: &Path,
    task: &Task<'_>,
    limit: Duration,
    extra: &[String],
) -> Result<Run> {
    let work = folder().join(format!("run-{}", std::process::id()));
    std::fs::create_dir_all(&work)?;
    let ran = run_in(&work, board, program, task, limit, extra);
    let _ = std::fs::remove_dir_all(&work);
    ran
}

fn run_in(
    work: &Path,
    board: &Board,
    program: &Path,
    task: &Task<'_>,
    limit: Duration,
    extra: &[String],
) -> Result<Run> {
    std::fs::write(work.join("memory.bin"), memory(board, task)?)?;
    let mut qemu = command(board.qemu);
    qemu.current_dir(work).args(board.arguments).args(extra);
    // Neither terminal nor window; files are the guest's way to us.
    qemu.args(["-display", "none", "-monitor", "none", "-serial", "null"]);
    qemu.args(["-semihosting-config", "enable=on,target=native"]);
    qemu.arg("-device")
        .arg(format!("loader,file=memory.bin,addr={:#x},force-raw=on", board.memory.0));
    qemu.arg("-kernel").arg(program);
    let status = wait(&mut qemu, &work.join("qemu.txt"), limit)?;
    if status != Some(0) {
        let said = std::fs::read_to_string(work.join("qemu.txt")).unwrap_or_default();
        let trapped =
            if status == Some(TRAPPED) { "the processor trapped" } else { "the guest failed" };
        bail!("{}: {trapped} (status {status:?}) {}", board.name, said.trim());
    }
    let reports = std::fs::read(work.join("report.bin")).context("the guest left no report")?;
    let reports: Vec<Report> =
        reports.chunks_exact(REPORT).map(|r| report(board, r)).collect::<Result<_>>()?;
    if reports.len() != task.patches.len() {
        bail!("{}: {} reports for {} patches", board.name, reports.len(), task.patches.len());
    }
    let new = std::fs::read(work.join("new.bin")).context("the guest left no image")?;
    Ok(Run { reports, new })
}

/// Runs a program to its end, or to the end of our patience.
fn wait(qemu: &mut Command, said: &Path, limit: Duration) -> Result<Option<i32>> {
    let said = File::create(said)?;
    let qemu = qemu.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
    let mut child = qemu.spawn().with_context(|| format!("cannot run {:?}", qemu.get_program()))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("the guest hangs: no end after {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The block that the guest finds in its memory; after it lies what it works in.
fn memory(board: &Board, task: &Task<'_>) -> Result<Vec<u8>> {
    let mut block = vec![0; TASK + task.patches.len() * 8];
    let start = board.memory.0;
    let put = |block: &mut Vec<u8>, bytes: &[u8]| {
        block.resize(block.len().next_multiple_of(64), 0);
        let at = start + block.len() as u32;
        block.extend_from_slice(bytes);
        at
    };
    let old = put(&mut block, task.old);
    let expected = put(&mut block, task.expected);
    for (i, patch) in task.patches.iter().enumerate() {
        let at = put(&mut block, patch);
        block[TASK + i * 8..][..4].copy_from_slice(&at.to_le_bytes());
        block[TASK + i * 8 + 4..][..4].copy_from_slice(&(patch.len() as u32).to_le_bytes());
    }
    // From here on nothing is loaded.
    let mut free = start + block.len().next_multiple_of(64) as u32;
    let mut room = |len: usize| {
        let at = free;
        free += len.next_multiple_of(64) as u32;
        at
    };
    let new_len = task.expected.len().next_multiple_of(4096) + 4096;
    // A suspension is as long as the workspace, and 1 KiB.
    let suspension = task.suspended.map_or(0, |_| task.workspace + 2048);
    let workspace_len = task.workspace + 256 + suspension;
    let (new, storage) = (room(new_len), room(STORAGE));
    let (workspace, reports) = (room(workspace_len), room(task.patches.len() * REPORT));
    if free - start > board.memory.1 {
        bail!("{} has {} bytes of memory, this takes {}", board.name, board.memory.1, free - start);
    }
    let words = [
        u32::from_le_bytes(*b"FDT1"),
        old,
        task.old.len() as u32,
        new,
        new_len as u32,
        storage,
        STORAGE as u32,
        workspace,
        workspace_len as u32,
        reports,
        expected,
        task.expected.len() as u32,
        start + TASK as u32,
        task.patches.len() as u32,
        task.suspended.map_or(0, |suspended| suspended.every),
        task.suspended.map_or(0, |suspended| suspended.budget),
    ];
    for (at, word) in block.chunks_exact_mut(4).zip(words) {
        at.copy_from_slice(&word.to_le_bytes());
    }
    Ok(block)
}

fn report(board: &Board, bytes: &[u8]) -> Result<Report> {
    let words: Vec<u32> =
        bytes.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect();
    let [outcome, same, low, high, stack, workspace, applier, fences, _new_size, ..] = words[..]
    else {
        bail!("a report has {} words", words.len());
    };
    if fences != 1 {
        bail!("{}: the applier wrote outside of the workspace", board.name);
    }
    let ticks =
        if board.wide_counter { u64::from(high) << 32 | u64::from(low) } else { u64::from(low) };
    let instructions = board.instructions(ticks);
    let [resets, taken, longest_flash, longest] = words[9..] else {
        bail!("a report has {} words", words.len());
    };
    Ok(Report {
        outcome,
        same: same == 1,
        instructions,
        stack,
        workspace,
        applier,
        resets,
        taken,
        longest_flash,
        longest_call: board.instructions(longest.into()),
    })
}

/// Success, or an error that blames the patch or what it asks for: no other may come of a damaged
/// patch.
pub(crate) fn is_typed(language: Language, number: u32) -> bool {
    match language {
        Language::Rust => (0..=13).contains(&number) || (18..=20).contains(&number),
        // The classes "bad patch" to "does not fit".
        Language::C => number == 0 || (300..700).contains(&number),
    }
}

/// What a number stands for: in the guest in C it is a `flashdelta_status`.
pub(crate) fn outcome_name(language: Language, number: u32) -> String {
    if language == Language::C && number != 0 {
        return match number {
            9999 => "a broken promise".to_owned(),
            number => format!("status {number}"),
        };
    }
    let name = match number {
        0 => "applied",
        1 => "Truncated",
        2 => "Header",
        3 => "CodecNotBuilt",
        4 => "InstructionSetNotBuilt",
        5 => "WorkspaceTooSmall",
        6 => "OldTooShort",
        7 => "NewTooLong",
        8 => "Granularity",
        9 => "NoIdentity",
        10 => "WrongProduct",
        11 => "WrongHardware",
        12 => "Rollback",
        13 => "OldMismatch",
        14 => "ReadOld",
        15 => "ReadNew",
        16 => "Write",
        17 => "Finish",
        18 => "Damaged",
        19 => "TrailingInput",
        20 => "NewMismatch",
        21 => "Poisoned",
        _ => "an error without a number here",
    };
    name.to_owned()
}
