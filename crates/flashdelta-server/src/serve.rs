//! A server from start to end.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::time::Duration;

use axum_server::Handle;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::config::Listen;
use crate::{http, tls, Error, Service};

/// A server that listens.
pub struct Server {
    service: Service,
    listener: std::net::TcpListener,
    grace: Duration,
    /// How long the head of a request may take to come.
    headers: Duration,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn bind(service: Service, listen: &Listen) -> Result<Self, Error> {
        let listener = TcpListener::bind(listen.listen).await;
        let listener =
            listener.and_then(TcpListener::into_std).map_err(Error::io(listen.listen))?;
        let grace = Duration::from_secs(listen.grace);
        let headers = Duration::from_secs(listen.header_seconds);
        Ok(Self { service, listener, grace, headers })
    }

    /// The address.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().map_err(Error::io("the listener"))
    }

    /// Serves until `end`: then no connection is taken any more, and requests have a while to end.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub async fn run(self, end: impl Future<Output = ()>) -> Result<(), Error> {
        let handle = Handle::new();
        let service =
            http::router(&self.service).into_make_service_with_connect_info::<SocketAddr>();
        let failed = || Error::io("the listener");
        let config = self.service.config();
        // It ends with this function.
        let mut fresh = JoinSet::new();
        let mut serving: Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>> =
            match (&config.tls_cert, &config.tls_key) {
                (Some(cert), Some(key)) => {
                    let tls = tls::server(cert, key, &self.service.authorities())?;
                    let own = self.service.clone();
                    let set = move |authorities| own.set_authorities(authorities);
                    fresh.spawn(tls::keep_fresh(config.clone(), tls.clone(), set));
                    let server = axum_server::from_tcp_rustls(self.listener, tls);
                    let mut server = server.map_err(failed())?.handle(handle.clone());
                    hurry(server.http_builder(), self.headers);
                    Box::pin(server.serve(service))
                }
                _ => {
                    let server = axum_server::from_tcp(self.listener).map_err(failed())?;
                    let mut server = server.handle(handle.clone());
                    hurry(server.http_builder(), self.headers);
                    Box::pin(server.serve(service))
                }
            };
        tokio::select! {
            ended = serving.as_mut() => return ended.map_err(Error::io("the listener")),
            () = end => {}
        }
        tracing::info!("ending");
        handle.graceful_shutdown(Some(self.grace));
        serving.await.map_err(Error::io("the listener"))?;
        self.service.database().close().await;
        Ok(())
    }
}

/// Gives up on connections on which no request comes: they cost a client nothing.
fn hurry(builder: &mut Builder<TokioExecutor>, headers: Duration) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(headers);
}

/// Ends with Ctrl-C or SIGTERM.
pub async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{signal, SignalKind};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! { _ = interrupt => {} _ = terminate.recv() => {} }
            return;
        }
    }
    let _ = interrupt.await;
}
