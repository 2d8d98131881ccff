//! What lists instruction sets by hand lists those of the table.

use std::fs;
use std::path::Path;

use flashdelta::InstructionSet;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Those that predict code.
fn sets() -> Vec<&'static str> {
    let all = InstructionSet::ALL.into_iter().filter(|isa| !isa.is_none());
    all.map(InstructionSet::name).collect()
}

#[test]
fn every_one_is_a_feature() {
    let all: Vec<String> = sets().iter().map(|name| format!("\"isa-{name}\"")).collect();
    let manifest = read("crates/flashdelta/Cargo.toml");
    assert!(manifest.contains(&format!("isa = [{}]", all.join(", "))));
    for (path, of) in [
        ("crates/xtask/device/Cargo.toml", "flashdelta"),
        ("bindings/c/abi/Cargo.toml", "flashdelta"),
        ("bindings/c/apply/Cargo.toml", "flashdelta-c-abi"),
    ] {
        let manifest = read(path);
        for name in sets() {
            let feature = format!("isa-{name} = [\"{of}/isa-{name}\"]");
            assert!(manifest.contains(&feature), "{path} lacks {feature}");
        }
    }
}

#[test]
fn documents_and_components_name_every_feature() {
    for path in ["bindings/c/README.md", "bindings/esp-idf/flashdelta/CMakeLists.txt"] {
        let text = read(path);
        for name in sets() {
            assert!(text.contains(&format!("isa-{name}")), "{path} lacks isa-{name}");
        }
    }
    let menu = read("bindings/esp-idf/flashdelta/Kconfig");
    for name in sets() {
        let option = format!("config FLASHDELTA_ISA_{}\n", name.to_uppercase());
        assert!(menu.contains(&option), "the menu of the component lacks {option}");
    }
}

#[test]
fn c_has_the_same_numbers() {
    let header = read("bindings/c/include/flashdelta_apply.h");
    let mut constants = 0;
    for isa in InstructionSet::ALL {
        let name = isa.name().to_uppercase();
        let line = format!("FLASHDELTA_ISA_{name} = {},", isa as u8);
        assert!(header.contains(&line), "the header lacks {line}");
        constants += 1;
    }
    assert_eq!(header.matches(" FLASHDELTA_ISA_").count(), constants);
}

#[test]
fn python_has_the_same_names() {
    let quoted = |names: &[&str]| {
        names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    let all = InstructionSet::ALL.map(InstructionSet::name);
    let types = read("bindings/python/python/flashdelta/_types.py");
    assert!(types.contains(&format!("Isa: TypeAlias = Literal[{}]", quoted(&all))));
    let making = read("bindings/python/python/flashdelta/_making.py");
    assert!(making.contains(&format!("isa : {{{}}}", quoted(&all))));
    let profile = read("bindings/python/python/flashdelta/_profile.py");
    let with_code = [&sets()[..], &["halves", "bytes"]].concat();
    assert!(profile.contains(&format!("isas : sequence of {{{}}}", quoted(&with_code))));
}
