//! How large the WebAssembly is.

use std::path::Path;

use anyhow::{bail, Result};

use crate::command::{command, output};

/// The most bytes that it may have, compressed by gzip as servers do.
const MOST: u64 = 750_000;

/// Its size, in words; more than it may have is an error.
pub(super) fn told(package: &Path) -> Result<String> {
    let wasm = package.join("wasm/flashdelta_wasm_bg.wasm");
    let plain = std::fs::metadata(&wasm)?.len();
    let script = "const { gzipSync } = require('node:zlib'); \
                  const file = require('node:fs').readFileSync(process.argv[1]); \
                  console.log(gzipSync(file, { level: 9 }).length)";
    let packed: u64 = output(command("node").args(["-e", script]).arg(&wasm))?.trim().parse()?;
    if packed > MOST {
        bail!("the WebAssembly has {packed} bytes compressed; it may have {MOST}");
    }
    Ok(format!("WebAssembly: {plain} bytes, {packed} compressed"))
}
