//! A coordinator: a phone, a gateway, a root node. It has the patch, and leads the group.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result};
use flashdelta::group::{
    Authentication, Campaign, CampaignPhase, Coordinator, CoordinatorAction, Decision, NodeEntry,
    Timing, MAX_MESSAGE_LEN,
};
use flashdelta::receive::{Action, Distributor, Patience, Receiver, Status, To};

use crate::datagram::{self, Datagram};
use crate::net::{self, Net};
use crate::patch::Patch;

/// Lead the group through an update
///
/// Ends with 0 when the new image is kept, with 1 when the group has gone back or another
/// coordinator leads it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A signed patch
    patch: PathBuf,
    #[command(flatten)]
    net: net::Place,
    /// All nodes of the group
    #[arg(long, num_args = 1.., required = true)]
    node: Vec<Ipv4Addr>,
    /// File with the key of the group: any bytes
    #[arg(long)]
    key: PathBuf,
    /// Number of the group
    #[arg(long, default_value_t = 1)]
    group: u32,
    /// Number of the update: higher than those before
    #[arg(long, default_value_t = 1)]
    number: u32,
    /// How many nodes have to have the new image before any starts it, and on how many it has to be
    /// healthy to stay; all, if it is not given
    #[arg(long)]
    quorum: Option<u16>,
    /// Seconds that nodes wait for a word before they take back what they have prepared
    #[arg(long, default_value_t = 300)]
    go_ahead: u64,
    /// Seconds that the new image has to become healthy
    #[arg(long, default_value_t = 30)]
    health: u64,
    /// Milliseconds that answers are waited for
    #[arg(long, default_value_t = 1000)]
    answer: u64,
    /// Seconds until the group goes on without nodes that are not needed for the quorum
    #[arg(long, default_value_t = 30)]
    linger: u64,
    /// Seconds without any progress until the update is given up
    #[arg(long, default_value_t = 300)]
    stall: u64,
    /// Seconds after which a silent node is not waited for any more, once all is decided
    #[arg(long, default_value_t = 60)]
    lost: u64,
    /// Milliseconds between two datagrams
    #[arg(long, default_value_t = 2)]
    pause: u64,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let patch = Patch::read(&args.patch)?;
    let key = std::fs::read(&args.key).context("the key of the group")?;
    let mut net = Net::open(&args.net)?;
    let plan = patch.plan();
    let mut nodes: Vec<_> = args.node.iter().map(|node| NodeEntry::new((*node).into())).collect();
    let count = nodes.len();
    let mut receivers = vec![Receiver::default(); count];
    let mut bits = vec![0; Distributor::bits_len(&plan, count)];
    let answer = Duration::from_millis(args.answer);
    let patience = Patience::default().answer(answer);
    let distributor = Distributor::new(plan, patience, &mut receivers, &mut bits);
    let seconds = Duration::from_secs;
    let campaign = Campaign {
        group: args.group,
        number: args.number,
        target: patch.target(seconds(args.go_ahead), seconds(args.health)),
        quorum: args.quorum.unwrap_or(count as u16),
    };
    let timing = Timing::default()
        .answer(answer)
        .rest(answer * 2)
        .linger(seconds(args.linger))
        .stall(seconds(args.stall));
    // Any number: no two coordinators have the same.
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let random = time.subsec_nanos() ^ std::process::id() ^ u32::from(args.net.address);
    let key = Authentication::Key(&key);
    let machine =
        Coordinator::new(campaign, timing, &mut nodes, distributor, key, random, Duration::ZERO)?;
    let mut lead = Lead { machine, patch, sent: Sent::default(), told: String::new() };
    lead.run(args, &mut net)
}

/// Bytes that were sent.
#[derive(Default)]
struct Sent {
    patch: usize,
    other: usize,
}

struct Lead<'a> {
    machine: Coordinator<'a, 'a>,
    patch: Patch,
    sent: Sent,
    told: String,
}

impl Lead<'_> {
    fn run(&mut self, args: &Args, net: &mut Net) -> Result<ExitCode> {
        let clock = Instant::now();
        let lost = Duration::from_secs(args.lost);
        loop {
            let now = clock.elapsed();
            self.tell(now);
            if matches!(self.machine.phase(), CampaignPhase::Deposed | CampaignPhase::Superseded) {
                return Ok(ExitCode::FAILURE);
            }
            if self.machine.is_done(now, lost) {
                break;
            }
            let wait = match self.act(net, now) {
                Some(until) => until.saturating_sub(now).min(Duration::from_millis(200)),
                None => Duration::from_millis(args.pause),
            };
            if let Some((from, bytes)) = net.receive(wait)? {
                self.take(from, &bytes, clock.elapsed());
            }
        }
        let Sent { patch, other } = self.sent;
        let decided = self.machine.decided().context("it is over, and nothing is decided")?;
        println!(
            "{decided:?} after {:.1} s; the patch has {} bytes, {patch} were sent of it, and \
             {other} others",
            clock.elapsed().as_secs_f64(),
            self.patch.len(),
        );
        Ok(if decided == Decision::Keep { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Does what is to be done next. `Some`: there is nothing until then.
    fn act(&mut self, net: &Net, now: Duration) -> Option<Duration> {
        let mut out = [0; MAX_MESSAGE_LEN];
        let (to, bytes) = match self.machine.next(now, &mut out) {
            CoordinatorAction::Send { to, len } => (to, datagram::group(&out[..len])),
            CoordinatorAction::Distribute(Action::Ask { to, question }) => {
                (to, datagram::ask(question))
            }
            CoordinatorAction::Distribute(Action::Header { to }) => {
                return self.send_patch(net, to, &datagram::header(self.patch.front()));
            }
            CoordinatorAction::Distribute(Action::Send { pieces, to }) => {
                let sum = self.patch.sum(pieces.numbers());
                return self.send_patch(net, to, &datagram::pieces(&pieces, &sum));
            }
            CoordinatorAction::Wait { until } => return Some(until),
            _ => return Some(now + Duration::from_millis(10)),
        };
        self.sent.other += bytes.len();
        net.send(to, &bytes);
        None
    }

    fn send_patch(&mut self, net: &Net, to: To, bytes: &[u8]) -> Option<Duration> {
        self.sent.patch += bytes.len();
        net.send(to, bytes);
        None
    }

    /// Takes a datagram. What is of no use changes nothing: it may be anybody's.
    fn take(&mut self, from: u32, bytes: &[u8], now: Duration) {
        match Datagram::parse(bytes) {
            Some(Datagram::Group(message)) => drop(self.machine.receive(message, now)),
            Some(Datagram::Status(bytes)) => {
                if let Some(status) = Status::parse(bytes) {
                    self.machine.status(from, &status, now);
                }
            }
            _ => {}
        }
    }

    /// Prints how far all are, when that has changed.
    fn tell(&mut self, now: Duration) {
        let mut states = BTreeMap::<String, usize>::new();
        for (_, state) in self.machine.nodes() {
            *states.entry(format!("{state:?}")).or_default() += 1;
        }
        let states: Vec<_> =
            states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let told = format!("{:?}: {}", self.machine.phase(), states.join(", "));
        if told != self.told {
            println!("{:6.2} s  {told}", now.as_secs_f64());
            self.told = told;
        }
    }
}
