//! Devices by CoAP (RFC 7252), with or without DTLS 1.2 and pre-shared keys (RFC 4279, 6347).
//!
//! `GET /v1/update` is the plain request of [`http`](mod@crate::http), with what a device says of
//! itself as its query. What is sent comes in blocks (RFC 7959), of the size that the device asks
//! for first. `GET /v1/update/offer` tells what it would be, and can be observed (RFC 7641);
//! `POST /v1/update/report` is as by HTTP.
//!
//! From the bottom up: `block`, `message` and `record` read and write; `peers` and `sessions` are
//! what is remembered of those who ask, machines without a socket or a clock; `kept` and `resource`
//! are what they get; `serve` has the sockets. `client` is the other side, for demonstrations. All
//! that can be sent to the machines, and what comes of it, is bounded: `room` forgets the oldest.
//!
//! Without DTLS a token is in the query; an answer has at most three times the bytes of its
//! request, for whoever asks could do so in another's name.

mod block;
mod client;
#[cfg(test)]
mod hostile;
mod kept;
mod listen;
#[cfg(test)]
mod losses;
mod message;
mod peers;
mod record;
mod resource;
mod room;
mod serve;
mod sessions;

pub(crate) use client::Client;
pub use listen::CoapListen;
pub use serve::Coap;
