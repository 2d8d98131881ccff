//! Messages of RFC 7252: what a datagram says, and datagrams that answer it. The crate `coap-lite`
//! reads and writes them; what makes a message right or wrong is here.

use std::collections::BTreeMap;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType, ResponseType};

use super::block::{read_uint, uint, Block};

/// What a datagram says.
#[derive(Debug)]
pub(super) enum Message {
    /// Something to be passed over in silence.
    Nothing,
    /// To be answered with a reset: a ping, or what nobody has asked for.
    Unwanted(u16),
    /// A confirmable message of ours has come.
    Acknowledged(u16),
    /// A message of ours was not wanted.
    Rejected(u16),
    /// A request that cannot be.
    Wrong(Envelope, ResponseType),
    /// A request.
    Request(Envelope, Request),
}

/// What an answer has to have of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Envelope {
    pub(super) id: u16,
    pub(super) token: Vec<u8>,
    /// It is sent again until there is an answer.
    pub(super) is_confirmable: bool,
    /// Bytes of the datagram.
    pub(super) len: usize,
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Parts of the path, with `/` between them.
    pub(super) path: String,
    /// Names and values.
    pub(super) query: BTreeMap<String, String>,
    /// Which block is asked for; `None`: the device has not said.
    pub(super) block: Option<Block>,
    /// 0: tell what changes from now on; 1: no more.
    pub(super) observe: Option<u32>,
    /// What the device has already.
    pub(super) tags: Vec<Vec<u8>>,
    /// The format in which the answer is to be.
    pub(super) accept: Option<u32>,
    pub(super) payload: Vec<u8>,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Get,
    Post,
    Other,
}

/// What an answer says.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Answer {
    pub(super) code: ResponseType,
    pub(super) format: Option<u16>,
    pub(super) tag: Vec<u8>,
    pub(super) block: Option<Block>,
    /// Bytes of all blocks.
    pub(super) size: Option<u32>,
    pub(super) observe: Option<u32>,
    /// Seconds for which it holds.
    pub(super) max_age: Option<u32>,
    pub(super) payload: Vec<u8>,
}

impl Answer {
    /// An answer without anything.
    pub(super) fn new(code: ResponseType) -> Self {
        Self {
            code,
            format: None,
            tag: Vec::new(),
            block: None,
            size: None,
            observe: None,
            max_age: None,
            payload: Vec::new(),
        }
    }

    /// With a text for people, or none.
    pub(super) fn text(code: ResponseType, text: &str) -> Self {
        // A diagnostic that is longer than a request would be gives away more than it takes.
        let text: String = text.chars().take(60).collect();
        Self { payload: text.into_bytes(), ..Self::new(code) }
    }

    /// The datagram with this answer.
    pub(super) fn write(&self, envelope: &Envelope, own_id: u16) -> Vec<u8> {
        let (kind, id) = match envelope.is_confirmable {
            true => (MessageType::Acknowledgement, envelope.id),
            false => (MessageType::NonConfirmable, own_id),
        };
        self.packet(kind, id, &envelope.token)
    }

    /// The datagram that tells something new to one who observes.
    pub(super) fn notify(&self, id: u16, token: &[u8]) -> Vec<u8> {
        self.packet(MessageType::Confirmable, id, token)
    }

    fn packet(&self, kind: MessageType, id: u16, token: &[u8]) -> Vec<u8> {
        let mut packet = start(kind, MessageClass::Response(self.code), id);
        packet.set_token(token.to_vec());
        let mut add = |option: CoapOption, value: Option<Vec<u8>>| {
            if let Some(value) = value {
                packet.add_option(option, value);
            }
        };
        add(CoapOption::ETag, Some(self.tag.clone()).filter(|tag| !tag.is_empty()));
        add(CoapOption::Observe, self.observe.map(uint));
        add(CoapOption::ContentFormat, self.format.map(|format| uint(format.into())));
        add(CoapOption::MaxAge, self.max_age.map(uint));
        add(CoapOption::Block2, self.block.map(Block::write));
        add(CoapOption::Size2, self.size.map(uint));
        packet.payload.clone_from(&self.payload);
        packet.to_bytes().unwrap_or_default()
    }
}

