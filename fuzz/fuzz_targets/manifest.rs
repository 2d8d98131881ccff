//! JSON files that name parts: nothing panics, errors point into the file, and a patch of one gives
//! it back.
#![no_main]

use flashdelta::door::{self, ApplyRequest, MakeRequest};
use flashdelta::manifest::esp_idf::{self, FlasherArgs};
use flashdelta::manifest::esp_web_tools::{self, Manifest};
use flashdelta::manifest::names_parts;
use flashdelta::{DiffOptions, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (is_manifest, is_args) = (esp_web_tools::is(bytes), esp_idf::is(bytes));
    assert!(names_parts(bytes) || !is_manifest && !is_args);
    match Manifest::parse(bytes) {
        Ok(manifest) => drop(format!("{manifest:?}")),
        Err(error) => drop(error.with_place(error.place(bytes)).to_string()),
    }
    match FlasherArgs::parse(bytes) {
        Ok(args) => drop(format!("{args:?}")),
        Err(error) => drop(error.with_place(error.place(bytes)).to_string()),
    }
    if bytes.len() > 4096 {
        return;
    }
    for name in ["manifest.json", "flasher_args.json"] {
        let old = Input::from_bytes(&br#"{"name":"heron","builds":[]}"#[..]).named("old.bin");
        let new = Input::from_bytes(bytes).named(name);
        let request =
            MakeRequest::new().diff(DiffOptions::new().effort(1).threads(1)).verify(false);
        if let Ok(made) = door::make(&old, &new, &request) {
            made.warnings.iter().for_each(|warning| drop(warning.what.to_string()));
            let again = door::apply(&old, &made.bytes, ApplyRequest::new());
            assert!(again.expect("what was made applies").bytes == bytes);
        }
    }
});
