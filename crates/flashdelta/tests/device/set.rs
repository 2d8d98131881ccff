//! Component sets: what is not vouched for is never used, and what is not complete never active.

use core::cell::RefCell;

use super::set_device::*;
use crate::common::sets::{child, images, partition, quick, signed, three, three_in_a_set};
use crate::common::toy::Toy;
use flashdelta::set::{self, Component, ComponentName, SetFileError, SetMakeError};
use flashdelta::update::set::{
    recover, Index, Kind, Precondition, Recovered, SetError, SetUpdate, SetUpdateError,
};
use flashdelta::verify::{GuardError, VerifyError};
use flashdelta::{DeviceIdentity, Identity};

#[test]
fn a_set_makes_all_new_however_it_is_cut() {
    let set = three_in_a_set();
    set::check(&set).unwrap();
    for keys in [&[][..], &[7], &[1, 7, 2]] {
        let set = signed(&set, keys);
        for piece in [1, 13, 64, set.len()] {
            for key in [None, Some(7)].into_iter().take(1 + keys.len().min(1)) {
                let (mut device, mut record) = (old_device(), Record::default());
                let run = Run { key, piece, ..Run::default() };
                run.update(&set, &mut device, &mut record).unwrap();
                assert_new(&device);
                // Once more: there is nothing to do.
                device.values_mut().for_each(|place| place.events.clear());
                run.update(&set, &mut device, &mut record).unwrap();
                assert!(device.values().all(|place| place.events.is_empty()));
            }
        }
    }
}

#[test]
fn every_changed_byte_is_found_before_a_write_depends_on_it() {
    let right = signed(&three_in_a_set(), &[7]);
    let payloads = Index::parse(&right).unwrap().unwrap().payloads_offset() as usize;
    for at in 0..right.len() {
        let mut set = right.clone();
        set[at] ^= 1 << (at % 8);
        let (mut device, mut record) = (old_device(), Record::default());
        let what = format!("byte {at}");
        let error = Run::signed().update(&set, &mut device, &mut record).expect_err(&what);
        assert_unharmed(&device, &what);
        if at < payloads {
            assert!(record.0.is_none(), "{what}: {error}");
            assert!(device.values().all(|place| place.events.is_empty()), "{what}: {error}");
        } else {
            let is_chunk = matches!(
                error,
                SetUpdateError::Payload {
                    error: GuardError::Verify(
                        VerifyError::WrongHeader
                            | VerifyError::WrongTable
                            | VerifyError::WrongChunk { .. }
                    ) | GuardError::Apply(_),
                    ..
                }
            );
            assert!(is_chunk, "{what}: {error}");
        }
        assert!(set::check(&set).is_err() || at < payloads, "{what}");
    }
    // Without signature and chunks, too, nothing wrong becomes active.
    let right = three_in_a_set();
    for at in 0..right.len() {
        let mut set = right.clone();
        set[at] ^= 0x80 >> (at % 8);
        let (mut device, mut record) = (old_device(), Record::default());
        assert!(Run::unsigned().update(&set, &mut device, &mut record).is_err(), "byte {at}");
        for (name, _, old, _) in three() {
            assert!(device[&name].active == Some(old), "byte {at}");
        }
    }
}

#[test]
fn every_truncation_leaves_all_old() {
    let right = signed(&three_in_a_set(), &[7]);
    for len in 0..right.len() {
        let (mut device, mut record) = (old_device(), Record::default());
        let what = format!("{len} bytes");
        assert!(Run::signed().update(&right[..len], &mut device, &mut record).is_err(), "{what}");
        assert_unharmed(&device, &what);
        assert!(matches!(
            set::check(&right[..len]),
            Err(SetFileError::Truncated { found, .. }) if found == len as u64
        ));
    }
    let longer = [&right[..], &[0]].concat();
    let expected = right.len() as u64;
    assert_eq!(set::check(&longer).unwrap_err(), SetFileError::Trailing { expected });
}

