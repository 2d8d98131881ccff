//! A client, as small as those of devices are: one request at a time, block by block, without DTLS.

use core::net::SocketAddr;
use core::time::Duration;

use coap_lite::{CoapOption, MessageClass, MessageType, Packet, RequestType, ResponseType};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::block::Block;
use crate::auth::random;
use crate::Error;

/// What a server has answered.
pub(crate) struct Answered {
    pub(crate) code: ResponseType,
    /// All blocks of it.
    pub(crate) payload: Vec<u8>,
}

/// A client of one server.
pub(crate) struct Client {
    socket: UdpSocket,
    next_id: u16,
}

/// How often a request is sent, and how long the first one waits (RFC 7252, 4.8): the time doubles.
const TRIES: u32 = 5;
const ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// Blocks of 512 bytes.
const EXPONENT: u8 = 5;

/// The longest answer that is taken.
const LONGEST: usize = 64 << 20;

impl Client {
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) async fn new(server: SocketAddr) -> Result<Self, Error> {
        let any = match server.is_ipv4() {
            true => SocketAddr::from(([0, 0, 0, 0], 0)),
            false => SocketAddr::from(([0_u16; 8], 0)),
        };
        let socket = UdpSocket::bind(any).await.map_err(Error::io("a socket"))?;
        socket.connect(server).await.map_err(Error::io(server))?;
        Ok(Self { socket, next_id: u16::from_le_bytes(random()?) })
    }

    /// Asks for something; `query` has a part each, as `name=value`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], without an answer.
    pub(crate) async fn get(&mut self, path: &str, query: &[String]) -> Result<Answered, Error> {
        let mut payload = Vec::new();
        let mut block = Block::first(EXPONENT);
        loop {
            let mut request = self.request(path, query);
            request.add_option(CoapOption::Block2, block.write());
            let (answer, code) = self.ask(&request).await?;
            let got = answer.get_first_option(CoapOption::Block2);
            let got = got.and_then(|value| Block::read(value));
            payload.extend_from_slice(&answer.payload);
            match got.filter(|got| got.more && !code.is_error()) {
                // The server may have made blocks smaller.
                Some(got) if payload.len() as u64 == got.start() + got.size() => {
                    block = Block { number: got.number + 1, more: false, ..got };
                }
                Some(_) => return Err(wrong("a block that does not follow")),
                None => return Ok(Answered { code, payload }),
            }
            if payload.len() > LONGEST {
                return Err(wrong("an answer that is too long"));
            }
        }
    }

    fn request(&mut self, path: &str, query: &[String]) -> Packet {
        self.next_id = self.next_id.wrapping_add(1);
        let mut packet = Packet::new();
        packet.header.set_version(1);
        packet.header.set_type(MessageType::Confirmable);
        packet.header.code = MessageClass::Request(RequestType::Get);
        packet.header.message_id = self.next_id;
        packet.set_token(self.next_id.to_be_bytes().to_vec());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            packet.add_option(CoapOption::UriPath, part.as_bytes().to_vec());
        }
        for part in query {
            packet.add_option(CoapOption::UriQuery, part.as_bytes().to_vec());
        }
        packet
    }

    /// The answer to a request, which is sent again until there is one.
    async fn ask(&mut self, request: &Packet) -> Result<(Packet, ResponseType), Error> {
        let datagram = request.to_bytes().map_err(|_| wrong("a request that is too long"))?;
        let mut buffer = vec![0; 2048];
        for tries in 0..TRIES {
            self.socket.send(&datagram).await.map_err(Error::io("CoAP"))?;
            let answered = timeout(ACK_TIMEOUT * (1 << tries), async {
                loop {
                    let len = self.socket.recv(&mut buffer).await?;
                    let received = Packet::from_bytes(buffer.get(..len).unwrap_or_default());
                    let Ok(packet) = received else { continue };
                    if let MessageClass::Response(code) = packet.header.code {
                        if packet.get_token() == request.get_token() {
                            return Ok((packet, code));
                        }
                    }
                }
            });
            if let Ok(answered) = answered.await {
                return answered.map_err(Error::io("CoAP"));
            }
        }
        Err(wrong("no answer"))
    }
}

fn wrong(what: &str) -> Error {
    Error::io("CoAP")(std::io::Error::other(what.to_owned()))
}
