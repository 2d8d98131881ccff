//! Sets in calls of bounded length: no call does more than it may, and the result is the same.

use core::cell::{Cell, RefCell};

use super::set_device::{active, assert_new, old_device, Device, Memory, Owned, Record, Staged};
use crate::common::counted::Counted;
use crate::common::sets::{signed, three, three_in_a_set};
use crate::common::toy::Toy;
use flashdelta::apply::OutOfBounds;
use flashdelta::update::set::{recover, Components, Entry, Recovered, SetRecord, SetUpdate};

/// A device that counts the bytes that go to and fro, and what else it is asked for.
struct Counting<'a> {
    inner: Memory<'a>,
    bytes: &'a Cell<u64>,
    activated: &'a Cell<u32>,
}

impl<'a> Components for Counting<'a> {
    type Error = &'static str;
    type Old = Counted<'a, Owned>;
    type New = Counted<'a, Staged<'a>>;

    fn capacity(&mut self, entry: &Entry<'_>) -> Option<u32> {
        self.inner.capacity(entry)
    }

    fn old(&mut self, entry: &Entry<'_>) -> Result<Option<Self::Old>, &'static str> {
        Ok(self.inner.old(entry)?.map(|old| Counted(old, self.bytes)))
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<Self::New, &'static str> {
        Ok(Counted(self.inner.begin(entry)?, self.bytes))
    }

    fn activate(&mut self, entry: &Entry<'_>) -> Result<(), &'static str> {
        self.activated.set(self.activated.get() + 1);
        self.inner.activate(entry)
    }
}

/// A record that counts how often it is written.
struct Writes<'a>(&'a mut Record, &'a Cell<u32>);

impl SetRecord for Writes<'_> {
    type Error = OutOfBounds;

    fn len(&self) -> Option<u32> {
        SetRecord::len(&self.0)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        SetRecord::read(&mut self.0, offset, buf)
    }

    fn write(&mut self, head: &[u8], rest: &[u8]) -> Result<(), OutOfBounds> {
        self.1.set(self.1.get() + 1);
        SetRecord::write(&mut self.0, head, rest)
    }
}

/// Updates in calls with this budget; gives the most bytes of one call, and the calls that it took
/// to check, to write and to finish.
fn run(set: &[u8], device: &mut Device, budget: u32, piece: usize) -> (u64, [u32; 3]) {
    let shared = RefCell::new(core::mem::take(device));
    let (bytes, activated, writes) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let inner = Memory { device: &shared, refuses: None };
    let components = Counting { inner, bytes: &bytes, activated: &activated };
    let (mut buffer, mut workspace, mut chunks) = ([0; 4200], vec![0; 8 << 10], vec![0; 4 << 10]);
    let mut record = Record::default();
    let record = Writes(&mut record, &writes);
    let mut update = SetUpdate::new(components, record, &mut buffer).require_signature(Toy(7));
    let (mut most, mut calls, mut at) = (0, [0; 3], 0);
    while !update.is_checked() {
        bytes.set(0);
        let rest = if update.is_pending() { &[] } else { &set[at..] };
        at += update.feed_within(&rest[..piece.min(rest.len())], budget).unwrap();
        most = most.max(bytes.get());
        calls[0] += 1;
    }
    assert_eq!(at, update.index().unwrap().payloads_offset() as usize);
    while let Some(mut component) = update.begin(&mut workspace, &mut chunks).unwrap() {
        while !component.progress().done {
            bytes.set(0);
            let rest = &set[component.next() as usize..];
            component.feed_within(&rest[..piece.min(rest.len())], budget).unwrap();
            most = most.max(bytes.get());
            calls[1] += 1;
        }
        component.finish().unwrap();
    }
    assert!(activated.get() == 0 && writes.get() == 1, "nothing is committed yet");
    loop {
        let before = activated.get() + writes.get();
        let is_done = update.finish_step().unwrap();
        assert!(activated.get() + writes.get() <= before + 1, "one thing a call");
        calls[2] += 1;
        if is_done {
            break;
        }
    }
    assert_eq!((activated.get(), writes.get()), (3, 3));
    drop(update);
    *device = shared.into_inner();
    (most, calls)
}

#[test]
fn no_call_does_more_than_its_budget_and_the_result_is_the_same() {
    let set = signed(&three_in_a_set(), &[7]);
    // What may go beyond: the first step of a call, of the applier or of a check.
    const FIRST: u64 = 1800;
    for budget in [0, 1, 100, 300, 1000, 4096, u32::MAX] {
        for piece in [1, 50, 4096] {
            let mut device = old_device();
            let (most, calls) = run(&set, &mut device, budget, piece);
            assert_new(&device);
            let limit = u64::from(budget).saturating_add(FIRST);
            assert!(most <= limit, "{most} bytes in a call with {budget}");
            if budget < 200 && piece == 4096 {
                // 1,500 bytes are there before.
                assert!(calls[0] >= 12 && calls[1] > 12, "{calls:?}");
            }
            assert_eq!(calls[2], 5);
        }
    }
    // The check alone keeps to its budget but for 128 bytes.
    let shared = RefCell::new(old_device());
    let (bytes, activated) = (Cell::new(0), Cell::new(0));
    let inner = Memory { device: &shared, refuses: None };
    let components = Counting { inner, bytes: &bytes, activated: &activated };
    let (mut buffer, mut record) = ([0; 4200], Record::default());
    let mut update = SetUpdate::new(components, &mut record, &mut buffer);
    let mut at = 0;
    while !update.is_checked() {
        bytes.set(0);
        let rest = if update.is_pending() { &[] } else { &set[at..] };
        at += update.feed_within(rest, 200).unwrap();
        assert!(bytes.get() <= 200 + 128, "{}", bytes.get());
    }
}

/// A reset between any two steps of the end: all is new.
#[test]
fn a_finish_that_stops_between_two_steps_is_completed() {
    let set = three_in_a_set();
    for steps in 0..5 {
        let shared = RefCell::new(old_device());
        let mut record = Record::default();
        let (mut buffer, mut workspace, mut chunks) =
            ([0; 4200], vec![0; 8 << 10], vec![0; 4 << 10]);
        let components = Memory { device: &shared, refuses: None };
        let mut update = SetUpdate::new(components, &mut record, &mut buffer);
        assert!(update.finish_step().is_err(), "nothing is there yet");
        let at = update.feed(&set).unwrap();
        assert!(update.is_checked() && at > 0);
        while let Some(mut component) = update.begin(&mut workspace, &mut chunks).unwrap() {
            component.feed(&set[component.next() as usize..]).unwrap();
            component.finish().unwrap();
        }
        for _ in 0..steps {
            assert!(!update.finish_step().unwrap());
        }
        drop(update);
        let mut components = Memory { device: &shared, refuses: None };
        let found = recover(&mut buffer, &mut components, &mut &mut record).unwrap();
        let expected = if steps == 0 { Recovered::Reverted } else { Recovered::Completed };
        assert_eq!(found, expected);
        let device = shared.into_inner();
        match steps {
            0 => {
                assert!(active(&device) == three().each_ref().map(|(_, _, old, _)| Some(&old[..])))
            }
            _ => assert_new(&device),
        }
    }
}
