//! The header parser takes anything.
#![no_main]

use flashdelta::{PatchHeader, MAX_HEADER_LEN};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match PatchHeader::parse(bytes) {
        Ok(Some(header)) => {
            assert!(header.header_len as usize <= bytes.len());
            assert!(header.workspace_len() > 0);
            // It does not depend on what follows.
            let alone = &bytes[..header.header_len as usize];
            assert_eq!(PatchHeader::parse(alone), Ok(Some(header)));
            assert_eq!(PatchHeader::parse(&alone[..alone.len() - 1]), Ok(None));
        }
        Ok(None) => assert!(bytes.len() < MAX_HEADER_LEN),
        Err(error) => drop(error.to_string()),
    }
});