fn start(kind: MessageType, code: MessageClass, id: u16) -> Packet {
    let mut packet = Packet::new();
    packet.header.set_version(1);
    packet.header.set_type(kind);
    packet.header.code = code;
    packet.header.message_id = id;
    packet
}

/// The datagram that says that a message was not wanted.
pub(super) fn reset(id: u16) -> Vec<u8> {
    start(MessageType::Reset, MessageClass::Empty, id).to_bytes().unwrap_or_default()
}

impl Message {
    /// What a datagram says.
    pub(super) fn read(datagram: &[u8]) -> Self {
        let Ok(packet) = Packet::from_bytes(datagram) else { return Self::Nothing };
        if packet.header.get_version() != 1 {
            return Self::Nothing;
        }
        let (kind, id) = (packet.header.get_type(), packet.header.message_id);
        match (kind, packet.header.code) {
            (MessageType::Acknowledgement, MessageClass::Empty) => Self::Acknowledged(id),
            (MessageType::Reset, MessageClass::Empty) => Self::Rejected(id),
            (MessageType::Confirmable, MessageClass::Request(code)) => {
                request(&packet, code, true, datagram.len())
            }
            (MessageType::NonConfirmable, MessageClass::Request(code)) => {
                request(&packet, code, false, datagram.len())
            }
            // A ping, a response that nobody waits for, or a class that does not exist.
            (MessageType::Confirmable, _) => Self::Unwanted(id),
            _ => Self::Nothing,
        }
    }
}

fn request(packet: &Packet, code: RequestType, is_confirmable: bool, len: usize) -> Message {
    let token = packet.get_token().to_vec();
    let envelope = Envelope { id: packet.header.message_id, token, is_confirmable, len };
    match options(packet, code) {
        Ok(request) => Message::Request(envelope, request),
        Err(code) => Message::Wrong(envelope, code),
    }
}

fn options(packet: &Packet, code: RequestType) -> Result<Request, ResponseType> {
    let mut request = Request {
        method: match code {
            RequestType::Get => Method::Get,
            RequestType::Post => Method::Post,
            _ => Method::Other,
        },
        path: String::new(),
        query: BTreeMap::new(),
        block: None,
        observe: None,
        tags: Vec::new(),
        accept: None,
        payload: packet.payload.clone(),
    };
    let wrong = || ResponseType::BadOption;
    for (&number, values) in packet.options() {
        let first = values.front().map_or(&[][..], Vec::as_slice);
        let repeatable = matches!(
            CoapOption::from(number),
            CoapOption::ETag | CoapOption::UriPath | CoapOption::UriQuery
        );
        // A critical option twice is one that is not understood (RFC 7252, 5.4.5).
        if !repeatable && values.len() > 1 && number % 2 == 1 {
            return Err(wrong());
        }
        match CoapOption::from(number) {
            // Whoever it was for, it has come here.
            CoapOption::UriHost | CoapOption::UriPort => {}
            CoapOption::UriPath => {
                for part in values {
                    let part = core::str::from_utf8(part).map_err(|_| wrong())?;
                    request.path.push('/');
                    request.path.push_str(part);
                }
            }
            CoapOption::UriQuery => {
                for part in values {
                    let part = core::str::from_utf8(part).map_err(|_| wrong())?;
                    let (name, value) = part.split_once('=').unwrap_or((part, ""));
                    request.query.insert(name.to_owned(), value.to_owned());
                }
            }
            CoapOption::Block2 => request.block = Some(Block::read(first).ok_or_else(wrong)?),
            CoapOption::Block1 => {
                // Reports fit into one datagram.
                let block = Block::read(first).ok_or_else(wrong)?;
                if block.number > 0 || block.more {
                    return Err(ResponseType::RequestEntityTooLarge);
                }
            }
            CoapOption::Accept => request.accept = Some(read_uint(first).ok_or_else(wrong)?),
            CoapOption::Observe => request.observe = read_uint(first),
            CoapOption::ETag => {
                let known = values.iter().filter(|tag| (1..=8).contains(&tag.len()));
                request.tags = known.take(4).cloned().collect();
            }
            CoapOption::ProxyUri | CoapOption::ProxyScheme => {
                return Err(ResponseType::ProxyingNotSupported);
            }
            // An odd number: who does not know it must not go on.
            _ if number % 2 == 1 => return Err(wrong()),
            _ => {}
        }
    }
    Ok(request)
}
