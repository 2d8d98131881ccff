use super::*;
use crate::device::apply::ApplyError;
use crate::host::apply::apply as apply_image;
use crate::host::diff::{DiffOptions, Patch};
use crate::host::image::ImageError;
use crate::host::image::{self, Format, Image, ReadOptions, WriteOptions};

fn testdata(name: &str) -> Vec<u8> {
    let path = format!("{}/../../testdata/firmware/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn options() -> DiffOptions {
    DiffOptions::new().effort(2)
}

/// An image as a file, in several habits.
fn written(binary: &[u8], address: u32, format: Format, habits: usize) -> Vec<u8> {
    let image = Image {
        format: Format::Raw,
        segments: vec![image::Segment { address, data: binary.to_vec() }],
        entry: Some(address | 1),
        header: Some(b"app".to_vec()),
    };
    let record_len = [None, Some(32), Some(21), Some(1)][habits % 4];
    let (crlf, lower_case) = (habits & 1 == 1, habits & 2 == 2);
    let options = WriteOptions { record_len, crlf, lower_case, ..WriteOptions::default() };
    image.write(format, &options).unwrap()
}

/// Patches the files both ways to take them: whole files, and memory.
fn round_trip(old: &[u8], new: &[u8]) -> Patch {
    let patch = diff(old, new, &options()).unwrap();
    assert_eq!(apply(old, &patch.bytes, Output::Same).as_deref(), Ok(new));
    let options = MemoryOptions::default();
    let memory = |file| Memory::read(file, &options).unwrap().image.into_owned();
    let slot = apply_image(&memory(old), &patch.bytes).unwrap();
    if patch.header.host_len != 0 {
        assert_eq!(slot, memory(new));
    }
    if image::detect(new) == Format::Raw || patch.header.host_len != 0 {
        assert_eq!(apply(old, &patch.bytes, Output::Binary), Ok(slot));
    }
    patch
}

#[test]
fn files_of_all_formats_come_back() {
    let [old, new] = ["cortex-m-1.0.bin", "cortex-m-1.1.bin"].map(testdata);
    let (old, new) = (&old[..8000], &new[..8400]);
    for old_format in [Format::Raw, Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2] {
        for (habits, new_format) in
            [Format::Raw, Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2]
                .into_iter()
                .enumerate()
        {
            let old = written(old, 0x0802_0000, old_format, habits + 1);
            let new = written(new, 0x0802_0000, new_format, habits);
            let patch = round_trip(&old, &new);
            assert!(
                patch.bytes.len() < 2600,
                "{old_format} to {new_format}: {} bytes",
                patch.bytes.len()
            );
        }
    }
}

#[test]
fn text_costs_next_to_nothing() {
    let binary = ["cortex-m-1.0.bin", "cortex-m-1.1.bin"].map(testdata);
    let plain = diff(&binary[0], &binary[1], &options()).unwrap().bytes.len();
    for (format, habits) in
        [(Format::IntelHex, 0), (Format::Srec, 1), (Format::Srec, 3), (Format::Uf2, 0)]
    {
        let [old, new] = [0, 1].map(|n| written(&binary[n], 0x0802_0000, format, habits));
        let patch = round_trip(&old, &new);
        let most = plain + plain * 3 / 100 + 64;
        println!(
            "{format}: {} bytes, {} of them for the host; plain {plain}",
            patch.bytes.len(),
            patch.header.host_len
        );
        assert!(patch.bytes.len() <= most, "{format}: {} bytes, plain {plain}", patch.bytes.len());
    }
}

#[test]
fn real_files_of_objcopy() {
    let [old, new] = ["cortex-m-1.0.s19", "cortex-m-1.1.hex"].map(testdata);
    let patch = round_trip(&old, &new);
    // Also to the binaries that are the same image; objcopy fills gaps with zeros.
    let binary = ["cortex-m-1.0.bin", "cortex-m-1.1.bin"].map(testdata);
    assert!(matches!(apply(&binary[1], &patch.bytes, Output::Same), Err(FileError::Apply(_))));
    let zeros = MemoryOptions { fill: 0, ..MemoryOptions::default() };
    let patch = diff_with(&old, &new, &options(), &zeros).unwrap().bytes;
    assert_eq!(apply(&old, &patch, Output::Same).as_deref(), Ok(&new[..]));
    assert_eq!(apply(&old, &patch, Output::Binary).as_deref(), Ok(&binary[1][..]));
    assert_eq!(apply(&binary[0], &patch, Output::Binary).as_deref(), Ok(&binary[1][..]));
    // A patch between the binaries applies to the text, too.
    let patch = diff(&binary[0], &binary[1], &options()).unwrap().bytes;
    assert_eq!(apply(&old, &patch, Output::Same).as_deref(), Ok(&binary[1][..]));
    let hex = apply(&old, &patch, Output::IntelHex).unwrap();
    assert_eq!(Memory::read(&hex, &zeros).unwrap().image, binary[1]);
    assert_eq!(Memory::read(&hex, &zeros).unwrap().parts[0].address, 0x0802_0000);
}

#[test]
fn files_that_are_their_own_image_give_the_plain_patch() {
    let [old, new] = ["riscv-1.0.bin", "riscv-1.1.bin"].map(testdata);
    let (old, new) = (&old[..4000], &new[..4000]);
    let patch = diff(old, new, &options()).unwrap();
    assert_eq!(patch.bytes, crate::host::diff::diff(old, new, &options()).unwrap().bytes);
    assert_eq!(apply(old, &patch.bytes, Output::Same).as_deref(), Ok(new));
}

#[test]
fn far_segments_stay_apart() {
    let binary = testdata("cortex-m-1.0.bin");
    let file = |len: usize, word: [u8; 4]| {
        let mut image =
            Image { format: Format::Raw, segments: Vec::new(), entry: None, header: None };
        for (address, data) in [(0x1000, binary[..len].to_vec()), (0x1000_1014, word.to_vec())] {
            image.segments.push(image::Segment { address, data });
        }
        image.write(Format::IntelHex, &WriteOptions::default()).unwrap()
    };
    let patch = round_trip(&file(9000, [1, 2, 3, 4]), &file(9004, [1, 2, 3, 5]));
    assert_eq!(patch.header.new_size, 9008);
    assert!(patch.bytes.len() < 200, "{} bytes", patch.bytes.len());
}

#[test]
fn what_is_dubious_needs_an_option() {
    let text = |lines: &[&str]| lines.join("\n").into_bytes();
    let old = text(&[":0400000001020304F2", ":00000001FF", ""]);
    let overlap = text(&[":0400000001020304F2", ":020002000909EA", ":00000001FF", ""]);
    let checksum = text(&[":0400000001020304F2", ":0400040001020305F3", ":00000001FF", ""]);
    let after = text(&[":0400000001020304F2", ":00000001FF", ":0400040001020305ED", ""]);
    type Change = fn(&mut ReadOptions);
    let accepts: [(&[u8], Change, &[u8]); 6] = [
        (&overlap, |o| o.overlap = image::Overlap::LastWins, &[1, 2, 9, 9]),
        (&overlap, |o| o.overlap = image::Overlap::FirstWins, &[1, 2, 3, 4]),
        (&checksum, |o| o.ignore_checksums = true, &[1, 2, 3, 4, 1, 2, 3, 5]),
        (&after, |o| o.after_end = image::AfterEnd::Ignore, &[1, 2, 3, 4]),
        (&after, |o| o.after_end = image::AfterEnd::Read, &[1, 2, 3, 4, 1, 2, 3, 5]),
        (&[&b"junk\n"[..], &old].concat(), |o| o.skip_garbage = true, &[1, 2, 3, 4]),
    ];
    for (file, accept, memory) in accepts {
        let mut dubious = MemoryOptions::default();
        accept(&mut dubious.read);
        for (from, to) in [(&old[..], file), (file, &old[..]), (file, file)] {
            let refused = diff(from, to, &options());
            assert!(
                matches!(refused, Err(MakeError::OldFile(_) | MakeError::NewFile(_))),
                "{refused:?}"
            );
            let patch = diff_with(from, to, &options(), &dubious).unwrap();
            assert_eq!(apply(from, &patch.bytes, Output::Same).as_deref(), Ok(to));
            let expected = if to == file { memory } else { &[1, 2, 3, 4] };
            assert_eq!(apply(from, &patch.bytes, Output::Binary).as_deref(), Ok(expected));
        }
    }
}

#[test]
fn a_damaged_section_is_an_error_and_leaves_the_image() {
    let [old, new] = ["cortex-m-1.0.s19", "cortex-m-1.1.hex"].map(testdata);
    let patch = diff(&old, &new, &options()).unwrap();
    let memory = Memory::read(&old, &MemoryOptions::default()).unwrap().image.into_owned();
    let start = patch.bytes.len() - patch.header.host_len as usize;
    for at in start..patch.bytes.len() {
        let mut bad = patch.bytes.clone();
        bad[at] ^= 0x20;
        assert!(
            matches!(apply(&old, &bad, Output::Same), Err(FileError::HostSection { .. })),
            "{at}"
        );
        assert!(
            matches!(apply(&old, &bad[..at], Output::Same), Err(FileError::HostSection { .. })),
            "{at}"
        );
        // The device does not look at it.
        assert!(apply_image(&memory, &bad).is_ok());
        assert!(apply_image(&memory, &bad[..at]).is_ok());
    }
    let longer = [&patch.bytes[..], &[0]].concat();
    assert!(matches!(apply_image(&memory, &longer), Err(ApplyError::TrailingInput { .. })));
}

#[test]
fn empty_and_irregular_files_are_carried_as_they_are() {
    let irregular: Vec<u8> =
        (0..200).flat_map(|n| format!("S5030{n:03X}\n").into_bytes()).collect();
    for file in
        [&b""[..], b":00000001FF\n", b"S9030000FC\r\n", b"@F000\nq\n", &irregular, b":no record\n"]
    {
        for other in [&b"plain"[..], b":0400000001020304F2\n:00000001FF\n"] {
            for (old, new) in [(file, other), (other, file)] {
                if let Ok(patch) = diff(old, new, &options()) {
                    assert_eq!(apply(old, &patch.bytes, Output::Same).as_deref(), Ok(new));
                } else {
                    assert_eq!(file, irregular);
                }
            }
        }
    }
}

/// Sections with fields changed and the checksum put right: an error, or the very file.
#[test]
fn hostile_sections_never_lead_to_another_file() {
    let binary = testdata("cortex-m-1.0.bin");
    let text = |len: usize, habits| written(&binary[..len], 0x0802_0000, Format::Srec, habits);
    let (old, irregular) =
        (text(3000, 0), [&text(2000, 2)[..], b"remark\n", &text(999, 1)].concat());
    let mut reading = MemoryOptions::default();
    reading.read.skip_garbage = true;
    reading.read.overlap = image::Overlap::LastWins;
    reading.read.after_end = image::AfterEnd::Read;
    for new in [text(3100, 1), irregular] {
        let patch = diff_with(&old, &new, &options(), &reading).unwrap();
        assert_eq!(apply(&old, &patch.bytes, Output::Same).as_ref(), Ok(&new));
        let (start, end) =
            (patch.bytes.len() - patch.header.host_len as usize, patch.bytes.len() - 4);
        for at in start..end {
            for change in [1, 2, 4, 0x10, 0x40, 0x80, 0xff] {
                let mut bad = patch.bytes.clone();
                bad[at] ^= change;
                let crc = crate::device::format::crc32(&bad[start..end]);
                bad[end..].copy_from_slice(&crc.to_le_bytes());
                if let Ok(found) = apply(&old, &bad, Output::Same) {
                    assert!(found == new, "byte {at} changed by {change}");
                }
            }
        }
    }
}

#[test]
fn a_damaged_uf2_is_refused_as_a_damaged_hex_is() {
    let binary = testdata("cortex-m-1.0.bin");
    let good = written(&binary[..4000], 0x1000_0000, Format::Uf2, 0);
    let mut bad = good.clone();
    bad[3 * 512 + 1] ^= 1;
    let missing = [&good[..512], &good[1024..]].concat();
    for bad in [&bad[..], &missing, &good[..good.len() - 1], &good[..512]] {
        assert!(matches!(diff(&good, bad, &options()), Err(MakeError::NewFile(_))));
        assert!(matches!(diff(bad, &good, &options()), Err(MakeError::OldFile(_))));
        let mut lenient = MemoryOptions::default();
        (lenient.read.skip_garbage, lenient.read.ignore_checksums) = (true, true);
        let patch = diff_with(&good, bad, &options(), &lenient).unwrap().bytes;
        assert_eq!(apply(&good, &patch, Output::Same).as_deref(), Ok(bad));
    }
    let twice = [&good[..], &good].concat();
    assert!(matches!(
        diff(&good, &twice, &options()),
        Err(MakeError::NewFile(ImageError::Overlap { .. }))
    ));
}

/// So that Ctrl-C ends it, however large the file is.
#[test]
fn reading_and_writing_records_ends_when_it_is_told_to() {
    use core::ops::ControlFlow;

    use crate::host::budget::{Budget, Stop};
    use crate::host::image::{join_within, split_within};

    let data: Vec<u8> = (0..1u32 << 18).map(|n| (n >> 5) as u8).collect();
    let segments = vec![image::Segment { address: 0x0800_0000, data }];
    let found = Image { format: Format::Raw, segments, entry: None, header: None };
    for format in [Format::IntelHex, Format::Srec, Format::TiTxt, Format::Uf2] {
        let file = found.write(format, &WriteOptions::default()).unwrap();
        let split = image::split(&file);
        let mut asked = 0;
        let mut stopped = |work: &mut dyn FnMut(&mut Budget<'_>)| {
            let mut watch = |_| {
                asked += 1;
                ControlFlow::Break(())
            };
            work(&mut Budget::new(u64::MAX, &mut watch));
        };
        stopped(&mut |budget| {
            let read = Memory::read_within(&file, &MemoryOptions::default(), budget);
            assert_eq!(read, Err(ImageError::Cancelled), "{format}");
        });
        stopped(&mut |budget| assert_eq!(split_within(&file, budget), Err(Stop::Cancelled)));
        stopped(&mut |budget| {
            let joined = join_within(&split.data, &split.template, file.len(), budget);
            assert_eq!(joined, Err(ImageError::Cancelled), "{format}");
        });
        assert_eq!(asked, 3, "{format}: each ends when it is told to first");
    }
}
