//! The service as a program of its own, by HTTP, on both databases.

mod access;
mod browser;
mod catalogue;
mod certificates;
mod clean;
mod client;
mod coap;
mod coap_device;
mod ddi;
mod demo;
mod deploy;
mod document;
mod fleet;
mod jobs;
mod kills;
mod limits;
mod load;
mod micropython;
mod network;
mod operators;
mod pages;
mod plain;
mod postgres;
mod restore;
mod rollouts;
mod server;
mod sets;
mod signing;
mod start;
mod swupdate;
mod unscoped;

/// Tests that run on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($name:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::server::Setup::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(setup) = crate::server::Setup::postgres() {
                    super::$name(setup).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_databases;
