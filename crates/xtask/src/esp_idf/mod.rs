//! The component for ESP-IDF: packed so that it builds without the rest of the repository, and
//! tested.

mod pack;
mod test;

use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use crate::command::root;

pub(crate) use pack::{run, Args};
pub(crate) use test::test;

/// The component's folder. ESP-IDF calls a component as its folder is called.
fn component() -> PathBuf {
    root().join("bindings/esp-idf/flashdelta")
}

/// An option of menuconfig and its default, as CMake and C have it.
struct Setting {
    name: String,
    value: String,
}

/// The defaults of the component's Kconfig, as far as they do not depend on anything: `y`, and
/// numbers.
fn defaults() -> Result<Vec<Setting>> {
    let path = component().join("Kconfig");
    let text = read(&path)?;
    let mut settings: Vec<Setting> = Vec::new();
    let mut name = None;
    for line in text.lines().map(str::trim) {
        if let Some(config) = line.strip_prefix("config ") {
            name = Some(config);
        } else if let Some(value) = line.strip_prefix("default ") {
            let name = name.take().with_context(|| format!("{line:?} is nobody's default"))?;
            if value == "y" || value.bytes().all(|byte| byte.is_ascii_digit()) {
                let name = format!("CONFIG_{name}");
                settings.push(Setting { name, value: value.to_owned() });
            }
        }
    }
    if settings.is_empty() {
        bail!("{} has no defaults", path.display());
    }
    Ok(settings)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
