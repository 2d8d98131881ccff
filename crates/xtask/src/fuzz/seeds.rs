//! Seeds: what the test data gives to begin with. Targets that make their inputs from a structure
//! have none.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::root;

/// Longer files are cut, text at the end of a line: a mutation shall hit something.
const MOST: usize = 6000;

/// Two manifests as release tools write them.
const MANIFESTS: [&str; 2] = [
    concat!(
        r#"{"name":"heron","version":"1.1","home_assistant_domain":"heron","#,
        r#""builds":[{"chipFamily":"ESP32-C3","parts":[{"path":"boot.bin","offset":0},"#,
        r#"{"path":"https://example.org/fw.bin?v=1","offset":65536}],"#,
        r#""ota":{"path":"fw.bin","md5":"0123456789abcdef0123456789abcdef"}}]}"#,
    ),
    concat!(
        r#"{"write_flash_args":["--flash_mode","dio","--flash_size","2MB"],"#,
        r#""flash_settings":{"flash_mode":"dio","flash_freq":"40m"},"#,
        r#""flash_files":{"0x1000":"bootloader/bootloader.bin","0x10000":"app.bin"},"#,
        r#""app":{"offset":"0x10000","file":"app.bin","encrypted":"false"},"#,
        r#""extra_esptool_args":{"chip":"esp32"}}"#,
    ),
];

/// Writes the seeds of a target that are not there yet.
pub(super) fn write(target: &str, corpus: &Path) -> Result<()> {
    fs::create_dir_all(corpus)?;
    let put = |name: &str, bytes: &[u8]| -> Result<()> {
        let path = corpus.join(format!("seed-{name}"));
        if !path.exists() {
            fs::write(path, bytes)?;
        }
        Ok(())
    };
    match target {
        "header" => each("vectors", |name, bytes| {
            if name.ends_with(".patch") {
                put(name, &bytes[..bytes.len().min(1024)])?;
            }
            Ok(())
        }),
        // The first byte chooses how they are read.
        "image" => ["firmware", "vectors", "edge"].into_iter().try_for_each(|folder| {
            each(folder, |name, bytes| put(name, &[&[0], cut(bytes)].concat()))
        }),
        "manifest" => MANIFESTS
            .iter()
            .enumerate()
            .try_for_each(|(i, text)| put(&format!("manifest-{i}"), text.as_bytes())),
        "sealed" => vectors(|name, old, patch| {
            // As `fuzz/src/lib.rs` takes it apart.
            let Ok(len) = u16::try_from(old.len()) else { return Ok(()) };
            put(name, &[&[0][..], &len.to_le_bytes(), old, patch].concat())
        }),
        _ => Ok(()),
    }
}

fn cut(bytes: &[u8]) -> &[u8] {
    let short = bytes.get(..MOST).unwrap_or(bytes);
    match short.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if short.len() < bytes.len() && bytes.is_ascii() => &short[..=end],
        _ => short,
    }
}

/// Visits all files of a folder of the test data that are neither scripts nor descriptions.
fn each(folder: &str, mut visit: impl FnMut(&str, &[u8]) -> Result<()>) -> Result<()> {
    let folder = root().join("testdata").join(folder);
    for file in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_data =
            !["py", "sh", "json", "txt"].iter().any(|end| name.ends_with(&format!(".{end}")));
        if path.is_file() && is_data {
            visit(&name, &fs::read(&path)?)?;
        }
    }
    Ok(())
}

/// Visits all vectors: name, old file, patch.
fn vectors(mut visit: impl FnMut(&str, &[u8], &[u8]) -> Result<()>) -> Result<()> {
    let folder = root().join("testdata/vectors");
    for file in fs::read_dir(&folder)? {
        let path = file?.path();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let vector: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
        let read = |field: &str| {
            let name = vector.get(field).and_then(|name| name.as_str());
            name.map_or_else(|| Ok(Vec::new()), |name| fs::read(folder.join(name)))
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        visit(&name, &read("old")?, &read("patch")?)?;
    }
    Ok(())
}
