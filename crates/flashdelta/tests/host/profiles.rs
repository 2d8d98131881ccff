//! The profiles are told in several places: by the maker, in the component for ESP-IDF, in the
//! documents. All of them say the same.

use std::collections::BTreeSet;

use flashdelta::diff::DeviceProfile;
use flashdelta::{Codec, APPLIER_BYTES};

fn text(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What `flashdelta diff` makes without options can be applied by the component as it is built
/// without options: same RAM, no codec and no instruction set that the other side lacks.
#[test]
fn the_component_for_esp_idf_has_the_default_profile() {
    let kconfig = text("bindings/esp-idf/flashdelta/Kconfig");
    let default = |name: &str| {
        let (_, option) = kconfig.split_once(&format!("config FLASHDELTA_{name}\n"))?;
        let option = option.split("config FLASHDELTA_").next()?;
        option.lines().find_map(|line| line.trim().strip_prefix("default "))
    };
    let profile = DeviceProfile::default();
    assert_eq!(default("RAM"), Some(&*profile.ram.to_string()));
    let mut needed = BTreeSet::new();
    for codec in &profile.codecs {
        needed.insert(match codec {
            Codec::Model => "MODEL".to_owned(),
            // One option, as one feature of the library brings both.
            Codec::Raw | Codec::Lz4 => "LZ4".to_owned(),
            other => panic!("{other}: the component has no option for it"),
        });
    }
    needed.extend(profile.isas.iter().map(|isa| format!("ISA_{}", isa.to_string().to_uppercase())));
    for name in &needed {
        assert_eq!(default(name), Some("y"), "{name}");
    }
    let offered = kconfig.matches("config FLASHDELTA_ISA_").count();
    assert_eq!(offered, profile.isas.len(), "an option that the profile does not know");
}

#[test]
fn the_documents_tell_the_profiles() {
    let (readme, guide) = (text("README.md"), text("docs/guide.md"));
    for profile in DeviceProfile::NAMES.map(|name| DeviceProfile::named(name).unwrap()) {
        let workspace = profile.ram as usize - APPLIER_BYTES;
        let is_default = if profile == DeviceProfile::default() { " (default)" } else { "" };
        let name = &profile.name;
        if profile.ram >= 1 << 20 {
            let row = format!("| `{name}` | {} MiB | ", profile.ram >> 20);
            assert!(readme.contains(&row), "{row}");
            continue;
        }
        let (kib, workspace) =
            (profile.ram >> 10, format!("{},{:03} bytes", workspace / 1000, workspace % 1000));
        let row = format!("| `{name}`{is_default} | {kib} KiB | {workspace} |");
        assert!(readme.contains(&row), "{row}");
        let row = format!("| {kib} KiB | {workspace} | ");
        assert!(guide.contains(&row), "{row}");
    }
}
