//! Sets and power cuts: whenever the power goes, all is old or all is new, in the child device,
//! too.

use core::cell::RefCell;
use std::collections::BTreeMap;

use crate::common::sets::{signed, three, three_in_a_set};
use crate::common::toy::Toy;
use flashdelta::nor::{NorNew, NorOld, Records, Shared, SharedError, SlotError};
use flashdelta::set::ComponentName;
use flashdelta::update::set::{recover, Components, Entry, Recovered, SetUpdate, SetUpdateError};
use flashdelta_sim::{Cut, NorSim, SimError, POSITIONS};
use sha2::{Digest as _, Sha256};

const SECTOR: u32 = 256;
type Sim = NorSim<1, 4, 256>;
type Chip<'a> = Shared<'a, Sim>;
type Fault = SlotError<SharedError<SimError>>;
type Failure = SetUpdateError<Fault, Fault, Fault, Fault>;

/// The record of the update, in the flash of the device.
const RECORD: (u32, u32) = (0, 6 * SECTOR);

/// Where a component is: on which chip, where its selection is, and where its two slots are.
#[derive(Clone, Copy)]
struct Place {
    on_child: bool,
    selection: u32,
    slot: u32,
}

/// Length of a slot.
const SLOT: u32 = 4 * SECTOR;

/// Both chips: that of the device, and that of its child.
#[derive(Clone)]
struct Device {
    main: RefCell<Sim>,
    child: RefCell<Sim>,
}

fn places() -> BTreeMap<ComponentName, Place> {
    let [child, files, app] = three().map(|(name, ..)| name);
    let place = |on_child, start: u32| Place {
        on_child,
        selection: start * SECTOR,
        slot: (start + 2) * SECTOR,
    };
    BTreeMap::from([(child, place(true, 0)), (files, place(false, 6)), (app, place(false, 16))])
}

impl Device {
    /// With the old images in their first slots.
    fn new() -> Self {
        let (mut main, mut child) = (Sim::used(26, 5), Sim::used(10, 6));
        let places = places();
        for (name, _, old, _) in three() {
            let place = places[&name];
            let flash = if place.on_child { &mut child } else { &mut main };
            flash.load(place.slot, &old).unwrap();
        }
        Self { main: RefCell::new(main), child: RefCell::new(child) }
    }

    fn chip(&self, place: Place) -> Chip<'_> {
        Shared(if place.on_child { &self.child } else { &self.main })
    }

    fn power_on(&self) {
        self.main.borrow_mut().power_on();
        self.child.borrow_mut().power_on();
    }

    fn operations(&self) -> [u64; 2] {
        [self.main.borrow().operations(), self.child.borrow().operations()]
    }

    /// What is active: true where it is new; an error if it is neither.
    fn active(&self) -> Vec<bool> {
        let slots = Slots(self);
        let is_new = |(name, _, old, new): (ComponentName, _, Vec<u8>, Vec<u8>)| {
            let place = places()[&name];
            let at = slots.active(place).unwrap();
            let flash = self.chip(place).0.borrow();
            match (flash.holds(at, &old), flash.holds(at, &new)) {
                (true, false) => false,
                (false, true) => true,
                _ => panic!("{name} is neither old nor new"),
            }
        };
        three().into_iter().map(is_new).collect()
    }
}

/// Each component has two slots, and a record of which is active.
struct Slots<'a>(&'a Device);

impl<'a> Slots<'a> {
    fn place(&self, entry: &Entry<'_>) -> Option<Place> {
        places().get(&entry.target.into()).copied()
    }

    fn selection(&self, place: Place) -> Result<Records<Chip<'a>>, Fault> {
        let chip = Shared(if place.on_child { &self.0.child } else { &self.0.main });
        Records::new(chip, place.selection, 2 * SECTOR)
    }

    /// Where the active slot starts.
    fn active(&self, place: Place) -> Result<u32, Fault> {
        let mut selection = self.selection(place)?;
        let mut second = [0];
        if selection.len() == Some(1) {
            selection.read(0, &mut second)?;
        }
        Ok(place.slot + u32::from(second[0]) * SLOT)
    }

    fn chip(&self, place: Place) -> Chip<'a> {
        Shared(if place.on_child { &self.0.child } else { &self.0.main })
    }
}

impl<'a> Components for Slots<'a> {
    type Error = Fault;
    type Old = NorOld<Chip<'a>>;
    type New = NorNew<Chip<'a>>;

    fn capacity(&mut self, entry: &Entry<'_>) -> Option<u32> {
        self.place(entry).map(|_| SLOT)
    }

