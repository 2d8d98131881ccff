//! UDP: a socket for what is sent to all, and one for what is sent to us.
//!
//! The address of a party is its IPv4 address. All of them use the same port.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::time::Duration;
use std::net::UdpSocket;
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError, Sender};
use std::thread;

use anyhow::{Context as _, Result};
use flashdelta::receive::To;
use socket2::{Domain, Protocol, Socket, Type};

/// Where a party is, and how bad its network.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// Own address
    #[arg(long)]
    pub(crate) address: Ipv4Addr,
    /// The multicast group, and the port of all parties
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "239.255.70.1:47070")]
    multicast: SocketAddrV4,
    /// For trials: this share of the datagrams that arrive is lost
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
}

/// No datagram of ours is longer: a chunk of 4 KiB, and what is before it.
const LONGEST: usize = 4096 + 64;

/// What arrives: from whom, and the datagram.
type Arrived = (Ipv4Addr, Vec<u8>);

/// Both sockets.
pub(crate) struct Net {
    own: UdpSocket,
    multicast: SocketAddrV4,
    arrived: Receiver<Arrived>,
    loss: f64,
    random: u32,
}

impl Net {
    pub(crate) fn open(place: &Place) -> Result<Self> {
        let own = UdpSocket::bind(SocketAddrV4::new(place.address, place.multicast.port()))
            .with_context(|| format!("cannot use the address {}", place.address))?;
        socket2::SockRef::from(&own).set_multicast_if_v4(&place.address)?;
        let all = listen(place.multicast, place.address)
            .with_context(|| format!("cannot listen to {}", place.multicast))?;
        let (sender, arrived) = channel();
        for socket in [own.try_clone()?, all] {
            let sender = sender.clone();
            thread::spawn(move || pass_on(&socket, &sender));
        }
        let random = u32::from(place.address) | 1;
        Ok(Self { own, multicast: place.multicast, arrived, loss: place.loss, random })
    }

    /// Sends a datagram. One that cannot be sent is lost, as others are.
    pub(crate) fn send(&self, to: To, bytes: &[u8]) {
        let to = match to {
            To::All => self.multicast,
            To::One(address) => SocketAddrV4::new(address.into(), self.multicast.port()),
        };
        let _ = self.own.send_to(bytes, to);
    }

    /// The next datagram from somebody else; `None`: none has come in time.
    pub(crate) fn receive(&mut self, wait: Duration) -> Result<Option<(u32, Vec<u8>)>> {
        match self.arrived.recv_timeout(wait) {
            Ok(_) if self.is_lost() => Ok(None),
            Ok((from, bytes)) => Ok(Some((from.into(), bytes))),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("both sockets have failed"),
        }
    }

    /// A random number (Marsaglia: "Xorshift RNGs", 2003); the same ones each time.
    fn is_lost(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        f64::from(self.random) < self.loss * f64::from(u32::MAX)
    }
}

/// A socket of a multicast group, at a port that others of this machine use, too.
fn listen(group: SocketAddrV4, interface: Ipv4Addr) -> Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    // Bound to the group's address, it gets nothing else.
    let at = if cfg!(windows) { Ipv4Addr::UNSPECIFIED } else { *group.ip() };
    socket.bind(&SocketAddrV4::new(at, group.port()).into())?;
    socket.join_multicast_v4(group.ip(), &interface)?;
    Ok(socket.into())
}

fn pass_on(socket: &UdpSocket, to: &Sender<Arrived>) {
    let own = socket.local_addr().ok();
    let mut bytes = [0; LONGEST];
    loop {
        // An error of a datagram that was sent before is told here: that one is lost.
        let Ok((len, SocketAddr::V4(from))) = socket.recv_from(&mut bytes) else { continue };
        let is_own = own == Some(from.into());
        if !is_own && to.send((*from.ip(), bytes[..len].to_vec())).is_err() {
            return;
        }
    }
}
