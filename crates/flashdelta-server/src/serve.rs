//! A server from start to end.

use core::future::Future;
use core::net::SocketAddr;
use core::time::Duration;

use axum_server::Handle;
use tokio::net::TcpListener;

use crate::config::Listen;
use crate::{http, Error, Service};

/// A server that listens.
pub struct Server {
    service: Service,
    listener: std::net::TcpListener,
    grace: Duration,
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
        Ok(Self { service, listener, grace: Duration::from_secs(listen.grace) })
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
        let serving = axum_server::from_tcp(self.listener).map_err(Error::io("the listener"))?;
        let serving = serving
            .handle(handle.clone())
            .serve(http::router(&self.service).into_make_service_with_connect_info::<SocketAddr>());
        let mut serving = core::pin::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended.map_err(Error::io("the listener")),
            () = end => {}
        }
        tracing::info!("ending");
        handle.graceful_shutdown(Some(self.grace));
        serving.await.map_err(Error::io("the listener"))?;
        self.service.database().close().await;
        Ok(())
    }
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
