//! Associations of DTLS 1.2 with pre-shared keys. No socket and no clock, as everything below: the
//! crate `dimpl` has the protocol, here is who may have how many, and whose key is whose.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dimpl::{Config, Dtls, Output, PskResolver};

use super::record::{record, Record};
use super::room::evict;
use crate::Error;

/// What comes of a datagram, or of time.
#[derive(Debug)]
pub(super) enum Event {
    /// To be sent.
    Send(SocketAddr, Vec<u8>),
    /// Whose key is to be looked up: [`Sessions::key`] goes on with it.
    Lookup(SocketAddr, Arc<str>),
    /// Somebody is there from now on, in place of whoever was at this address.
    Open(SocketAddr),
    /// What somebody says.
    Data(SocketAddr, Vec<u8>),
    /// Somebody has gone.
    Closed(SocketAddr),
}

/// All associations, and those that are being made.
pub(super) struct Sessions {
    config: Arc<Config>,
    key: Arc<Key>,
    open: HashMap<SocketAddr, Session>,
    opening: HashMap<SocketAddr, Session>,
    most: usize,
}

struct Session {
    dtls: Dtls,
    seen: Instant,
    identity: Option<Arc<str>>,
    /// What waits for the key, the datagram with the identity first.
    waiting: Vec<Vec<u8>>,
}

/// The key for the one handshake that is going on just now.
#[derive(Default)]
struct Key(Mutex<Option<(Arc<str>, Vec<u8>)>>);

impl PskResolver for Key {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        let key = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, key) = key.as_ref()?;
        (of.as_bytes() == identity).then(|| key.clone())
    }
}

impl core::panic::UnwindSafe for Key {}
impl core::panic::RefUnwindSafe for Key {}

/// Handshakes that are not at their end. Whoever has not shown that it is at its address is among
/// them.
const MOST_OPENING: usize = 4096;

/// The longest identity: all that this server gives are shorter.
const LONGEST_IDENTITY: usize = 128;

/// Datagrams that wait for a key: clients send the three messages of their last flight in up to so
/// many, and some of them twice.
const MOST_WAITING: usize = 6;

/// How long an association may rest. Devices that sleep for longer begin anew.
const REST: Duration = Duration::from_secs(24 * 60 * 60);

/// When a flight is sent again. Clients that begin with a second come first: what they have waited
/// for comes at once then; and GnuTLS, which hears a flight twice, begins to wait anew.
const AGAIN: Duration = Duration::from_secs(2);

/// Bytes of a datagram.
const MTU: usize = 1232;

impl Sessions {
    /// Room for `most` associations.
    pub(super) fn new(most: usize) -> Result<Self, Error> {
        let key = Arc::new(Key::default());
        let resolver: Arc<dyn PskResolver> = Arc::clone(&key) as _;
        let config = Config::builder()
            .mtu(MTU)
            .flight_start_rto(AGAIN)
            .with_psk_server(None, resolver)
            .build()
            .map_err(|error| Error::io("DTLS")(std::io::Error::other(error.to_string())))?;
        let (open, opening) = Default::default();
        Ok(Self { config: Arc::new(config), key, open, opening, most: most.max(1) })
    }

    /// Takes a datagram.
    pub(super) fn receive(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        match record(datagram) {
            Record::Nothing => {}
            Record::ClientHello => {
                if !self.opening.contains_key(&from) {
                    // An association that there is stays, until the new one is proven
                    // (RFC 6347, 4.2.8).
                    if self.opening.len() >= MOST_OPENING {
                        evict(&mut self.opening, MOST_OPENING, |session| session.seen);
                    }
                    let dtls = Dtls::new_12_psk(Arc::clone(&self.config), now);
                    let session = Session { dtls, seen: now, identity: None, waiting: Vec::new() };
                    self.opening.insert(from, session);
                }
                self.progress(from, Some(datagram), now, events);
            }
            Record::Identity(identity) => match self.opening.get_mut(&from) {
                Some(session) if session.waiting.is_empty() => {
                    let identity = core::str::from_utf8(identity).unwrap_or_default();
                    if identity.is_empty() || identity.len() > LONGEST_IDENTITY {
                        self.opening.remove(&from);
                        return;
                    }
                    let identity: Arc<str> = identity.into();
                    if session.wait(datagram) {
                        session.identity = Some(Arc::clone(&identity));
                        events.push(Event::Lookup(from, identity));
                    }
                }
                // Its key is being looked up.
                Some(_) => {}
                // Our last flight got lost: the client sends its own once more (RFC 6347, 4.2.4).
                None => self.hear(from, datagram, now, events),
            },
            Record::Handshake => match self.opening.get_mut(&from) {
                // Without the key what is encrypted would be lost, and sent again only after a
                // second: for longer than a client may wait.
                Some(session) if !session.waiting.is_empty() => {
                    session.wait(datagram);
                }
                Some(_) => self.progress(from, Some(datagram), now, events),
                None => self.hear(from, datagram, now, events),
            },
            Record::Data => self.hear(from, datagram, now, events),
        }
    }

