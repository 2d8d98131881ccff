//! A device of several components, in memory.

use crate::common::sets::three;
use crate::common::toy::Toy;
use core::cell::RefCell;
use flashdelta::apply::{NewImage, OutOfBounds};
use flashdelta::set::ComponentName;
use flashdelta::update::set::{Components, Entry, SetError, SetRecord, SetUpdate, SetUpdateError};
use flashdelta::DeviceIdentity;
use std::collections::BTreeMap;

/// What is in a component of the device in memory.
#[derive(Clone, Default)]
pub(super) struct Place {
    pub(super) active: Option<Vec<u8>>,
    pub(super) staged: Vec<u8>,
    pub(super) events: Vec<&'static str>,
}

pub(super) type Device = BTreeMap<ComponentName, Place>;

/// A device in memory. Errors are what a component is told to report.
pub(super) struct Memory<'a> {
    pub(super) device: &'a RefCell<Device>,
    pub(super) refuses: Option<(&'static str, ComponentName)>,
}

impl Memory<'_> {
    pub(super) fn event(
        &mut self,
        what: &'static str,
        entry: &Entry<'_>,
    ) -> Result<(), &'static str> {
        let name = entry.target.into();
        let mut device = self.device.borrow_mut();
        device.get_mut(&name).ok_or("no such component")?.events.push(what);
        match &self.refuses {
            Some((when, which)) if *when == what && *which == name => Err("refused"),
            _ => Ok(()),
        }
    }
}

/// A staged image: what is written is seen from outside at once.
pub(super) struct Staged<'a>(pub(super) &'a RefCell<Device>, pub(super) ComponentName);

impl NewImage for Staged<'_> {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        1 << 20
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
        let mut device = self.0.borrow_mut();
        NewImage::write(&mut device.get_mut(&self.1).unwrap().staged, offset, data)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        let mut device = self.0.borrow_mut();
        NewImage::read(&mut device.get_mut(&self.1).unwrap().staged, offset, buf)
    }
}

/// An image that is read as it is.
pub(super) struct Owned(pub(super) Vec<u8>);

impl flashdelta::apply::OldImage for Owned {
    type Error = OutOfBounds;

    fn len(&self) -> u32 {
        self.0.len() as u32
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        (&self.0[..]).read(offset, buf)
    }
}

impl<'a> Components for Memory<'a> {
    type Error = &'static str;
    type Old = Owned;
    type New = Staged<'a>;

    fn capacity(&mut self, entry: &Entry<'_>) -> Option<u32> {
        self.device.borrow().contains_key(&entry.target.into()).then_some(5000)
    }

    fn old(&mut self, entry: &Entry<'_>) -> Result<Option<Owned>, &'static str> {
        Ok(self.device.borrow()[&entry.target.into()].active.clone().map(Owned))
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<Staged<'a>, &'static str> {
        self.event("begin", entry)?;
        let name = ComponentName::from(entry.target);
        self.device.borrow_mut().get_mut(&name).unwrap().staged.clear();
        Ok(Staged(self.device, name))
    }

    fn verify(&mut self, entry: &Entry<'_>, _: Staged<'a>) -> Result<(), &'static str> {
        self.event("verify", entry)
    }

    fn activate(&mut self, entry: &Entry<'_>) -> Result<(), &'static str> {
        self.event("activate", entry)?;
        let mut device = self.device.borrow_mut();
        let place = device.get_mut(&entry.target.into()).unwrap();
        if !place.staged.is_empty() {
            place.active = Some(core::mem::take(&mut place.staged));
        }
        Ok(())
    }

    fn revert(&mut self, entry: &Entry<'_>) -> Result<(), &'static str> {
        self.event("revert", entry)?;
        let mut device = self.device.borrow_mut();
        device.get_mut(&entry.target.into()).unwrap().staged.clear();
        Ok(())
    }
}

/// A record in memory.
#[derive(Default)]
pub(super) struct Record(pub(super) Option<Vec<u8>>);

impl SetRecord for &mut Record {
    type Error = OutOfBounds;

    fn len(&self) -> Option<u32> {
        self.0.as_ref().map(|bytes| bytes.len() as u32)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        use flashdelta::apply::OldImage as _;
        self.0.as_deref().ok_or(OutOfBounds)?.read(offset, buf)
    }

    fn write(&mut self, head: &[u8], rest: &[u8]) -> Result<(), OutOfBounds> {
        self.0 = Some([head, rest].concat());
        Ok(())
    }
}

pub(super) type Failure = SetUpdateError<&'static str, OutOfBounds, OutOfBounds, OutOfBounds>;

/// How an update is run.
#[derive(Clone, Default)]
pub(super) struct Run {
    pub(super) key: Option<u8>,
    pub(super) identity: Option<DeviceIdentity>,
    pub(super) piece: usize,
    pub(super) refuses: Option<(&'static str, ComponentName)>,
}

/// The device with the old images.
pub(super) fn old_device() -> Device {
    let place = |old| Place { active: Some(old), ..Place::default() };
    three().map(|(name, _, old, _)| (name, place(old))).into()
}

impl Run {
    pub(super) fn signed() -> Self {
        Self { key: Some(7), piece: 64, ..Self::default() }
    }

    pub(super) fn unsigned() -> Self {
        Self { piece: 64, ..Self::default() }
    }

    /// Updates the device by a set that streams in.
    pub(super) fn update(
        &self,
        set: &[u8],
        device: &mut Device,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let shared = RefCell::new(core::mem::take(device));
        let components = Memory { device: &shared, refuses: self.refuses.clone() };
        let mut buffer = [0; 4200];
        let mut update = SetUpdate::new(components, record, &mut buffer);
        if let Some(identity) = self.identity {
            update = update.device(identity);
        }
        let result = match self.key {
            Some(key) => self.stream(update.require_signature(Toy(key)), set),
            None => self.stream(update, set),
        };
        *device = shared.into_inner();
        result
    }

    pub(super) fn stream<V: flashdelta::verify::Verifier>(
        &self,
        mut update: SetUpdate<'_, Memory<'_>, &mut Record, V>,
        set: &[u8],
    ) -> Result<(), Failure> {
        let (mut workspace, mut chunks) = (vec![0; 8 << 10], vec![0; 4 << 10]);
        let piece = |at: usize| set.get(at..).unwrap_or(&[]).chunks(self.piece).next();
        let mut at = 0;
        while !update.is_checked() {
            let bytes = piece(at).ok_or(SetError::Incomplete { at: at as u32 })?;
            at += update.feed(bytes)?;
        }
        while let Some(mut component) = update.begin(&mut workspace, &mut chunks)? {
            while !component.progress().done {
                let at = component.next();
                component.feed(piece(at as usize).ok_or(SetError::Incomplete { at })?)?;
            }
            component.finish()?;
        }
        update.finish()?;
        Ok(())
    }
}

pub(super) fn active(device: &Device) -> Vec<Option<&[u8]>> {
    three().iter().map(|(name, ..)| device[name].active.as_deref()).collect()
}

/// Nothing is active that was not, and what was written is right.
pub(super) fn assert_unharmed(device: &Device, what: &str) {
    for (name, _, old, new) in three() {
        let place = &device[&name];
        assert!(place.active.as_ref() == Some(&old), "{what}: {name} is not what it was");
        assert!(new.starts_with(&place.staged), "{what}: {name} was written wrong");
    }
}

pub(super) fn assert_new(device: &Device) {
    for (name, _, _, new) in three() {
        assert!(device[&name].active.as_ref() == Some(&new), "{name}");
    }
}
