//! The `flashdelta` program: makes, applies, verifies and explains firmware deltas.
//!
//! It is thin: everything it does to images and patches is done by the [`flashdelta`] crate. One
//! file per subcommand in `commands`; around them: `args` (how sizes, addresses and names are
//! written), `profile` (device profiles in files), `inputs` and `outputs` (files, pipes, `-`),
//! `keys`, `was_read` (where no result goes), `failure` (messages and exit codes), `progress`,
//! `interrupt`, `text`.
//!
//! It is a library, since the Python package is the same program.
#![forbid(unsafe_code)]
// They panic where the stream cannot be written: `text` has what does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod commands;
mod doing;
mod failure;
mod inputs;
mod interrupt;
mod keys;
mod outputs;
mod product;
mod profile;
mod progress;
mod remedy;
mod signing;
mod standard;
mod text;
mod values;
mod warnings;
mod was_read;
mod writing;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(feature = "fleet")]
use commands::fleet;
use commands::{
    apply, convert, demo, diff, info, keygen, pages, personalize, release, set, sign, verify,
};
use flashdelta::ErrorClass;

use failure::{Failure, Outcome};

const EXAMPLES: &str = "\
Examples:
  flashdelta demo
      See it work, without any files of your own.
  flashdelta diff old.bin new.bin -o update.fdp
      Make a patch for a device with 64 KiB of RAM to spare (an ESP32).
  flashdelta diff old.bin new.bin -o update.fdp --ram 16KiB --base 0x08020000
      For a smaller one, from raw images that run at an address.
  flashdelta info update.fdp
      What the patch is and what it needs.
  flashdelta verify old.bin update.fdp
      Does it turn old.bin into what it promises?
  flashdelta apply old.bin update.fdp -o new.bin
      Make the new image.
  flashdelta personalize app.bin --hole serial=0x400-0x420 --set serial=A-042 -o a-042.bin
      An image for one device.
  flashdelta sign update.fdp --key release.pem -o signed.fdp
      So that devices know who made it.
  flashdelta convert app.elf -o app.hex
      Write a firmware file in another format.

Exit codes:
  0    done
  1    an error in flashdelta itself
  2    usage: arguments or a profile file
  3    bad patch: not a patch, damaged, incomplete, or it does not lead to the image it promises
  4    wrong base: the old image is not the one that the patch was made from
  5    wrong device: product, hardware revision or security counter
  6    does not fit the device, or is not supported
  7    a file could not be read or written
  8    bad file: a firmware file is damaged, or dubious
  9    not authentic: not signed with a key that is trusted, or not what was signed
  130  interrupted

Results go to standard output, remarks and errors to standard error.
With --json, standard output is one JSON document: the result, or
  {\"error\": {\"class\": ..., \"exit_code\": ..., \"message\": ..., \"hint\": ...}}";

/// Firmware delta updates: small patches, applied in a few KiB of RAM
///
/// A patch turns the firmware image that a device has into a new one. It is many times smaller than
/// the image, and a microcontroller can apply it in a few KiB of RAM.
#[derive(Parser)]
#[command(
    name = "flashdelta",
    version,
    after_long_help = EXAMPLES,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Diff(diff::Args),
    Apply(apply::Args),
    Verify(verify::Args),
    Info(info::Args),
    Personalize(personalize::Args),
    Keygen(keygen::Args),
    Sign(sign::Args),
    Convert(convert::Args),
    Set(set::Args),
    Release(release::Args),
    #[cfg(feature = "fleet")]
    Fleet(fleet::Args),
    Demo(demo::Args),
    Completions(pages::Completions),
    Man(pages::ManPages),
}

impl Command {
    fn run(self) -> Outcome {
        match self {
            Self::Diff(args) => args.run(),
            Self::Apply(args) => args.run(),
            Self::Verify(args) => args.run(),
            Self::Info(args) => args.run(),
            Self::Personalize(args) => args.run(),
            Self::Keygen(args) => args.run(),
            Self::Sign(args) => args.run(),
            Self::Convert(args) => args.run(),
            Self::Set(args) => args.run(),
            Self::Release(args) => args.run(),
            #[cfg(feature = "fleet")]
            Self::Fleet(args) => args.run(),
            Self::Demo(args) => args.run(),
            Self::Completions(args) => args.run(),
            Self::Man(args) => args.run(),
        }
    }
}

