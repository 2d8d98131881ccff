//! A device: a node of the group, which receives the patch and applies it to its other slot.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{bail, Context as _, Error, Result};
use flashdelta::apply::{Applier, ApplyOptions};
use flashdelta::group::{
    Authentication, Facts, Node, NodeAction, NodeError, Refusal, Stage, MAX_MESSAGE_LEN,
};
use flashdelta::nor::{NorNew, NorOld, Records};
use flashdelta::receive::{Status, Store, StoreError, To};
use flashdelta::sign::{PublicKey, TrustedKeys};
use flashdelta::{DeviceIdentity, PatchHeader};
use flashdelta_sim::SimError;

use crate::board::{Board, RECORDS, RECORDS_LEN, SLOT_LEN, STORE};
use crate::datagram::{self, Datagram};
use crate::flash::Flash;
use crate::net::{self, Net};

/// A simulated device: its flash and its bootloader are files in FOLDER
#[derive(clap::Args)]
pub(crate) struct Args {
    folder: PathBuf,
    #[command(flatten)]
    net: net::Place,
    /// The image of a device that is new
    #[arg(long)]
    image: PathBuf,
    /// File with the key of the group: any bytes
    #[arg(long)]
    key: PathBuf,
    /// Number of the group
    #[arg(long, default_value_t = 1)]
    group: u32,
    /// The public key of patches, PEM
    #[arg(long)]
    trust: PathBuf,
    #[arg(long, default_value_t = 7)]
    product: u32,
    #[arg(long, default_value_t = 1)]
    hardware: u16,
    /// For trials: no new image is healthy on it
    #[arg(long)]
    sick: bool,
}

/// The most pieces that a patch may have.
const PIECES: u32 = 512;
/// The RAM of the applier.
const WORKSPACE: usize = 16 << 10;

/// Boots, runs until it is reset, and boots again: what is not in files is gone.
pub(crate) fn run(args: &Args) -> Result<()> {
    let key = std::fs::read(&args.key).context("the key of the group")?;
    let pem = std::fs::read_to_string(&args.trust).context("the public key")?;
    let mut trusted = TrustedKeys::from(PublicKey::from_pem(&pem)?);
    let mut net = Net::open(&args.net)?;
    Board::make(&args.folder, &args.image)?;
    let clock = Instant::now();
    loop {
        let mut held = [0; (PIECES / 8) as usize];
        let mut device =
            Device::boot(args, &args.folder, &key, &mut trusted, &mut held, clock.elapsed())?;
        while !device.is_reset {
            let wait = device.go_on(&net, clock.elapsed())?;
            if let Some((from, bytes)) = net.receive(wait)? {
                device.take(from, &bytes, &net, clock.elapsed())?;
            }
        }
    }
}

struct Device<'a> {
    board: Board,
    node: Node<'a, Records<Flash>>,
    store: Store<'a, Flash>,
    identity: DeviceIdentity,
    is_sick: bool,
    is_reset: bool,
}

impl<'a> Device<'a> {
    fn boot(
        args: &Args,
        folder: &Path,
        key: &'a [u8],
        trusted: &'a mut TrustedKeys,
        held: &'a mut [u8],
        now: Duration,
    ) -> Result<Self> {
        let board = Board::boot(folder)?;
        let identity =
            DeviceIdentity { product: args.product, hardware: args.hardware, security_counter: 0 };
        let facts = Facts { identity, slot: SLOT_LEN, running: board.image() };
        println!("runs {}", hex(&facts.running));
        let records = Records::new(board.flash.clone(), RECORDS, RECORDS_LEN)?;
        let address = args.net.address.into();
        // Any number, another one at each boot.
        let random = now.as_nanos() as u32 ^ std::process::id() ^ address;
        let key = Authentication::Key(key);
        let node = Node::open(records, args.group, address, facts, key, random, now)?;
        let store = Store::open(board.flash.clone(), STORE, held, Some(trusted))?.device(identity);
        Ok(Self { board, node, store, identity, is_sick: args.sick, is_reset: false })
    }

