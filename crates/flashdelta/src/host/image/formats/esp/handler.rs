//! What is done with Espressif images.

use super::image::EspImage;
use super::layout::{check, is, map};
use crate::host::image::formats::handler::{Handler, Reading};

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is,
    map,
    check: |file, found, _| {
        check(file, found);
        Ok(())
    },
    details: super::facts::tell,
    reading: Reading::Mapped(|file| EspImage::parse(file, 0).map(|image| image.entry)),
    ..Handler::PLAIN
};
