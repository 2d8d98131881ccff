//! `flashdelta completions` and `flashdelta man`: made from the definition of the command line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::roff::{bold, roman, Roff};
use clap_mangen::Man;

use crate::failure::{Failure, Outcome};
use crate::outputs::print;
use crate::{outputs, Cli};

/// Print the completions for a shell
///
/// For example
/// `flashdelta completions bash >~/.local/share/bash-completion/completions/flashdelta`.
#[derive(clap::Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Outcome {
        let mut out = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "flashdelta", &mut out);
        print(&String::from_utf8_lossy(&out))
    }
}

/// Print the man page, or write all pages to a folder
#[derive(clap::Args)]
pub(crate) struct ManPages {
    /// A folder for the pages of the program and of all its commands; it is made if need be
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

impl ManPages {
    pub(crate) fn run(self) -> Outcome {
        let failed = |error: io::Error| {
            let out = self.output.as_deref().unwrap_or(Path::new("standard output"));
            Failure::write(out, &error)
        };
        // `flashdelta help diff` says what the page of `flashdelta diff` says.
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let Some(folder) = &self.output else {
            let page = page(&command, "flashdelta").map_err(failed)?;
            return print(&String::from_utf8_lossy(&page));
        };
        fs::create_dir_all(folder).map_err(failed)?;
        let main = page(&command, "flashdelta").map_err(failed)?;
        outputs::write(&folder.join("flashdelta.1"), &main)?;
        for command in command.get_subcommands() {
            let name = format!("flashdelta-{}", command.get_name());
            let page = page(command, &name).map_err(failed)?;
            outputs::write(&folder.join(format!("{name}.1")), &page)?;
        }
        Ok(())
    }
}

/// A page. Examples keep their lines, which the page of `clap_mangen` alone would fill.
fn page(command: &clap::Command, name: &str) -> io::Result<Vec<u8>> {
    let extra = command.get_after_long_help().map(ToString::to_string);
    let command = command.clone().name(name.to_owned()).after_long_help("").after_help("");
    let man = Man::new(command);
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    man.render_subcommands_section(&mut out)?;
    for section in extra.as_deref().unwrap_or_default().split("\n\n") {
        section_of(section).to_writer(&mut out)?;
    }
    man.render_version_section(&mut out)?;
    Ok(out)
}

/// "Examples:" and the lines after it, as they are.
fn section_of(text: &str) -> Roff {
    let mut roff = Roff::new();
    let (title, lines) = match text.split_once(":\n") {
        Some((title, lines)) if !title.contains('\n') => (Some(title), lines),
        _ => (None, text),
    };
    match title {
        Some(title) => roff.control("SH", [title.to_uppercase().as_str()]),
        None => roff.control("PP", []),
    };
    roff.control("nf", []);
    for line in lines.lines() {
        let is_command = line.trim_start().starts_with("flashdelta ");
        roff.text([if is_command { bold(line) } else { roman(line) }]);
    }
    roff.control("fi", []);
    roff
}