    /// Goes on with the key that was looked up; `None`: there is none.
    pub(super) fn key(
        &mut self,
        from: SocketAddr,
        identity: &Arc<str>,
        key: Option<Vec<u8>>,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let Some(session) = self.opening.get_mut(&from) else { return };
        if session.identity.as_ref() != Some(identity) {
            return;
        }
        let waiting = core::mem::take(&mut session.waiting);
        // Without one it fails in the same way as with a wrong one: nobody learns who is known.
        self.set_key(key.map(|key| (Arc::clone(identity), key)));
        for datagram in waiting {
            self.progress(from, Some(&datagram), now, events);
        }
        self.set_key(None);
    }

    fn set_key(&self, key: Option<(Arc<str>, Vec<u8>)>) {
        *self.key.0.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// Who is at this address.
    pub(super) fn identity(&self, at: SocketAddr) -> Option<Arc<str>> {
        self.open.get(&at)?.identity.clone()
    }

    /// Sends data.
    pub(super) fn send(
        &mut self,
        to: SocketAddr,
        data: &[u8],
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let Some(session) = self.open.get_mut(&to) else { return };
        let is_sent = session.dtls.send_application_data(data).is_ok();
        let goes_on = is_sent && session.drive(to, None, now, events).is_some();
        if !goes_on {
            self.close(to, events);
        }
    }

    /// Sends again what handshakes lost; ends those that rest for too long.
    pub(super) fn tick(&mut self, now: Instant, events: &mut Vec<Event>) {
        let peers: Vec<SocketAddr> = self.opening.keys().copied().collect();
        for peer in peers {
            if self.opening.get(&peer).is_some_and(|session| session.waiting.is_empty()) {
                self.progress(peer, None, now, events);
            }
        }
        // What waits for a key for as long as a handshake may last, has none.
        self.opening.retain(|_, session| now < session.seen + Duration::from_secs(60));
    }

    /// Ends associations that rest for too long; now and then.
    pub(super) fn sweep(&mut self, now: Instant, events: &mut Vec<Event>) {
        let resting = self.open.iter().filter(|(_, session)| session.seen + REST < now);
        let resting: Vec<SocketAddr> = resting.map(|(&peer, _)| peer).collect();
        resting.into_iter().for_each(|peer| self.close(peer, events));
    }

    /// Goes on with a handshake: with a datagram, or because time has passed.
    fn progress(
        &mut self,
        peer: SocketAddr,
        datagram: Option<&[u8]>,
        now: Instant,
        events: &mut Vec<Event>,
    ) {
        let Some(session) = self.opening.get_mut(&peer) else { return };
        match session.drive(peer, datagram, now, events) {
            None => {
                self.opening.remove(&peer);
            }
            Some(false) => {}
            Some(true) => {
                let Some(mut session) = self.opening.remove(&peer) else { return };
                session.seen = now;
                if self.open.len() >= self.most && !self.open.contains_key(&peer) {
                    evict(&mut self.open, self.most, |session| session.seen);
                }
                self.open.insert(peer, session);
                // What came with it comes after it.
                let data = events
                    .iter()
                    .position(|event| matches!(event, Event::Data(from, _) if *from == peer));
                let at = data.unwrap_or(events.len());
                events.insert(at, Event::Open(peer));
            }
        }
    }

    fn hear(&mut self, from: SocketAddr, datagram: &[u8], now: Instant, events: &mut Vec<Event>) {
        let Some(session) = self.open.get_mut(&from) else { return };
        let before = events.len();
        let goes_on = session.drive(from, Some(datagram), now, events).is_some();
        let has_data = events.iter().skip(before).any(|e| matches!(e, Event::Data(..)));
        if has_data {
            session.seen = now;
        }
        if !goes_on {
            self.close(from, events);
        }
    }

    fn close(&mut self, peer: SocketAddr, events: &mut Vec<Event>) {
        if self.open.remove(&peer).is_some() {
            events.push(Event::Closed(peer));
        }
    }

    /// Associations, and handshakes.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.open.len(), self.opening.len())
    }
}

impl Session {
    /// Keeps a datagram for when the key is there, if it may be one of a handshake.
    fn wait(&mut self, datagram: &[u8]) -> bool {
        let is_kept = self.waiting.len() < MOST_WAITING && datagram.len() <= MTU;
        if is_kept {
            self.waiting.push(datagram.to_vec());
        }
        is_kept
    }

    /// Takes a datagram, and gives what comes of it. `Some(true)`: it is connected from now on;
    /// `None`: it has ended.
    fn drive(
        &mut self,
        peer: SocketAddr,
        datagram: Option<&[u8]>,
        now: Instant,
        events: &mut Vec<Event>,
    ) -> Option<bool> {
        let mut is_connected = false;
        let mut has_ended = self.dtls.handle_timeout(now).is_err();
        if let (Some(datagram), false) = (datagram, has_ended) {
            has_ended = self.dtls.handle_packet(datagram).is_err();
        }
        // What it still has to say, an alert perhaps, is sent in any case.
        let mut buffer = vec![0; MTU];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => events.push(Event::Send(peer, packet.to_vec())),
                Output::ApplicationData(data) => events.push(Event::Data(peer, data.to_vec())),
                Output::BufferTooSmall { needed } => buffer.resize(needed.min(1 << 16), 0),
                Output::Connected => is_connected = true,
                Output::CloseNotify => has_ended = true,
                Output::Timeout(_) => break,
                _ => {}
            }
        }
        (!has_ended).then_some(is_connected)
    }
}
