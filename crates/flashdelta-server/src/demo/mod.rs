//! A demonstration: the service with a family of devices that is made up, which ask and update
//! themselves, by HTTP and by CoAP. Nothing has to be installed, and no other machine is asked.

mod device;
mod enter;
mod family;
mod http;
mod run;

pub(crate) use run::run;
