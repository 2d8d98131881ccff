//! Component sets, signed and unsigned, edited, in pieces, cut short, with components that fail:
//! what is active is all old or all new.
#![no_main]

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use flashdelta::apply::{NewImage, OldImage, OutOfBounds};
use flashdelta::set::{self, ComponentName, SetFacts};
use flashdelta::update::set::{Components, Entry, SetRecord, SetUpdate};
use flashdelta::verify::Verifier;
use flashdelta_fuzz::seal;
use flashdelta_fuzz::sets::{signed, three, three_in_a_set};
use flashdelta_fuzz::toy::Toy;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case {
    is_signed: bool,
    edits: Vec<(u16, u8)>,
    cut_short: Option<u16>,
    /// Within the set, the header of which patch gets a right checksum.
    sealed: Option<u16>,
    piece: u8,
    /// Which call of the device fails.
    fails: Option<u8>,
}

#[derive(Default)]
struct Device {
    active: BTreeMap<ComponentName, Vec<u8>>,
    staged: BTreeMap<ComponentName, Vec<u8>>,
    calls: u8,
    fails: Option<u8>,
}

impl Device {
    fn call(&mut self) -> Result<(), OutOfBounds> {
        self.calls = self.calls.saturating_add(1);
        if self.fails == Some(self.calls) {
            Err(OutOfBounds)
        } else {
            Ok(())
        }
    }
}

struct Parts<'d>(&'d RefCell<Device>);
struct Staged<'d>(&'d RefCell<Device>, ComponentName);
struct Owned(Vec<u8>);

impl OldImage for Owned {
    type Error = OutOfBounds;

    fn len(&self) -> u32 {
        self.0.len() as u32
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        (&self.0[..]).read(offset, bytes)
    }
}

impl NewImage for Staged<'_> {
    type Error = OutOfBounds;

    fn capacity(&self) -> u32 {
        1 << 12
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let mut device = self.0.borrow_mut();
        NewImage::write(device.staged.get_mut(&self.1).ok_or(OutOfBounds)?, offset, bytes)
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        let mut device = self.0.borrow_mut();
        NewImage::read(device.staged.get_mut(&self.1).ok_or(OutOfBounds)?, offset, bytes)
    }
}

impl<'d> Components for Parts<'d> {
    type Error = OutOfBounds;
    type Old = Owned;
    type New = Staged<'d>;

    fn capacity(&mut self, entry: &Entry<'_>) -> Option<u32> {
        self.0.borrow().active.contains_key(&entry.target.into()).then_some(1 << 12)
    }

    fn old(&mut self, entry: &Entry<'_>) -> Result<Option<Owned>, OutOfBounds> {
        Ok(self.0.borrow().active.get(&entry.target.into()).cloned().map(Owned))
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<Staged<'d>, OutOfBounds> {
        let name = ComponentName::from(entry.target);
        let mut device = self.0.borrow_mut();
        device.call()?;
        device.staged.insert(name.clone(), Vec::new());
        Ok(Staged(self.0, name))
    }

    fn verify(&mut self, _: &Entry<'_>, _: Staged<'d>) -> Result<(), OutOfBounds> {
        self.0.borrow_mut().call()
    }

    fn activate(&mut self, entry: &Entry<'_>) -> Result<(), OutOfBounds> {
        let mut device = self.0.borrow_mut();
        if let Some((name, new)) = device.staged.remove_entry(&entry.target.into()) {
            device.active.insert(name, new);
        }
        Ok(())
    }

    fn revert(&mut self, entry: &Entry<'_>) -> Result<(), OutOfBounds> {
        self.0.borrow_mut().staged.remove(&entry.target.into());
        Ok(())
    }
}

#[derive(Default)]
struct Record(Option<Vec<u8>>);

impl SetRecord for Record {
    type Error = OutOfBounds;

    fn len(&self) -> Option<u32> {
        self.0.as_ref().map(|bytes| bytes.len() as u32)
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.0.as_deref().ok_or(OutOfBounds)?.read(offset, bytes)
    }

    fn write(&mut self, head: &[u8], rest: &[u8]) -> Result<(), OutOfBounds> {
        self.0 = Some([head, rest].concat());
        Ok(())
    }
}

/// Whether the set was taken.
fn update<V: Verifier>(
    mut update: SetUpdate<'_, Parts<'_>, Record, V>,
    set: &[u8],
    piece: usize,
) -> bool {
    let (mut workspace, mut chunks) = (vec![0; 8 << 10], vec![0; 4 << 10]);
    let piece = |at: usize| set.get(at..).and_then(|rest| rest.chunks(piece).next());
    let mut at = 0;
    while !update.is_checked() {
        let Some(bytes) = piece(at) else { return false };
        let Ok(taken) = update.feed(bytes) else { return false };
        at += taken;
    }
    loop {
        match update.begin(&mut workspace, &mut chunks) {
            Err(_) => return false,
            Ok(None) => break,
            Ok(Some(mut component)) => {
                while !component.progress().done {
                    let Some(bytes) = piece(component.next() as usize) else { return false };
                    if component.feed(bytes).is_err() {
                        return false;
                    }
                }
                if component.finish().is_err() {
                    return false;
                }
            }
        }
    }
    update.finish().is_ok()
}

fuzz_target!(|case: Case| {
    static RIGHT: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let right = RIGHT.get_or_init(|| {
        let set = three_in_a_set();
        [signed(&set, &[7]), set]
    });
    let mut set = right[usize::from(!case.is_signed)].clone();
    for (at, change) in &case.edits {
        let at = usize::from(*at) % set.len();
        set[at] ^= change;
    }
    if let Some(at) = case.sealed {
        let at = usize::from(at) % set.len();
        seal(&mut set[at..]);
    }
    set.truncate(case.cut_short.map_or(usize::MAX, usize::from));
    let is_right = set == right[usize::from(!case.is_signed)];
    if let Ok(facts) = SetFacts::of(&set) {
        assert!(facts.components.len() <= set.len());
        set::check(&set).expect("it has facts");
    }
    let device = RefCell::new(Device::default());
    device.borrow_mut().fails = case.fails;
    for (name, _, old, _) in three() {
        device.borrow_mut().active.insert(name, old);
    }
    let mut buffer = [0; 4200];
    let machine = SetUpdate::new(Parts(&device), Record::default(), &mut buffer);
    let piece = usize::from(case.piece) + 1;
    let done = match case.is_signed {
        true => update(machine.require_signature(Toy(7)), &set, piece),
        false => update(machine, &set, piece),
    };
    let device = device.into_inner();
    let is_new = three().map(|(name, _, old, new)| {
        let active = &device.active[&name];
        assert!(*active == old || *active == new || !case.is_signed);
        *active != old
    });
    if !done {
        assert_eq!(is_new, [false; 3], "nothing is active before all is");
    } else if case.is_signed {
        assert!(is_right);
        assert_eq!(is_new, [true; 3]);
    }
    assert!(done || !is_right || case.fails.is_some());
});