#[test]
fn who_signed_it_counts() {
    let refused = |set: &[u8], expected: VerifyError| {
        for piece in [1, 64, 5000] {
            let (mut device, mut record) = (old_device(), Record::default());
            let run = Run { piece, ..Run::signed() };
            let error = run.update(set, &mut device, &mut record).unwrap_err();
            assert_eq!(error, SetUpdateError::Set(SetError::Verify(expected)));
            assert!(device.values().all(|place| place.events.is_empty()));
        }
    };
    let plain = three_in_a_set();
    refused(&plain, VerifyError::Unsigned);
    refused(&signed(&plain, &[1, 2]), VerifyError::UnknownKey { key_id: [1; 8] });
    let mut wrong = signed(&plain, &[7]);
    let at = Index::parse(&wrong).unwrap().unwrap().payloads_offset() as usize - 1;
    wrong[at] ^= 1;
    refused(&wrong, VerifyError::WrongSignature { key_id: [7; 8] });
    // A patch's signature is none of a set.
    let message = set::message(&plain).unwrap();
    assert_eq!(&message[..16], b"flashdelta set\0\0");
    // Signing again replaces; five keys are too many.
    let four = signed(&plain, &[1, 2, 3, 4]);
    assert_eq!(signed(&four, &[2]).len(), four.len());
    let signature = Toy(5).sign(&set::message(&four).unwrap());
    assert_eq!(set::attach(&four, signature), Err(SetFileError::TooManySignatures));
    assert_eq!(set::signatures(&four).unwrap().len(), 4);
    // A signed set whose payloads have no chunks is not taken by who requires a signature.
    let unsealed = {
        let (components, index) = (three(), Index::parse(&plain).unwrap().unwrap());
        assert_eq!(index.entries().count(), components.len());
        index.chunk_ram()
    };
    assert!(unsealed < 1024, "{unsealed}");
}

