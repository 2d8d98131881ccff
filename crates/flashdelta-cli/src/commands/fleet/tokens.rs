//! `flashdelta fleet tokens`

use serde_json::json;

use super::answers::{field, print_done, print_list};
use super::client::{part, Client};
use crate::failure::Outcome;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List them, without their secrets
    List,
    /// Make one; it is printed this once
    Add {
        /// What it is used for
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = Role::Viewer)]
        role: Role,
    },
    /// Revoke one
    Remove {
        /// Its id, as `list` shows it
        id: String,
    },
}

/// `--role`
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Role {
    /// Look
    Viewer,
    /// Change products, devices and roll-outs
    Editor,
    /// Make tokens, and read the audit log
    Admin,
    /// Speak for devices
    Gateway,
}

impl Command {
    pub(super) fn run(self, client: &Client, json: bool) -> Outcome {
        match self {
            Self::List => {
                let answer = client.get("/v1/tokens")?;
                print_list(&answer, json, ["id", "kind", "role", "name"], "no token")
            }
            Self::Add { name, role } => {
                let (kind, role) = match role {
                    Role::Viewer => ("operator", "viewer"),
                    Role::Editor => ("operator", "editor"),
                    Role::Admin => ("operator", "admin"),
                    Role::Gateway => ("gateway", "viewer"),
                };
                let body = json!({"kind": kind, "role": role, "name": name});
                let answer = client.post("/v1/tokens", &body)?;
                print_done(&answer, json, &field(&answer, "token"))
            }
            Self::Remove { id } => {
                let answer = client.delete(&format!("/v1/tokens/{}", part(&id)))?;
                print_done(&answer, json, &format!("token {id} is revoked"))
            }
        }
    }
}
