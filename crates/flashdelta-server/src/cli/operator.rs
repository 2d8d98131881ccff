//! `operator`

use std::io::IsTerminal as _;

use clap::{Args, Subcommand};
use rustix::termios::{tcgetattr, tcsetattr, LocalModes, OptionalActions};

use super::whose::Whose;
use crate::audit::SERVER;
use crate::auth::{Password, Role};
use crate::Error;

#[derive(Args)]
pub(super) struct Operator {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Enter an operator, or give one another role and password; the password is a line of the
    /// standard input
    Add {
        /// What the operator may do: viewer, editor or admin
        #[arg(long, default_value = "viewer")]
        role: Role,
        /// Make a password and print it, rather than read one
        #[arg(long)]
        generate: bool,
        /// By which the operator signs in
        name: String,
    },
    /// List the operators
    List,
    /// Remove an operator, whose sessions end
    Remove {
        /// The name
        name: String,
    },
}

impl Operator {
    pub(super) async fn run(self) -> Result<(), Error> {
        // The first operator may be there before the first start.
        let tenant = self.whose.open_early().await?;
        match self.command {
            Command::Add { role, generate, name } => {
                let password = if generate { Password::generate() } else { read(&name) }?;
                tenant.put_operator(SERVER, &name, role, password.clone()).await?;
                if generate {
                    println!("{}", password.reveal());
                }
            }
            Command::List => {
                for operator in tenant.operators().await? {
                    println!("{}\t{}", operator.role, operator.name);
                }
            }
            Command::Remove { name } => tenant.remove_operator(SERVER, &name).await?,
        }
        Ok(())
    }
}

/// Reads a password; what is typed at a terminal is not shown.
fn read(name: &str) -> Result<Password, Error> {
    let input = std::io::stdin();
    let before = match input.is_terminal() {
        true => {
            eprint!("Password of {name}, 12 characters or more: ");
            let before = tcgetattr(&input);
            before.map_err(|error| Error::io("the terminal")(error.into())).map(Some)?
        }
        false => None,
    };
    if let Some(mut hidden) = before.clone() {
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &hidden)
            .map_err(|error| Error::io("the terminal")(error.into()))?;
    }
    let mut line = String::new();
    let read = input.read_line(&mut line);
    if let Some(before) = before {
        let _ = tcsetattr(&input, OptionalActions::Flush, &before);
        eprintln!();
    }
    read.map_err(Error::io("standard input"))?;
    Password::new(line.trim_end_matches(['\r', '\n']))
}