#[test]
fn the_device_is_checked_before_anything_is_written() {
    let identity = Identity { product: 5, hardware_from: 2, hardware_to: 4, security_counter: 9 };
    let components = three().map(|(name, kind, old, new)| Component::update(kind, name, old, new));
    let set = set::make(&components, &quick().identity(identity)).unwrap();
    let device = |product, hardware, security_counter| DeviceIdentity {
        product,
        hardware,
        security_counter,
    };
    let outcome = |set: &[u8], identity, change: &dyn Fn(&mut Device)| {
        let (mut places, mut record) = (old_device(), Record::default());
        change(&mut places);
        let before = active(&places).into_iter().map(|a| a.map(<[u8]>::to_vec)).collect::<Vec<_>>();
        let run = Run { identity, ..Run::unsigned() };
        let result = run.update(set, &mut places, &mut record);
        if result.is_err() {
            assert!(record.0.is_none() && places.values().all(|place| place.events.is_empty()));
            let after = active(&places);
            assert!(after.iter().zip(&before).all(|(a, b)| *a == b.as_deref()));
        }
        match result {
            Err(SetUpdateError::Set(error)) => Some(error),
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    };
    let same = |_: &mut Device| {};
    assert_eq!(outcome(&set, Some(device(5, 3, 9)), &same), None);
    assert_eq!(
        outcome(&set, Some(device(6, 3, 9)), &same),
        Some(SetError::WrongProduct { set: 5, device: 6 })
    );
    assert_eq!(
        outcome(&set, Some(device(5, 5, 9)), &same),
        Some(SetError::WrongHardware { from: 2, to: 4, device: 5 })
    );
    assert_eq!(
        outcome(&set, Some(device(5, 3, 10)), &same),
        Some(SetError::Rollback { set: 9, device: 10 })
    );
    let anonymous = three_in_a_set();
    assert_eq!(outcome(&anonymous, Some(device(5, 3, 9)), &same), Some(SetError::NoIdentity));
    // Components.
    let error = outcome(&set, None, &|device| {
        device.get_mut(&partition("app")).unwrap().active.as_mut().unwrap()[0] ^= 1;
    });
    assert!(matches!(error, Some(SetError::WrongComponent { component: 2, .. })), "{error:?}");
    let error = outcome(&set, None, &|device| {
        device.get_mut(&partition("files")).unwrap().active = None;
    });
    assert!(matches!(error, Some(SetError::WrongComponent { component: 1, .. })), "{error:?}");
    let large =
        set::make(&[Component::replace(Kind::Data, partition("app"), vec![1; 5001])], &quick());
    assert_eq!(
        outcome(&large.unwrap(), None, &same),
        Some(SetError::TooLong { component: 0, needed: 5001, capacity: 5000 })
    );
    let (other, new) = (ComponentName::Name("logo".into()), images(9, 100).1);
    let unknown = set::make(&[Component::replace(Kind::Data, other, new.clone())], &quick());
    assert_eq!(
        outcome(&unknown.unwrap(), None, &same),
        Some(SetError::UnknownComponent { component: 0 })
    );
    let add = [Component::add(Kind::Data, partition("files"), new.clone())];
    let add = set::make(&add, &quick()).unwrap();
    assert_eq!(outcome(&add, None, &same), Some(SetError::NotAbsent { component: 0 }));
    let absent = |device: &mut Device| {
        device.get_mut(&partition("files")).unwrap().active = None;
    };
    assert_eq!(outcome(&add, None, &absent), None);
    // What has to be there, and is not sent.
    let [_, (files, kind, old, new), (app, app_kind, old_app, new_app)] = three();
    let require = |image: Vec<u8>| {
        let components = [
            Component::require(kind, files.clone(), image),
            Component::update(app_kind, app.clone(), old_app.clone(), new_app.clone()),
        ];
        set::make(&components, &quick()).unwrap()
    };
    assert_eq!(outcome(&require(old), None, &same), None);
    assert_eq!(outcome(&require(new), None, &same), Some(SetError::Missing { component: 0 }));
}

#[test]
fn components_for_other_hardware_are_left_out() {
    let [motor, ..] = three();
    let (name, kind, old, new) = motor;
    let (_, other) = images(77, 400);
    let components = [
        Component::update(kind, name.clone(), old.clone(), new.clone()).hardware(1, 2),
        Component::replace(kind, name.clone(), other.clone()).hardware(3, 9),
    ];
    let set = set::make(&components, &quick()).unwrap();
    let update = |hardware: Option<u16>| {
        let identity = hardware.map(|hardware| DeviceIdentity { hardware, ..Default::default() });
        let (mut device, mut record) = (old_device(), Record::default());
        let run = Run { identity, ..Run::unsigned() };
        let result = run.update(&set, &mut device, &mut record);
        (result, device[&name].active.clone())
    };
    let unknown = SetUpdateError::Set(SetError::HardwareUnknown { component: 0 });
    assert_eq!(update(None), (Err(unknown), Some(old)));
    // The set has no identity, so it does not say for which product it is.
    assert_eq!(update(Some(1)).0, Err(SetUpdateError::Set(SetError::NoIdentity)));
    let identity = Identity { hardware_to: 9, ..Default::default() };
    let set = set::make(&components, &quick().identity(identity)).unwrap();
    for (hardware, expected) in [(2, &new), (3, &other)] {
        let identity = Some(DeviceIdentity { hardware, ..Default::default() });
        let (mut device, mut record) = (old_device(), Record::default());
        let run = Run { identity, ..Run::unsigned() };
        run.update(&set, &mut device, &mut record).unwrap();
        assert!(device[&name].active.as_ref() == Some(expected), "revision {hardware}");
    }
}

#[test]
fn a_component_that_refuses_keeps_all_old_until_the_commit_and_goes_on_after_it() {
    let set = three_in_a_set();
    for (when, which) in [("begin", partition("app")), ("verify", partition("app"))] {
        let (mut device, mut record) = (old_device(), Record::default());
        let run = Run { refuses: Some((when, which)), ..Run::unsigned() };
        let error = run.update(&set, &mut device, &mut record).unwrap_err();
        assert_eq!(error, SetUpdateError::Component { component: 2, error: "refused" });
        assert_unharmed(&device, when);
        let shared = RefCell::new(device);
        let mut components = Memory { device: &shared, refuses: None };
        let recovered = recover(&mut [0; 4096], &mut components, &mut &mut record);
        assert_eq!(recovered, Ok(Recovered::Reverted));
        assert!(shared.borrow().values().all(|place| place.staged.is_empty()));
        let recovered = recover(&mut [0; 4096], &mut components, &mut &mut record);
        assert_eq!(recovered, Ok(Recovered::Nothing));
    }
    // A child that does not answer when it is its turn, and does so later.
    let (mut device, mut record) = (old_device(), Record::default());
    let run = Run { refuses: Some(("activate", partition("files"))), ..Run::unsigned() };
    let error = run.update(&set, &mut device, &mut record).unwrap_err();
    assert_eq!(error, SetUpdateError::Component { component: 1, error: "refused" });
    let shared = RefCell::new(device);
    let mut components = Memory { device: &shared, refuses: run.refuses };
    let recovered = recover(&mut [0; 4096], &mut components, &mut &mut record);
    assert_eq!(recovered, Err(error));
    // No other update takes the place of one that is committed.
    let other = Component::replace(Kind::Data, child(), vec![7; 99]);
    let other = set::make(&[other], &quick()).unwrap();
    let mut device = shared.replace(Device::new());
    let kept = record.0.clone();
    let result = Run::unsigned().update(&other, &mut device, &mut record);
    assert_eq!(result, Err(SetUpdateError::Set(SetError::NotRecovered)));
    assert_eq!(record.0, kept);
    shared.replace(device);
    components.refuses = None;
    let small = recover(&mut [0; 16], &mut components, &mut &mut record);
    assert!(matches!(small, Err(SetUpdateError::Set(SetError::BufferTooSmall { .. }))));
    let recovered = recover(&mut [0; 4096], &mut components, &mut &mut record);
    assert_eq!(recovered, Ok(Recovered::Completed));
    assert_new(&shared.borrow());
    assert_eq!(shared.borrow()[&child()].events.last(), Some(&"activate"));
}

#[test]
fn what_is_lent_has_to_suffice() {
    let set = signed(&three_in_a_set(), &[7]);
    let index = Index::parse(&set).unwrap().unwrap();
    let (front, ram, chunk_ram) = (index.index_len() as usize, index.ram(), index.chunk_ram());
    for (buffer, workspace, chunks, fits) in [
        (front + 74, ram as usize - 1024, chunk_ram as usize, true),
        (front + 20, ram as usize, chunk_ram as usize, false),
        (20, ram as usize, chunk_ram as usize, false),
        (front + 74, ram as usize - 1025, chunk_ram as usize, false),
        (front + 74, ram as usize, chunk_ram as usize - 1, false),
    ] {
        let (shared, mut record) = (RefCell::new(old_device()), Record::default());
        let components = Memory { device: &shared, refuses: None };
        let mut buffer = vec![0; buffer];
        let mut update =
            SetUpdate::new(components, &mut record, &mut buffer).require_signature(Toy(7));
        let (mut workspace, mut chunks) = (vec![0; workspace], vec![0; chunks]);
        let mut run = || -> Result<(), Failure> {
            let taken = update.feed(&set)?;
            assert_eq!(taken, index.payloads_offset() as usize);
            while let Some(mut component) = update.begin(&mut workspace, &mut chunks)? {
                component.feed(&set[component.next() as usize..])?;
                component.finish()?;
            }
            Ok(())
        };
        let result = run();
        assert_eq!(result.is_ok(), fits, "{result:?}");
        if fits {
            update.finish().unwrap();
            assert_new(&shared.borrow());
        } else {
            assert!(record.0.is_none());
        }
    }
}

#[test]
fn a_wrong_chunk_may_come_again() {
    let set = signed(&three_in_a_set(), &[7]);
    let (shared, mut record) = (RefCell::new(old_device()), Record::default());
    let components = Memory { device: &shared, refuses: None };
    let mut buffer = vec![0; 4200];
    let mut update = SetUpdate::new(components, &mut record, &mut buffer).require_signature(Toy(7));
    update.feed(&set).unwrap();
    let (mut workspace, mut chunks) = (vec![0; 8 << 10], vec![0; 4 << 10]);
    let mut again = 0;
    while let Some(mut component) = update.begin(&mut workspace, &mut chunks).unwrap() {
        let mut wrong = set.clone();
        let end = component.next() as usize
            + Index::parse(&set)
                .unwrap()
                .unwrap()
                .entries()
                .nth(component.component().into())
                .unwrap()
                .payload
                .unwrap()
                .len as usize;
        wrong[end - 1] ^= 1;
        let error = component.feed(&wrong[component.next() as usize..]).unwrap_err();
        assert!(matches!(
            error,
            SetUpdateError::Payload {
                error: GuardError::Verify(VerifyError::WrongChunk { .. }),
                ..
            }
        ));
        again += 1;
        component.feed(&set[component.next() as usize..]).unwrap();
        component.finish().unwrap();
    }
    assert_eq!(again, 3);
    update.finish().unwrap();
    assert_new(&shared.borrow());
}

#[test]
fn sets_of_eight_and_what_cannot_be_one() {
    let parts: Vec<_> = (0..8).map(|n| (partition(&format!("part{n}")), images(n, 900))).collect();
    let kinds = Kind::ALL;
    let components: Vec<_> = parts
        .iter()
        .zip(kinds)
        .map(|((name, (old, new)), kind)| {
            Component::update(kind, name.clone(), old.clone(), new.clone())
        })
        .collect();
    let set = signed(&set::make(&components, &quick()).unwrap(), &[7]);
    let old = parts.iter().map(|(name, (old, _))| (name.clone(), old.clone())).collect();
    let new = set::apply_signed(&set, &old, None, Some(Toy(7))).unwrap();
    assert!(parts.iter().all(|(name, (_, image))| new[name] == *image));
    let index = set::check(&set).unwrap();
    assert!(index.entries().map(|entry| entry.kind).eq(kinds));
    assert!(index.entries().all(|e| matches!(e.precondition, Precondition::Image { .. })));

    let one = |name: ComponentName| Component::replace(Kind::Data, name, vec![1; 10]);
    let error = |components: &[Component]| set::make(components, &quick()).unwrap_err();
    assert_eq!(error(&[]), SetMakeError::Count { found: 0 });
    let many: Vec<_> = (0..33).map(|n| one(ComponentName::Address(n))).collect();
    assert_eq!(error(&many), SetMakeError::Count { found: 33 });
    set::check(&set::make(&many[..32], &quick()).unwrap()).unwrap();
    for name in ["", "a\u{e4}", "line\n", &"x".repeat(33)] {
        let name = partition(name);
        assert_eq!(error(&[one(name.clone())]), SetMakeError::BadName { name });
    }
    let name = partition("a");
    let twice = [one(name.clone()), one(name.clone()).hardware(3, 4)];
    assert_eq!(error(&twice), SetMakeError::Twice { name: name.clone() });
    let bad = [one(name.clone()).hardware(4, 3)];
    assert_eq!(error(&bad), SetMakeError::BadHardware { name });
}
