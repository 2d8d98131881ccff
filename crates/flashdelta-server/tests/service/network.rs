//! Networks that lose datagrams, by rules and not by chance: what a test has seen once it sees
//! each time.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// A network between a server and one client, which loses what the rule says. Gives the address
/// that the client speaks to; it is there until the tests end.
pub(crate) fn network(
    server: SocketAddr,
    is_lost: impl FnMut(Way, &[u8]) -> bool + Send + 'static,
) -> SocketAddr {
    let bind = || Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
    let (near, far) = (bind(), bind());
    far.connect(server).unwrap();
    let address = near.local_addr().unwrap();
    let client = Arc::new(Mutex::new(None));
    let is_lost = Arc::new(Mutex::new(is_lost));
    {
        let (near, far) = (Arc::clone(&near), Arc::clone(&far));
        let (client, is_lost) = (Arc::clone(&client), Arc::clone(&is_lost));
        std::thread::spawn(move || {
            let mut bytes = [0; 2048];
            loop {
                // What could not be delivered is told as an error: of a client that was killed.
                let Ok((len, from)) = near.recv_from(&mut bytes) else { continue };
                *client.lock().unwrap() = Some(from);
                if !(is_lost.lock().unwrap())(Way::ToServer, &bytes[..len]) {
                    let _ = far.send(&bytes[..len]);
                }
            }
        });
    }
    std::thread::spawn(move || {
        let mut bytes = [0; 2048];
        loop {
            let Ok(len) = far.recv(&mut bytes) else { continue };
            let Some(to) = *client.lock().unwrap() else { continue };
            if !(is_lost.lock().unwrap())(Way::ToClient, &bytes[..len]) {
                let _ = near.send_to(&bytes[..len], to);
            }
        }
    });
    address
}

/// Loses a fifth, but never more than [`Losses::ROW`] datagrams after the latest one that reached
/// the client: so a request that is tried once more than that is answered.
pub(crate) struct Losses {
    random: u32,
    row: u32,
}

impl Losses {
    pub(crate) const ROW: u32 = 3;

    pub(crate) fn new() -> Self {
        Self { random: 1, row: 0 }
    }

    pub(crate) fn is_lost(&mut self, way: Way) -> bool {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let is_lost = (self.random >> 16).is_multiple_of(5) && self.row < Self::ROW;
        match (is_lost, way) {
            (true, _) => self.row += 1,
            (false, Way::ToClient) => self.row = 0,
            (false, Way::ToServer) => {}
        }
        is_lost
    }
}

/// A port that refuses all datagrams, for as long as the socket is there: it is one that listens to
/// somebody else only, and so nobody gets it meanwhile.
pub(crate) fn deaf_udp() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect("127.0.0.1:9").unwrap();
    socket
}

/// A port that refuses all connections, for as long as these are there: that of a client.
pub(crate) fn deaf_tcp() -> (TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (TcpStream::connect(listener.local_addr().unwrap()).unwrap(), listener)
}

/// A free port for a server that is to come, and perhaps to come again: none that the system gives
/// to whoever asks for any (RFC 6335: those from 49152 on; Linux begins at 32768).
pub(crate) fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 8000).unwrap();
    for _ in 0..8000 {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 8000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from 20000 to 27999 is free");
}

pub(crate) fn lasting_address() -> String {
    format!("127.0.0.1:{}", lasting_port())
}
