//! What of a linked guest is the applier.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

/// Bytes of flash that the applier takes: everything that is linked, less the guest's own section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeSize {
    /// Code with its literals, that of [`builtins`](Self::builtins) included.
    pub(crate) text: u64,
    /// Tables.
    pub(crate) rodata: u64,
    /// `memcpy` and its like, wide division: in a real firmware the C library brings most of it
    /// anyway.
    pub(crate) builtins: u64,
}

impl CodeSize {
    pub(crate) fn total(&self) -> u64 {
        self.text + self.rodata
    }
}

/// Measures a linked guest. That there is no static RAM the linker script has seen to.
pub(crate) fn code_size(program: &Path) -> Result<CodeSize> {
    let bytes =
        std::fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let elf = object::File::parse(&*bytes)
        .with_context(|| format!("{} is no ELF program", program.display()))?;
    let size = |name| elf.section_by_name(name).map_or(0, |section| section.size());
    // Their plain names are often aliases of the same place.
    let builtin = |name: &str| {
        name.contains("compiler_builtins")
            || ["mem", "__", "bcmp"].iter().any(|start| name.starts_with(start))
    };
    let text = elf.section_by_name(".text").map(|section| section.index());
    let builtins =
        elf.symbols().filter(|s| s.section_index() == text && s.name().is_ok_and(builtin));
    let builtins: BTreeMap<u64, u64> =
        builtins.map(|symbol| (symbol.address(), symbol.size())).collect();
    Ok(CodeSize {
        text: size(".text") + size(".literal"),
        rodata: size(".rodata"),
        builtins: builtins.values().sum(),
    })
}
