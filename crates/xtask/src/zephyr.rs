//! The module for Zephyr, over a fake of Zephyr's headers and a simulated flash.

use std::path::{Path, PathBuf};

use anyhow::{bail, Result};

use crate::c_build::{bindings, build_apply, folder, gcc, has_cmake, SANITIZED, STRICT};
use crate::command::{command, exec, exists, output, release_program, root, tools};
use crate::steps::Outcome;
use crate::venv::Environment;

/// The test programs, each with a configuration of its own: prepare.py has their settings.
const TESTS: [(&str, &str); 8] = [
    ("plain", "test_dfu"),
    ("psa", "test_dfu"),
    ("offset", "test_dfu"),
    ("scratch", "test_dfu"),
    ("overwrite", "test_dfu"),
    ("least", "test_cuts"),
    ("psa", "test_cuts"),
    ("store", "test_store"),
];

/// The module's description judged by Zephyr's tools, its code run under sanitizers, and its
/// CMakeLists.txt for every processor.
pub(crate) fn test(may_install: bool) -> Result<Outcome> {
    let list = module().join("tests/requirements-test.txt");
    let Some(environment) = Environment::find(may_install, &tools().join("zephyr"), &list) else {
        return Ok(Outcome::skipped(
            "no Python packages: kconfiglib, pykwalify, imgtool",
            "python3 with venv, and a run without --no-setup",
        ));
    };
    if !has_libraries() {
        let help = "apt-get install gcc libmbedtls-dev (Debian)";
        return Ok(Outcome::skipped("no gcc or no PSA Crypto", help));
    }
    let folder = folder("zephyr")?;
    let mut prepare = environment.python();
    prepare.arg(module().join("tests/prepare.py")).arg(release_program()?);
    println!("{}", output(prepare.arg(&folder))?);
    let library = build_apply(None, None)?;
    for (configuration, test) in TESTS {
        let program = folder.join(format!("{configuration}-{test}"));
        let mut gcc = compiler(&folder, configuration);
        gcc.args(sources(configuration)).arg(tests().join(format!("{test}.c")));
        gcc.arg(tests().join("fake/fake_zephyr.c")).arg(bindings().join("examples/nor_sim.c"));
        exec(gcc.arg(&library).args(["-lmbedcrypto", "-o"]).arg(&program))?;
        exec(command(&program).arg(&folder).arg(root().join("testdata/signed")))?;
    }
    let sample = module().join("samples/dfu/src/main.c");
    exec(compiler(&folder, "sample").args(["-c", "-o"]).arg(folder.join("sample.o")).arg(sample))?;
    if !has_cmake() {
        return Ok(Outcome::Passed("no CMake with make: CMakeLists.txt was not run".to_owned()));
    }
    every_processor(&folder, &library)?;
    Ok(Outcome::Passed("over a fake of Zephyr's headers, and built by its CMakeLists.txt".into()))
}

/// Whether its code can be built.
pub(crate) fn has_libraries() -> bool {
    exists("gcc") && Path::new("/usr/include/psa/crypto.h").exists()
}

fn module() -> PathBuf {
    root().join("bindings/zephyr")
}

fn tests() -> PathBuf {
    module().join("tests")
}

/// A compiler with the settings of a configuration.
fn compiler(folder: &Path, configuration: &str) -> std::process::Command {
    let mut gcc = gcc(&[&STRICT, &SANITIZED, &["-D_POSIX_C_SOURCE=200809L", "-imacros"]]);
    gcc.arg(folder.join(format!("{configuration}.h")));
    for include in [tests().join("fake"), module().join("include"), bindings().join("psa")] {
        gcc.arg("-I").arg(include);
    }
    gcc.arg("-I").arg(folder);
    gcc
}

