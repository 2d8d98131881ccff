//! The components of a device, as callbacks.

use core::ffi::{c_char, c_void};

use flashdelta::update::set::{Components, Entry, Kind, Target};

use crate::callbacks::{checked, flashdelta_flash, Fault, NewSlot, Old};
use crate::flashdelta_status::{self, *};
use crate::pointers::Span;

/// What a component is. The numbers are those of the set format.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum flashdelta_component_kind {
    /// The firmware of the device.
    FLASHDELTA_COMPONENT_APPLICATION = 0,
    /// What starts it.
    FLASHDELTA_COMPONENT_BOOTLOADER = 1,
    /// Where everything is in the flash.
    FLASHDELTA_COMPONENT_PARTITION_TABLE = 2,
    /// A file system.
    FLASHDELTA_COMPONENT_FILE_SYSTEM = 3,
    /// The firmware of a radio.
    FLASHDELTA_COMPONENT_RADIO = 4,
    /// The firmware of a child device.
    FLASHDELTA_COMPONENT_CHILD = 5,
    /// Data: sounds, logos, certificates.
    FLASHDELTA_COMPONENT_DATA = 6,
    /// Anything else.
    FLASHDELTA_COMPONENT_OTHER = 7,
}

use flashdelta_component_kind::*;

/// How a set names a component. The numbers are those of the set format.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum flashdelta_target {
    /// A partition, by its `name`.
    FLASHDELTA_TARGET_PARTITION = 0,
    /// What starts at an address of the flash, `id`.
    FLASHDELTA_TARGET_ADDRESS = 1,
    /// A child device, by a number, `id`, and a `name` that may be empty.
    FLASHDELTA_TARGET_CHILD = 2,
    /// Whatever the device knows by this `name`.
    FLASHDELTA_TARGET_NAME = 3,
}

use flashdelta_target::*;

/// Room for the name of a component, with the zero that ends it.
const NAME_SIZE: usize = 36;

/// A component of a set, as callbacks are told: which part of the device it is, and what it
/// becomes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_component {
    /// What it is.
    pub kind: flashdelta_component_kind,
    /// How it is named: what of `id` and `name` counts.
    pub target: flashdelta_target,
    /// The address, or the number of the child; else 0.
    pub id: u32,
    /// Length of the new image in bytes.
    pub size: u32,
    /// SHA-256 of the new image.
    pub sha256: [u8; 32],
    /// The name, 0 to 32 printable ASCII characters, and a zero after it.
    pub name: [c_char; 36],
}

impl From<&Entry<'_>> for flashdelta_component {
    fn from(entry: &Entry<'_>) -> Self {
        let kind = match entry.kind {
            Kind::Application => FLASHDELTA_COMPONENT_APPLICATION,
            Kind::Bootloader => FLASHDELTA_COMPONENT_BOOTLOADER,
            Kind::PartitionTable => FLASHDELTA_COMPONENT_PARTITION_TABLE,
            Kind::FileSystem => FLASHDELTA_COMPONENT_FILE_SYSTEM,
            Kind::Radio => FLASHDELTA_COMPONENT_RADIO,
            Kind::Child => FLASHDELTA_COMPONENT_CHILD,
            Kind::Data => FLASHDELTA_COMPONENT_DATA,
            _ => FLASHDELTA_COMPONENT_OTHER,
        };
        let (target, id, text): (_, _, &[u8]) = match entry.target {
            Target::Partition(name) => (FLASHDELTA_TARGET_PARTITION, 0, name),
            Target::Address(address) => (FLASHDELTA_TARGET_ADDRESS, address, &[]),
            Target::Child { id, name } => (FLASHDELTA_TARGET_CHILD, id, name),
            Target::Name(name) => (FLASHDELTA_TARGET_NAME, 0, name),
        };
        let mut name = [0; NAME_SIZE];
        // One zero is left: names are shorter.
        for (to, from) in name.iter_mut().take(NAME_SIZE - 1).zip(text) {
            *to = *from as c_char;
        }
        Self { kind, target, id, size: entry.size, sha256: entry.sha256, name }
    }
}

