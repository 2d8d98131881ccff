//! A NOR flash in memory that enforces the rules of flash and loses power wherever a test wants it
//! to, and simulated worlds of devices that have one.
//!
//! It is a simulator for tests of code that writes flash through the traits of
//! [`embedded_storage::nor_flash`]: bootloaders, update agents, file systems. It knows nothing of
//! any of them.
//!
//! - **Any geometry:** read unit, write unit and sector (the erase unit) are const parameters of
//!   [`NorSim`].
//! - **Rules:** accesses are aligned and inside the flash; a unit is written once after each erase;
//!   inside a sector writes ascend. Breaking a rule gives a [`SimError`] that names it and the
//!   offset, and the flash remembers it ([`NorSim::violations`]) for code that swallows errors.
//!   [`Rules`] adds stricter ones. [Protected](NorSim::protect) ranges must not be changed at all.
//! - **Power cuts:** after every write and every erase of a sector, and at 16 positions inside each
//!   ([`Cut`]). A torn write leaves whole units, one (or all of a [page](Rules::program_page)) with
//!   random bits, and untouched ones. A random one often enough looks untouched or complete, as it
//!   does on real flash: code that takes blank for erased is caught. A torn erase leaves a part
//!   that is not erased, or bits of the whole sector on their way to 1, or to 0 first, as flash
//!   that is programmed before it is erased.
//! - **Read faults:** [ranges](NorSim::fail_reads) that cannot be read for a while.
//! - **Wear:** erases are counted per sector, reads and writes in all.
//! - **Snapshots:** a clone shares the sectors that do not differ, so [`NorSim::cuts`] can hand out
//!   the flash after every cut of a long run.
//!
//! Everything random follows from a seed: what fails once fails again.
//!
//! [`world`] puts such flash into nodes, with reboots, watchdogs, clocks and bad links between
//! them.
//!
//! # Example
//!
//! Here the code under test copies a message to the second sector. It is cut at every place, and
//! then started again:
//!
//! ```
//! use embedded_storage::nor_flash::NorFlash;
//! use flashdelta_sim::{NorSim, SimError};
//!
//! // 4 sectors of 256 bytes, read in bytes, written in units of 8.
//! type Flash = NorSim<1, 8, 256>;
//!
//! fn store(flash: &mut Flash, message: &[u8; 64]) -> Result<(), SimError> {
//!     // It would be wrong to leave out the erase, although after a cut the sector may look blank.
//!     flash.erase(256, 512)?;
//!     flash.write(256, message)
//! }
//!
//! let start = Flash::used(4, 1);
//! let mut flash = start.clone();
//! flash.record();
//! store(&mut flash, &[7; 64])?;
//!
//! let mut cuts = 0;
//! for (cut, mut flash) in start.cuts(&flash.recorded()) {
//!     store(&mut flash, &[7; 64])?;
//!     assert_eq!(flash.contents(256..320), [7; 64], "{cut}");
//!     assert!(flash.violations().is_empty(), "{cut}");
//!     cuts += 1;
//! }
//! // Two operations, 16 positions inside each, and one after it.
//! assert_eq!(cuts, 2 * 17);
//! # Ok::<(), SimError>(())
//! ```
//!
//! To cut a run while it is under way, with what it does about the error, there is
//! [`NorSim::cut_at`].
#![forbid(unsafe_code)]

mod cut;
mod cuts;
mod error;
mod flash;
mod random;
mod sector;
pub mod world;

pub use cut::{Cut, Operation, POSITIONS};
pub use cuts::Cuts;
pub use error::SimError;
pub use flash::{Counters, NorSim, Rules};
