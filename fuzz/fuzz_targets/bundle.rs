//! Archives that are any bytes, and bundles that are edited: the checksum of the header is put
//! right so that the edits are seen.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::archive::{folder, Container};
use flashdelta::bundle::{self};
use flashdelta::diff::{DeviceProfile, DiffOptions};
use flashdelta::file::MakeError;
use flashdelta::manifest::esp_idf::FlasherArgs;
use flashdelta::manifest::esp_web_tools::Manifest;
use flashdelta_fuzz::seal;
use libfuzzer_sys::fuzz_target;

/// Larger new files are not made: a few bytes can ask for gigabytes.
const MOST: u32 = 1 << 22;

#[derive(Arbitrary, Debug)]
enum Input {
    /// Two files that may be archives, or JSON.
    Files(Vec<u8>, Vec<u8>),
    /// A bundle between folders, and edits of it.
    Bundle { old: Vec<Vec<u8>>, new: Vec<Vec<u8>>, edits: Vec<(u16, u8)>, cut: Option<u16> },
    /// Any bytes as a bundle.
    Bytes { old: Vec<u8>, bundle: Vec<u8> },
}

fn options() -> DiffOptions {
    DiffOptions::new().profile(DeviceProfile::linux()).ram(16 << 10).effort(1).threads(1)
}

fn check_members(file: &[u8]) {
    for container in [Container::Zip, Container::Tar, Container::Gzip, Container::Folder] {
        drop(container.list(file));
        match container.members(file) {
            Ok(members) => {
                assert!(members
                    .iter()
                    .all(|m| m.data.start <= m.data.end && m.data.end <= file.len()));
                assert!(members.windows(2).all(|pair| pair[0].data.end <= pair[1].data.start));
            }
            Err(error) => drop(error.to_string()),
        }
    }
    drop((Manifest::parse(file), FlasherArgs::parse(file)));
}

fn packed(files: &[Vec<u8>]) -> Vec<u8> {
    let name = |(i, data): (usize, &Vec<u8>)| (format!("{i:04}"), data.clone());
    folder::pack(files.iter().enumerate().map(name).collect()).expect("the names are safe")
}

fuzz_target!(|input: Input| match input {
    Input::Files(old, new) => {
        check_members(&old);
        check_members(&new);
        let made = match bundle::diff(&old, &new, &options()) {
            Err(MakeError::OldManifest(error) | MakeError::NewManifest(error)) => {
                return drop(error.to_string())
            }
            made => made.expect("16 KiB suffice"),
        };
        made.warnings.iter().flatten().for_each(|warning| drop(warning.to_string()));
        assert!(bundle::apply(&old, &made.bytes).expect("a bundle that was made applies") == new);
    }
    Input::Bundle { old, new, edits, cut } => {
        let (old, new) = (packed(&old), packed(&new));
        let mut bundle = bundle::diff(&old, &new, &options()).expect("16 KiB suffice").bytes;
        for (at, value) in edits {
            let at = usize::from(at) % bundle.len();
            bundle[at] ^= value;
        }
        if let Some(cut) = cut {
            bundle.truncate(usize::from(cut));
        }
        seal(&mut bundle);
        if bundle::info(&bundle).is_ok_and(|info| info.new_size <= MOST) {
            if let Ok(made) = bundle::apply(&old, &bundle) {
                assert!(made == new, "success with wrong bytes");
            }
        }
    }
    Input::Bytes { old, bundle } => {
        let bundle = [b"FDB\0", &bundle[..]].concat();
        if bundle::info(&bundle).is_ok_and(|info| info.new_size <= MOST) {
            drop(bundle::apply(&old, &bundle));
        }
    }
});
