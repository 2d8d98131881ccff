//! A client of HTTP, as small as those of devices are.

use core::net::SocketAddr;

use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Error;

/// What a server has answered.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The longest answer that is taken.
const LONGEST: usize = 64 << 20;

/// Asks for something, on a connection of its own.
///
/// # Errors
///
/// [`Error::Io`].
pub(super) async fn ask(
    server: SocketAddr,
    method: Method,
    path: &str,
    token: &str,
    body: Vec<u8>,
) -> Result<Answered, Error> {
    let stream = TcpStream::connect(server).await.map_err(Error::io(server))?;
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(failed)?;
    let running = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, server.to_string())
        .header(AUTHORIZATION, format!("Bearer {token}"))
        .body(Full::new(Bytes::from(body)))
        .map_err(failed)?;
    let answer = sender.send_request(request).await.map_err(failed)?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST).collect().await;
    let body = body.map_err(|error| Error::io("HTTP")(std::io::Error::other(error)))?.to_bytes();
    running.abort();
    Ok(Answered { status: parts.status, headers: parts.headers, body })
}

fn failed(error: impl core::error::Error + Send + Sync + 'static) -> Error {
    Error::io("HTTP")(std::io::Error::other(error))
}
