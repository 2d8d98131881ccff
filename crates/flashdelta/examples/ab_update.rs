//! An A/B update from end to end: power cuts while it runs, a bootloader that tries the new image
//! once and goes back if it does not work.
//!
//! ```sh
//! cargo run -p flashdelta --example ab_update
//! ```
//!
//! The flash is simulated; the bootloader is a sketch of what real ones (MCUboot, ESP-IDF's,
//! embassy-boot) do: a log of decisions in a sector of its own. A real log must also be emptied in
//! time, and reckon with a torn entry that looks blank.

use core::cell::RefCell;
use core::error::Error;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use flashdelta::apply::ApplyOptions;
use flashdelta::nor::{slots, Slot};
use flashdelta::update::ab::{AbUpdate, BootSelection, Verified};
use flashdelta::{diff, DiffOptions};
use flashdelta_sim::{Cut, NorSim, SimError};

/// Read in bytes, written in units of 8 bytes, erased in sectors of 4 KiB.
type Flash = NorSim<1, 8, 4096>;

/// The sector of the bootloader, then the two slots.
const BOOT: u32 = 0;
const SLOTS: [Slot; 2] = [Slot::new(0x1000, 0x10000), Slot::new(0x11000, 0x10000)];

/// One decision: a unit of the log.
type Entry = [u8; 8];

/// Start this slot once; if it has not confirmed itself by the next start, go back.
const TRY: Entry = *b"TRY:slot";
/// The bootloader has started it: this was its one time.
const TRIED: Entry = *b"TRIED   ";
/// The new image works.
const CONFIRMED: Entry = *b"WORKS   ";

/// The log of decisions. Each confirmed one changes the slot that runs.
struct BootLog<'a>(&'a RefCell<Flash>);

impl BootLog<'_> {
    fn read(&self) -> Result<Vec<Entry>, SimError> {
        let mut sector = [0; 4096];
        self.0.borrow_mut().read(BOOT, &mut sector)?;
        let (entries, _) = sector.as_chunks::<8>();
        // A torn entry at the end is none of the three: it counts for nothing, but its place is
        // taken.
        Ok(entries.iter().copied().take_while(|entry| *entry != [0xFF; 8]).collect())
    }

    fn append(&self, entry: Entry) -> Result<(), SimError> {
        let used = self.read()?.len() as u32;
        self.0.borrow_mut().write(BOOT + used * 8, &entry)
    }

    /// What a bootloader does at each start: gives the slot to run, and whether it has to confirm
    /// itself.
    fn start(&self) -> Result<(usize, bool), SimError> {
        let entries = self.read()?;
        let known: Vec<Entry> =
            entries.into_iter().filter(|e| [TRY, TRIED, CONFIRMED].contains(e)).collect();
        let confirmed = known.iter().filter(|entry| **entry == CONFIRMED).count() % 2;
        match known.last() {
            Some(&TRY) => {
                self.append(TRIED)?;
                Ok((1 - confirmed, true))
            }
            // Tried, and not confirmed: back to the one that worked.
            _ => Ok((confirmed, false)),
        }
    }
}

/// The hand-over of the update: one unit is written, so the old image or the new one is selected,
/// and nothing between.
impl BootSelection for BootLog<'_> {
    type Error = SimError;

    fn select(&mut self, image: &Verified) -> Result<(), SimError> {
        println!(
            "  the new image ({} bytes) reads back right: to be tried at the next start",
            image.size
        );
        self.append(TRY)
    }
}

/// What the update agent of the running image does.
fn update(flash: &RefCell<Flash>, running: usize, patch: &[u8]) -> Result<(), Box<dyn Error>> {
    let (old, new) = slots(flash, SLOTS[running], SLOTS[1 - running], [])?;
    let mut workspace = [0; 15 * 1024];
    let mut update =
        AbUpdate::new(&mut workspace, old, new, BootLog(flash), ApplyOptions::default());
    for piece in patch.chunks(256) {
        update.feed(piece)?;
    }
    let (_, new, _) = update.finish()?;
    println!("  {:?}", new.stats());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let firmware = |name: &str| {
        std::fs::read(format!(
            "{}/../../testdata/firmware/cortex-m-{name}.bin",
            env!("CARGO_MANIFEST_DIR")
        ))
    };
    let (old, new) = (firmware("1.0")?, firmware("1.1")?);
    let patch = diff::diff(&old, &new, &DiffOptions::new().ram(16 << 10))?.bytes;

    let mut flash = Flash::used(33, 1);
    flash.erase(BOOT, BOOT + 4096)?;
    flash.load(SLOTS[0].start, &old)?;
    let flash = RefCell::new(flash);
    let boot = BootLog(&flash);

    println!("the update begins, and the power goes three times");
    for _ in 0..3 {
        let (running, _) = boot.start()?;
        assert_eq!(running, 0, "the old image is still what starts");
        let cut = Cut { operation: flash.borrow().operations() + 250, position: 7 };
        flash.borrow_mut().cut_at(cut);
        let error = update(&flash, running, &patch).expect_err("the power goes");
        println!("  {error}");
        flash.borrow_mut().power_on();
    }

    println!("it starts again, and comes to its end");
    let (running, _) = boot.start()?;
    update(&flash, running, &patch)?;

    println!("the new image starts, but hangs: the watchdog resets the chip");
    assert_eq!(boot.start()?, (1, true));
    println!("the bootloader goes back to the old image");
    assert_eq!(boot.start()?, (0, false));

    println!("the update is tried again: the new image is in its slot already");
    update(&flash, 0, &patch)?;
    println!("the new image starts, and confirms that it works");
    assert_eq!(boot.start()?, (1, true));
    boot.append(CONFIRMED)?;
    assert_eq!(boot.start()?, (1, false), "from now on it is the one that runs");

    println!("an update that is started once more finds that there is nothing to do");
    println!("  {}", update(&flash, 1, &patch).expect_err("the old image does not run any more"));

    let flash = flash.into_inner();
    assert!(flash.holds(SLOTS[0].start, &old) && flash.holds(SLOTS[1].start, &new));
    assert_eq!(flash.violations(), []);
    println!("erases of each sector: {:?}", flash.wear());
    Ok(())
}
