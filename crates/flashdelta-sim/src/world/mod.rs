//! Simulated worlds: nodes with flash, clock, reboot and watchdog, and links that lose, delay,
//! reorder, duplicate and corrupt datagrams.
//!
//! A [`World`] is a discrete-event simulation without threads, sockets or real time: an hour of
//! fifty nodes takes as long as their programs compute. Everything random follows from the seed of
//! the world, and events of the same moment happen in the order in which they were caused, so the
//! same seed gives the same run, on every platform.
//!
//! What runs on a node is a [`Program`]: a state machine that is started at each boot, is told
//! when a datagram arrives or its timer runs out, and does everything else through its [`Node`]:
//! it sends, sets the timer, feeds the watchdog, reboots, reads and writes its
//! [storage](Storage). What a program holds is RAM, gone with every reset; the storage stays, with
//! what a power cut left in it.
//!
//! [Faults](Fault) are a script: at this time this node dies, or its power goes in the middle of
//! its 17th flash operation, or the network falls into parts. A [`Script`] makes such faults at
//! random moments. [`Bootloader`] is what a bootloader with two slots remembers.
//!
//! # Example
//!
//! A node sends a number until the other one confirms it; that one keeps it in flash, and loses
//! its power while it does:
//!
//! ```
//! use core::time::Duration;
//!
//! use embedded_storage::nor_flash::NorFlash;
//! use flashdelta_sim::world::{Fault, Link, Node, NodeId, Program, World};
//! use flashdelta_sim::NorSim;
//!
//! type Flash = NorSim<1, 4, 64>;
//!
//! enum Role {
//!     Sender { to: NodeId },
//!     Keeper,
//! }
//!
//! struct Party {
//!     to: Option<NodeId>,
//! }
//!
//! impl Program for Party {
//!     type Role = Role;
//!     type Storage = Flash;
//!
//!     fn boot(role: &Role, node: &mut Node<'_, Flash>) -> Self {
//!         match role {
//!             Role::Sender { to } => {
//!                 node.wake_after(Duration::ZERO);
//!                 Self { to: Some(*to) }
//!             }
//!             Role::Keeper => Self { to: None },
//!         }
//!     }
//!
//!     fn datagram(&mut self, from: NodeId, bytes: &[u8], node: &mut Node<'_, Flash>) {
//!         if self.to.is_some() {
//!             self.to = None;
//!         } else if node.storage().erase(0, 64).is_ok()
//!             && node.storage().write(0, bytes).is_ok()
//!         {
//!             node.send(from, b"kept");
//!         }
//!     }
//!
//!     fn timer(&mut self, node: &mut Node<'_, Flash>) {
//!         if let Some(to) = self.to {
//!             node.send(to, &7_u32.to_le_bytes());
//!             node.wake_after(Duration::from_millis(100));
//!         }
//!     }
//! }
//!
//! let mut world = World::<Party>::new(1);
//! world.links(Link::new().loss(300));
//! let keeper = world.add(Role::Keeper, Flash::used(1, 1));
//! let sender = world.add(Role::Sender { to: keeper }, Flash::new(1));
//! let off_for = Duration::from_secs(1);
//! world.at(Duration::ZERO, Fault::CutFlash { node: keeper, after: 1, position: 8, off_for });
//!
//! let done = |world: &World<Party>| world.program(sender).is_some_and(|party| party.to.is_none());
//! assert!(world.run_while(Duration::from_secs(60), |world| !done(world)));
//! assert_eq!(world.storage(keeper).contents(0..4), [7, 0, 0, 0]);
//! assert_eq!(world.boots(keeper), 2);
//! ```

mod bootloader;
mod fault;
mod link;
mod node;
mod script;
mod shared;
mod storage;
#[allow(clippy::module_inception)] // It is what the module is about.
mod world;

pub use bootloader::Bootloader;
pub use fault::Fault;
pub use link::{Link, Traffic};
pub use node::{Node, NodeId, Program};
pub use script::Script;
pub use shared::SharedFlash;
pub use storage::Storage;
pub use world::World;
