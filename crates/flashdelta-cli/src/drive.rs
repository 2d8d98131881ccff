//! Runs the applier over a patch: with progress, and until Ctrl-C.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flashdelta::apply::{Applier, ApplyOptions, NewImage, OldImage};
use flashdelta::file::{Files, Output};
use flashdelta::image;
use flashdelta::{PatchHeader, MAX_HEADER_LEN};
use sha2::{Digest as _, Sha256};

use crate::failure::{Class, Failure, Names, Outcome};
use crate::guard::Guard;
use crate::interrupt;
use crate::progress::Bar;

/// What every patch starts with.
pub(crate) const MAGIC: [u8; 3] = *b"FDP";

/// Bytes of the patch that are fed at a time: a small patch can make a large image, and the bar
/// shall move.
const PIECE: usize = 1024;

/// No more workspace is lent: whatever a header claims, patches need some hundred KiB at most.
const MOST_WORKSPACE: usize = 64 << 20;

/// Reads the header of a patch, and gives the bytes that this took.
pub(crate) fn header(patch: &mut impl Read, path: &Path) -> Outcome<(PatchHeader, Vec<u8>)> {
    let mut start = Vec::new();
    let read = patch.by_ref().take(MAX_HEADER_LEN as u64).read_to_end(&mut start);
    read.map_err(|error| Failure::io("read", path, &error))?;
    let header = parse(&start, path)?;
    Ok((header, start))
}

/// The header at the start of a patch.
pub(crate) fn parse(start: &[u8], path: &Path) -> Outcome<PatchHeader> {
    use flashdelta::apply::ApplyError;
    let error: ApplyError<io::Error, io::Error> = match PatchHeader::parse(start) {
        Ok(Some(header)) => return Ok(header),
        Ok(None) => ApplyError::Truncated { fed: start.len() as u32, expected: None },
        Err(error) => ApplyError::Header(error),
    };
    Err(Failure::apply(&error, &Names { old: path, patch: path, new: path }))
}

/// An update to be run.
pub(crate) struct Drive<'a> {
    pub(crate) options: ApplyOptions,
    /// Bytes of workspace beyond those that the patch asks for: they make reading cheaper.
    pub(crate) comfort: usize,
    pub(crate) names: Names<'a>,
    pub(crate) bar: &'a Bar,
    /// What the bar says.
    pub(crate) doing: &'a str,
}

impl Drive<'_> {
    /// Applies the patch, to its end; gives its header and the new image.
    pub(crate) fn run<O: OldImage, N: NewImage>(
        &self,
        patch: &mut impl Read,
        old: O,
        new: N,
    ) -> Outcome<(PatchHeader, N)>
    where
        O::Error: core::fmt::Display,
        N::Error: core::fmt::Display,
    {
        let (header, start) =
            header(patch, self.names.patch).map_err(|failure| self.swapped(failure))?;
        let mut workspace = vec![0; (header.workspace_len() + self.comfort).min(MOST_WORKSPACE)];
        let mut applier = Applier::new(&mut workspace, Guard(old), Guard(new), self.options);
        let mut patch = start.chain(patch);
        let mut piece = [0; PIECE];
        loop {
            if interrupt::requested() {
                return Err(Failure::interrupted());
            }
            match patch.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => {
                    let at = applier.feed(&piece[..len]);
                    let at = at.map_err(|error| match interrupt::requested() {
                        true => Failure::interrupted(),
                        false => self.failure(Failure::apply(&error, &self.names), &header),
                    })?;
                    self.bar.update(self.doing, at.written as f32 / at.total.max(1) as f32);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::io("read", self.names.patch, &error)),
            }
        }
        let (_, Guard(new)) =
            applier.finish().map_err(|error| Failure::apply(&error, &self.names))?;
        Ok((header, new))
    }

    /// The most frequent bad patch is an old image: says so.
    pub(crate) fn swapped(&self, failure: Failure) -> Failure {
        let mut start = [0; MAGIC.len()];
        let read = File::open(self.names.old).and_then(|mut old| old.read_exact(&mut start));
        if read.is_ok() && start == MAGIC {
            return failure
                .hint("this is the wrong way round: the old image comes first, then the patch");
        }
        failure
    }

    /// The most frequent wrong base is an image that is up to date: says so.
    fn failure(&self, failure: Failure, header: &PatchHeader) -> Failure {
        if failure.class == Class::WrongBase && is_new_image(self.names.old, header) {
            return failure.hint("this is the image that the patch leads to: nothing to do");
        }
        failure
    }
}

fn is_new_image(path: &Path, header: &PatchHeader) -> bool {
    let image = std::fs::read(path).unwrap_or_default();
    let start = image.get(..header.new_size as usize).filter(|start| !start.is_empty());
    start.is_some_and(|image| Sha256::digest(image)[..] == header.new_digest)
}

/// If the old file is text that the patch was not made from: says what was compared.
pub(crate) fn explain_text(failure: Failure, old: &[u8], files: &Files<'_>) -> Failure {
    let format = image::detect(old);
    if failure.class != Class::WrongBase || !format.is_records() {
        return failure;
    }
    if files.reads_memory() {
        return failure.hint(format!("compared was the memory in the {format} file, not its text"));
    }
    failure.hint(format!(
        "the patch was made from a plain binary: neither this {format} file nor the memory in it, gaps filled with 0xff or 0, is that"
    ))
}

/// Does the patch turn the file `old` into the file `new`, in the very workspace that it asks for?
pub(crate) fn prove(old: &[u8], new: &[u8], patch: &[u8], bar: &Bar) -> Outcome {
    let [old_name, patch_name, new_name] = ["old image", "patch", "new image"].map(Path::new);
    let names = Names { old: old_name, patch: patch_name, new: new_name };
    let drive =
        Drive { options: ApplyOptions::default(), comfort: 0, names, bar, doing: "verifying" };
    let made = Files::of(old, patch).map_err(|error| Failure::file(&error, &drive.names)).and_then(
        |files| {
            let (_, image) = drive.run(&mut &*patch, files.old_image(), Vec::new())?;
            files.finish(image, Output::Same).map_err(|error| Failure::file(&error, &drive.names))
        },
    );
    let problem = match made {
        Ok(made) if made == new => return Ok(()),
        Ok(_) => "it leads to another image".to_owned(),
        Err(failure) if failure.class == Class::Interrupted => return Err(failure),
        Err(failure) => failure.to_string(),
    };
    Err(Failure::new(Class::Internal, format!("the patch that was made does not work: {problem}"))
        .hint("nothing was written; this is a bug in flashdelta: please report it, with both images if you can"))
}
