//! Results that are written in pieces.

use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};

use flashdelta::apply::{NewFile, NewImage as _};

use crate::failure::{Failure, Outcome};
use crate::outputs::Target;

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
        target.refuse_read()?;
        let sink = match target.path().filter(|path| NewFile::is_replaceable(path)) {
            Some(path) => {
                Sink::File(NewFile::create(path).map_err(|error| Failure::write(path, &error))?)
            }
            None => Sink::Memory(Vec::new()),
        };
        Ok(Self { target, sink, len: 0, syncing: None, synced: 0 })
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Outcome {
        self.try_append(bytes).map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::write(self.target.path().unwrap_or(Path::new("standard output")), error)
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
