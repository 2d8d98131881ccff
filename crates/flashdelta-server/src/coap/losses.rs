//! Networks that lose datagrams: whichever of a handshake is lost, it comes to its end in time.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use dimpl::Dtls;

use super::hostile::{client, drain, KEY};
use super::sessions::{Event, Sessions};

/// libcoap gives up a handshake after 5 seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What clients and servers do differently.
#[derive(Clone, Copy, Debug)]
struct Habits {
    /// A datagram for each message (GnuTLS), or for as many as there is room for.
    is_split: bool,
    /// The key is there after all datagrams of a flight were received, or at once.
    is_key_late: bool,
}

/// Datagrams, counted from 1 in each direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lost {
    OfClient(u32),
    OfServer(u32),
}

struct Handshake {
    sessions: Sessions,
    client: Dtls,
    habits: Habits,
    lost: Vec<Lost>,
    /// Datagrams of the client, and of the server.
    sent: (u32, u32),
    lookups: Vec<(SocketAddr, Arc<str>)>,
    /// Who is connected: the client, the server.
    open: (bool, bool),
    heard: Vec<u8>,
}

/// The records of a datagram.
fn split(datagram: &[u8]) -> Vec<Vec<u8>> {
    let (mut records, mut rest) = (Vec::new(), datagram);
    while let [_, _, _, _, _, _, _, _, _, _, _, high, low, ..] = *rest {
        let len = 13 + usize::from(u16::from_be_bytes([high, low]));
        let (record, after) = rest.split_at(len);
        records.push(record.to_vec());
        rest = after;
    }
    records
}

impl Handshake {
    fn new(habits: Habits, lost: &[Lost]) -> Self {
        let (sessions, client) = (Sessions::new(10).unwrap(), client(KEY));
        let (sent, lookups, open, heard) = Default::default();
        Self { sessions, client, habits, lost: lost.to_vec(), sent, lookups, open, heard }
    }

    /// How long it takes; `None`: longer than that.
    fn run(&mut self, most: Duration) -> Option<Duration> {
        const STEP: Duration = Duration::from_millis(100);
        let (start, mut passed) = (Instant::now(), Duration::ZERO);
        while passed <= most {
            let now = start + passed;
            self.client.handle_timeout(now).unwrap();
            // What one says, the other answers within the same moment.
            for _ in 0..6 {
                self.exchange(now);
            }
            let mut events = Vec::new();
            self.sessions.tick(now, &mut events);
            self.act(events);
            if self.open == (true, true) {
                return Some(passed);
            }
            passed += STEP;
        }
        None
    }

    fn exchange(&mut self, now: Instant) {
        let from = SocketAddr::from(([10, 0, 0, 1], 1));
        let (datagrams, is_connected) = drain(&mut self.client);
        self.open.0 |= is_connected;
        for datagram in datagrams {
            let parts = if self.habits.is_split { split(&datagram) } else { vec![datagram] };
            for part in parts {
                self.sent.0 += 1;
                if self.lost.contains(&Lost::OfClient(self.sent.0)) {
                    continue;
                }
                let mut events = Vec::new();
                self.sessions.receive(from, &part, now, &mut events);
                self.act(events);
                if !self.habits.is_key_late {
                    self.answer_lookups(now);
                }
            }
        }
        self.answer_lookups(now);
    }

    fn answer_lookups(&mut self, now: Instant) {
        for (from, identity) in core::mem::take(&mut self.lookups) {
            let mut events = Vec::new();
            self.sessions.key(from, &identity, Some(KEY.to_vec()), now, &mut events);
            self.act(events);
        }
    }

    fn act(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Send(_, datagram) => {
                    self.sent.1 += 1;
                    if !self.lost.contains(&Lost::OfServer(self.sent.1)) {
                        self.client.handle_packet(&datagram).unwrap();
                    }
                }
                Event::Lookup(from, identity) => self.lookups.push((from, identity)),
                Event::Open(_) => self.open.1 = true,
                Event::Data(_, data) => self.heard.extend(data),
                Event::Closed(_) => panic!("closed"),
            }
        }
    }
}

const HABITS: [Habits; 4] = [
    Habits { is_split: false, is_key_late: false },
    Habits { is_split: false, is_key_late: true },
    Habits { is_split: true, is_key_late: false },
    Habits { is_split: true, is_key_late: true },
];

/// All datagrams of a handshake that loses none: none of them comes twice.
fn datagrams(habits: Habits) -> Vec<Lost> {
    let mut handshake = Handshake::new(habits, &[]);
    assert_eq!(handshake.run(PATIENCE), Some(Duration::ZERO), "{habits:?}");
    let (client, server) = handshake.sent;
    assert_eq!((client, server), (if habits.is_split { 5 } else { 3 }, 3), "{habits:?}");
    (1..=client).map(Lost::OfClient).chain((1..=server).map(Lost::OfServer)).collect()
}

/// A handshake that loses these comes to its end, and what is said then is heard.
fn bears(habits: Habits, lost: &[Lost], most: Duration) {
    let mut handshake = Handshake::new(habits, lost);
    let took = handshake.run(most);
    assert!(took.is_some(), "{habits:?} {lost:?}: {:?}", handshake.open);
    handshake.lost.clear();
    handshake.client.send_application_data(b"hello").unwrap();
    handshake.exchange(Instant::now() + most);
    assert_eq!(handshake.heard, b"hello", "{habits:?} {lost:?}");
}

#[test]
fn a_handshake_bears_the_loss_of_any_datagram() {
    for habits in HABITS {
        for lost in datagrams(habits) {
            bears(habits, &[lost], PATIENCE);
        }
    }
}

#[test]
fn a_handshake_bears_the_loss_of_any_two_datagrams() {
    for habits in HABITS {
        let all = datagrams(habits);
        for (at, &one) in all.iter().enumerate() {
            // The second may be one that is sent again.
            let after =
                all.get(at..).unwrap_or_default().iter().copied().chain(all.iter().map(|lost| {
                    match *lost {
                        Lost::OfClient(n) => Lost::OfClient(n + 3),
                        Lost::OfServer(n) => Lost::OfServer(n + 3),
                    }
                }));
            for other in after {
                bears(habits, &[one, other], 3 * PATIENCE);
            }
        }
    }
}
