//! The component over a fake of ESP-IDF's headers and a simulated flash.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context as _, Result};

use super::component::{component, defaults, Setting};
use super::pack;
use crate::c_build::{bindings, build_apply, build_host, compile, folder, gcc, has_cmake};
use crate::c_build::{DEBUGGABLE, SANITIZED, STRICT};
use crate::command::{command, exec, exists, output, root};
use crate::steps::Outcome;

/// The component with the defaults of its Kconfig, and patches with the defaults of the maker: in
/// C, under sanitizers; by its CMakeLists.txt; and packed.
pub(crate) fn test() -> Result<Outcome> {
    let mut defaults = defaults()?;
    if !has_psa() {
        println!("no PSA Crypto: apt-get install libmbedtls-dev (Debian); signatures are left out");
        defaults.retain(|setting| setting.name != "CONFIG_FLASHDELTA_SIGNATURES");
    }
    let apply = build_apply(None, Some(&features(&defaults)))?;
    let folder = folder("esp-idf")?;
    patches(&folder)?;
    sanitized(&folder, &defaults, &apply)?;
    if !has_cmake() {
        return Ok(Outcome::Passed(
            "over a fake of ESP-IDF's headers; no CMake with make: not packed".to_owned(),
        ));
    }
    every_chip(&folder, &defaults, &apply)?;
    packed(&folder, &defaults)?;
    let manifest = match exists("compote") {
        true => "its manifest judged by compote",
        false => "no compote to judge its manifest (PyPI: idf-component-manager)",
    };
    Ok(Outcome::Passed(format!(
        "over a fake of ESP-IDF's headers; packed, it builds alone; {manifest}"
    )))
}

/// The features of the library that these settings mean.
fn features(settings: &[Setting]) -> String {
    let features = settings.iter().filter(|setting| setting.value == "y");
    let features = features.filter_map(|setting| setting.name.strip_prefix("CONFIG_FLASHDELTA_"));
    let features = features.map(|name| match name {
        "SIGNATURES" => "verify".to_owned(),
        name => name.to_lowercase().replace('_', "-"),
    });
    features.collect::<Vec<_>>().join(",")
}

/// Images and patches, as the test wants them.
fn patches(folder: &Path) -> Result<()> {
    let make_patch = folder.join("make_patch");
    compile(&[&STRICT, &DEBUGGABLE], &["examples/make_patch.c"], &build_host()?, &make_patch)?;
    let firmware = |name: &str| {
        std::fs::read(root().join("testdata/firmware").join(name)).context("no test data")
    };
    let (old, new) = (firmware("riscv-1.0.bin")?, firmware("riscv-1.1.bin")?);
    // A rebuild of the same source: another time in it.
    let mut tiny = old.clone();
    tiny[200..208].copy_from_slice(b"12:34:56");
    let mut bad_checksum = esp_image(&new, ESP32_C3);
    bad_checksum[40] ^= 1;
    std::fs::write(folder.join("old.bin"), esp_image(&old, ESP32_C3))?;
    for (image, name, patch, options) in [
        (esp_image(&new, ESP32_C3), "new.bin", "update.fdp", &[][..]),
        (esp_image(&new, ESP32_C3), "new.bin", "small.fdp", &["small"]),
        (esp_image(&new, ESP32_C3), "new.bin", "holes.fdp", &["esp32", "serial=0x400-0x410"]),
        (esp_image(&tiny, ESP32_C3), "tiny.bin", "tiny.fdp", &[]),
        (bad_checksum, "bad_checksum.bin", "bad_checksum.fdp", &[]),
        (esp_image(&new, ESP32_C3 + 1), "other_chip.bin", "other_chip.fdp", &[]),
        (new, "no_image.bin", "no_image.fdp", &[]),
    ] {
        std::fs::write(folder.join(name), image)?;
        let mut make_patch = command(&make_patch);
        make_patch.current_dir(folder).args(["old.bin", name, patch]).args(options);
        exec(&mut make_patch)?;
    }
    Ok(())
}

/// The test programs; and what they are told beside the folder with the patches.
const TESTS: [(&str, &[&str]); 2] = [("test_ota", &[]), ("test_suspend", &["testdata/signed"])];

fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Result<()> {
    exec(command(program).arg(folder).args(arguments.iter().map(|file| root().join(file))))
}

/// Whether the machine has PSA Crypto.
fn has_psa() -> bool {
    Path::new("/usr/include/psa/crypto.h").exists()
}

fn signs(settings: &[Setting]) -> bool {
    settings.iter().any(|setting| setting.name == "CONFIG_FLASHDELTA_SIGNATURES")
}

fn tests() -> PathBuf {
    root().join("bindings/esp-idf/test")
}

