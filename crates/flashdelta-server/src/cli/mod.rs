//! The program.

mod clean;
mod commands;
mod demo;
mod log;
mod operator;
mod psk;
mod serve;
mod tenant;
mod token;
mod whose;
mod worker;

pub use commands::run;
