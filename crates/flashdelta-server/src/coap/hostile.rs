//! Datagrams of all kinds: none makes the machines panic, answer with more than they may, or grow
//! without end.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType};
use dimpl::{Config, Dtls, Output, PskResolver};

use super::kept::{Kept, Source};
use super::message::{Envelope, Request};
use super::peers::{Peers, Step};
use super::sessions::{Event, Sessions};

/// Datagrams of a quick run; `FLASHDELTA_DATAGRAMS` says another number.
const DATAGRAMS: u64 = 20_000;

fn number() -> u64 {
    let number = std::env::var("FLASHDELTA_DATAGRAMS").ok();
    number.map_or(DATAGRAMS, |number| number.parse().expect("a number"))
}

/// Random numbers with a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end.max(1)
    }

    /// One of these, damaged; or anything.
    fn datagram(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = match (seeds.is_empty(), self.below(8)) {
            (true, _) | (_, 0) => (0..self.below(90)).map(|_| self.next() as u8).collect(),
            _ => seeds[self.below(seeds.len())].clone(),
        };
        for _ in 0..self.below(5) {
            match self.below(5) {
                0 => bytes.truncate(self.below(bytes.len() + 1)),
                1 => bytes.extend((0..self.below(20)).map(|_| self.next() as u8)),
                2 if !bytes.is_empty() => {
                    let at = self.below(bytes.len());
                    bytes.remove(at);
                }
                _ if !bytes.is_empty() => {
                    let at = self.below(bytes.len());
                    bytes[at] = match self.below(3) {
                        0 => self.next() as u8,
                        1 => bytes[at] ^ (1 << self.below(8)),
                        _ => [0, 0xff, 0x7f, 0x80, 1][self.below(5)],
                    };
                }
                _ => {}
            }
        }
        bytes
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let path = |packet: &mut Packet, path: &[&str]| {
        for part in path {
            packet.add_option(CoapOption::UriPath, part.as_bytes().to_vec());
        }
    };
    let mut seeds = Vec::new();
    for (code, parts) in [
        (RequestType::Get, &["v1", "update"][..]),
        (RequestType::Get, &["v1", "update", "offer"]),
        (RequestType::Post, &["v1", "update", "report"]),
        (RequestType::Put, &[]),
    ] {
        for kind in [MessageType::Confirmable, MessageType::NonConfirmable] {
            let mut packet = Packet::new();
            packet.header.set_type(kind);
            packet.header.code = MessageClass::Request(code);
            packet.header.message_id = 7;
            packet.set_token(vec![1, 2, 3, 4]);
            path(&mut packet, parts);
            packet.add_option(CoapOption::UriQuery, b"digest=0123456789abcdef".to_vec());
            packet.add_option(CoapOption::Observe, Vec::new());
            packet.add_option(CoapOption::Block2, vec![0x12]);
            packet.add_option(CoapOption::ETag, vec![9; 8]);
            packet.payload = b"{\"action\": 1, \"result\": \"success\"}".to_vec();
            seeds.push(packet.to_bytes().unwrap());
        }
    }
    for (kind, id) in [(MessageType::Reset, 1), (MessageType::Acknowledgement, 2)] {
        let mut packet = Packet::new();
        packet.header.set_type(kind);
        packet.header.code = MessageClass::Empty;
        packet.header.message_id = id;
        seeds.push(packet.to_bytes().unwrap());
    }
    seeds
}

fn kept() -> Arc<Kept> {
    Arc::new(Kept {
        path: "/v1/update".to_owned(),
        query: Default::default(),
        tag: vec![9; 8],
        format: 42,
        max_age: 300,
        until: Instant::now() + Duration::from_secs(1 << 20),
        source: Source::Text("x".repeat(5000)),
    })
}

/// The answer to a request, as far as it takes no database.
fn answer(peers: &mut Peers, at: SocketAddr, envelope: &Envelope, request: &Request) -> Vec<u8> {
    let kept = kept();
    let answer = match kept.block(request, envelope, false) {
        Ok(block) => kept.answer(request, block, vec![0; block.size() as usize]),
        Err(answer) => answer,
    };
    if request.observe == Some(0) {
        peers.watch(at, &envelope.token, request, &answer.tag, Instant::now());
    }
    peers.keep(at, kept);
    peers.answer(at, envelope, &answer)
}

