//! What an application says about itself.

use crate::host::image::bytes::{text_at, u32_le};

/// First word of the application descriptor (`esp_app_desc_t`), which opens the first segment of an
/// application.
pub const APP_DESCRIPTOR: u32 = 0xabcd_5432;

/// What an application says about itself (`esp_app_desc_t` of ESP-IDF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppDescriptor {
    /// Anti-rollback counter.
    pub secure_version: u32,
    /// Version of the application.
    pub version: String,
    /// Name of the project.
    pub project: String,
    /// When it was compiled.
    pub time: String,
    /// On which day.
    pub date: String,
    /// Version of ESP-IDF.
    pub idf_version: String,
}

impl AppDescriptor {
    /// Reads the bytes of a [descriptor](super::EspImage::app_descriptor).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            secure_version: u32_le(bytes, 4)?,
            version: text_at::<32>(bytes, 16)?,
            project: text_at::<32>(bytes, 48)?,
            time: text_at::<16>(bytes, 80)?,
            date: text_at::<16>(bytes, 96)?,
            idf_version: text_at::<32>(bytes, 112)?,
        })
    }
}