/// Looks whether standard output is closed (`>&-`): then a result that goes there is an error, not
/// lost. For programs to call before their `main`, which opens `/dev/null` in its place.
pub fn look_at_standard_output() {
    standard::look();
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    run_with(std::env::args_os().collect()).into()
}

/// Runs the program with these arguments, the first of which is its name, and gives the exit code.
/// It takes over Ctrl-C for the process.
///
/// For programs of which it is a part: `python -m flashdelta`.
pub fn run_with(arguments: Vec<OsString>) -> u8 {
    let json = arguments.iter().any(|a| a == "--json");
    was_read::forget();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            interrupt::watch(json);
            code(cli.command.run(), json)
        }
        Err(error) if error.use_stderr() => {
            let message = say_what_is_wrong(&error, &arguments);
            Failure::arguments(&error, message).report_to_machine(json);
            ErrorClass::Misuse.exit_code()
        }
        // The help or the version was asked for.
        Err(text) => code(outputs::print_with(|| text.print()), json),
    }
}

/// The exit code, after what failed was told.
fn code(outcome: Outcome, json: bool) -> u8 {
    outcome.map_or_else(|failure| failure.report(json).exit_code(), |()| 0)
}

/// Says what is wrong with the arguments, and gives the first paragraph of it. What clap says
/// quotes arguments as they are: control characters in them could forge a message.
fn say_what_is_wrong(error: &clap::Error, arguments: &[OsString]) -> String {
    let has_controls = |text: &OsString| text.to_string_lossy().chars().any(char::is_control);
    if !arguments.iter().any(has_controls) {
        let _ = error.print();
        return first_paragraph(&error.to_string());
    }
    // The same arguments without them are wrong, too, mostly.
    let escaped = arguments.iter().map(|text| text::escaped(&text.to_string_lossy()));
    match Cli::try_parse_from(escaped) {
        Err(escaped) if escaped.kind() == error.kind() => {
            let _ = escaped.print();
            first_paragraph(&escaped.to_string())
        }
        _ => {
            let message = text::escaped(&first_paragraph(&error.to_string()));
            text::say(format!("error: {message}"));
            message
        }
    }
}

/// What is wrong with the arguments, without the advice that follows.
fn first_paragraph(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    text.split("\n\n").next().unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn control_characters_in_arguments_are_escaped() {
        for arguments in [
            &["--\x1b[2Jall"][..],
            &["\x1b]0;title\x07"],
            &["verify", "a", "b", "c\nerror: all is well"],
            &["diff", "a", "b", "-o", "c", "--ram", "1\x1b[31m\nerror: x"],
            &["diff", "a", "b", "-o", "c", "--codec", "\u{9b}2J"],
            &["diff", "a", "b", "-o", "c", "--effort", "1\r2"],
            // Of which the escaped one is right.
            &["diff", "a", "b", "-o", "c", "--nope", "--hole", "a\x07"],
        ] {
            let arguments: Vec<OsString> =
                ["flashdelta"].iter().chain(arguments).map(OsString::from).collect();
            let Err(error) = super::Cli::try_parse_from(&arguments) else {
                panic!("{arguments:?} are right");
            };
            let message = super::say_what_is_wrong(&error, &arguments);
            // Clap lists possible values in a line of their own.
            let is_safe = message.chars().all(|c| c == '\n' || !c.is_control());
            assert!(is_safe && !message.is_empty(), "{arguments:?}: {message:?}");
            assert!(!message.contains("\nerror: "), "{arguments:?}: {message:?}");
        }
    }

    #[test]
    fn the_command_line_is_well_defined() {
        super::Cli::command().debug_assert();
    }
}
