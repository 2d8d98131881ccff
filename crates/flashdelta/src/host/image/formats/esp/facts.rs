//! What an image tells about itself.

use super::descriptor::AppDescriptor;
use super::image::EspImage;
use crate::host::image::formats::handler::Tell;

/// Chip, entry point, and what the descriptor of the application says.
pub(super) fn tell(file: &[u8], tell: &mut Tell<'_>) {
    let images = images(file);
    let Some(image) = images.first() else { return };
    let app = images.iter().find_map(|image| AppDescriptor::parse(image.app_descriptor(file)?));
    tell("chip", image.chip.name.to_owned());
    if images.len() > 1 {
        let starts: Vec<String> =
            images.iter().map(|image| format!("{:#x}", image.start)).collect();
        tell("images at", starts.join(", "));
    }
    tell("entry", format!("{:#010x}", image.entry));
    if let Some(app) = app {
        tell("project", app.project);
        tell("version", app.version);
        tell("built", format!("{} {}", app.date, app.time));
        tell("ESP-IDF", app.idf_version);
        tell("security counter", app.secure_version.to_string());
    }
    let sound = if images.iter().all(|image| image.checksum_ok) { "right" } else { "wrong" };
    tell("checksum", sound.to_owned());
}

/// The images in a file: one, or those of a flash image, which start where sectors do.
fn images(file: &[u8]) -> Vec<EspImage> {
    const SECTOR: usize = 4096;
    let mut end = 0;
    let starts = (0..file.len()).step_by(SECTOR);
    let found = starts.filter_map(|start| {
        let image =
            EspImage::parse(file, start).filter(|image| start >= end && image.is_sound())?;
        end = image.end;
        Some(image)
    });
    found.collect()
}
