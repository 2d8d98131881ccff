//! Power cuts at every flash operation of an A/B update of any pair of images, after it and at 16
//! positions inside it.
//!
//! ```sh
//! cargo run --release -p flashdelta --example power_cuts -- old.bin new.bin update.fdp
//! ```
//!
//! Says for each of several geometries how many cuts there were, and ends with exit code 1 if any
//! restart did not end in the right image, erased a finished sector again, touched the running
//! slot, or broke a rule of the flash. How it gets through all of them: see `tests/common/cuts.rs`.

#[allow(dead_code, unreachable_pub)]
#[path = "../tests/common/cuts.rs"]
mod cuts;

use std::process::ExitCode;
use std::time::Instant;

use cuts::{Outcome, Proof};

/// Random numbers for [`cuts`].
struct Random(u64);

impl Random {
    /// A number below `bound` (Steele, Lea, Flood: "Fast splittable pseudorandom number
    /// generators", 2014).
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) % bound.max(1) as u64) as usize
    }
}

/// One kind of flash, and what to do with it.
type Case = (&'static str, fn(&Proof<'_>) -> Outcome);

const CASES: [Case; 4] = [
    ("SPI flash, words of 4, sectors of 4096, pages of 256", |proof| {
        let mut proof = *proof;
        proof.rules.program_page = 256;
        proof.rules.memory_alignment = 4;
        proof.run::<4, 4, 4096>()
    }),
    ("the same, with a buffer of a sector lent", |proof| {
        let mut proof = *proof;
        proof.rules.program_page = 256;
        proof.buffer = 4096;
        proof.run::<4, 4, 4096>()
    }),
    ("words of 8 with error-correcting code, sectors of 2048", |proof| {
        let mut proof = *proof;
        proof.rules.torn_units_unreadable = true;
        proof.run::<1, 8, 2048>()
    }),
    ("words of 32, sectors of 131072", |proof| proof.run::<1, 32, 131072>()),
];

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            eprintln!("usage: power_cuts OLD NEW PATCH [--restarts N] [--comfort BYTES]");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let mut names = Vec::new();
    // Restarts in the plain way, and workspace beyond what the patch asks for.
    let (mut restarts, mut comfort) = (100, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .and_then(|text| text.parse().ok())
                .ok_or(format!("{argument}: a number?"))
        };
        match argument.as_str() {
            "--restarts" => restarts = number()?,
            "--comfort" => comfort = number()? as usize,
            _ => names.push(argument),
        }
    }
    let [old, new, patch] = &names[..] else { return Err("three files are needed".to_owned()) };
    let read = |name: &String| std::fs::read(name).map_err(|error| format!("{name}: {error}"));
    let (old, new, patch) = (read(old)?, read(new)?, read(patch)?);
    let mut proof = Proof::new(&old, &new, &patch);
    (proof.restarts, proof.comfort) = (restarts, comfort);
    let mut all_well = true;
    for (name, case) in CASES {
        let start = Instant::now();
        let outcome = on_all_cores(&proof, case);
        let Outcome { operations, cuts, restarts, most_erases, failures } = outcome;
        let seconds = start.elapsed().as_secs_f32();
        println!(
            "{name}: {operations} operations, {cuts} cuts, {} failed; {restarts} plain restarts, \
             each cut twice; \
             at most {most_erases} erases of a sector in a restart; {seconds:.1} s",
            failures.len()
        );
        for failure in failures.iter().take(10) {
            println!("  {failure}");
        }
        // Nothing tried is nothing proved.
        all_well &= failures.is_empty() && cuts == 17 * operations as u64;
    }
    Ok(all_well)
}

fn on_all_cores(proof: &Proof<'_>, case: fn(&Proof<'_>) -> Outcome) -> Outcome {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        let start = |share| {
            let mut proof = *proof;
            proof.share = (share, threads);
            scope.spawn(move || case(&proof))
        };
        let shares: Vec<_> = (0..threads).map(start).collect();
        let mut sum = Outcome::default();
        for share in shares {
            sum.add(share.join().expect("no panic"));
        }
        sum
    })
}