#[test]
fn no_datagram_is_too_much() {
    const MOST: usize = 50;
    let (seeds, mut random) = (seeds(), Random(1));
    let mut peers = Peers::new(MOST, 0);
    let mut asked = 0;
    let start = Instant::now();
    for n in 0..number() {
        let from = SocketAddr::from(([10, 0, 0, 1], 1 + random.below(200) as u16));
        let datagram = random.datagram(&seeds);
        let now = start + Duration::from_millis(n);
        let sent = match peers.receive(from, &datagram, now) {
            Step::Nothing => None,
            Step::Send(sent) => Some(sent),
            Step::Ask(envelope, request) => {
                asked += 1;
                // Now and then one is never answered.
                (random.below(50) > 0).then(|| answer(&mut peers, from, &envelope, &request))
            }
        };
        if let Some(sent) = sent {
            // What is sent again is as long as it was, though its request was another one.
            assert!(sent.len() <= 3 * datagram.len().max(4) + 60, "{datagram:02x?}");
            assert!(Packet::from_bytes(&sent).is_ok());
        }
        if n % 64 == 0 {
            peers.again(now);
            for (at, _) in peers.due(now, 4) {
                peers.tell(at, None, now, now);
            }
        }
        assert!(peers.len() <= MOST);
    }
    assert!(asked > number() / 10, "{asked} requests");
}

struct One(Vec<u8>);

impl PskResolver for One {
    fn resolve(&self, _: &[u8]) -> Option<Vec<u8>> {
        Some(self.0.clone())
    }
}

/// A client of DTLS that has this key.
pub(super) fn client(key: &[u8]) -> Dtls {
    let resolver = Arc::new(One(key.to_vec()));
    let config = Config::builder().with_psk_client(b"fdk_one".to_vec(), resolver).build().unwrap();
    let mut client = Dtls::new_12_psk(Arc::new(config), Instant::now());
    client.set_active(true);
    client
}

/// What a client sends next, and whether it is connected.
pub(super) fn drain(client: &mut Dtls) -> (Vec<Vec<u8>>, bool) {
    let (mut sent, mut is_connected, mut buffer) = (Vec::new(), false, vec![0; 2048]);
    loop {
        match client.poll_output(&mut buffer) {
            Output::Packet(packet) => sent.push(packet.to_vec()),
            Output::Connected => is_connected = true,
            Output::Timeout(_) => return (sent, is_connected),
            _ => {}
        }
    }
}

pub(super) const KEY: &[u8] = b"0123456789abcdef";

/// A handshake; gives all that the client has sent, and whether both were connected.
fn handshake(sessions: &mut Sessions, from: SocketAddr, key: &[u8]) -> (Vec<Vec<u8>>, Dtls, bool) {
    let (mut all, mut client, now) = (Vec::new(), client(key), Instant::now());
    client.handle_timeout(now).unwrap();
    let mut both = (false, false);
    for _ in 0..8 {
        let (sent, is_connected) = drain(&mut client);
        both.0 |= is_connected;
        let mut events = Vec::new();
        for datagram in &sent {
            sessions.receive(from, datagram, now, &mut events);
        }
        all.extend(sent);
        while let Some(at) = events.iter().position(|event| matches!(event, Event::Lookup(..))) {
            let Event::Lookup(from, identity) = events.remove(at) else { unreachable!() };
            sessions.key(from, &identity, Some(KEY.to_vec()), now, &mut events);
        }
        for event in events {
            match event {
                Event::Send(_, datagram) => {
                    let _ = client.handle_packet(&datagram);
                }
                Event::Open(_) => both.1 = true,
                _ => {}
            }
        }
    }
    (all, client, both == (true, true))
}

