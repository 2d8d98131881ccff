//! Where CoAP is listened for.

use core::net::SocketAddr;

use clap::Args;

use crate::Error;

/// Where CoAP is listened for; nowhere, unless it is said.
#[derive(Args, Clone, Debug, Default)]
pub struct CoapListen {
    /// Address and port for CoAP with DTLS and pre-shared keys (5684 is usual)
    #[arg(long, env = "FLASHDELTA_COAPS", value_name = "ADDRESS")]
    pub coaps: Option<SocketAddr>,
    /// Address and port for CoAP without DTLS, where tokens and patches can be read by everybody on
    /// the way (5683 is usual): of this machine only, unless --coap-anywhere is there
    #[arg(long, env = "FLASHDELTA_COAP", value_name = "ADDRESS")]
    pub coap: Option<SocketAddr>,
    /// Permit CoAP without DTLS at addresses that other machines reach
    #[arg(long, requires = "coap")]
    pub coap_anywhere: bool,
    /// Devices that are remembered at the same time, for each of the two; when there is no
    /// room, the eighth that was not heard of for longest is forgotten
    #[arg(
        long,
        default_value_t = DEVICES,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub coap_devices: u32,
    /// Seconds after which it is looked whether there is something new for those who observe
    #[arg(
        long,
        default_value_t = OBSERVE,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub coap_observe: u32,
}

const DEVICES: u32 = 20_000;
const OBSERVE: u32 = 30;

impl CoapListen {
    /// These addresses, and the defaults.
    pub fn new(coap: Option<SocketAddr>, coaps: Option<SocketAddr>) -> Self {
        let (coap_devices, coap_observe) = (DEVICES, OBSERVE);
        Self { coaps, coap, coap_anywhere: false, coap_devices, coap_observe }
    }

    /// The address without DTLS, if that is permitted.
    pub(super) fn plain(&self) -> Result<Option<SocketAddr>, Error> {
        match self.coap {
            Some(address) if !address.ip().is_loopback() && !self.coap_anywhere => {
                let expected = "an address of this machine only, or --coap-anywhere";
                Err(Error::bad("coap", address.to_string(), expected))
            }
            address => Ok(address),
        }
    }
}
