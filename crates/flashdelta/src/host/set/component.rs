//! What goes into a set.

use core::fmt;

use crate::device::update::set::{Entry, Kind, Payload, Precondition, Target, MAX_NAME_LEN};
use crate::host::diff::DiffOptions;

/// Which part of a device a component is. Names are 1 to 32 printable ASCII characters.
#[allow(clippy::exhaustive_enums)] // As the format has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ComponentName {
    /// A partition, by its name.
    Partition(String),
    /// What starts at an address of the flash.
    Address(u32),
    /// A child device, by a number, and by a name that may be empty.
    Child {
        /// The number.
        id: u32,
        /// The name.
        name: String,
    },
    /// Whatever the device knows by this name.
    Name(String),
}

impl ComponentName {
    /// The name of a file that holds such a component: the name itself; `0x` and the address;
    /// `child-` and the number of a child without a name.
    pub fn file_name(&self) -> String {
        match self {
            Self::Partition(name) | Self::Name(name) => name.clone(),
            Self::Address(address) => format!("0x{address:x}"),
            Self::Child { id, name } if name.is_empty() => format!("child-{id}"),
            Self::Child { name, .. } => name.clone(),
        }
    }

    /// Whether sets can have it.
    pub(super) fn is_possible(&self) -> bool {
        let fits = |name: &str, least: usize| {
            (least..=MAX_NAME_LEN).contains(&name.len())
                && name.bytes().all(|byte| (0x20..0x7F).contains(&byte))
        };
        match self {
            Self::Partition(name) | Self::Name(name) => fits(name, 1),
            Self::Address(_) => true,
            Self::Child { name, .. } => fits(name, 0),
        }
    }

    pub(super) fn target(&self) -> Target<'_> {
        match self {
            Self::Partition(name) => Target::Partition(name.as_bytes()),
            Self::Address(address) => Target::Address(*address),
            Self::Child { id, name } => Target::Child { id: *id, name: name.as_bytes() },
            Self::Name(name) => Target::Name(name.as_bytes()),
        }
    }
}

impl From<Target<'_>> for ComponentName {
    fn from(target: Target<'_>) -> Self {
        // What an index has is ASCII.
        let text = |name| String::from_utf8_lossy(name).into_owned();
        match target {
            Target::Partition(name) => Self::Partition(text(name)),
            Target::Address(address) => Self::Address(address),
            Target::Child { id, name } => Self::Child { id, name: text(name) },
            Target::Name(name) => Self::Name(text(name)),
        }
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(name) => write!(f, "partition {name}"),
            Self::Address(address) => write!(f, "address 0x{address:x}"),
            Self::Child { id, name } if name.is_empty() => write!(f, "child {id}"),
            Self::Child { id, name } => write!(f, "child {id} ({name})"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What has to be there before.
#[derive(Clone, Debug)]
pub(super) enum Before {
    Any,
    Absent,
    Image(Vec<u8>),
}

/// What a component shall hold.
#[derive(Clone)]
pub(super) enum After {
    /// The image of this file; a patch to it is made.
    File { before: Before, new: Vec<u8> },
    /// What this patch makes.
    Patch(Vec<u8>),
    /// What it holds: the image of this file.
    Kept(Vec<u8>),
    /// What it holds: an image of this length and SHA-256.
    Held { size: u32, sha256: [u8; 32] },
}

/// One component of a set to be made: firmware files of any format, which stand for the images in
/// them.
#[derive(Clone)]
pub struct Component {
    pub(super) kind: Kind,
    pub(super) name: ComponentName,
    pub(super) hardware: Option<(u16, u16)>,
    pub(super) after: After,
    pub(super) diff: Option<DiffOptions>,
}

impl Component {
    fn new(kind: Kind, name: ComponentName, after: After) -> Self {
        Self { kind, name, hardware: None, after, diff: None }
    }

    /// A component that holds `old` and shall hold `new`: it is sent as a patch.
    pub fn update(
        kind: Kind,
        name: ComponentName,
        old: impl Into<Vec<u8>>,
        new: impl Into<Vec<u8>>,
    ) -> Self {
        let before = Before::Image(old.into());
        Self::new(kind, name, After::File { before, new: new.into() })
    }

    /// A component that shall hold `new`, whatever it holds: it is sent whole, compressed.
    pub fn replace(kind: Kind, name: ComponentName, new: impl Into<Vec<u8>>) -> Self {
        Self::new(kind, name, After::File { before: Before::Any, new: new.into() })
    }

    /// A component where nothing is, and which shall hold `new`: it is sent whole, compressed.
    pub fn add(kind: Kind, name: ComponentName, new: impl Into<Vec<u8>>) -> Self {
        Self::new(kind, name, After::File { before: Before::Absent, new: new.into() })
    }

    /// A component that has to hold `image` already: nothing is sent, and devices where it is
    /// different refuse the set.
    pub fn require(kind: Kind, name: ComponentName, image: impl Into<Vec<u8>>) -> Self {
        Self::new(kind, name, After::Kept(image.into()))
    }

    /// The same, of an image of this length in bytes and this SHA-256.
    pub fn require_digest(kind: Kind, name: ComponentName, size: u32, sha256: [u8; 32]) -> Self {
        Self::new(kind, name, After::Held { size, sha256 })
    }

    /// A component that is sent as this patch, which was made before. What it has to hold is what
    /// the patch starts from; whatever it is, if that is nothing. Signatures of the patch and what
    /// only hosts need are left out. That it applies is not tried.
    pub fn patch(kind: Kind, name: ComponentName, patch: impl Into<Vec<u8>>) -> Self {
        Self::new(kind, name, After::Patch(patch.into()))
    }

    /// Only devices of the hardware revisions from `first` to `last` have this component.
    #[must_use]
    pub fn hardware(mut self, first: u16, last: u16) -> Self {
        self.hardware = Some((first, last));
        self
    }

    /// How its patch is made, if not as that of the others.
    #[must_use]
    pub fn diff(mut self, options: DiffOptions) -> Self {
        self.diff = Some(options);
        self
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which part of the device it is.
    pub fn name(&self) -> &ComponentName {
        &self.name
    }
}

/// An entry of an index, with a name of its own.
#[derive(Clone, Debug)]
pub(super) struct EntryParts {
    pub(super) kind: Kind,
    pub(super) name: ComponentName,
    pub(super) hardware: Option<(u16, u16)>,
    pub(super) precondition: Precondition,
    pub(super) size: u32,
    pub(super) sha256: [u8; 32],
}

impl EntryParts {
    /// The entry, with this payload.
    pub(super) fn entry(&self, payload: Option<Payload>) -> Entry<'_> {
        Entry {
            kind: self.kind,
            target: self.name.target(),
            hardware: self.hardware,
            precondition: self.precondition,
            payload,
            size: self.size,
            sha256: self.sha256,
        }
    }
}

impl From<Entry<'_>> for EntryParts {
    fn from(entry: Entry<'_>) -> Self {
        Self {
            kind: entry.kind,
            name: entry.target.into(),
            hardware: entry.hardware,
            precondition: entry.precondition,
            size: entry.size,
            sha256: entry.sha256,
        }
    }
}
