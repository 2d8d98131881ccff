//! A plain binary, or something unknown.

use super::handler::{Handler, Reading};
use super::payload::payload;
use super::{dfu, esp, mcuboot, zigbee};

/// What is done with a plain binary. It is what no other format recognises.
pub(crate) static HANDLER: Handler = Handler {
    map: |file, map| payload(file, 0..dfu::content_len(file), map),
    check: |file, found, _| {
        found.extend(mcuboot::cut_off(file));
        found.extend(zigbee::cut_off(file));
        found.extend(esp::cut_off(file));
        Ok(())
    },
    states_base: |_, _| false,
    reading: Reading::Plain,
    ..Handler::PLAIN
};
