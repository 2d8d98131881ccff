//! Peers that are Rust crates, as a program that `cargo xtask peers` can measure like any other.
//!
//!     peer make  bsdiff|qbsdiff OLD NEW PATCH
//!     peer apply bsdiff|qbsdiff OLD PATCH NEW

use std::error::Error;
use std::fs;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let &[verb, kind, old, input, output] = arguments.as_slice() else {
        return Err("see the top of peer.rs".into());
    };
    let (old, input) = (fs::read(old)?, fs::read(input)?);
    let made = match (verb, kind) {
        ("make", "bsdiff") => bsdiff_make(&old, &input)?,
        ("apply", "bsdiff") => bsdiff_apply(&old, &input)?,
        ("make", "qbsdiff") => qbsdiff_make(&old, &input)?,
        ("apply", "qbsdiff") => qbsdiff_apply(&old, &input)?,
        _ => return Err(format!("cannot {verb} {kind}").into()),
    };
    fs::write(output, made)?;
    Ok(())
}

/// The crate gives its stream uncompressed and leaves the rest to its user: this is what it is
/// without one.
fn bsdiff_make(old: &[u8], new: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut patch = Vec::new();
    bsdiff::diff(old, new, &mut patch)?;
    Ok(patch)
}

fn bsdiff_apply(old: &[u8], mut patch: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut new = Vec::new();
    bsdiff::patch(old, &mut patch, &mut new)?;
    Ok(new)
}

fn qbsdiff_make(old: &[u8], new: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut patch = Vec::new();
    qbsdiff::Bsdiff::new(old, new)
        .compression_level(9)
        .compare(std::io::Cursor::new(&mut patch))?;
    Ok(patch)
}

fn qbsdiff_apply(old: &[u8], patch: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut new = Vec::new();
    qbsdiff::Bspatch::new(patch)?.apply(old, std::io::Cursor::new(&mut new))?;
    Ok(new)
}
