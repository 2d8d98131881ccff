//! Files: images and patches in, images and patches out.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::{fs, io};

use flashdelta::apply::{NewFile, NewImage as _};
use flashdelta::image::{self, ihex, srec, titxt, uf2, Format, Image, ReadOptions, WriteOptions};

use crate::failure::{Class, Failure, Outcome};

/// Reads a file whole.
pub(crate) fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

/// The format that the name of a file promises.
pub(crate) fn format_by_name(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "hex" | "ihex" | "ihx" | "h86" | "hxl" => Format::IntelHex,
        "s19" | "s28" | "s37" | "s2" | "s3" | "srec" | "sre" | "mot" | "mhx" | "sx" | "s" => {
            Format::Srec
        }
        "ti-txt" => Format::TiTxt,
        "uf2" => Format::Uf2,
        "bin" | "img" | "rom" => Format::Raw,
        _ => return None,
    })
}

/// Reads a firmware file whole. One that is named like a file of records, but is none, is refused,
/// with the place where it goes wrong.
pub(crate) fn firmware(path: &Path, options: &ReadOptions) -> Outcome<Vec<u8>> {
    let bytes = read(path)?;
    let is_named_records = format_by_name(path).is_some_and(Format::is_records);
    if is_named_records && !bytes.is_empty() && image::detect(&bytes) == Format::Raw {
        parse(path, &bytes, options)?;
    }
    Ok(bytes)
}

/// The memory in a firmware file; a file of records that is damaged is read as what its name says.
pub(crate) fn parse(path: &Path, file: &[u8], options: &ReadOptions) -> Outcome<Image> {
    let parsed = match (image::detect(file), format_by_name(path)) {
        (Format::Raw, Some(Format::IntelHex)) => ihex::parse(file, options),
        (Format::Raw, Some(Format::Srec)) => srec::parse(file, options),
        (Format::Raw, Some(Format::TiTxt)) => titxt::parse(file, options),
        (Format::Raw, Some(Format::Uf2)) => uf2::parse(file, options),
        _ => Image::parse(file, options),
    };
    parsed.map_err(|error| Failure::image(path, &error))
}

/// [`parse`] of a file that is not needed any more.
pub(crate) fn parse_owned(path: &Path, file: Vec<u8>, options: &ReadOptions) -> Outcome<Image> {
    if format_by_name(path).is_some_and(Format::is_records) {
        return parse(path, &file, options);
    }
    Image::parse_owned(file, options).map_err(|error| Failure::image(path, &error))
}

/// Does an image hold the bytes of an ELF file? A few may have been changed since (checksums,
/// signatures).
pub(crate) fn is_made_of(image: &[u8], elf: &[u8]) -> bool {
    let mut zeros = WriteOptions::default();
    zeros.fill = 0;
    let binary = Image::parse(elf, &ReadOptions::default())
        .and_then(|found| found.write(Format::Raw, &zeros));
    let Ok(binary) = binary else { return false };
    let equal = image.iter().zip(&binary).filter(|(a, b)| a == b).count();
    equal * 10 >= binary.len().min(image.len()) * 9
}

/// Where output shall go: not onto an input, and not onto something that is no file (renaming onto
/// /dev/null would replace it).
pub(crate) fn output(path: &Path, inputs: &[&Path]) -> Outcome<PathBuf> {
    if path == Path::new("-") {
        return Err(Failure::new(Class::Usage, "cannot write to standard output: name a file"));
    }
    let Ok(present) = path.canonicalize() else {
        // Better now than when the work is done.
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::read_dir(folder).map_err(|error| Failure::io("write", path, &error))?;
        return Ok(path.to_owned());
    };
    if !present.is_file() {
        let message =
            format!("cannot write {}: it is there already and not a file", path.display());
        return Err(Failure::new(Class::Usage, message)
            .hint("to apply a patch without writing, use `flashdelta verify`"));
    }
    if inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == present)) {
        let message =
            format!("{} is read and cannot be written, too: name another file", path.display());
        return Err(Failure::new(Class::Usage, message));
    }
    Ok(present)
}

/// Writes a file in pieces, one behind the other, as [`write`] does it. A large one goes to the
/// disk while it is being made.
pub(crate) struct Writing<'a> {
    path: &'a Path,
    file: NewFile,
    len: u32,
    /// The thread that brings it to the disk, and how much there was when it began.
    syncing: Option<JoinHandle<io::Result<()>>>,
    synced: u32,
}

impl<'a> Writing<'a> {
    /// So many bytes are worth a thread.
    const SYNC: u32 = 4 << 20;

    pub(crate) fn create(path: &'a Path) -> Outcome<Self> {
        let file = NewFile::create(path).map_err(|error| Failure::io("write", path, &error))?;
        Ok(Self { path, file, len: 0, syncing: None, synced: 0 })
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Outcome {
        self.try_append(bytes).map_err(|error| Failure::io("write", self.path, &error))
    }

    fn try_append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = u32::try_from(bytes.len()).ok().and_then(|len| self.len.checked_add(len));
        let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
        self.file.write(self.len, bytes)?;
        self.len = end;
        if end - self.synced >= Self::SYNC
            && self.syncing.as_ref().is_none_or(JoinHandle::is_finished)
        {
            self.wait()?;
            let file = self.file.handle()?;
            self.syncing = thread::Builder::new().spawn(move || file.sync_data()).ok();
            self.synced = end;
        }
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        let ended = self.syncing.take().map(JoinHandle::join);
        ended.unwrap_or(Ok(Ok(()))).unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    }

    /// Gives the file its name; returns its length.
    pub(crate) fn finish(mut self) -> Outcome<u32> {
        let finished =
            self.wait().and_then(|()| self.file.flush()).and_then(|()| self.file.commit());
        finished.map_err(|error| Failure::io("write", self.path, &error))?;
        Ok(self.len)
    }
}

/// Writes a file whole: under a temporary name, which is changed once everything is on the disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let write = || {
        let mut file = NewFile::create(path)?;
        file.write(0, bytes)?;
        file.flush()?;
        file.commit()
    };
    write().map_err(|error| Failure::io("write", path, &error))
}
