//! The chore, and the step of the tests.

use anyhow::{bail, Context as _, Result};

use super::args::{Args, BUDGET};
use super::guests;
use super::recipe::Language;
use super::samples::Pair;
use super::session::Session;
use super::toolchain::Target;

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut targets: Vec<&'static Target> = Target::ALL.iter().collect();
    targets.retain(|target| {
        args.target.is_empty() || args.target.iter().any(|name| name == target.name)
    });
    if targets.is_empty() {
        bail!("no such target: there are {}", Target::ALL.map(|target| target.name).join(", "));
    }
    let here = std::env::current_dir()?;
    let given = args.pair.as_chunks().0.iter().map(|[old, new]| {
        let name =
            new.file_name().map_or("pair".to_owned(), |name| name.to_string_lossy().into_owned());
        Pair::read(name, &here.join(old), &here.join(new))
    });
    let given: Vec<Pair> = given.collect::<Result<_>>()?;
    let mut session = Session::new(args);
    for target in targets {
        match target.lacking() {
            Some(why) => println!("{} is skipped: {why}; {}", target.name, target.help()),
            None if given.is_empty() => session.target(target, &Pair::samples(target.samples)?)?,
            None => session.target(target, &given)?,
        }
    }
    session.end()
}

/// The arguments without the name of a chore before them.
#[derive(clap::Parser)]
struct Alone {
    #[command(flatten)]
    args: Args,
}

/// The step of `cargo xtask test` for one target: the sample pairs, damaged patches, code, all
/// within budget.
pub(crate) fn test(target: &'static Target) -> Result<String> {
    let arguments = ["device", "--target", target.name, "--hostile", "100", "--sizes", "--budgets"];
    let Alone { args } = clap::Parser::try_parse_from(arguments)?;
    let mut session = Session::new(&args);
    let samples = Pair::samples(target.samples)?;
    session.target(target, &samples)?;
    // What an applier does for images that end with their own digest it does for no other.
    let pair = samples.first().context("no samples")?.with_own_digests();
    for language in args.guest.iter().copied() {
        session
            .update((target, language), &pair, "4KiB")
            .with_context(|| format!("{}, {}", pair.name, target.name))?;
    }
    let pair = samples.last().context("no samples")?.shortened(16 << 10);
    let budget = BUDGET.parse()?;
    // What the library in C has by default, and more, is larger than what is measured.
    session
        .build((target, Language::C), guests::ALL_OF_C, "")
        .with_context(|| format!("the whole library in C on {}", target.name))?;
    session
        .suspended(target, &pair, "4KiB", budget)
        .with_context(|| format!("{} with resets, {}", pair.name, target.name))?;
    session.measured.check()
}
