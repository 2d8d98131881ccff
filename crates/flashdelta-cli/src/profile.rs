//! Device profiles: by name, or from a file.

use flashdelta::profile::DeviceProfile;

use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::was_read;

/// The profile of this name, or else in this file.
pub(crate) fn load(name: &str) -> Outcome<DeviceProfile> {
    if DeviceProfile::named(name).is_none() {
        was_read::note([name]);
    }
    let loaded = while_nothing_is_written(|| DeviceProfile::load(name));
    loaded.map_err(|error| Failure::profile(&error))
}
