//! Inputs of every kind through the library's door: `testdata/inputs/table.tsv`. The program,
//! Python and C have tests of their own with the same table.

use std::fs;
use std::path::Path;

use crate::common::table::{number, testdata, Outcome, Row, Table};
use flashdelta::bundle::BundleOptions;
use flashdelta::diff::{DeviceProfile, DiffOptions};
use flashdelta::door::{self, ApplyRequest, ConvertRequest, MakeRequest, Side};
use flashdelta::file::{MemoryOptions, Output};
use flashdelta::holes::HoleRequest;
use flashdelta::image::{Format, ReadOptions, Selection, WriteOptions};
use flashdelta::{DeviceIdentity, Identity, Input};

#[test]
fn of_paths() {
    Table::new("inputs").run(|row, old, new, out| match &row.does[..] {
        "diff" => make(row, read(row, old), read(row, new)),
        "convert" => convert(row, old),
        _ => apply(row, old, new, out),
    });
}

/// The same bytes, read to their end: what a path tells is missing, nothing else.
#[test]
fn of_readers() {
    Table::new("readers").run(|row, old, new, out| {
        let is_file = |path: &Path| path.is_file() && !path.ends_with("manifest.json");
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        if !(row.makes && is_file(old) && is_file(new)) || row.has("verbatim") {
            return match &row.does[..] {
                "diff" => make(row, read(row, old), read(row, new)),
                "convert" => convert(row, old),
                _ => apply(row, old, new, out),
            };
        }
        let read = |path: &Path| {
            let file = fs::File::open(path).unwrap();
            Input::from_reader(file, &name(path)).map_err(|error| error.code())
        };
        make(row, read(old), read(new))
    });
}

type Read = Result<Input<'static>, &'static str>;

fn read(row: &Row, path: &Path) -> Read {
    // What it was called, and what is beside it, nobody knows.
    if row.has("in-memory") {
        return Ok(Input::from_bytes(fs::read(path).unwrap()));
    }
    let read = if row.has("verbatim") { Input::open_verbatim } else { Input::open };
    read(path).map_err(|error| error.code())
}

fn failed(code: &str) -> Outcome {
    Outcome { made: Err(code.to_owned()), warnings: Vec::new() }
}

fn make(row: &Row, old: Read, new: Read) -> Outcome {
    let (old, new) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(code), _) | (_, Err(code)) => return failed(code),
    };
    let mut options = DiffOptions::new().effort(6);
    let (mut memory, mut read) = (MemoryOptions::new(), ReadOptions::new());
    let mut request = MakeRequest::new();
    for (name, value) in &row.options {
        match &name[..] {
            "verbatim" | "in-memory" => {}
            "allow-empty" => request = request.allow_empty(true),
            "strict" => read = read.strict(true),
            "accept" if value == "manifest" => {
                request = request.bundle(BundleOptions::new().accept_manifests(true));
            }
            "accept" => {
                assert_eq!(value, "checksum");
                read = read.ignore_checksums(true);
            }
            "family" => read = read.select(Selection::new().family(number::<u32>(value))),
            "fill" => memory = memory.fill(number(value)),
            "range" => {
                let (from, to) = value.split_once('-').unwrap();
                memory = memory.range((number(from), number(to)));
            }
            "base" => options = options.base(number(value)),
            "isa" => options = options.isa(Some(value.parse().unwrap())),
            "codec" => options = options.codec(Some(value.parse().unwrap())),
            "profile" => match DeviceProfile::load(value) {
                Ok(profile) => options = options.profile(profile),
                Err(error) => return failed(error.code()),
            },
            "profile-file" => match DeviceProfile::read(&testdata(value)) {
                Ok(profile) => options = options.profile(profile),
                Err(error) => return failed(error.code()),
            },
            "hole" => match value.parse::<HoleRequest>() {
                Ok(hole) => request = request.hole(hole),
                Err(error) => return failed(error.code()),
            },
            "ram" => options = options.ram(number(value)),
            "new-elf" => request = request.new_elf(fs::read(testdata(value)).unwrap()),
            "product" => {
                options = options.identity(Identity {
                    product: number(value),
                    hardware_from: 0,
                    hardware_to: u16::MAX,
                    security_counter: 0,
                });
            }
            other => panic!("option {other}"),
        }
    }
    match door::make(&old, &new, &request.diff(options).memory(memory.read(read))) {
        Ok(made) => {
            let warning = |warning: &door::FileWarning| {
                let side = if warning.side == Side::Old { "old" } else { "new" };
                format!("{side}:{}", warning.what.code())
            };
            let warnings = made.warnings.iter().map(warning).collect();
            Outcome { made: Ok(made.bytes), warnings }
        }
        Err(error) => failed(error.code()),
    }
}

fn apply(row: &Row, old: &Path, patch: &Path, out: &Path) -> Outcome {
    let patch = fs::read(patch).unwrap();
    let request = || {
        let mut request = ApplyRequest::new();
        for (name, value) in &row.options {
            request = match &name[..] {
                "output" => request.output(Output::named(value).unwrap()),
                "limit" => request.limit(number::<u32>(value)),
                "product" => request.device(DeviceIdentity {
                    product: number(value),
                    hardware: 0,
                    security_counter: 0,
                }),
                other => panic!("option {other}"),
            };
        }
        request
    };
    let input = match Input::open_old(old, &patch) {
        Ok(input) => input,
        Err(error) => return failed(error.code()),
    };
    if row.does == "verify" {
        let verified = door::verify(&input, &patch, request()).map(|applied| applied.bytes);
        let made = verified.map_err(|error| error.code().to_owned());
        return Outcome { made, warnings: Vec::new() };
    }
    let made = door::apply(&input, &patch, request()).map(|applied| applied.bytes);
    let made = made.map_err(|error| error.code().to_owned());
    // From file to file it is the same.
    let written = door::apply_file(old, &patch, out, request()).map_err(|e| e.code().to_owned());
    let written = written.map(|_| fs::read(out).unwrap());
    assert_eq!(made, written, "{}", row.name);
    Outcome { made, warnings: Vec::new() }
}

fn convert(row: &Row, file: &Path) -> Outcome {
    let (mut read, mut write) = (ReadOptions::new(), WriteOptions::new());
    for (name, value) in &row.options {
        match &name[..] {
            "strict" => read = read.strict(true),
            "base" => read = read.base(number::<u32>(value)),
            "family" => read = read.select(Selection::new().family(number::<u32>(value))),
            "range" => {
                let (from, to) = value.split_once('-').unwrap();
                write = write.range((number(from), number(to)));
            }
            other => panic!("option {other}"),
        }
    }
    let request = ConvertRequest::new().read(read).write(write);
    let format = Format::named(&row.new).unwrap();
    let input = Input::open_verbatim(file).unwrap();
    let converted = door::convert(input, format, &request).map_err(|error| error.code().to_owned());
    let write = |converted: door::Converted| converted.bytes().map_err(|e| e.code().to_owned());
    Outcome { made: converted.and_then(write), warnings: Vec::new() }
}
