//! What is no ordinary file: pipes, links, standard input and output, odd names, signals.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{symlink, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{testdata, testdata_path};

/// A folder with an old and a new image.
fn folder(name: &str) -> PathBuf {
    let folder = common::folder(&format!("edges-{name}"));
    fs::write(folder.join("old.bin"), testdata("firmware/riscv-1.0.bin")).unwrap();
    fs::write(folder.join("new.bin"), testdata("firmware/riscv-1.1.bin")).unwrap();
    folder
}

fn flashdelta(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flashdelta"));
    command.current_dir(folder).args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    flashdelta(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    output
}

/// Runs a shell with `$F` for the program.
#[track_caller]
fn shell(folder: &Path, script: &str) -> Output {
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .env("F", env!("CARGO_BIN_EXE_flashdelta"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {}", text(&output.stderr));
    output
}

#[test]
fn pipes_are_read_to_their_end() {
    let folder = folder("pipes");
    shell(&folder, "mkfifo p; cat new.bin >p & $F diff old.bin p -o x.fdp -q");
    shell(&folder, "cat new.bin | $F diff old.bin - -o y.fdp -q");
    shell(&folder, "cat old.bin | $F diff - new.bin -o - -q >z.fdp");
    succeeds(&folder, &["diff", "old.bin", "new.bin", "-o", "file.fdp"]);
    let file = fs::read(folder.join("file.fdp")).unwrap();
    for name in ["x.fdp", "y.fdp", "z.fdp"] {
        assert!(fs::read(folder.join(name)).unwrap() == file, "{name}");
    }
    let new = fs::read(folder.join("new.bin")).unwrap();
    let made = shell(&folder, "cat old.bin | $F apply - file.fdp -o - -q");
    assert!(made.stdout == new);
    let made = shell(&folder, "cat file.fdp | $F apply old.bin - -o - -q");
    assert!(made.stdout == new);
}

#[test]
fn two_inputs_cannot_be_standard_input() {
    let output = run(&folder("twice"), &["diff", "-", "-", "-o", "x.fdp"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn what_is_no_file_is_written_and_stays() {
    let folder = folder("written");
    succeeds(&folder, &["diff", "old.bin", "new.bin", "-o", "x.fdp"]);
    let new = fs::read(folder.join("new.bin")).unwrap();
    // As /dev/stdout is.
    symlink("/proc/self/fd/1", folder.join("stdout")).unwrap();
    let output = succeeds(&folder, &["apply", "old.bin", "x.fdp", "-o", "stdout", "-q"]);
    assert!(output.stdout == new);
    assert!(folder.join("stdout").is_symlink());
    shell(&folder, "mkfifo p; cat p >got & $F apply old.bin x.fdp -o p -q; wait; cmp got new.bin");
    let output = succeeds(&folder, &["convert", "old.bin", "-o", "stdout", "--to", "hex", "-q"]);
    assert!(text(&output.stdout).ends_with(":00000001FF\n"));
    assert!(run(&folder, &["apply", "old.bin", "x.fdp", "-o", "/dev/null"]).status.success());
    assert!(!Path::new("/dev/null").is_file());
}

#[test]
fn links_are_followed_and_permissions_kept() {
    let folder = folder("links");
    succeeds(&folder, &["diff", "old.bin", "new.bin", "-o", "x.fdp"]);
    fs::write(folder.join("target.bin"), b"before").unwrap();
    fs::set_permissions(folder.join("target.bin"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("target.bin", folder.join("link.bin")).unwrap();
    symlink("not-yet.bin", folder.join("dangling.bin")).unwrap();
    let new = fs::read(folder.join("new.bin")).unwrap();
    for (name, target) in [("link.bin", "target.bin"), ("dangling.bin", "not-yet.bin")] {
        succeeds(&folder, &["apply", "old.bin", "x.fdp", "-o", name]);
        assert!(folder.join(name).is_symlink(), "{name}");
        assert!(fs::read(folder.join(target)).unwrap() == new, "{name}");
    }
    let mode = fs::metadata(folder.join("target.bin")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let left = fs::read_dir(&folder).unwrap().flatten();
    assert_eq!(left.filter(|e| text(e.file_name().as_bytes()).contains("tmp")).count(), 0);
}

#[test]
fn links_that_lead_to_each_other_are_an_error_and_stay() {
    let folder = folder("loops");
    succeeds(&folder, &["diff", "old.bin", "new.bin", "-o", "x.fdp"]);
    symlink("b.bin", folder.join("a.bin")).unwrap();
    symlink("a.bin", folder.join("b.bin")).unwrap();
    for arguments in [
        ["apply", "old.bin", "x.fdp", "-o", "a.bin"],
        ["diff", "old.bin", "new.bin", "-o", "a.bin"],
    ] {
        let output = run(&folder, &arguments);
        assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    }
    // Without the look at it before the work, too.
    assert!(flashdelta::apply::write_file(&folder.join("a.bin"), b"new").is_err());
    assert!(folder.join("a.bin").is_symlink() && folder.join("b.bin").is_symlink());
}

/// Side files are small: what never ends is refused, and takes no memory.
#[test]
#[cfg(target_os = "linux")]
fn side_files_are_read_within_a_bound() {
    let folder = folder("bounds");
    fs::write(folder.join("profile.toml"), "#".repeat((1 << 20) + 1)).unwrap();
    for call in [
        "diff old.bin new.bin -o x --profile /dev/zero",
        "diff old.bin new.bin -o x --profile profile.toml",
        "set create /dev/zero -o x",
        "release build /dev/zero -o x",
        "verify old.bin new.bin --key /dev/zero",
    ] {
        let script = format!("(ulimit -v 500000; exec $F {call}) 2>&1 || echo exit $?");
        let told = text(&shell(&folder, &script).stdout);
        assert!(told.contains("is too large: ") && told.contains("exit 6"), "{call}: {told}");
    }
}

#[test]
fn a_file_without_an_address_asks_for_one() {
    let folder = folder("no-address");
    let mut file = [0u8; 32 + 64];
    for (at, value) in [(0, 0x96f3_b83d), (8, 32), (12, 64), (20, 1u32)] {
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    let file = [&file[..], &[0x07, 0x69, 4, 0]].concat();
    fs::write(folder.join("app.img"), &file).unwrap();
    let output = run(&folder, &["convert", "app.img", "-o", "app.hex"]);
    assert_eq!(output.status.code(), Some(8), "{}", text(&output.stderr));
    for part in ["at which address", "--base"] {
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
    succeeds(&folder, &["convert", "app.img", "-o", "app.hex", "--base", "0x8020000"]);
    succeeds(&folder, &["convert", "app.hex", "-o", "app.bin"]);
    assert!(fs::read(folder.join("app.bin")).unwrap() == file);
}

#[test]
fn a_base_address_that_the_file_contradicts_is_said() {
    let folder = folder("base");
    for (file, base, exit, told) in [
        ("cortex-m-1.0.bin", "0x08000000", 0, "seems to run at 0x08020000, and not at"),
        ("cortex-m-1.0.bin", "0x08020000", 0, ""),
        ("cortex-m-1.0.s19", "0x08020000", 2, "says its own addresses"),
        ("riscv-1.0.elf", "0x42000000", 2, "says its own addresses"),
        ("esp32-1.0.bin", "0x00010000", 2, "says its own addresses"),
    ] {
        let path = testdata_path(&format!("firmware/{file}"));
        let path = path.to_str().unwrap();
        let output = run(&folder, &["convert", path, "-o", "x.hex", "--base", base]);
        assert_eq!(output.status.code(), Some(exit), "{}", text(&output.stderr));
        let warned = text(&output.stderr).contains("warning") || exit != 0;
        assert_eq!(warned, !told.is_empty(), "{file} {base}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

#[test]
fn options_that_a_format_has_nothing_for_are_refused() {
    let folder = folder("nothing-for");
    for (out, options) in [
        ("x.bin", &["--record-length", "32"][..]),
        ("x.bin", &["--crlf"]),
        ("x.uf2", &["--lower-case"]),
        ("x.uf2", &["--record-length", "16"]),
        ("x.hex", &["--address-length", "4"]),
    ] {
        let path = testdata_path("firmware/cortex-m-1.0.s19");
        let call = [&["convert", path.to_str().unwrap(), "-o", out], options].concat();
        let output = run(&folder, &call);
        assert_eq!(output.status.code(), Some(2), "{call:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("has none of that"), "{}", text(&output.stderr));
        assert!(!folder.join(out).exists());
    }
}

#[test]
fn names_that_differ_in_capitals_only_are_one_file() {
    let folder = folder("capitals");
    fs::write(folder.join("devices.csv"), "serial\nX\nx\n").unwrap();
    let hole = ["personalize", "old.bin", "--hole", "serial=0x400-0x410"];
    let table = ["--table", "devices.csv", "-o", "{serial}.bin"];
    let output = run(&folder, &[&hole[..], &table[..]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("line 3: x.bin is the file of another device"));
    assert!(!folder.join("X.bin").exists());
}

#[test]
fn an_empty_new_file_is_refused_and_equal_ones_are_remarked() {
    let folder = folder("empty");
    fs::write(folder.join("empty.bin"), b"").unwrap();
    let arguments = ["diff", "old.bin", "empty.bin", "-o", "x.fdp"];
    let output = run(&folder, &arguments);
    assert_eq!(output.status.code(), Some(8), "{}", text(&output.stderr));
    assert!(!folder.join("x.fdp").exists());
    succeeds(&folder, &[&arguments[..], &["--allow-empty"]].concat());
    let output = succeeds(&folder, &["diff", "old.bin", "old.bin", "-o", "x.fdp"]);
    assert!(text(&output.stderr).contains("the same"), "{}", text(&output.stderr));
}

#[test]
fn names_that_are_no_utf_8_or_control_terminals() {
    let folder = folder("names");
    let odd = folder.join(std::ffi::OsStr::from_bytes(b"b\xe9\x1b[2J"));
    fs::create_dir(&odd).unwrap();
    for name in ["old.bin", "new.bin"] {
        fs::copy(folder.join(name), odd.join(name)).unwrap();
    }
    let path = |name: &str| odd.join(name);
    let program = |arguments: &[&str], paths: &[PathBuf]| {
        let output = flashdelta(&folder, arguments).args(paths).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{arguments:?}");
        output
    };
    let (old, new, patch) = (path("old.bin"), path("new.bin"), path("x.fdp"));
    for json in [&["--json"][..], &[]] {
        let with = |first: &[&'static str]| [&first[..1], json, &first[1..]].concat();
        program(&with(&["diff", "-o"]), &[patch.clone(), old.clone(), new.clone()]);
        program(&with(&["apply", "-o"]), &[path("out.bin"), old.clone(), patch.clone()]);
        program(&with(&["verify"]), &[old.clone(), patch.clone()]);
        program(&with(&["info"]), core::slice::from_ref(&patch));
        program(&with(&["info"]), core::slice::from_ref(&old));
        program(&with(&["convert", "-o"]), &[path("out.hex"), old.clone()]);
    }
}

#[test]
fn what_a_killed_process_left_is_removed_a_day_later() {
    let folder = folder("left");
    let old = folder.join("x.fdp.4711-0.fdtmp");
    let fresh = folder.join("x.fdp.4712-0.fdtmp");
    for path in [&old, &fresh] {
        fs::File::create(path).unwrap().write_all(b"half").unwrap();
    }
    shell(&folder, "touch -d '2 days ago' x.fdp.4711-0.fdtmp");
    succeeds(&folder, &["diff", "old.bin", "new.bin", "-o", "x.fdp"]);
    assert!(!old.exists());
    assert!(fresh.exists(), "its process may be at work");
}

/// An error that says so, not an abort.
#[test]
#[cfg(target_os = "linux")]
fn too_little_memory_is_an_error() {
    let folder = folder("memory");
    let noise = |seed: u32| {
        let mut state = seed;
        let next = move |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..16 << 20).map(next).collect::<Vec<u8>>()
    };
    fs::write(folder.join("a.bin"), noise(1)).unwrap();
    fs::write(folder.join("b.bin"), noise(2)).unwrap();
    let script = "ulimit -v 250000; $F diff a.bin b.bin -o x.fdp --json || echo exit $?";
    let told = text(&shell(&folder, script).stdout);
    for part in ["\"code\": \"out-of-memory\"", "MiB of memory are enough", "exit 6"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!folder.join("x.fdp").exists());
}

/// Whatever there is too little memory for, and wherever it is missed: none of it ends the process.
#[test]
#[cfg(target_os = "linux")]
fn too_little_memory_for_reading_and_applying_is_an_error() {
    let folder = folder("memory-files");
    let old: Vec<u8> =
        (0..3u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut new = old.clone();
    new[1000] ^= 1;
    fs::write(folder.join("a.bin"), &old).unwrap();
    fs::write(folder.join("b.bin"), &new).unwrap();
    fs::create_dir(folder.join("a")).unwrap();
    fs::write(folder.join("a/fw.bin"), &old).unwrap();
    for name in ["a", "b"] {
        succeeds(&folder, &["convert", &format!("{name}.bin"), "-o", &format!("{name}.hex")]);
    }
    let quick = ["--effort", "1", "--codec", "raw", "--profile", "linux"];
    succeeds(&folder, &[&["diff", "a.hex", "b.hex", "-o", "p.fdp"][..], &quick].concat());
    let calls = [
        "info a.hex --json",
        "info a --json",
        "convert a.hex -o c.bin --json",
        "convert a.bin -o c.hex --json",
        "diff a.hex b.hex -o x.fdp --json",
        "diff a a.bin -o x.fdp --json",
        "verify a.hex p.fdp --json",
        "apply a.hex p.fdp -o c.hex --json",
    ];
    let under = |kib: u32, call: &str| {
        let limited = format!("(ulimit -c 0; ulimit -v {kib}; exec $F {call}) 2>&1");
        let script = format!("{limited} && echo exit 0 || echo exit $?");
        let told = text(&shell(&folder, &script).stdout);
        let (told, code) = told.trim_end().rsplit_once("exit ").unwrap_or_default();
        (code.to_owned(), told.to_owned())
    };
    // With less, the system cannot even start it.
    let least = (4_000..).step_by(2_000).find(|kib| under(*kib, "--version").0 == "0").unwrap();
    let least = least + 2_000;
    for call in calls {
        let (mut refused, mut first) = (0, String::new());
        for kib in (least..least + 60_000).step_by(4_000) {
            let (code, told) = under(kib, call);
            match &*code {
                "0" => break,
                "6" if told.contains("\"code\": \"out-of-memory\"") => refused += 1,
                _ => panic!("{call}, {kib} KiB: exit {code}: {told}"),
            }
            if first.is_empty() {
                first = told;
            }
        }
        assert!(refused > 0, "{call} was never short of memory");
        assert!(first.contains("out of memory: this computer does not give"), "{call}: {first}");
    }
    assert!(!folder.join("x.fdp").exists());
}

#[test]
fn the_digest_of_the_start_is_shown_and_completions_know_profiles() {
    let folder = folder("digest-len");
    let new = testdata("firmware/riscv-1.1.bin");
    // A slot: the image, and what was there before.
    fs::write(folder.join("slot"), [&new[..], &[0x5a; 999]].concat()).unwrap();
    let len = new.len().to_string();
    let told = succeeds(&folder, &["info", "slot", "--digest-len", &len]);
    let whole = text(&succeeds(&folder, &["info", "new.bin", "--json"]).stdout);
    let digest = whole.split("\"sha256\": \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(text(&told.stdout).contains(digest));
    let output = run(&folder, &["info", "slot", "--digest-len", "1GiB"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let script = text(&succeeds(&folder, &["completions", "bash"]).stdout);
    assert!(script.contains("tiny small esp32 micropython linux"));
    // Raw bytes into a format with addresses.
    fs::write(folder.join("raw.bin"), [0xA5; 64]).unwrap();
    let output = succeeds(&folder, &["convert", "raw.bin", "-o", "raw.hex"]);
    assert!(text(&output.stderr).contains("0 is taken; --base"), "{}", text(&output.stderr));
    let output = succeeds(&folder, &["convert", "raw.bin", "-o", "raw.hex", "--base", "0"]);
    assert!(!text(&output.stderr).contains("warning"), "{}", text(&output.stderr));
}
