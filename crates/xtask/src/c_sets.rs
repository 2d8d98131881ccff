//! A component set for the tests in C, made by the program as its users make one.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::{cargo, command, exec, root, target_dir};

/// What a device of three components has, and what the set makes of it.
const DESCRIPTION: &str = r#"
product = "heron"
hardware = [2, 4]
security-counter = 7
profile = "tiny"

[[component]]
kind = "child"
child = 3
name = "motor"
old = "child-old.bin"
new = "child-new.bin"

[[component]]
kind = "file-system"
partition = "files"
old = "files-old.bin"
new = "files-new.bin"

[[component]]
kind = "application"
partition = "app"
old = "app-old.bin"
new = "app-new.bin"
"#;

/// Puts into the folder: images of each component, parts of the old and the new firmware; a set
/// that updates them, `update.fds`; the same with a signature, `signed.fds`; and what that is made
/// over, `message`.
pub(crate) fn write(folder: &Path) -> Result<()> {
    for version in ["old", "new"] {
        let image = std::fs::read(folder.join(format!("{version}.bin")))?;
        for (name, range) in
            [("child", 0..4000), ("files", 6000..8000), ("app", 8000..image.len().min(17_000))]
        {
            let part = image.get(range).context("the sample firmware is too short")?;
            std::fs::write(folder.join(format!("{name}-{version}.bin")), part)?;
        }
    }
    std::fs::write(folder.join("update.toml"), DESCRIPTION)?;
    exec(&mut cargo("build --quiet --package flashdelta-cli"))?;
    let program = target_dir().join("debug/flashdelta");
    let key = root().join("testdata/signed/ed25519.pem");
    let key = key.to_str().context("a path that is no text")?;
    for arguments in [
        &["create", "update.toml", "-o", "update.fds"][..],
        &["sign", "update.fds", "--key", key, "-o", "signed.fds"],
        &["sign", "signed.fds", "--print-message", "-o", "message"],
    ] {
        let mut set = command(&program);
        exec(set.current_dir(folder).arg("set").args(arguments))?;
    }
    Ok(())
}
