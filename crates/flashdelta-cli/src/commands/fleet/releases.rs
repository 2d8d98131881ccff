//! `flashdelta fleet releases`

use core::fmt::Write as _;
use std::path::PathBuf;

use flashdelta::ErrorClass;

use super::answers::{field, print_done, print_list};
use super::client::{part, Client};
use crate::failure::{Failure, Outcome};
use crate::{inputs, text};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List those of a product
    List {
        /// The product
        product: String,
    },
    /// Upload a file as a release
    Upload(Upload),
    /// Remove one that no rule names
    Remove {
        /// The product
        product: String,
        /// The version
        version: String,
    },
}

#[derive(clap::Args)]
pub(super) struct Upload {
    /// The product
    product: String,
    /// The version, such as 1.4.2
    version: String,
    /// The file, in any format that flashdelta reads
    file: PathBuf,
    /// What it is a component of the device for
    #[arg(long, default_value = "application", value_name = "NAME")]
    component: String,
    /// First hardware revision that it is for
    #[arg(long, value_name = "REVISION")]
    hardware_first: Option<u16>,
    /// Last hardware revision that it is for
    #[arg(long, value_name = "REVISION")]
    hardware_last: Option<u16>,
    /// Devices that have had a higher one do not take it
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    security_counter: u32,
    /// For people
    #[arg(long, default_value = "", value_name = "TEXT")]
    notes: String,
}

impl Command {
    pub(super) fn run(self, client: &Client, json: bool) -> Outcome {
        match self {
            Self::List { product } => {
                let answer = client.get(&format!("/v1/products/{}/releases", part(&product)))?;
                print_list(&answer, json, ["version", "notes"], "no release yet")
            }
            Self::Upload(upload) => upload.run(client, json),
            Self::Remove { product, version } => {
                let path = format!("/v1/products/{}/releases/{}", part(&product), part(&version));
                let line = format!("release {version} of {product} is removed");
                print_done(&client.delete(&path)?, json, &line)
            }
        }
    }
}

impl Upload {
    fn run(self, client: &Client, json: bool) -> Outcome {
        let name = self.file.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            let message = format!("{}: it has no name that is text", text::path(&self.file));
            Failure::new(ErrorClass::Misuse, message)
        })?;
        let bytes = inputs::bytes(&self.file)?;
        let mut path = format!("/v1/products/{}/releases?", part(&self.product));
        let counter = self.security_counter.to_string();
        for (key, value) in [
            ("version", &*self.version),
            ("name", name),
            ("component", &*self.component),
            ("security_counter", &*counter),
            ("notes", &*self.notes),
        ] {
            let _ = write!(path, "{key}={}&", part(value));
        }
        for (key, value) in
            [("hardware_first", self.hardware_first), ("hardware_last", self.hardware_last)]
        {
            if let Some(value) = value {
                let _ = write!(path, "{key}={value}&");
            }
        }
        let answer = client.upload(path.trim_end_matches('&'), &bytes)?;
        let line = format!("release {} of {}", field(&answer, "version"), self.product);
        print_done(&answer, json, &line)
    }
}