/// What `find` of flashdelta_components returns if the device has no such component.
pub const FLASHDELTA_NO_SUCH_COMPONENT: i32 = 1;

/// The components of a device: its own slots and partitions, and child devices behind a bus.
///
/// Fill it with zeros first (memset()). It is copied; what `user` points to must live as long as
/// the set is worked with. Callbacks return 0 for success; what else they return is in the detail
/// of the error. Each is told the `component`, which lives as long as the call. They are called
/// only from inside the functions of a set, by the thread that calls those; they must not call
/// functions of the same set, and must not leave by longjmp() or a C++ exception.
///
/// A child that updates itself takes part in the same transaction. `find` gives callbacks that ask
/// it for what it has and send it what is written; `begin` tells it that an image comes, `verify`
/// asks it whether it is satisfied, `activate` makes it start the new image, `revert` makes it
/// forget it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_components {
    /// Passed to every callback. May be NULL.
    pub user: *mut c_void,
    /// Says what is in a component, and where its new image goes, by filling in `flash`, which is
    /// all zeros but for `user`, which is that of this struct. The old slot is what is active; if
    /// nothing is there, leave `read_old` NULL. The new slot is another place: nothing in it is
    /// used before `activate`. `flush_new` counts, `commit_new` does not. A `buffer` may be the
    /// same for all components. Called several times for each component; it must not change
    /// anything. Returns #FLASHDELTA_NO_SUCH_COMPONENT if the device has no such component.
    pub find: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            component: *const flashdelta_component,
            flash: *mut flashdelta_flash,
        ) -> i32,
    >,
    /// The new image comes next, and will be written in ascending order. May be called again for
    /// the same component, which then starts again. NULL: there is nothing to do.
    pub begin: Option<
        unsafe extern "C" fn(user: *mut c_void, component: *const flashdelta_component) -> i32,
    >,
    /// The new image reads back as the set says: whether the device, or the child, is satisfied
    /// with it, as with the signature that its bootloader will look at. If it is not (not 0),
    /// nothing of the set becomes active. NULL: it is.
    pub verify: Option<
        unsafe extern "C" fn(user: *mut c_void, component: *const flashdelta_component) -> i32,
    >,
    /// Makes the new image the one that is used. The whole set is committed. **Called again after a
    /// reset that came before all were active: a component that is active already must stay so.**
    /// If it fails, the update stays committed, and flashdelta_set_recover() tries again.
    pub activate: Option<
        unsafe extern "C" fn(user: *mut c_void, component: *const flashdelta_component) -> i32,
    >,
    /// Forgets what has been begun. What is active is not touched. May be called for components
    /// that were not begun, and more than once. NULL: there is nothing to do.
    pub revert: Option<
        unsafe extern "C" fn(user: *mut c_void, component: *const flashdelta_component) -> i32,
    >,
}

type Call = unsafe extern "C" fn(*mut c_void, *const flashdelta_component) -> i32;
type Find =
    unsafe extern "C" fn(*mut c_void, *const flashdelta_component, *mut flashdelta_flash) -> i32;

/// Blocks of memory that are lent to a set. The last one is that of the component's flash.
pub(crate) type Lent = [Span; 6];

/// The components, with the callbacks there that must be.
pub(crate) struct Parts {
    user: *mut c_void,
    find: Find,
    begin: Option<Call>,
    verify: Option<Call>,
    activate: Call,
    revert: Option<Call>,
    /// What their buffers must not overlap; it is the state's. NULL: nothing.
    lent: *mut Lent,
    /// Why a component could not be looked for.
    failed: Option<Fault>,
}

