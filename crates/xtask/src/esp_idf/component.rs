//! The component as it is in the repository.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use crate::command::root;

/// The component's folder. ESP-IDF calls a component as its folder is called.
pub(super) fn component() -> PathBuf {
    root().join("bindings/esp-idf/flashdelta")
}

/// An option of menuconfig and its default, as CMake and C have it.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
}

/// The defaults of the component's Kconfig, as far as they do not depend on anything: `y`, and
/// numbers.
pub(super) fn defaults() -> Result<Vec<Setting>> {
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

pub(super) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
