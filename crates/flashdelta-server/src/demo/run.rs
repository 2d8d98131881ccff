//! The demonstration from start to end.

use core::net::SocketAddr;
use core::time::Duration;

use tokio::sync::oneshot::channel;

use super::device::{Addresses, Asked};
use super::enter::{self, Entered, NAME};
use super::family::Habit;
use crate::coap::{Coap, CoapListen};
use crate::config::{Config, Listen};
use crate::serve::{interrupted, Server};
use crate::{Error, Service};

/// How often devices ask.
const EVERY: Duration = Duration::from_secs(3);

/// How long a device waits for a patch in a demonstration that ends: longer than any takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs a service with the family, whose devices ask and update themselves. `once`: until all have
/// what they are to have; else until it is interrupted.
///
/// # Errors
///
/// [`Error`].
pub(crate) async fn run(config: &Config, listen: &Listen, once: bool) -> Result<(), Error> {
    let service = Service::open(config).await?;
    let tenant = enter::tenant(&service).await?;
    let keys = enter::keys(&tenant).await?;
    let devices = enter::family(&service, &tenant).await?;
    let workers = service.start_workers(config.workers)?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let coap = Coap::bind(&service, &CoapListen::new(Some(any), None)).await?;
    let server = Server::bind(service, listen).await?;
    let address = server.address()?;
    let addresses = coap.addresses();
    let Some(&coap_address) = addresses.first() else {
        return Err(Error::bad("coap", "", "an address"));
    };
    println!("Pages     http://{address}/ui");
    println!("          sign in as {NAME} with {}", keys.password.reveal());
    println!("API       FLASHDELTA_SERVER=http://{address}");
    println!("          FLASHDELTA_TOKEN={}", keys.token.reveal());
    println!("Devices   {} made up ones, by HTTP and by CoAP\n", devices.len());
    let at = Addresses { http: address, coap: coap_address };
    let (http_ends, http_ended) = channel::<()>();
    let (coap_ends, coap_ended) = channel::<()>();
    let devices = async {
        let result = tokio::select! {
            result = simulate(devices, at, once) => result,
            () = interrupted() => Ok(()),
        };
        drop((http_ends, coap_ends));
        result
    };
    let http = server.run(async { drop(http_ended.await) });
    let coap = coap.run(async { drop(coap_ended.await) });
    let (simulated, served, ()) = tokio::join!(devices, http, coap);
    drop(workers);
    simulated.and(served)
}

/// The devices ask one after the other, again and again.
async fn simulate(mut devices: Vec<Entered>, at: Addresses, once: bool) -> Result<(), Error> {
    let (start, mut has_told) = (std::time::Instant::now(), false);
    loop {
        let mut is_waiting = false;
        for device in &mut devices {
            is_waiting |= ask(device, at).await?;
        }
        if !is_waiting && !has_told {
            has_told = true;
            println!("\nAll devices have what the roll-outs give them so far.");
            if !once {
                try_this();
            }
        }
        if once && (has_told || start.elapsed() > PATIENCE) {
            return match has_told {
                true => Ok(()),
                false => Err(Error::Make("patches were not made in time".to_owned())),
            };
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// A device asks, until there is nothing for it; true: its patch is still being made.
async fn ask(device: &mut Entered, at: Addresses) -> Result<bool, Error> {
    loop {
        let before = device.image;
        match device.ask(at).await? {
            Asked::Nothing => return Ok(false),
            Asked::Later => return Ok(true),
            Asked::Updated { bytes } => {
                let [from, to] = [before, device.image].map(|image| device.of.version(image));
                let by = if device.habit == Habit::Coap { "CoAP" } else { "HTTP" };
                let (id, of) = (&device.id, device.image.len());
                println!("{id}  {by}  {from} to {to}: {bytes} bytes in place of {of}");
            }
            Asked::Failed(why) => {
                println!("{}  HTTP  failed: {why}", device.id);
                return Ok(false);
            }
        }
    }
}

fn try_this() {
    println!(
        "To try on the pages:\n\
         - Roll-outs: go to the next stage; within seconds more devices follow.\n\
         - Devices: egret-006 fails; heron-007 runs what is in no catalogue, and gets all of it.\n\
         - Products, heron, \"What changed between two releases\": where the patch goes.\n\
         - Savings: what deltas have saved.\n\
         Ctrl-C ends it; the folder may be deleted then."
    );
}
