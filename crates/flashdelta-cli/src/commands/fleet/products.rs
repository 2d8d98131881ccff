//! `flashdelta fleet products`

use serde_json::json;

use super::answers::{print_done, print_list};
use super::client::{part, Client};
use crate::failure::Outcome;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List them
    List,
    /// Enter one, or give it another title
    Add {
        /// Its name, which devices say
        name: String,
        /// What people call it
        #[arg(long, default_value = "")]
        title: String,
    },
}

impl Command {
    pub(super) fn run(self, client: &Client, json: bool) -> Outcome {
        match self {
            Self::List => {
                let answer = client.get("/v1/products")?;
                print_list(&answer, json, ["name", "title"], "no product yet")
            }
            Self::Add { name, title } => {
                let body = json!({"name": name, "title": title});
                let answer = client.put(&format!("/v1/products/{}", part(&name)), &body)?;
                print_done(&answer, json, &format!("product {name}"))
            }
        }
    }
}
