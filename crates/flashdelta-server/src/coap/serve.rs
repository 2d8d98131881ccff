//! Sockets, and the tasks behind them.

use core::future::Future;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::sync::mpsc::{channel, Receiver, Sender};
use tokio::time::{interval, MissedTickBehavior};

use super::kept::Kept;
use super::message::{Answer, Envelope, Request};
use super::peers::{Peers, Step};
use super::resource::{is_observable, reply, Asker, Reply};
use super::sessions::{Event, Sessions};
use super::CoapListen;
use crate::auth::random;
use crate::{Error, Service};

/// CoAP, with and without DTLS.
pub struct Coap {
    ends: Vec<End>,
}

impl Coap {
    /// Takes the addresses.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Bad`], if others could reach the address without DTLS, and that is
    /// not permitted.
    pub async fn bind(service: &Service, listen: &CoapListen) -> Result<Self, Error> {
        let mut ends = Vec::new();
        if let Some(address) = listen.plain()? {
            ends.push(End::bind(service, address, None, listen).await?);
        }
        if let Some(address) = listen.coaps {
            let sessions = Sessions::new(listen.coap_devices as usize)?;
            ends.push(End::bind(service, address, Some(sessions), listen).await?);
        }
        Ok(Self { ends })
    }

    /// The addresses, that without DTLS first.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.ends.iter().map(|end| end.address).collect()
    }

    /// Serves until `end`.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let mut serving = tokio::task::JoinSet::new();
        for end in self.ends {
            serving.spawn(end.run());
        }
        end.await;
        // Devices ask again: there is nothing to wait for.
        serving.shutdown().await;
    }
}

/// A socket.
struct End {
    service: Service,
    address: SocketAddr,
    socket: UdpSocket,
    sessions: Option<Sessions>,
    peers: Peers,
    observe: Duration,
    done: Receiver<Done>,
    doing: Sender<Done>,
}

/// What a task has done.
enum Done {
    Key(SocketAddr, Arc<str>, Option<Vec<u8>>),
    Reply(SocketAddr, Asker, Envelope, Request, Reply),
    /// What there is for one who observes.
    Look(SocketAddr, Option<Answer>),
}

/// The longest datagram of a UDP socket.
const LONGEST: usize = 65_536;

/// Those who observe are looked after some at a time: they have no hurry.
const MOST_LOOKS: usize = 64;

const TICK: Duration = Duration::from_millis(200);

impl End {
    async fn bind(
        service: &Service,
        address: SocketAddr,
        sessions: Option<Sessions>,
        listen: &CoapListen,
    ) -> Result<Self, Error> {
        let socket = UdpSocket::bind(address).await.map_err(Error::io(address))?;
        let at = socket.local_addr().map_err(Error::io(address))?;
        match sessions.is_some() {
            true => tracing::info!(address = %at, "listening for CoAP with DTLS"),
            false => tracing::info!(address = %at, "listening for CoAP without DTLS"),
        }
        let first = u16::from_le_bytes(random()?);
        let peers = Peers::new(listen.coap_devices as usize, first);
        let (doing, done) = channel(1024);
        let observe = Duration::from_secs(listen.coap_observe.into());
        let service = service.clone();
        Ok(Self { service, address: at, socket, sessions, peers, observe, done, doing })
    }

    async fn run(mut self) {
        let mut buffer = vec![0; LONGEST];
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut swept = Instant::now();
        loop {
            tokio::select! {
                Some(done) = self.done.recv() => self.finish(done).await,
                received = self.socket.recv_from(&mut buffer) => match received {
                    Ok((len, from)) => {
                        let datagram = buffer.get(..len).unwrap_or_default();
                        self.receive(from, datagram).await;
                    }
                    // An error of what was sent before, on some systems.
                    Err(error) => tracing::debug!(%error, "a datagram could not be received"),
                },
                _ = tick.tick() => {
                    self.tick(&mut swept).await;
                }
            }
        }
    }

