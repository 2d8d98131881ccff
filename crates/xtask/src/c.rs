//! The C libraries: that the headers are what the sources say, that nothing panics, and the tests
//! and examples under sanitizers and valgrind.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use crate::c_build::{
    bindings, build_apply, build_host, compile, folder, gcc, has_cmake, DEBUGGABLE, SANITIZED,
    STRICT, SYSTEM,
};
use crate::c_package::{self, Libraries};
use crate::c_sets;
use crate::command::{cargo, command, exec, exists, output, root, target_dir, works};
use crate::esp_idf;
use crate::header;
use crate::steps::{Outcome, Steps};

/// Checks something.
type Work = fn() -> Result<Outcome>;

/// The steps that take a C compiler.
const WORKS: [(&str, &str, Work); 8] = [
    ("c:panic-free", "the device library links without a panic handler", panic_free),
    ("c:sanitizers", "the C tests with AddressSanitizer and UBSan", sanitized),
    ("c:valgrind", "the C tests under valgrind", valgrind),
    ("c:examples", "the C examples, as C and as C++", || passed(examples())),
    ("c:header-examples", "the examples in the headers", || passed(header_examples())),
    ("c:package", "pkg-config and CMake find the installed libraries", package),
    ("c:miri", "the C interface under Miri", miri),
    ("c:esp-idf", "the ESP-IDF component, over a fake of ESP-IDF", esp_idf::test),
];

/// The names of the steps that take a C compiler.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    WORKS.iter().map(|(name, ..)| *name)
}

/// Everything that can be checked of the bindings for C on a host.
pub(crate) fn test(steps: &mut Steps) {
    steps.step("c:headers", "the headers are what the sources say", || passed(header::check()));
    for (name, about, work) in WORKS {
        steps.step(name, about, || match exists("gcc") && exists("g++") {
            true => work(),
            false => Ok(Outcome::skipped("no gcc or no g++", "apt-get install gcc g++ (Debian)")),
        });
    }
}

fn passed(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::passed())
}

/// The same in C++.
const STRICT_CPP: [&str; 7] =
    ["-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic"];

/// Links every function of the library for devices with a panic handler that does not exist.
fn panic_free() -> Result<Outcome> {
    const MISSING: &str = "a_panic_path_is_left";
    let program = folder("panic-free")?.join("roots");
    let link = |features: &str, options: &[&str]| -> Result<()> {
        let library = build_apply(None, Some(&format!("prove-panic-free,{features}")))?;
        let mut gcc =
            gcc(&[&STRICT, &["-Os", "-ffunction-sections", "-Wl,--gc-sections"], options]);
        for (feature, define) in
            [("receive", "-DRECEIVE"), ("suspend", "-DSUSPEND"), ("sets", "-DSETS")]
        {
            if features.contains(feature) {
                gcc.arg(define);
            }
        }
        gcc.arg(bindings().join("tests/roots.c")).arg(library).arg("-o").arg(&program);
        output(&mut gcc).map(drop)
    };
    for features in ["lz4", "model,isa-riscv", "lz4,holes", "lz4,sets", c_package::ALL_FEATURES] {
        link(features, &[]).with_context(|| format!("features {features:?}"))?;
    }
    match link("a-panic", &["-DA_PANIC"]) {
        Ok(()) => bail!("the check is blind: it does not see a deliberate panic"),
        Err(error) if format!("{error:#}").contains(MISSING) => {
            Ok(Outcome::Passed("a deliberate panic is noticed".to_owned()))
        }
        Err(error) => {
            Err(error.context("the check fails for another reason than the deliberate panic"))
        }
    }
}

