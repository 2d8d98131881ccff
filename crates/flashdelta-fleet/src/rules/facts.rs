//! What conditions are asked about.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env};

use crate::catalogue::Device;
use crate::Version;

/// A device, as conditions see it.
pub struct Facts(Context<'static, 'static>);

/// Functions and operators of the language.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Facts {
    /// What there is to know of a device that runs this version, as far as that is known.
    pub fn of(device: &Device, version: Option<&Version>) -> Self {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        let text = |text: &str| text.to_owned();
        for (name, value) in [
            ("id", text(&device.id)),
            ("product", text(&device.product)),
            ("model", text(&device.model)),
            ("batch", text(&device.batch)),
            ("serial", text(&device.serial)),
            ("link", text(device.link.as_deref().unwrap_or_default())),
            ("version", text(version.map_or("", Version::as_str))),
        ] {
            context.add_variable_from_value(name, value);
        }
        context.add_variable_from_value("hardware", i64::from(device.hardware));
        context.add_variable_from_value("year", i64::from(device.year));
        let tags: Vec<String> = device.tags.iter().map(ToString::to_string).collect();
        context.add_variable_from_value("tags", tags);
        let attributes: HashMap<String, String> =
            device.attributes.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        context.add_variable_from_value("attributes", attributes);
        Self(context)
    }

    pub(super) fn context(&self) -> &Context<'static, 'static> {
        &self.0
    }
}
