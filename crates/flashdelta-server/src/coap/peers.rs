//! Who sends what: messages that come twice, transfers that are under way, and those who observe.
//! No socket and no clock: datagrams and times come in, datagrams go out.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::kept::Kept;
use super::message::{reset, Answer, Envelope, Message, Request};
use super::room::evict;

/// What comes of a datagram.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    /// To be sent back.
    Send(Vec<u8>),
    /// To be answered.
    Ask(Envelope, Request),
}

/// All who have sent something lately; as many as there is room for.
pub(super) struct Peers {
    peers: HashMap<SocketAddr, Peer>,
    most: usize,
    next_id: u16,
}

struct Peer {
    seen: Instant,
    /// The latest request, and its answer, for when it comes again. All that can be asked here may
    /// be done twice, so that earlier ones need not be kept.
    last: Option<(Envelope, Option<Vec<u8>>)>,
    /// Requests that are being answered.
    running: u8,
    kept: Option<Arc<Kept>>,
    watch: Option<Watch>,
}

/// Somebody who observes.
struct Watch {
    request: Request,
    token: Vec<u8>,
    /// What it was told last.
    tag: Vec<u8>,
    sequence: u32,
    /// When to look for something new.
    look: Instant,
    is_looking: bool,
    /// The id of what it was told last.
    id: Option<u16>,
    unanswered: Option<Unanswered>,
}

struct Unanswered {
    datagram: Vec<u8>,
    tries: u32,
    again: Instant,
}

/// Requests of one peer that are answered at the same time (RFC 7252 has 1).
const MOST_RUNNING: u8 = 4;

/// RFC 7252, 4.8.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RETRANSMIT: u32 = 4;

impl Peers {
    /// Room for `most` of them; `first_id` is of the first message that is sent.
    pub(super) fn new(most: usize, first_id: u16) -> Self {
        Self { peers: HashMap::new(), most: most.max(1), next_id: first_id }
    }

    /// What comes of a datagram.
    pub(super) fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Step {
        match Message::read(datagram) {
            Message::Nothing => Step::Nothing,
            Message::Unwanted(id) => Step::Send(reset(id)),
            Message::Acknowledged(id) => self.acknowledged(from, id),
            Message::Rejected(id) => self.rejected(from, id),
            Message::Wrong(envelope, code) => {
                let id = self.id();
                Step::Send(Answer::new(code).write(&envelope, id))
            }
            Message::Request(envelope, request) => self.request(from, envelope, request, now),
        }
    }

    fn request(
        &mut self,
        from: SocketAddr,
        envelope: Envelope,
        request: Request,
        now: Instant,
    ) -> Step {
        let peer = self.peer(from, now);
        match &peer.last {
            Some((last, answer)) if *last == envelope => {
                // It is on its way, or it got lost.
                return answer.clone().map_or(Step::Nothing, Step::Send);
            }
            // What is not answered comes again.
            _ if peer.running >= MOST_RUNNING => return Step::Nothing,
            _ => {}
        }
        peer.running += 1;
        peer.last = Some((envelope.clone(), None));
        Step::Ask(envelope, request)
    }