    fn old(&mut self, entry: &Entry<'_>) -> Result<Option<Self::Old>, Fault> {
        let place = self.place(entry).unwrap();
        NorOld::new(self.chip(place), self.active(place)?, SLOT).map(Some)
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<Self::New, Fault> {
        let place = self.place(entry).unwrap();
        let other = 2 * place.slot + SLOT - self.active(place)?;
        NorNew::new(self.chip(place), other, SLOT)
    }

    fn activate(&mut self, entry: &Entry<'_>) -> Result<(), Fault> {
        let place = self.place(entry).unwrap();
        let at = self.active(place)?;
        let mut image = vec![0; entry.size as usize];
        use flashdelta::apply::OldImage as _;
        NorOld::new(self.chip(place), at, SLOT)?.read(0, &mut image)?;
        if Sha256::digest(&image)[..] == entry.sha256 {
            return Ok(());
        }
        let mut selection = self.selection(place)?;
        let mut record = selection.write(1)?;
        record.put(&[u8::from(at == place.slot)])?;
        record.commit()
    }
}

fn record(device: &Device) -> Result<Records<Chip<'_>>, Failure> {
    Records::new(Shared(&device.main), RECORD.0, RECORD.1).map_err(SetUpdateError::Record)
}

/// The whole update.
fn update(device: &Device, set: &[u8]) -> Result<(), Failure> {
    let (mut buffer, mut workspace, mut chunks) =
        (vec![0; 4200], vec![0; 8 << 10], vec![0; 4 << 10]);
    let update = SetUpdate::new(Slots(device), record(device)?, &mut buffer);
    let mut update = update.require_signature(Toy(7));
    update.feed(set)?;
    while let Some(mut component) = update.begin(&mut workspace, &mut chunks)? {
        component.feed(&set[component.next() as usize..])?;
        component.finish()?;
        // Nothing is active before all is committed.
        assert_eq!(device.active(), [false; 3]);
    }
    update.finish().map(drop)
}

/// What a device does when it starts.
fn start(device: &Device) -> Result<Recovered, Failure> {
    recover(&mut [0; 4096], &mut Slots(device), &mut record(device)?)
}

/// The cuts of all operations between these two states of the counters.
fn cuts(from: [u64; 2], to: [u64; 2]) -> impl Iterator<Item = (usize, Cut)> {
    (0..2).flat_map(move |chip| {
        (from[chip]..to[chip]).flat_map(move |operation| {
            (0..=POSITIONS).map(move |position| (chip, Cut { operation, position }))
        })
    })
}

fn cut_at(device: &Device, (chip, cut): (usize, Cut)) {
    [&device.main, &device.child][chip].borrow_mut().cut_at(cut);
}

/// After a start, all is old or all is new, as the recovery says.
fn assert_one(device: &Device, recovered: Recovered, what: &str) -> bool {
    let active = device.active();
    let is_new = active[0];
    assert!(active.iter().all(|new| *new == is_new), "{what}: a mixture: {active:?}");
    match recovered {
        Recovered::Completed => assert!(is_new, "{what}: committed, but old"),
        Recovered::Reverted => assert!(!is_new, "{what}: taken back, but new"),
        Recovered::Nothing => {}
    }
    for flash in [&device.main, &device.child] {
        assert_eq!(flash.borrow().violations(), [], "{what}");
    }
    is_new
}

#[test]
fn a_cut_anywhere_leaves_all_old_or_all_new() {
    let set = signed(&three_in_a_set(), &[7]);
    let before = Device::new();
    let whole = before.clone();
    assert_eq!(start(&whole), Ok(Recovered::Nothing));
    update(&whole, &set).unwrap();
    assert_eq!(whole.active(), [true; 3]);
    assert_eq!(start(&whole), Ok(Recovered::Nothing));

    let (mut ends, mut second_cuts) = ([0; 2], 0);
    for (number, at) in cuts(before.operations(), whole.operations()).enumerate() {
        let what = format!("chip {} {}", at.0, at.1);
        let device = before.clone();
        cut_at(&device, at);
        // Without power nothing goes on. (A cut after the last operation is none.)
        if update(&device, &set).is_ok() {
            assert!(at.1.position == POSITIONS, "{what}");
        }
        device.power_on();

        // A second cut while it recovers, anywhere in some, and a third start.
        let recovered = device.clone();
        let outcome = start(&recovered).unwrap();
        let is_new = assert_one(&recovered, outcome, &what);
        ends[usize::from(is_new)] += 1;
        if number % 7 == 0 {
            for second in cuts(device.operations(), recovered.operations()) {
                let device = device.clone();
                cut_at(&device, second);
                let _ = start(&device);
                device.power_on();
                let outcome = start(&device).unwrap();
                let what = format!("{what}, then chip {} {}", second.0, second.1);
                assert_eq!(assert_one(&device, outcome, &what), is_new, "{what}");
                second_cuts += 1;
            }
        }

        // Started again, it gets to its end.
        update(&recovered, &set).unwrap();
        assert_eq!(recovered.active(), [true; 3], "{what}");
    }
    assert!(ends[0] > 300 && ends[1] > 100, "{ends:?}");
    assert!(second_cuts > 1000, "{second_cuts}");
}