impl flashdelta_components {
    /// The callbacks, if all are there that must be.
    ///
    /// `lent` is NULL, or that of a state, for as long as the components are used.
    pub(crate) fn parts(&self, lent: *mut Lent) -> Result<Parts, flashdelta_status> {
        let Self { user, find, begin, verify, activate, revert } = *self;
        let (Some(find), Some(activate)) = (find, activate) else {
            return Err(FLASHDELTA_ERR_NULL_POINTER);
        };
        Ok(Parts { user, find, begin, verify, activate, revert, lent, failed: None })
    }
}

/// A description of a component that cannot be used.
fn unusable(status: flashdelta_status) -> Fault {
    Fault { status, returned: 0, offset: 0 }
}

impl Parts {
    /// What `find` says; `None` if there is no such component.
    #[inline(never)] // One copy in the device's flash; so below.
    fn find(&mut self, entry: &Entry<'_>) -> Result<Option<flashdelta_flash>, Fault> {
        let component = flashdelta_component::from(entry);
        let mut flash = flashdelta_flash::nothing(self.user);
        // SAFETY: who gave the callbacks promised that they can be called so.
        match unsafe { (self.find)(self.user, &component, &mut flash) } {
            FLASHDELTA_NO_SUCH_COMPONENT => Ok(None),
            returned => {
                checked(returned, FLASHDELTA_ERR_COMPONENT, 0)?;
                Ok(Some(flash))
            }
        }
    }

    /// The same for a component that has been found before.
    fn find_again(&mut self, entry: &Entry<'_>) -> Result<flashdelta_flash, Fault> {
        self.find(entry)?.ok_or(unusable(FLASHDELTA_ERR_UNKNOWN_COMPONENT))
    }

    #[inline(never)]
    fn tell(&mut self, call: Option<Call>, entry: &Entry<'_>) -> Result<(), Fault> {
        let Some(call) = call else { return Ok(()) };
        let component = flashdelta_component::from(entry);
        // SAFETY: as above.
        checked(unsafe { call(self.user, &component) }, FLASHDELTA_ERR_COMPONENT, 0)
    }
}

impl Components for Parts {
    type Error = Fault;
    type Old = Old;
    type New = NewSlot;

    fn capacity(&mut self, entry: &Entry<'_>) -> Option<u32> {
        match self.find(entry) {
            Ok(found) => found.map(|flash| flash.new_size),
            // `old` is asked next, and says so.
            Err(fault) => {
                self.failed = Some(fault);
                Some(u32::MAX)
            }
        }
    }

    fn old(&mut self, entry: &Entry<'_>) -> Result<Option<Old>, Fault> {
        if let Some(fault) = self.failed.take() {
            return Err(fault);
        }
        let flash = self.find_again(entry)?;
        if flash.read_old.is_none() {
            return Ok(None);
        }
        // SAFETY: who gave the callbacks promised that what they say is so.
        unsafe { flash.old_slot() }.map(Some).map_err(unusable)
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<NewSlot, Fault> {
        let mut flash = self.find_again(entry)?;
        // One component is not the set: none is committed alone.
        flash.commit_new = None;
        let buffer = Span::of(flash.buffer, flash.buffer_len);
        // SAFETY: it is NULL, or that of the state that this is in; nobody else uses it now.
        if let Some([lent @ .., last]) = unsafe { self.lent.as_mut() } {
            if lent.iter().any(|span| span.overlaps(buffer)) {
                return Err(unusable(FLASHDELTA_ERR_INVALID_ARGUMENT));
            }
            *last = buffer;
        }
        // SAFETY: as above.
        let new = unsafe { flash.new_slot() }.map_err(unusable)?;
        self.tell(self.begin, entry)?;
        Ok(new)
    }

    fn verify(&mut self, entry: &Entry<'_>, _: NewSlot) -> Result<(), Fault> {
        self.tell(self.verify, entry)
    }

    fn activate(&mut self, entry: &Entry<'_>) -> Result<(), Fault> {
        self.tell(Some(self.activate), entry)
    }

    fn revert(&mut self, entry: &Entry<'_>) -> Result<(), Fault> {
        self.tell(self.revert, entry)
    }
}
