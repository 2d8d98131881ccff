//! The program `flashdelta-server`; the library does all of it.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match flashdelta_server::cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flashdelta-server: {error}");
            ExitCode::FAILURE
        }
    }
}
