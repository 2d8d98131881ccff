//! Where the instructions go: a profile by function, counted by a plugin of QEMU's, with the frame
//! that each function takes of the stack.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use super::recipe::folder;
use crate::command::{command, exec};

/// Compiles the plugin.
pub(crate) fn plugin() -> Result<PathBuf> {
    let file = folder().join("count.so");
    std::fs::create_dir_all(folder())?;
    let mut cc = command("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-O2", "-shared", "-fPIC", "-o"]).arg(&file);
    exec(cc.arg("crates/xtask/device/plugin/count.c"))?;
    Ok(file)
}

/// What the compiler has to be told so that the frames are known.
pub(crate) const FLAGS: &str = " -Zemit-stack-sizes";

struct Function {
    name: String,
    len: u64,
    instructions: u64,
}

/// A table of the functions that take most, from what the plugin has counted. `counts`: its file.
pub(crate) fn table(program: &Path, counts: &Path, new_len: usize) -> Result<String> {
    let bytes = std::fs::read(program)?;
    let elf = object::File::parse(&*bytes)?;
    let thumb = matches!(elf.architecture(), object::Architecture::Arm);
    let even = |address: u64| if thumb { address & !1 } else { address };
    let mut functions = BTreeMap::new();
    for symbol in elf.symbols() {
        let code = symbol.kind() == SymbolKind::Text || symbol.kind() == SymbolKind::Label;
        if let (true, Ok(name)) = (code && symbol.size() > 0, symbol.name()) {
            let name = format!("{:#}", rustc_demangle::demangle(name));
            functions.insert(
                even(symbol.address()),
                Function { name, len: symbol.size(), instructions: 0 },
            );
        }
    }
    let mut unknown = 0;
    let text = std::fs::read_to_string(counts).context("the plugin has counted nothing")?;
    for line in text.lines() {
        let counted = line
            .split_once(' ')
            .and_then(|(at, n)| Some((u64::from_str_radix(at, 16).ok()?, n.parse().ok()?)));
        let (at, count): (u64, u64) = counted.with_context(|| format!("not a count: {line}"))?;
        match functions.range_mut(..=at).next_back() {
            Some((start, function)) if at < start + function.len => function.instructions += count,
            _ => unknown += count,
        }
    }
    let frames =
        elf.section_by_name(".stack_sizes").map_or(Ok(&[][..]), |section| section.data())?;
    let frames = frames_of(frames);
    let mut lines: Vec<(u64, Function)> = functions.into_iter().collect();
    lines.sort_by_key(|(_, function)| core::cmp::Reverse(function.instructions));
    let mut text = format!(
        "{:>12} {:>9} {:>6} {:>6}  function\n",
        "instructions", "per byte", "bytes", "frame"
    );
    for (at, f) in lines.iter().take(40).filter(|(_, f)| f.instructions > 0) {
        let frame = frames.get(at).map_or("-".to_owned(), u64::to_string);
        let per_byte = f.instructions as f64 / new_len.max(1) as f64;
        text += &format!(
            "{:>12} {per_byte:>9.1} {:>6} {frame:>6}  {}\n",
            f.instructions, f.len, f.name
        );
    }
    text += &format!("{unknown:>12} elsewhere: the guest's start\n\nLargest frames:\n");
    lines.sort_by_key(|(at, _)| core::cmp::Reverse(frames.get(at).copied().unwrap_or(0)));
    for (at, f) in lines.iter().take(10) {
        text += &format!("{:>6}  {}\n", frames.get(at).copied().unwrap_or(0), f.name);
    }
    Ok(text)
}

/// `.stack_sizes`: address of a function (4 bytes), size of its frame (ULEB128).
fn frames_of(mut section: &[u8]) -> BTreeMap<u64, u64> {
    let mut frames = BTreeMap::new();
    while let Some((address, rest)) = section.split_first_chunk::<4>() {
        let end = rest.iter().position(|byte| byte & 0x80 == 0).map_or(rest.len(), |at| at + 1);
        let size =
            rest[..end].iter().rev().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7F));
        frames.insert(u64::from(u32::from_le_bytes(*address)) & !1, size);
        section = &rest[end..];
    }
    frames
}