/// What a configuration compiles.
fn sources(configuration: &str) -> Vec<PathBuf> {
    let mut names = vec!["", "_area", "_mcuboot", "_suspend"];
    if configuration == "store" {
        names.push("_store");
    }
    let name = |name| module().join(format!("src/flashdelta_dfu{name}.c"));
    let mut sources: Vec<_> = names.into_iter().map(name).collect();
    if !["plain", "least"].contains(&configuration) {
        sources.push(bindings().join("psa/flashdelta_psa.c"));
    }
    sources
}

/// Options of processors, and what Rust calls them.
const PROCESSORS: [(&[&str], &str); 8] = [
    (&["CPU_CORTEX_M0PLUS"], "thumbv6m-none-eabi"),
    (&["CPU_CORTEX_M3"], "thumbv7m-none-eabi"),
    (&["CPU_CORTEX_M4"], "thumbv7em-none-eabi"),
    (&["CPU_CORTEX_M4", "FP_HARDABI"], "thumbv7em-none-eabihf"),
    (&["CPU_CORTEX_M23"], "thumbv8m.base-none-eabi"),
    (&["CPU_CORTEX_M33"], "thumbv8m.main-none-eabi"),
    (&["RISCV", "RISCV_ISA_EXT_M", "RISCV_ISA_EXT_C"], "riscv32imc-unknown-none-elf"),
    (
        &["RISCV", "RISCV_ISA_EXT_M", "RISCV_ISA_EXT_A", "RISCV_ISA_EXT_C"],
        "riscv32imac-unknown-none-elf",
    ),
];

/// CMakeLists.txt names the right target for every processor, and refuses one that it does not
/// know; with a library that is built already its tests run.
fn every_processor(folder: &Path, library: &Path) -> Result<()> {
    let configure = |name: &str, options: &[String]| {
        let mut cmake = command("cmake");
        cmake.args(["-Wno-dev", "-S"]).arg(tests().join("cmake"));
        cmake.arg("-B").arg(folder.join(name));
        cmake.arg(format!("-DCONFIG={}", folder.join("store.config").display()));
        cmake.arg(format!("-DAUTOCONF={}", folder.join("store.h").display()));
        output(cmake.args(options)).map(drop)
    };
    for (options, triple) in PROCESSORS {
        let set = |option: &&str| format!("-DCONFIG_{option}=y");
        let mut options: Vec<_> = options.iter().map(set).collect();
        // The configuration is one of a Cortex-M, which takes precedence.
        if triple.starts_with("riscv") {
            options.push("-DNOT_SET=CONFIG_CPU_CORTEX_M".to_owned());
        } else {
            options.push("-DCONFIG_CPU_CORTEX_M=y".to_owned());
        }
        configure(triple, &options)?;
        let makefile = folder.join(triple).join("module/CMakeFiles/flashdelta_cargo_build.dir");
        let makefile = std::fs::read_to_string(makefile.join("build.make"))?;
        if !makefile.contains(&format!("--target {triple}\n"))
            || !makefile.contains("bounded,model,isa-thumb,verify,suspend,receive")
        {
            bail!("CMakeLists.txt builds something else for {triple}");
        }
    }
    let unknown = ["-DNOT_SET=CONFIG_CPU_CORTEX_M".to_owned(), "-DCONFIG_XTENSA=y".to_owned()];
    if configure("unknown", &unknown).is_ok() {
        bail!("CMakeLists.txt claims to know a processor that it does not know");
    }
    let prebuilt = format!("-DCONFIG_FLASHDELTA_PREBUILT_PATH={}", library.display());
    let options = ["-DCONFIG_FLASHDELTA_PREBUILT=y".to_owned(), prebuilt];
    configure("prebuilt", &[&options[..], &["-DTESTS=test_store".to_owned()]].concat())?;
    output(command("cmake").arg("--build").arg(folder.join("prebuilt")))?;
    let mut test = command(folder.join("prebuilt/test_store"));
    exec(test.arg(folder).arg(root().join("testdata/signed")))
}
