//! Device profiles: by name, or from a file.

use flashdelta::profile::{DeviceProfile, ProfileError};
use flashdelta::ErrorClass;

use crate::failure::{Failure, Outcome};
use crate::interrupt::while_nothing_is_written;
use crate::{text, was_read};

/// The profile of this name, or else in this file.
pub(crate) fn load(name: &str) -> Outcome<DeviceProfile> {
    if DeviceProfile::named(name).is_none() {
        was_read::note([name]);
    }
    while_nothing_is_written(|| DeviceProfile::load(name)).map_err(|error| {
        let told = text::escaped_lines(&error.to_string());
        let failure = |class| Failure::new(class, told);
        match error {
            ProfileError::Read(error) => Failure::input(&error.into()),
            ProfileError::Unknown { .. } => failure(ErrorClass::Misuse)
                .hint("`flashdelta diff --help` shows what a profile file looks like"),
            _ => failure(ErrorClass::Misuse),
        }
    })
}