#[test]
fn keys_open_associations_and_wrong_ones_do_not() {
    let mut sessions = Sessions::new(100).unwrap();
    let from = SocketAddr::from(([10, 0, 0, 1], 1));
    let (_, mut client, is_open) = handshake(&mut sessions, from, KEY);
    assert!(is_open);
    assert_eq!(sessions.identity(from).as_deref(), Some("fdk_one"));
    client.send_application_data(b"hello").unwrap();
    let mut events = Vec::new();
    for datagram in drain(&mut client).0 {
        sessions.receive(from, &datagram, Instant::now(), &mut events);
    }
    assert!(matches!(&events[..], [Event::Data(_, data)] if data == b"hello"), "{events:?}");
    // A handshake with a wrong key at the same address takes nothing from the one that is there.
    assert!(!handshake(&mut sessions, from, b"another key 1234").2);
    assert_eq!(sessions.len().0, 1);
    client.send_application_data(b"again").unwrap();
    let mut events = Vec::new();
    for datagram in drain(&mut client).0 {
        sessions.receive(from, &datagram, Instant::now(), &mut events);
    }
    assert!(matches!(&events[..], [Event::Data(_, data)] if data == b"again"), "{events:?}");
    // The device has restarted: its new handshake replaces the old one.
    assert!(handshake(&mut sessions, from, KEY).2);
    let other = SocketAddr::from(([10, 0, 0, 2], 1));
    assert!(!handshake(&mut sessions, other, b"another key 1234").2);
    assert_eq!(sessions.identity(other), None);
}

#[test]
fn nobody_else_closes_an_association() {
    let mut sessions = Sessions::new(10).unwrap();
    let at = SocketAddr::from(([10, 0, 0, 1], 1));
    let (seeds, mut client, is_open) = handshake(&mut sessions, at, KEY);
    assert!(is_open);
    // All but what begins a handshake, which has its own place.
    let seeds: Vec<_> = seeds.into_iter().skip(2).collect();
    let (mut random, now) = (Random(3), Instant::now());
    for n in 0..number() / 10 {
        let (datagram, mut events) = (random.datagram(&seeds), Vec::new());
        sessions.receive(at, &datagram, now + Duration::from_millis(n), &mut events);
        assert_eq!(sessions.len().0, 1, "{n}: {datagram:02x?}");
    }
    client.send_application_data(b"hello").unwrap();
    let mut events = Vec::new();
    for datagram in drain(&mut client).0 {
        sessions.receive(at, &datagram, now + Duration::from_secs(3600), &mut events);
    }
    assert!(matches!(&events[..], [Event::Data(_, data)] if data == b"hello"), "{events:?}");
}

#[test]
fn no_record_is_too_much() {
    const MOST: usize = 20;
    let mut sessions = Sessions::new(MOST).unwrap();
    let at = |n: usize| SocketAddr::from(([10, 0, 0, 1], 1 + n as u16));
    let (mut seeds, mut client, is_open) = handshake(&mut sessions, at(0), KEY);
    assert!(is_open);
    client.send_application_data(b"hello").unwrap();
    seeds.extend(drain(&mut client).0);
    let (mut random, start) = (Random(2), Instant::now());
    let (mut events, mut opened, mut sent) = (Vec::new(), 0, 0);
    for n in 0..number() / 4 {
        let now = start + Duration::from_millis(n);
        // Some handshakes come to their end, between all others.
        if n % 200 == 0 {
            let (_, _, is_open) = handshake(&mut sessions, at(random.below(100)), KEY);
            opened += u32::from(is_open);
        }
        let from = at(random.below(100));
        sessions.receive(from, &random.datagram(&seeds), now, &mut events);
        for event in core::mem::take(&mut events) {
            match event {
                Event::Lookup(from, identity) => {
                    let key = (random.below(2) == 0).then(|| KEY.to_vec());
                    sessions.key(from, &identity, key, now, &mut events);
                }
                Event::Send(..) => sent += 1,
                _ => {}
            }
        }
        if n % 16 == 0 {
            sessions.tick(now, &mut events);
            sessions.sweep(now, &mut events);
        }
        assert!(sessions.len().0 <= MOST);
    }
    assert!(opened > 0 && sent > 0, "{opened} opened, {sent} sent");
}