    /// Does what is to be done, and gives the time until more is.
    fn go_on(&mut self, net: &Net, now: Duration) -> Result<Duration> {
        if self.node.stage() == Stage::Receiving && self.is_received() {
            match self.apply() {
                Ok(digest) => self.node.verified(&digest, now)?,
                Err(error) => {
                    println!("the patch cannot be applied: {error:#}");
                    self.node.refuse(Refusal::Apply, now)?;
                }
            }
        }
        let mut out = [0; MAX_MESSAGE_LEN];
        while !self.is_reset {
            match self.node.next(now, &mut out)? {
                NodeAction::Send { to, len } => net.send(to, &datagram::group(&out[..len])),
                // Here a device would stop its motors.
                NodeAction::Prepare => self.node.prepared(Ok(()), now)?,
                NodeAction::Activate => {
                    println!("starts the new image, on trial");
                    self.board.select_other()?;
                    self.is_reset = true;
                }
                // Here a device would look whether it works: sensors, the network, its product.
                NodeAction::Check if self.is_sick => println!("the new image is not healthy"),
                NodeAction::Check => {
                    self.board.confirm()?;
                    self.node.healthy(now)?;
                }
                NodeAction::Keep => println!("the new image stays"),
                NodeAction::Revert => {
                    println!("goes back to the old image");
                    self.board.go_back()?;
                    self.is_reset = true;
                }
                NodeAction::Wait { until } => return Ok(until.saturating_sub(now)),
                _ => {}
            }
        }
        Ok(Duration::ZERO)
    }

    /// Whether all of the patch is there that the group wants.
    fn is_received(&self) -> bool {
        let wanted = self.node.target().map(|target| target.patch);
        self.store.is_complete() && wanted == Some(self.store.patch())
    }

    /// Makes the new image in the other slot, from what the store hands out, which it has checked.
    fn apply(&mut self) -> Result<[u8; 32]> {
        let header = self.header()?;
        let (old, new) = (self.board.running(), self.board.other());
        let old = NorOld::new(self.board.flash.clone(), old.start, old.len)?;
        let new = NorNew::new(self.board.flash.clone(), new.start, new.len)?;
        let mut workspace = [0; WORKSPACE];
        let options = ApplyOptions::default().device(self.identity);
        let mut applier = Applier::new(&mut workspace, old, new, options);
        self.store.feed(0, |bytes| applier.feed(bytes).map(drop).map_err(Error::from))?;
        applier.finish()?;
        self.board.has_made(header.new_size)?;
        Ok(header.new_digest)
    }

    /// The header of the patch in the store.
    fn header(&mut self) -> Result<PatchHeader> {
        for len in (64..).step_by(64) {
            let mut front = vec![0; len];
            self.store.read(0, &mut front)?;
            if let Some(header) = PatchHeader::parse(&front)? {
                return Ok(header);
            }
        }
        bail!("a header without end")
    }

    /// Takes a datagram. What is of no use is not taken, and changes nothing: it may be anybody's.
    fn take(&mut self, from: u32, bytes: &[u8], net: &Net, now: Duration) -> Result<()> {
        match Datagram::parse(bytes) {
            Some(Datagram::Group(message)) => match self.node.receive(from, message, now) {
                Ok(()) | Err(NodeError::Message(_)) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Some(Datagram::Ask(question)) => {
                let mut status = [0; Status::max_len(PIECES)];
                let len = self.store.status(question, &mut status);
                net.send(To::One(from), &datagram::status(&status[..len]));
                Ok(())
            }
            // A patch that is no update of the group's is not what we wait for.
            _ if self.node.stage() != Stage::Receiving => Ok(()),
            Some(Datagram::Header(front)) => usable(self.store.offer(front).map(drop)),
            Some(Datagram::Pieces(numbers, sum)) => {
                usable(self.store.put_combined(&numbers, &mut sum.to_vec()).map(drop))
            }
            Some(Datagram::Status(_)) | None => Ok(()),
        }
    }
}

/// What the store refuses may be forged, damaged or late; a flash that fails is another matter.
fn usable(result: Result<(), StoreError<SimError>>) -> Result<()> {
    match result {
        Err(error @ (StoreError::Slot(_) | StoreError::Poisoned)) => Err(error.into()),
        Err(error @ (StoreError::Verify(_) | StoreError::WrongDevice { .. })) => {
            println!("refused: {error}");
            Ok(())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