    async fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        match &mut self.sessions {
            None => self.hear(from, datagram).await,
            Some(sessions) => {
                let mut events = Vec::new();
                sessions.receive(from, datagram, Instant::now(), &mut events);
                self.act(events).await;
            }
        }
    }

    /// Takes what came by DTLS, or without it.
    async fn hear(&mut self, from: SocketAddr, datagram: &[u8]) {
        match self.peers.receive(from, datagram, Instant::now()) {
            Step::Nothing => {}
            Step::Send(datagram) => self.send(from, &datagram).await,
            Step::Ask(envelope, request) => {
                let Some(asker) = self.asker(from) else { return };
                let kept = self.peers.kept(from);
                let (service, doing) = (self.service.clone(), self.doing.clone());
                tokio::spawn(async move {
                    let reply = reply(&service, from.ip(), &asker, &envelope, &request, kept).await;
                    let _ = doing.send(Done::Reply(from, asker, envelope, request, reply)).await;
                });
            }
        }
    }

    fn asker(&self, from: SocketAddr) -> Option<Asker> {
        match &self.sessions {
            None => Some(Asker::Token),
            Some(sessions) => sessions.identity(from).map(Asker::Psk),
        }
    }

    async fn act(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Send(to, datagram) => self.send_raw(to, &datagram).await,
                Event::Data(from, data) => Box::pin(self.hear(from, &data)).await,
                // Whoever was there before asks no more.
                Event::Open(peer) | Event::Closed(peer) => self.peers.forget(peer),
                Event::Lookup(from, identity) => self.look_up(from, identity),
            }
        }
    }

    fn look_up(&self, from: SocketAddr, identity: Arc<str>) {
        let (service, doing) = (self.service.clone(), self.doing.clone());
        tokio::spawn(async move {
            let found = service.database().caller_by_psk(&identity).await;
            if matches!(found, Err(Error::Unauthorized)) {
                tracing::debug!("an unknown identity");
                if service.stranger_limiter().take(&from.ip().to_string()).is_err() {
                    return;
                }
            }
            let key = found.ok().map(|(_, key)| key);
            let _ = doing.send(Done::Key(from, identity, key)).await;
        });
    }

    async fn finish(&mut self, done: Done) {
        let now = Instant::now();
        match done {
            Done::Key(from, identity, key) => {
                let mut events = Vec::new();
                if let Some(sessions) = &mut self.sessions {
                    sessions.key(from, &identity, key, now, &mut events);
                }
                self.act(events).await;
            }
            // It is somebody else by now who is at this address.
            Done::Reply(to, asker, ..) if self.asker(to).as_ref() != Some(&asker) => {}
            Done::Reply(to, _, envelope, request, Reply { mut answer, kept }) => {
                if is_observable(&request) && !answer.code.is_error() {
                    match request.observe {
                        Some(0) => {
                            let look = now + self.observe;
                            answer.observe =
                                self.peers.watch(to, &envelope.token, &request, &answer.tag, look);
                        }
                        Some(1) => self.peers.unwatch(to),
                        _ => {}
                    }
                }
                if let Some(kept) = kept {
                    self.peers.keep(to, kept);
                }
                let datagram = self.peers.answer(to, &envelope, &answer);
                self.send(to, &datagram).await;
            }
            Done::Look(to, answer) => {
                let look = now + self.observe;
                if let Some(datagram) = self.peers.tell(to, answer.as_ref(), look, now) {
                    self.send(to, &datagram).await;
                }
            }
        }
    }

    async fn tick(&mut self, swept: &mut Instant) {
        let now = Instant::now();
        let mut events = Vec::new();
        if let Some(sessions) = &mut self.sessions {
            sessions.tick(now, &mut events);
            if now > *swept + Duration::from_secs(60) {
                *swept = now;
                sessions.sweep(now, &mut events);
            }
        }
        self.act(events).await;
        for (to, datagram) in self.peers.again(now) {
            self.send(to, &datagram).await;
        }
        for (at, request) in self.peers.due(now, MOST_LOOKS) {
            match self.asker(at) {
                Some(asker) => self.look(at, asker, request),
                // It was forgotten: it begins anew.
                None => self.peers.forget(at),
            }
        }
    }

    /// Looks whether there is something new for one who observes.
    fn look(&self, at: SocketAddr, asker: Asker, request: Request) {
        let (service, doing) = (self.service.clone(), self.doing.clone());
        // As large as the request that it was.
        let envelope = Envelope { id: 0, token: Vec::new(), is_confirmable: true, len: 64 };
        let kept: Option<Arc<Kept>> = None;
        tokio::spawn(async move {
            let reply = reply(&service, at.ip(), &asker, &envelope, &request, kept).await;
            // What is not ready is looked for again.
            let is_later = reply.answer.max_age.is_some() && reply.answer.code.is_error();
            let answer = (!is_later).then_some(reply.answer);
            let _ = doing.send(Done::Look(at, answer)).await;
        });
    }

    /// Sends an answer, by DTLS where that is spoken.
    async fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        match &mut self.sessions {
            None => self.send_raw(to, datagram).await,
            Some(sessions) => {
                let mut events = Vec::new();
                sessions.send(to, datagram, Instant::now(), &mut events);
                Box::pin(self.act(events)).await;
            }
        }
    }

    async fn send_raw(&self, to: SocketAddr, datagram: &[u8]) {
        if let Err(error) = self.socket.send_to(datagram, to).await {
            tracing::debug!(%error, "a datagram could not be sent");
        }
    }
}
