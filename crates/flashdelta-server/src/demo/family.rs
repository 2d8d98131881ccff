//! A family of devices that is made up.

use flashdelta_fleet::catalogue::{Applier, Device, Running};
use flashdelta_fleet::{Digest, Name};

use crate::Error;

/// A product, its firmware, and the devices that run it.
pub(super) struct MadeUp {
    pub(super) product: &'static str,
    pub(super) title: &'static str,
    /// What its devices are called: this, and a number.
    pub(super) id: &'static str,
    pub(super) devices: u16,
    /// Of their appliers.
    pub(super) profile: &'static str,
    /// Versions, names of files, and files; devices run the first one.
    pub(super) releases: [(&'static str, &'static str, &'static [u8]); 2],
    /// The devices that get the last release, and how many of these, in percent.
    pub(super) condition: &'static str,
    pub(super) percent: u16,
}

macro_rules! firmware {
    ($version:literal, $name:literal) => {
        ($version, $name, include_bytes!(concat!("../../../../testdata/firmware/", $name)))
    };
}

/// All products.
pub(super) const FAMILY: [MadeUp; 2] = [
    MadeUp {
        product: "heron",
        title: "Heron, a sensor (Cortex-M)",
        id: "heron-",
        devices: 24,
        profile: "small",
        releases: [firmware!("1.0", "cortex-m-1.0.bin"), firmware!("1.1", "cortex-m-1.1.bin")],
        condition: "year >= 2024",
        percent: 50,
    },
    MadeUp {
        product: "egret",
        title: "Egret, a gateway (ESP32)",
        id: "egret-",
        devices: 6,
        profile: "esp32",
        releases: [firmware!("1.0", "esp32-1.0.bin"), firmware!("1.1", "esp32-1.1.bin")],
        condition: "true",
        percent: 100,
    },
];

/// What a device that nobody knows any more runs: no delta leads away from it.
pub(super) const FORGOTTEN: &[u8] = b"firmware of a test bench, of which there is no copy";

/// How a device differs from others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Habit {
    /// It asks by HTTP.
    Http,
    /// It asks by CoAP.
    Coap,
    /// It asks by HTTP, and can install nothing.
    Broken,
    /// It asks by HTTP, and runs what is in no catalogue.
    Forgotten,
}

impl MadeUp {
    pub(super) fn name(&self) -> Result<Name, Error> {
        Ok(Name::new(self.product)?)
    }

    /// Its devices, as they leave the factory.
    pub(super) fn devices(&self) -> Result<Vec<(Device, Habit)>, Error> {
        let device = |number: u16| {
            let habit = match number % 12 {
                6 => Habit::Broken,
                7 => Habit::Forgotten,
                3 | 5 | 9 => Habit::Coap,
                _ => Habit::Http,
            };
            let [(_, _, first), _] = self.releases;
            let runs = if habit == Habit::Forgotten { FORGOTTEN } else { first };
            let mut device = Device::new(format!("{}{number:03}", self.id), self.name()?);
            device.year = 2022 + number % 4;
            device.batch = ["A", "B", "C"]
                .get(usize::from(number % 3))
                .copied()
                .unwrap_or_default()
                .to_owned();
            device.serial = format!("{:06}", u32::from(number) * 7919 % 1_000_000);
            device.running = Running::One(Digest::of(runs));
            device.applier = Applier {
                profile: self.profile.to_owned(),
                takes_files: false,
                ..Applier::default()
            };
            Ok((device, habit))
        };
        (1..=self.devices).map(device).collect()
    }

    /// The firmware with this digest.
    pub(super) fn image(&self, digest: &Digest) -> Option<&'static [u8]> {
        let known = self.releases.map(|(_, _, file)| file);
        known.into_iter().chain([FORGOTTEN]).find(|file| Digest::of(file) == *digest)
    }

    /// What a device that holds this runs, for people.
    pub(super) fn version(&self, image: &[u8]) -> &'static str {
        let found = self.releases.into_iter().find(|(_, _, file)| *file == image);
        found.map_or("something unknown", |(version, ..)| version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_device_of_each_habit() {
        let all: Vec<_> = FAMILY.iter().flat_map(|of| of.devices().unwrap()).collect();
        assert_eq!(all.len(), 30);
        for habit in [Habit::Http, Habit::Coap, Habit::Broken, Habit::Forgotten] {
            assert!(all
                .iter()
                .any(|(device, of)| *of == habit && device.product.as_str() == "heron"));
        }
        for (device, _) in &all {
            device.check().unwrap();
        }
    }
}
