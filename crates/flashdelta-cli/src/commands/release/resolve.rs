//! `flashdelta release resolve`

use std::path::PathBuf;

use flashdelta_fleet::release::{resolve, Query, Resolved};
use flashdelta_fleet::{Digest, Name};

use crate::failure::{Failure, Outcome};
use crate::keys::KeyArgs;
use crate::outputs::{print, print_json};
use crate::text::{self, grouped, Table};

/// Answer what a device gets from a folder that was built
///
/// Paths are below the folder. The answer may be that it gets nothing, which is no error.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The product of the device
    #[arg(long, value_name = "NAME", value_parser = name)]
    product: Name,
    /// SHA-256 of what it holds: of the memory, or of the file; left out: it is unknown
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    digest: Option<Digest>,
    /// The profile of the device, or `none` if it takes no patches [default: the first of the
    /// folder]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Its hardware revision
    #[arg(long, value_name = "REVISION")]
    hardware: Option<u16>,
    /// Lowest security counter that it installs
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    security_counter: u32,
    /// The largest file that its link carries, in bytes
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    #[command(flatten)]
    keys: KeyArgs,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|error| error.to_string())
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse().map_err(|error: flashdelta_fleet::TextError| error.to_string())
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let query = Query::new(self.product)
            .digest(self.digest)
            .profile(self.profile)
            .hardware(self.hardware)
            .security_counter(self.security_counter)
            .max_bytes(self.max_bytes);
        let keys = self.keys.read()?;
        let found = resolve(&self.folder, &query, keys.as_ref());
        let found = found.map_err(|error| Failure::release(&error))?;
        if self.json {
            return print_json(&found);
        }
        let mut lines = String::new();
        match &found.answer {
            Resolved::UpToDate { release } => lines += &format!("up to date: {release}\n"),
            Resolved::Update { release, steps, bytes } => {
                lines += &format!("update to {release}: {} bytes\n", grouped(*bytes));
                let mut table = Table::default();
                for step in steps {
                    let path = text::escaped(&step.path);
                    table.row([step.kind, step.to.as_str(), &grouped(step.size), &path]);
                }
                lines += &table.render("llrl");
            }
            _ => lines += "nothing\n",
        }
        found
            .reasons
            .iter()
            .for_each(|why| lines += &format!("  {}\n", text::escaped(&why.to_string())));
        print(&lines)
    }
}
