//! What a device says of itself, by names.

use std::collections::BTreeMap;

use flashdelta_fleet::catalogue::{Device, Running};
use flashdelta_fleet::{Digest, Name, Version};

use crate::catalogue::StoredDevice;
use crate::database::Tenant;
use crate::Error;

/// Takes what a device says of itself. What has no meaning of its own becomes an attribute.
///
/// A device that is entered with its product cannot say another one; one of a gateway's is entered
/// by the product that it says.
///
/// # Errors
///
/// [`Error::Bad`], with the name of what cannot be; then nothing is changed.
pub(crate) async fn configure(
    tenant: &Tenant,
    stored: StoredDevice,
    said: &BTreeMap<String, String>,
) -> Result<StoredDevice, Error> {
    let mut device = match (&stored.device, said.get("product")) {
        (Some(device), None) => device.clone(),
        (Some(device), Some(product)) if *product == *device.product => device.clone(),
        (Some(device), Some(product)) => {
            return Err(Error::bad("product", product, device.product.as_str()));
        }
        (None, Some(product)) => {
            let product = Name::new(&**product)?;
            tenant.product(&product).await?;
            Device::new(stored.id.clone(), product)
        }
        // It is known when it says its product.
        (None, None) => return Ok(stored),
    };
    for (name, value) in said {
        tell(&mut device, name, value)?;
    }
    if stored.device.as_ref() != Some(&device) {
        tenant.save_device(&device).await?;
    }
    Ok(StoredDevice { device: Some(device), ..stored })
}

fn tell(device: &mut Device, name: &str, value: &str) -> Result<(), Error> {
    match name {
        "product" => {}
        "digest" => device.running = running(value)?,
        "version" => device.version = Some(Version::new(value)?),
        "hardware" => device.hardware = number("hardware", value)?,
        "model" => value.clone_into(&mut device.model),
        "year" => device.year = number("year", value)?,
        "batch" => value.clone_into(&mut device.batch),
        "serial" => value.clone_into(&mut device.serial),
        "security_counter" => device.security_counter = number("security_counter", value)?,
        "link" => device.link = Some(Name::new(value)?),
        "profile" => value.clone_into(&mut device.applier.profile),
        "ram" => device.applier.ram = Some(number("ram", value)?),
        "sets" => device.applier.takes_sets = number::<u8>("sets", value)? != 0,
        "page" => device.applier.page = Some(number("page", value)?),
        "formats" => {
            let formats = value.split(',').filter(|format| !format.is_empty());
            let formats = formats.map(|format| number("formats", format));
            device.applier.formats = formats.collect::<Result<_, _>>()?;
        }
        _ => {
            device.attributes.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(())
}

fn number<T: core::str::FromStr>(what: &'static str, value: &str) -> Result<T, Error> {
    value.trim().parse().map_err(|_| Error::bad(what, value, "a number that is possible there"))
}

/// One digest, or `NAME=DIGEST` for each component, separated by commas.
fn running(value: &str) -> Result<Running, Error> {
    if value.is_empty() {
        return Ok(Running::Unknown);
    }
    if !value.contains('=') {
        return Ok(Running::One(value.parse()?));
    }
    let component = |part: &str| {
        let expected = "a digest, or NAME=DIGEST,…";
        let (name, digest) =
            part.split_once('=').ok_or_else(|| Error::bad("digest", value, expected))?;
        Ok::<(Name, Digest), Error>((Name::new(name)?, digest.parse()?))
    };
    Ok(Running::Components(value.split(',').map(component).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_say_what_they_are() {
        let mut device = Device::new("a", Name::new("heron").unwrap());
        let digest = Digest::of(b"a");
        for (name, value) in [
            ("digest", &*digest.to_string()),
            ("year", "2024"),
            ("formats", "0,1"),
            ("region", "eu"),
            ("ram", "20480"),
        ] {
            tell(&mut device, name, value).unwrap();
        }
        assert_eq!(device.running, Running::One(digest));
        assert_eq!((device.year, device.applier.ram), (2024, Some(20480)));
        assert_eq!(device.applier.formats, [0, 1].into());
        assert_eq!(device.attributes["region"], "eu");
        tell(&mut device, "digest", &format!("app={digest},radio={digest}")).unwrap();
        assert!(matches!(&device.running, Running::Components(all) if all.len() == 2));
        for (name, value) in [("year", "x"), ("digest", "12"), ("ram", "-1"), ("link", "a/b")] {
            assert!(tell(&mut device, name, value).is_err(), "{name}");
        }
    }
}
