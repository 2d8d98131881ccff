//! What is done with UF2 files.

use super::handler::{Handler, Reading};
use super::{uf2, uf2_check};

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is: uf2::is,
    map: uf2::map,
    check: |file, found, _| {
        uf2_check::check(file, found);
        Ok(())
    },
    details: |file, tell| {
        let targets = uf2::targets(file);
        let mut families: Vec<_> = targets.iter().filter_map(|target| target.family).collect();
        families.sort_unstable();
        families.dedup();
        let names: Vec<String> = families.iter().map(|id| format!("{id:#010x}")).collect();
        tell(if names.len() > 1 { "families" } else { "family" }, names.join(", "));
        let images = targets.iter().map(|target| target.part).max().unwrap_or(0);
        if images > 0 {
            tell("images", (u32::from(images) + 1).to_string());
        }
    },
    targets: uf2::targets,
    reading: Reading::Own(uf2::parse_within),
    ..Handler::PLAIN
};