    /// The datagram with an answer.
    pub(super) fn answer(
        &mut self,
        to: SocketAddr,
        envelope: &Envelope,
        answer: &Answer,
    ) -> Vec<u8> {
        let id = self.id();
        let datagram = answer.write(envelope, id);
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.running = peer.running.saturating_sub(1);
            if let Some((last, kept)) = &mut peer.last {
                if last == envelope {
                    *kept = Some(datagram.clone());
                }
            }
        }
        datagram
    }

    /// What this one is being sent.
    pub(super) fn kept(&self, of: SocketAddr) -> Option<Arc<Kept>> {
        self.peers.get(&of)?.kept.clone()
    }

    /// What this one is being sent from now on.
    pub(super) fn keep(&mut self, of: SocketAddr, kept: Arc<Kept>) {
        if let Some(peer) = self.peers.get_mut(&of) {
            peer.kept = Some(kept);
        }
    }

    /// This one observes from now on; gives the number that the answer is to have.
    pub(super) fn watch(
        &mut self,
        of: SocketAddr,
        token: &[u8],
        request: &Request,
        tag: &[u8],
        look: Instant,
    ) -> Option<u32> {
        let peer = self.peers.get_mut(&of)?;
        let sequence = peer.watch.as_ref().map_or(1, |watch| watch.sequence.wrapping_add(1));
        peer.watch = Some(Watch {
            request: Request { block: request.block.filter(|b| b.number == 0), ..request.clone() },
            token: token.to_vec(),
            tag: tag.to_vec(),
            sequence,
            look,
            is_looking: false,
            id: None,
            unanswered: None,
        });
        Some(sequence & 0xff_ffff)
    }

    /// This one observes no more.
    pub(super) fn unwatch(&mut self, of: SocketAddr) {
        if let Some(peer) = self.peers.get_mut(&of) {
            peer.watch = None;
        }
    }

    /// This one has gone, or is somebody else by now.
    pub(super) fn forget(&mut self, peer: SocketAddr) {
        self.peers.remove(&peer);
    }

    /// Those for whom it is to be looked whether there is something new, up to `most`.
    pub(super) fn due(&mut self, now: Instant, most: usize) -> Vec<(SocketAddr, Request)> {
        let watching = self.peers.iter_mut().filter_map(|(&at, peer)| {
            let watch = peer.watch.as_mut()?;
            let is_due = !watch.is_looking && watch.look <= now;
            is_due.then(|| {
                watch.is_looking = true;
                (at, watch.request.clone())
            })
        });
        watching.take(most).collect()
    }

    /// Tells one who observes, if it is something new; `None`: it is not.
    pub(super) fn tell(
        &mut self,
        to: SocketAddr,
        answer: Option<&Answer>,
        look: Instant,
        now: Instant,
    ) -> Option<Vec<u8>> {
        let id = self.id();
        let peer = self.peers.get_mut(&to)?;
        let watch = peer.watch.as_mut()?;
        (watch.is_looking, watch.look) = (false, look);
        let answer = answer.filter(|answer| answer.code.is_error() || answer.tag != watch.tag)?;
        watch.sequence = watch.sequence.wrapping_add(1);
        watch.tag.clone_from(&answer.tag);
        watch.id = Some(id);
        let is_last = answer.code.is_error();
        let observe = (!is_last).then_some(watch.sequence & 0xff_ffff);
        let datagram = Answer { observe, ..answer.clone() }.notify(id, &watch.token);
        let again = now + ACK_TIMEOUT;
        watch.unanswered = Some(Unanswered { datagram: datagram.clone(), tries: 0, again });
        if is_last {
            peer.watch = None;
        }
        Some(datagram)
    }

    /// What is to be sent again. Those who do not answer at all observe no more.
    pub(super) fn again(&mut self, now: Instant) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut sent = Vec::new();
        for (&at, peer) in &mut self.peers {
            let Some(watch) = &mut peer.watch else { continue };
            let Some(unanswered) = watch.unanswered.as_mut().filter(|u| u.again <= now) else {
                continue;
            };
            unanswered.tries += 1;
            if unanswered.tries > MAX_RETRANSMIT {
                peer.watch = None;
                continue;
            }
            unanswered.again = now + ACK_TIMEOUT * 2u32.saturating_pow(unanswered.tries);
            sent.push((at, unanswered.datagram.clone()));
        }
        sent
    }

    fn acknowledged(&mut self, from: SocketAddr, id: u16) -> Step {
        let watch = self.peers.get_mut(&from).and_then(|peer| peer.watch.as_mut());
        if let Some(watch) = watch.filter(|watch| watch.id == Some(id)) {
            watch.unanswered = None;
        }
        Step::Nothing
    }

    fn rejected(&mut self, from: SocketAddr, id: u16) -> Step {
        if let Some(peer) = self.peers.get_mut(&from) {
            if peer.watch.as_ref().is_some_and(|watch| watch.id == Some(id)) {
                peer.watch = None;
            }
        }
        Step::Nothing
    }

    /// The number of those that are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    fn id(&mut self) -> u16 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    fn peer(&mut self, at: SocketAddr, now: Instant) -> &mut Peer {
        if self.peers.len() >= self.most && !self.peers.contains_key(&at) {
            evict(&mut self.peers, self.most, |peer| peer.seen);
        }
        let new = || Peer { seen: now, last: None, running: 0, kept: None, watch: None };
        let peer = self.peers.entry(at).or_insert_with(new);
        peer.seen = now;
        peer
    }
}
