//! Requests to a server.

use core::time::Duration;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use flashdelta::ErrorClass;

use crate::failure::{Failure, Outcome};
use crate::inputs;
use crate::text;

/// Where the server is, and who asks.
#[derive(clap::Args)]
pub(super) struct ServerArgs {
    /// Address of the server, without /v1
    #[arg(
        long,
        global = true,
        env = "FLASHDELTA_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    server: String,
    /// File with the token of an operator; without it the variable FLASHDELTA_TOKEN has it
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// PEM file of the certificates that the server's is checked by; without it those of the web
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A server that is asked.
pub(super) struct Client {
    agent: Agent,
    server: String,
    token: String,
}

/// The most that an answer may have.
const MOST: u64 = 256 << 20;

impl ServerArgs {
    pub(super) fn client(&self) -> Outcome<Client> {
        let server = self.server.trim_end_matches('/').to_owned();
        let token = match &self.token_file {
            Some(path) => read_text(path)?,
            None => std::env::var("FLASHDELTA_TOKEN").unwrap_or_default(),
        };
        let token = token.trim().to_owned();
        if token.is_empty() {
            let failure = Failure::new(ErrorClass::Misuse, "there is no token");
            return Err(failure.hint(
                "--token-file names a file with one, or FLASHDELTA_TOKEN has it; the server \
                 prints the first one when it first starts",
            ));
        }
        let mut tls = TlsConfig::builder();
        if let Some(path) = &self.ca {
            tls = tls.root_certs(RootCerts::Specific(certificates(path)?.into()));
        }
        // What is wrong is in the body.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_secs(300)))
            .tls_config(tls.build())
            // The token is for this server alone.
            .max_redirects(0)
            .build();
        Ok(Client { agent: config.into(), server, token })
    }
}

fn read_text(path: &Path) -> Outcome<String> {
    let bytes = inputs::small(path)?;
    let wrong =
        || Failure::new(ErrorClass::BadFile, format!("{}: this is no text", text::path(path)));
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn certificates(path: &Path) -> Outcome<Vec<Certificate<'static>>> {
    let pem = read_text(path)?;
    let found = ureq::tls::parse_pem(pem.as_bytes()).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = found.collect();
    match found.is_empty() {
        true => {
            let message = format!("{}: there is no certificate in it", text::path(path));
            Err(Failure::new(ErrorClass::BadFile, message))
        }
        false => Ok(found),
    }
}

impl Client {
    pub(super) fn get(&self, path: &str) -> Outcome<Value> {
        self.json(Method::GET, path, None)
    }

    pub(super) fn delete(&self, path: &str) -> Outcome<Value> {
        self.json(Method::DELETE, path, None)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.json(Method::PUT, path, Some(body))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.json(Method::POST, path, Some(body))
    }

    pub(super) fn patch(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.json(Method::PATCH, path, Some(body))
    }

    /// Sends a file.
    pub(super) fn upload(&self, path: &str, bytes: &[u8]) -> Outcome<Value> {
        self.send(Method::POST, path, bytes)
    }

    fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Outcome<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.send(method, path, body.as_bytes())
    }

    fn send(&self, method: Method, path: &str, body: &[u8]) -> Outcome<Value> {
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.server))
            .header("authorization", format!("Bearer {}", self.token));
        let unfit = |error: &dyn core::fmt::Display| {
            let message = format!("{}: {error}", text::escaped(&self.server));
            Failure::new(ErrorClass::Misuse, message)
        };
        let failed = |error: &ureq::Error| {
            let message = format!("{}: {error}", text::escaped(&self.server));
            Failure::new(ErrorClass::Io, message).hint("is the server there? --server says where")
        };
        // GET and DELETE have no body.
        let answer = match method == Method::GET || method == Method::DELETE {
            true => {
                let request = request.body(()).map_err(|error| unfit(&error))?;
                self.agent.run(request)
            }
            false => {
                let request = request.body(body).map_err(|error| unfit(&error))?;
                self.agent.run(request)
            }
        };
        answered(answer.map_err(|error| failed(&error))?, &failed)
    }
}

/// What a server answered; what it refused is a failure with its words.
fn answered(
    mut answer: Response<Body>,
    failed: &dyn Fn(&ureq::Error) -> Failure,
) -> Outcome<Value> {
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(MOST).read_to_vec();
    let body = body.map_err(|error| failed(&error))?;
    let found: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(found);
    }
    let class = if status.is_client_error() { ErrorClass::Misuse } else { ErrorClass::Io };
    let message = match found["error"]["message"].as_str() {
        Some(message) => format!("the server says: {}", text::escaped(message)),
        None => format!("the server answers {status}, and not as an update service"),
    };
    let failure = Failure::new(class, message);
    Err(match status.as_u16() {
        401 => failure.hint("the token is unknown there, or was revoked"),
        403 => failure.hint("it takes the token of an operator with that role"),
        _ => failure,
    })
}

/// Text as a part of an address.
pub(super) fn part(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let byte = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