fn sanitized(folder: &Path, defaults: &[Setting], apply: &Path) -> Result<()> {
    let settings = defaults.iter().map(|Setting { name, value }| match value.as_str() {
        "y" => format!("-D{name}=1"),
        number => format!("-D{name}={number}"),
    });
    let settings: Vec<String> = settings.collect();
    let fake = |options: &[&str]| {
        let mut gcc = gcc(&[&STRICT, options]);
        gcc.arg("-I").arg(tests().join("fake")).arg("-I").arg(component().join("include"));
        gcc.arg("-I").arg(bindings().join("psa"));
        gcc.args(&settings);
        gcc
    };
    let sources = ["flashdelta_ota.c", "flashdelta_ota_suspend.c"];
    for (test, arguments) in TESTS {
        let program = folder.join(test);
        let mut gcc = fake(&SANITIZED);
        gcc.args(sources.map(|source| component().join("src").join(source)))
            .args(["fake/fake_idf.c", &format!("{test}.c")].map(|file| tests().join(file)))
            .arg(bindings().join("examples/nor_sim.c"));
        if signs(defaults) {
            gcc.arg(bindings().join("psa/flashdelta_psa.c"));
        }
        gcc.arg(apply);
        if signs(defaults) {
            gcc.arg("-lmbedcrypto");
        }
        exec(gcc.arg("-o").arg(&program))?;
        run(&program, folder, arguments)?;
    }
    let example = component().join("examples/https_update/main/main.c");
    exec(fake(&["-c"]).arg(example).arg("-o").arg(folder.join("example.o")))
}

/// CMake for a chip, with stand-ins for ESP-IDF's own build system.
fn cmake(component: &Path, chip: &str, settings: &[Setting], build: &Path) -> Command {
    let mut cmake = command("cmake");
    cmake.args(["-Wno-dev", "-S"]).arg(tests().join("cmake")).arg("-B").arg(build);
    cmake.arg(format!("-DCOMPONENT={}", component.display())).arg(format!("-DIDF_TARGET={chip}"));
    cmake.args(settings.iter().map(|Setting { name, value }| format!("-D{name}={value}")));
    cmake
}

/// CMakeLists.txt finds what to build for every chip, and a library that is built already.
fn every_chip(folder: &Path, defaults: &[Setting], apply: &Path) -> Result<()> {
    let configure = |chip: &str, options: &[String]| {
        let mut cmake = cmake(&component(), chip, defaults, &folder.join(chip));
        output(cmake.args(options)).map(drop)
    };
    for chip in
        ["esp32", "esp32s2", "esp32s3", "esp32c2", "esp32c5", "esp32c6", "esp32h2", "esp32p4"]
    {
        configure(chip, &[])?;
    }
    if configure("esp8266", &[]).is_ok() {
        bail!("the component claims to know a chip that it does not know");
    }
    let prebuilt = format!("-DCONFIG_FLASHDELTA_PREBUILT_PATH={}", apply.display());
    configure("esp32c3", &["-DCONFIG_FLASHDELTA_PREBUILT=y".to_owned(), prebuilt])?;
    output(command("cmake").arg("--build").arg(folder.join("esp32c3")))?;
    for (test, arguments) in TESTS {
        run(&folder.join("esp32c3").join(test), folder, arguments)?;
    }
    Ok(())
}

/// The packed component is built by its own CMakeLists.txt and cargo, far from this repository.
fn packed(folder: &Path, defaults: &[Setting]) -> Result<()> {
    let elsewhere = std::env::temp_dir().join(format!("flashdelta-esp-idf-{}", std::process::id()));
    let result = (|| {
        let packed = pack::pack(&elsewhere, None)?;
        let build = elsewhere.join("build");
        output(&mut cmake(&packed, "linux", defaults, &build))?;
        output(command("cmake").arg("--build").arg(&build))?;
        for (test, arguments) in TESTS {
            run(&build.join(test), folder, arguments)?;
        }
        if exists("compote") {
            let mut compote = command("compote");
            compote.args(["component", "pack", "--name", "flashdelta", "--dest-dir"]);
            output(compote.arg(elsewhere.join("dist")).current_dir(&packed))?;
        }
        Ok(())
    })();
    let removed = std::fs::remove_dir_all(&elsewhere);
    result.and_then(|()| removed.with_context(|| format!("cannot remove {}", elsewhere.display())))
}

const ESP32_C3: u8 = 5;

/// An app image of one segment, as Espressif's "Firmware Image Format" describes it.
fn esp_image(content: &[u8], chip: u8) -> Vec<u8> {
    let mut image = vec![0; 24];
    (image[0], image[1], image[12]) = (0xE9, 1, chip);
    image.extend_from_slice(&0x4200_0020u32.to_le_bytes());
    image.extend_from_slice(&(content.len() as u32).to_le_bytes());
    image.extend_from_slice(content);
    image.resize(image.len() | 15, 0);
    image.push(content.iter().fold(0xEF, |sum, byte| sum ^ byte));
    image
}