/// A folder with images, for patches and results.
fn images(name: &str) -> Result<PathBuf> {
    let folder = folder(name)?;
    for (from, to) in [
        ("firmware/cortex-m-1.0.bin", "old.bin"),
        ("firmware/cortex-m-1.1.bin", "new.bin"),
        ("firmware/cortex-m-1.0.s19", "old.s19"),
        ("firmware/cortex-m-1.1.hex", "new.hex"),
        ("archives/heron-1.0.zip", "old.zip"),
        ("archives/heron-1.1.zip", "new.zip"),
    ] {
        let from = root().join("testdata").join(from);
        std::fs::copy(&from, folder.join(to))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(folder)
}

const APPLIER_TEST: [&str; 2] = ["tests/test_applier.c", "examples/nor_sim.c"];
const SLOTS_TEST: [&str; 2] = ["tests/test_slots.c", "examples/nor_sim.c"];
const HOLES_TEST: [&str; 2] = ["tests/test_holes.c", "examples/nor_sim.c"];
const SETS_TEST: [&str; 2] = ["tests/test_sets.c", "examples/nor_sim.c"];
const HOSTILE_TEST: [&str; 2] = ["tests/test_hostile.c", "examples/nor_sim.c"];

/// The library for devices with AddressSanitizer in the Rust code, too, if there is a nightly
/// compiler to put it there.
fn build_apply_sanitized() -> Result<Option<PathBuf>> {
    if !crate::rust::nightly() {
        return Ok(None);
    }
    let folder = target_dir().join("c/apply/sanitized");
    let mut cargo = cargo(
        "+nightly build --release --quiet --manifest-path bindings/c/apply/Cargo.toml --target",
    );
    exec(cargo.args([HOST, "--target-dir"]).arg(&folder).env("RUSTFLAGS", "-Zsanitizer=address"))?;
    Ok(Some(folder.join(HOST).join("release/libflashdelta_apply.a")))
}

const HOST: &str = env!("XTASK_HOST");

/// The tests, with both libraries.
fn sanitized() -> Result<Outcome> {
    let (host, apply) = (build_host()?, build_apply(None, None)?);
    let folder = images("sanitizers")?;
    let run = |sources: &[&str], library: &Path, name: &str| {
        let program = folder.join(name);
        compile(&[&STRICT, &SANITIZED], sources, library, &program)?;
        exec(command(&program).arg(&folder))
    };
    // The first one writes the patches that the others apply.
    run(&["tests/test_host.c"], &host, "test_host")?;
    run(&["tests/test_archives.c"], &host, "test_archives")?;
    let table = folder.join("test_inputs");
    compile(&[&STRICT, &SANITIZED], &["tests/test_inputs.c"], &host, &table)?;
    let made = self::folder("inputs")?;
    let (testdata, errors) = (root().join("testdata"), root().join("docs/errors.md"));
    exec(command(&table).args([made, testdata, errors]))?;
    run(&APPLIER_TEST, &apply, "test_applier")?;
    run(&HOLES_TEST, &apply, "test_holes")?;
    run(&SLOTS_TEST, &apply, "test_slots")?;
    c_sets::write(&folder)?;
    run(&SETS_TEST, &apply, "test_sets")?;
    run(&HOSTILE_TEST, &apply, "test_hostile")?;
    guard(&apply, &folder)?;
    run(&APPLIER_TEST, &host, "test_applier_of_host")?;
    let Some(apply) = build_apply_sanitized()? else {
        return Ok(Outcome::Passed(
            "AddressSanitizer and UBSan in C; no nightly compiler for those in Rust".to_owned(),
        ));
    };
    run(&APPLIER_TEST, &apply, "test_applier_sanitized")?;
    run(&SETS_TEST, &apply, "test_sets_sanitized")?;
    run(&HOSTILE_TEST, &apply, "test_hostile_sanitized")?;
    Ok(Outcome::Passed("AddressSanitizer in C and Rust, UBSan in C".to_owned()))
}

/// Signed patches, with the keys in the PSA Crypto of Mbed TLS, if that is there.
fn guard(apply: &Path, folder: &Path) -> Result<()> {
    if !Path::new("/usr/include/psa/crypto.h").exists() {
        println!("no PSA Crypto: apt-get install libmbedtls-dev (Debian); its test is skipped");
        return Ok(());
    }
    let program = folder.join("test_guard");
    let sources = ["tests/test_guard.c", "examples/nor_sim.c", "psa/flashdelta_psa.c"];
    let mut gcc = gcc(&[&STRICT, &SANITIZED]);
    gcc.args(sources.map(|source| bindings().join(source))).arg(apply).args(SYSTEM);
    exec(gcc.args(["-lmbedcrypto", "-o"]).arg(&program))?;
    exec(command(&program).arg(root().join("testdata/signed")))
}

fn valgrind() -> Result<Outcome> {
    if !exists("valgrind") {
        let help = "apt-get install valgrind libc6-dbg (Debian)";
        return Ok(Outcome::skipped("no valgrind", help));
    }
    let (host, apply) = (build_host()?, build_apply(None, None)?);
    let folder = images("valgrind")?;
    c_sets::write(&folder)?;
    // valgrind is slow: of the cuts and faults in the last three, some have to do.
    for (sources, library, name, arguments) in [
        (&["tests/test_host.c"][..], &host, "test_host", &[][..]),
        (&["tests/test_archives.c"], &host, "test_archives", &[]),
        (&APPLIER_TEST, &apply, "test_applier", &[]),
        (&HOLES_TEST, &apply, "test_holes", &[]),
        (&SLOTS_TEST, &apply, "test_slots", &["50"]),
        (&HOSTILE_TEST, &apply, "test_hostile", &["50"]),
        (&SETS_TEST, &apply, "test_sets", &["50"]),
    ] {
        let program = folder.join(name);
        compile(&[&STRICT, &DEBUGGABLE], sources, library, &program)?;
        let mut valgrind = command("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
        valgrind.args([
            "--show-leak-kinds=definite,possible",
            "--errors-for-leak-kinds=definite,possible",
        ]);
        valgrind.arg(format!("--suppressions={}", bindings().join("valgrind.supp").display()));
        exec(valgrind.arg(&program).arg(&folder).args(arguments))?;
    }
    Ok(Outcome::passed())
}

/// The examples, as C and as C++; then they run.
fn examples() -> Result<()> {
    let (host, apply) = (build_host()?, build_apply(None, None)?);
    let folder = images("examples")?;
    for name in ["apply_file.c", "apply_set.c", "apply_slots.c", "make_patch.c", "nor_sim.c"] {
        compile_only(&bindings().join("examples").join(name), &folder)?;
    }
    let build = |sources: &[&str], library: &Path, name: &str| {
        let program = folder.join(name);
        compile(&[&STRICT, &SANITIZED], sources, library, &program).map(|()| program)
    };
    let make_patch = build(&["examples/make_patch.c"], &host, "make_patch")?;
    let apply_file = build(&["examples/apply_file.c"], &apply, "apply_file")?;
    let apply_slots =
        build(&["examples/apply_slots.c", "examples/nor_sim.c"], &apply, "apply_slots")?;
    let run = |program: &Path, arguments: &[&str]| {
        exec(command(program).current_dir(&folder).args(arguments))
    };
    run(&make_patch, &["old.bin", "new.bin", "update.fdp"])?;
    run(&apply_file, &["old.bin", "update.fdp", "made.bin"])?;
    if std::fs::read(folder.join("made.bin"))? != std::fs::read(folder.join("new.bin"))? {
        bail!("apply_file has made another image");
    }
    run(&apply_slots, &["old.bin", "update.fdp", "new.bin"])?;
    let in_cpp = folder.join("apply_slots_cpp");
    compile(
        &[&STRICT_CPP, &SANITIZED],
        &["examples/apply_slots.c", "examples/nor_sim.c"],
        &apply,
        &in_cpp,
    )?;
    run(&in_cpp, &["old.bin", "update.fdp", "new.bin"])?;
    c_sets::write(&folder)?;
    let apply_set = build(&["examples/apply_set.c", "examples/nor_sim.c"], &apply, "apply_set")?;
    run(&apply_set, &["update.fds", "child-old.bin", "files-old.bin", "app-old.bin"])?;
    if works(command(&apply_file).current_dir(&folder).args(["new.bin", "update.fdp", "not.bin"])) {
        bail!("apply_file takes any old image");
    }
    Ok(())
}

/// The examples in the headers' comments, as C and as C++; then they run with what they expect
/// around them.
fn header_examples() -> Result<()> {
    let (host, apply) = (build_host()?, build_apply(None, None)?);
    let folder = images("header-examples")?;
    for name in ["flashdelta_apply.h", "flashdelta.h"] {
        let source = folder.join(name).with_extension("c");
        std::fs::write(&source, example_in(&bindings().join("include").join(name))?)?;
        compile_only(&source, &folder)?;
    }
    let here = format!("-I{}", folder.display());
    for (sources, library) in [
        (&["tests/test_host.c"][..], &host),
        (&["tests/run_host_example.c"][..], &host),
        (&["tests/run_device_example.c", "examples/nor_sim.c"][..], &apply),
    ] {
        let program = folder.join("program");
        compile(&[&STRICT, &SANITIZED, &[&here]], sources, library, &program)?;
        exec(command(&program).arg(&folder))?;
    }
    Ok(())
}

fn compile_only(source: &Path, folder: &Path) -> Result<()> {
    for options in [&STRICT[..], &STRICT_CPP[..]] {
        exec(gcc(&[options]).arg("-c").arg(source).arg("-o").arg(folder.join("compiled.o")))?;
    }
    Ok(())
}

/// The example between `@code` and `@endcode` in a header's first comment.
fn example_in(path: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let code = text.split_once("@code{.c}\n").and_then(|(_, rest)| rest.split_once(" * @endcode"));
    let (code, _) = code.with_context(|| format!("{} has no example", path.display()))?;
    let lines = code.lines().map(|line| line.strip_prefix(" * ").unwrap_or("").to_owned() + "\n");
    Ok(lines.collect())
}

/// What `cargo xtask dist` installs is found by pkg-config and by CMake.
fn package() -> Result<Outcome> {
    let folder = images("package")?;
    let prefix = folder.join("prefix");
    let libraries =
        Libraries { host: build_host()?.with_file_name(""), apply: build_apply(None, None)? };
    c_package::write(&prefix, &libraries)?;
    let mut found = Vec::new();
    if exists("pkg-config") {
        for (package, options, source) in [
            ("flashdelta", &[][..], "make_patch.c"),
            ("flashdelta_apply", &["--static"][..], "apply_file.c"),
        ] {
            let mut pkg_config = command("pkg-config");
            pkg_config.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).args(options);
            let flags = output(pkg_config.args(["--cflags", "--libs", package]))?;
            let mut gcc = command("gcc");
            gcc.args(STRICT)
                .arg(bindings().join("examples").join(source))
                .args(flags.split_whitespace());
            exec(gcc.arg("-o").arg(folder.join(package)))?;
        }
        let mut program = command(folder.join("flashdelta"));
        program.current_dir(&folder).env("LD_LIBRARY_PATH", prefix.join("lib"));
        exec(program.args(["old.bin", "new.bin", "update.fdp"]))?;
        found.push("pkg-config");
    }
    if has_cmake() {
        let (source, build) = (bindings().join("tests/cmake"), folder.join("cmake"));
        let mut cmake = command("cmake");
        cmake.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display()));
        exec(cmake.arg("-S").arg(&source).arg("-B").arg(&build))?;
        exec(command("cmake").arg("--build").arg(&build))?;
        exec(command(build.join("make_patch")).current_dir(&folder).args([
            "old.bin",
            "new.bin",
            "update.fdp",
        ]))?;
        found.push("CMake");
    }
    Ok(match found.is_empty() {
        true => Outcome::skipped(
            "neither pkg-config nor CMake with make is here",
            "apt-get install pkg-config cmake make (Debian)",
        ),
        false => Outcome::Passed(found.join(", ")),
    })
}

/// The functions under Miri, which sees what sanitizers cannot: references that do not last, or
/// that are two where one is allowed.
fn miri() -> Result<Outcome> {
    if !works(&mut cargo("+nightly miri --version")) {
        return Ok(Outcome::skipped("no Miri", "rustup +nightly component add miri rust-src"));
    }
    let mut miri = cargo("+nightly miri test --quiet --package flashdelta-c-abi --all-features");
    miri.args(["--test", "life", "--test", "set"]);
    passed(exec(miri.arg("--target-dir").arg(target_dir().join("miri"))))
}
