//! `serve`

use clap::Args;

use crate::coap::{Coap, CoapListen};
use crate::config::{Config, Listen};
use crate::serve::{interrupted, Server};
use crate::{Error, Service};

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    coap: CoapListen,
    #[command(flatten)]
    config: Config,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Error> {
        let service = Service::open(&self.config).await?;
        if let Some(secret) = service.first_token().await? {
            // Standard output: it must not get into a log.
            println!("The token of the first operator, shown this once:\n{}", secret.reveal());
            match service.first_operator().await? {
                Some(password) => {
                    let password = password.reveal();
                    println!("The password of `admin`, for the pages below /ui:\n{password}");
                }
                None => println!("The password of `admin`, for the pages below /ui:\nunchanged"),
            }
        }
        let workers = service.start_workers(self.config.workers)?;
        let coap = Coap::bind(&service, &self.coap).await?;
        let server = Server::bind(service, &self.listen).await?;
        tracing::info!(address = %server.address()?, "listening");
        // Where the one ends, or never begins, the other does.
        let (ends, ended) = tokio::sync::oneshot::channel::<()>();
        let http = async {
            let result = server.run(interrupted()).await;
            drop(ends);
            result
        };
        let end = async {
            tokio::select! { _ = ended => {} () = interrupted() => {} }
        };
        let (result, ()) = tokio::join!(http, coap.run(end));
        drop(workers);
        result
    }
}
