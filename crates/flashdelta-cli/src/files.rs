//! Files: images and patches in, images and patches out.

use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};

use flashdelta::apply::{ApplyError, NewFile, NewImage as _};
use flashdelta::image::{self, Format, Image, ReadOptions};
use flashdelta::PatchHeader;

use crate::failure::{Failure, Outcome};
use crate::outputs::{self, Target};

/// The header at the start of a patch.
pub(crate) fn header(start: &[u8], path: &Path) -> Outcome<PatchHeader> {
    let error: ApplyError<io::Error, io::Error> = match PatchHeader::parse(start) {
        Ok(Some(header)) => return Ok(header),
        Ok(None) => ApplyError::Truncated { fed: start.len() as u32, expected: None },
        Err(error) => ApplyError::Header(error),
    };
    Err(Failure::apply(&error, [path; 3]))
}

/// The format that the name of a file promises.
pub(crate) fn format_by_name(path: &Path) -> Option<Format> {
    Format::by_extension(&extension(path))
}

/// The ending of a name, in lower case.
fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// Refuses a file that is named like one of records, but is none, with the place where it goes
/// wrong.
pub(crate) fn check_named(path: &Path, bytes: &[u8], options: &ReadOptions) -> Outcome {
    image::check_promise(&extension(path), bytes, options)
        .map_err(|error| Failure::image(path, &error))
}

/// The memory in a firmware file; a file of records that is damaged is read as what its name says.
pub(crate) fn parse(path: &Path, file: &[u8], options: &ReadOptions) -> Outcome<Image> {
    let format = match (image::detect(file), format_by_name(path)) {
        (Format::Raw, Some(format)) if format.is_unpacked() => format,
        // Words of one byte look like TI-TXT; that ends with a `q`.
        (Format::Raw | Format::TiTxt, Some(Format::Vmem)) => Format::Vmem,
        (format, _) => format,
    };
    Image::parse_as(format, file, options).map_err(|error| Failure::image(path, &error))
}

/// [`parse`] of a file that is not needed any more.
pub(crate) fn parse_owned(path: &Path, file: Vec<u8>, options: &ReadOptions) -> Outcome<Image> {
    let format = format_by_name(path);
    if format.is_some_and(|format| format.is_unpacked() || format == Format::Vmem) {
        return parse(path, &file, options);
    }
    Image::parse_owned(file, options).map_err(|error| Failure::image(path, &error))
}

/// Writes a result in pieces, one after the other. A large file goes to the disk while it is being
/// made; what goes to no file is held back until it is complete.
pub(crate) struct Writing<'a> {
    target: &'a Target,
    sink: Sink,
    len: u32,
    /// The thread that brings it to the disk, and how much there was when it began.
    syncing: Option<JoinHandle<io::Result<()>>>,
    synced: u32,
}

enum Sink {
    File(NewFile),
    Memory(Vec<u8>),
}

impl<'a> Writing<'a> {
    /// This many bytes are worth a thread.
    const SYNC: u32 = 4 << 20;

    pub(crate) fn create(target: &'a Target) -> Outcome<Self> {
        let sink = match target.path().filter(|path| outputs::is_replaceable(path)) {
            Some(path) => Sink::File(
                NewFile::create(path).map_err(|error| Failure::io("write", path, &error))?,
            ),
            None => Sink::Memory(Vec::new()),
        };
        Ok(Self { target, sink, len: 0, syncing: None, synced: 0 })
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Outcome {
        self.try_append(bytes).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::io("write", self.target.path().unwrap_or(Path::new("standard output")), error)
    }

    fn try_append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = u32::try_from(bytes.len()).ok().and_then(|len| self.len.checked_add(len));
        let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
        match &mut self.sink {
            Sink::Memory(memory) => memory.extend_from_slice(bytes),
            Sink::File(file) => {
                file.write(self.len, bytes)?;
                let is_idle = self.syncing.as_ref().is_none_or(JoinHandle::is_finished);
                if end - self.synced >= Self::SYNC && is_idle {
                    wait(self.syncing.take())?;
                    let file = file.handle()?;
                    self.syncing = thread::Builder::new().spawn(move || file.sync_data()).ok();
                    self.synced = end;
                }
            }
        }
        self.len = end;
        Ok(())
    }

    /// Completes the result: a file gets its name. Returns its length.
    pub(crate) fn finish(mut self) -> Outcome<u32> {
        let synced = wait(self.syncing.take());
        let finished = match &mut self.sink {
            Sink::Memory(memory) => return self.target.write(memory).map(|()| self.len),
            Sink::File(file) => synced.and_then(|()| file.flush()).and_then(|()| file.commit()),
        };
        finished.map_err(|error| self.failure(&error))?;
        Ok(self.len)
    }
}

fn wait(thread: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    let ended = thread.map(JoinHandle::join);
    ended.unwrap_or(Ok(Ok(()))).unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}
