//! Espressif images: applications and bootloaders of the ESP8266 and the ESP32 family, and flash
//! images merged from them.
//!
//! Source: "Firmware Image Format" in the manual of esptool
//! (`docs/en/advanced-topics/firmware-image-format.rst`), ESP-IDF `esp_app_format.h`, and for the
//! ESP8266 also the Arduino core's `elf2bin.py`.

pub mod chip;
pub mod partition;

mod cut;
mod descriptor;
mod facts;
mod handler;
mod image;
mod layout;

pub(crate) use cut::cut_off;
pub use descriptor::{AppDescriptor, APP_DESCRIPTOR};
pub(crate) use handler::HANDLER;
pub use image::{EspImage, Segment, MAGIC, MAGIC_V2};
pub(crate) use layout::images;
