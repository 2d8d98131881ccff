//! Folders as one stream of bytes, so that they can be compared and restored like any other
//! container.
//!
//! The stream is `46 44 54 00` ("FDT"), then for each file, in ascending order of the bytes of the
//! paths: the length of the path (varint), the path with `/` (UTF-8), the length of the file
//! (varint), the file. Empty folders, times and permissions are not kept.

use core::fmt;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::member::{ContainerError, Member, MOST_MEMBERS};
use super::names::{self, NameProblem, MOST_PATH_PARTS};
use crate::device::error::codes;
use crate::device::format::{Reader, MAX_SIZE};
use crate::host::put;

const MAGIC: [u8; 4] = *b"FDT\0";

/// Whether it is a packed folder.
pub fn is(file: &[u8]) -> bool {
    file.starts_with(&MAGIC)
}

/// The files that are not empty.
///
/// # Errors
///
/// [`ContainerError`], if it is cut short, or a path is unsafe or out of order.
pub fn members(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    let mut members = all(file)?;
    members.retain(|member| !member.data.is_empty());
    Ok(members)
}

/// All files.
pub(super) fn all(file: &[u8]) -> Result<Vec<Member>, ContainerError> {
    let member = |(name, data)| Member { name, data, is_deflated: false, stated_len: None };
    Ok(files(file)?.into_iter().map(member).collect())
}

/// All files: paths, and where their data is.
fn files(file: &[u8]) -> Result<Vec<(String, core::ops::Range<usize>)>, ContainerError> {
    if !is(file) {
        return Err(ContainerError::Expected { what: "a packed folder", offset: 0 });
    }
    let mut reader = Reader::new(file, 0);
    reader.skip(MAGIC.len());
    let mut files: Vec<(String, _)> = Vec::new();
    while reader.offset() < file.len() {
        let offset = reader.offset() as u64;
        if files.len() == MOST_MEMBERS {
            return Err(ContainerError::TooManyMembers { offset, limit: MOST_MEMBERS as u64 });
        }
        let cut_short = |_| ContainerError::CutShort { what: "packed folder", offset };
        let mut data = || {
            let len = reader.checked(|r| r.varint()).map_err(cut_short)? as usize;
            let start = reader.offset();
            reader.skip(len);
            let (found, limit) = (len as u64, (file.len() - start) as u64);
            if found > limit {
                return Err(ContainerError::OutOfBounds {
                    what: "length in a packed folder",
                    offset,
                    found,
                    limit,
                });
            }
            Ok(start..start + len)
        };
        let (path, content) = (data()?, data()?);
        let path = core::str::from_utf8(&file[path]);
        let path = path
            .map_err(|_| ContainerError::Expected { what: "a path in UTF-8", offset })?
            .to_owned();
        if let Err(problem) = names::check(&path) {
            return Err(ContainerError::UnsafePath { path, problem });
        }
        if files.last().is_some_and(|(before, _)| *before >= path) {
            return Err(ContainerError::Order { path });
        }
        files.push((path, content));
    }
    Ok(files)
}

/// Packs files: paths with `/` that [`names::check`] accepts, and what the files hold. A path that
/// is there twice counts once.
///
/// # Errors
///
/// [`ContainerError::UnsafePath`]; [`ContainerError::TooManyMembers`];
/// [`ContainerError::OutOfBounds`], if they are too large together.
pub fn pack(mut files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, ContainerError> {
    files.sort();
    files.dedup_by(|a, b| a.0 == b.0);
    if files.len() > MOST_MEMBERS {
        return Err(ContainerError::TooManyMembers { offset: 0, limit: MOST_MEMBERS as u64 });
    }
    let mut out = MAGIC.to_vec();
    for (path, data) in files {
        if let Err(problem) = names::check(&path) {
            return Err(ContainerError::UnsafePath { path, problem });
        }
        let (found, limit) =
            ((out.len() + path.len() + data.len() + 10) as u64, u64::from(MAX_SIZE));
        if found > limit {
            return Err(ContainerError::OutOfBounds {
                what: "size of the folder",
                offset: 0,
                found,
                limit,
            });
        }
        let needed = found;
        out.try_reserve(path.len() + data.len() + 10)
            .map_err(|_| ContainerError::OutOfMemory { needed })?;
        put::varint(&mut out, path.len() as u32);
        out.extend_from_slice(path.as_bytes());
        put::varint(&mut out, data.len() as u32);
        out.extend_from_slice(&data);
    }
    Ok(out)
}

/// Packs a folder with all that is in it.
///
/// # Errors
///
/// [`FolderError`], if something cannot be read, is no file and no folder (symbolic links are not
/// followed: what they lead to may be no part of the release), or has a path that
/// [`names::check`] refuses.
pub fn read(folder: &Path) -> Result<Vec<u8>, FolderError> {
    let mut files = Vec::new();
    let mut size = 0;
    collect(folder, "", 0, &mut files, &mut size)?;
    Ok(pack(files)?)
}

fn collect(
    folder: &Path,
    prefix: &str,
    level: usize,
    files: &mut Vec<(String, Vec<u8>)>,
    size: &mut u64,
) -> Result<(), FolderError> {
    let failed =
        |path: &Path, error| FolderError::Io { doing: "read", path: path.to_owned(), error };
    if level >= MOST_PATH_PARTS {
        return Err(FolderError::NotAFile { path: folder.to_owned(), what: "nested too deeply" });
    }
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(FolderError::NotAFile { path, what: "named in something else than UTF-8" });
        };
        let relative = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
        // Not that of what a link leads to.
        let kind = entry.file_type().map_err(|error| failed(&path, error))?;
        if kind.is_dir() {
            collect(&path, &relative, level + 1, files, size)?;
        } else if kind.is_file() {
            *size += entry.metadata().map_err(|error| failed(&path, error))?.len();
            if *size > u64::from(MAX_SIZE) {
                let (path, limit) = (path.clone(), MAX_SIZE.into());
                return Err(FolderError::TooLarge { path, found: *size, limit });
            }
            let data = fs::read(&path).map_err(|error| match error.kind() {
                io::ErrorKind::OutOfMemory => ContainerError::OutOfMemory { needed: *size }.into(),
                _ => failed(&path, error),
            })?;
            files.push((relative, data));
        } else {
            return Err(FolderError::NotAFile { path, what: what_else(kind) });
        }
    }
    Ok(())
}

/// What something is that is no file and no folder.
fn what_else(kind: fs::FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else {
        "no regular file"
    }
}

/// Where a file in a folder is, given its path with `/`. `None`: there is none. The same rules as
/// for [`read`]: links are not followed, neither for the file nor for a folder it is in.
///
/// # Errors
///
/// [`FolderError`], if it is something else than a file, or cannot be looked at, or has a path that
/// [`names::check`] refuses.
pub fn find(folder: &Path, path: &str) -> Result<Option<PathBuf>, FolderError> {
    if let Err(problem) = names::check(path) {
        return Err(ContainerError::UnsafePath { path: path.to_owned(), problem }.into());
    }
    let mut found = folder.to_owned();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        found.push(part);
        let kind = match fs::symlink_metadata(&found) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(FolderError::Io { doing: "read", path: found, error }),
        };
        if kind.is_symlink() || parts.peek().is_none() && !kind.is_file() {
            let what = if kind.is_dir() { "a folder" } else { what_else(kind) };
            return Err(FolderError::NotAFile { path: found, what });
        }
    }
    Ok(Some(found))
}

/// Whether there is nothing at a path, which may lead through a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Writes a packed folder. It is written under a temporary name beside the final one, which it gets
/// when everything is on the disk.
///
/// # Errors
///
/// [`FolderError`], if the stream is damaged, or something is at `folder` already, or cannot be
/// written, or if the system cannot hold one of the names as it is ([`FolderError::Name`]); nothing
/// is left then.
pub fn write(stream: &[u8], folder: &Path) -> Result<(), FolderError> {
    let files = files(stream)?;
    if cfg!(windows) {
        // Opening a file of such a name may open a device.
        let paths = files.iter().map(|(path, _)| path);
        refuse_names(paths.filter_map(|path| Some((path, names::portable(path).err()?))))?;
    }
    let failed =
        |path: &Path, error| FolderError::Io { doing: "write", path: path.to_owned(), error };
    if fs::symlink_metadata(folder).is_ok() {
        return Err(FolderError::Exists { path: folder.to_owned() });
    }
    let name =
        folder.file_name().ok_or_else(|| failed(folder, io::ErrorKind::InvalidInput.into()))?;
    let mut temporary_name = name.to_os_string();
    temporary_name.push(format!(".{}.tmp", std::process::id()));
    let temporary = folder.with_file_name(temporary_name);
    fs::create_dir(&temporary).map_err(|error| failed(&temporary, error))?;
    let written = write_files(stream, files, &temporary, &failed)
        .and_then(|()| fs::rename(&temporary, folder).map_err(|error| failed(folder, error)));
    match &written {
        Ok(()) => bring_to_disk(
            folder
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new(".")),
        ),
        Err(_) => drop(fs::remove_dir_all(&temporary)),
    }
    written
}

fn write_files(
    stream: &[u8],
    files: Vec<(String, core::ops::Range<usize>)>,
    folder: &Path,
    failed: &impl Fn(&Path, io::Error) -> FolderError,
) -> Result<(), FolderError> {
    let mut folders = BTreeSet::from([folder.to_owned()]);
    for (name, data) in &files {
        let path = folder.join(name);
        folders.extend(
            path.ancestors().skip(1).take_while(|above| *above != folder).map(Path::to_owned),
        );
        let write = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut file = File::create_new(&path)?;
            file.write_all(&stream[data.clone()])?;
            file.sync_all()
        };
        write().map_err(|error| match error.kind() {
            // The folder was empty: another name takes the place of this one.
            io::ErrorKind::AlreadyExists => {
                FolderError::Name { path: name.clone(), problem: NameProblem::Twin }
            }
            _ => failed(&path, error),
        })?;
    }
    folders.iter().for_each(|folder| bring_to_disk(folder));
    // File systems may give a file another name than they were told, and put two folders in one.
    let mut held = BTreeSet::new();
    list(folder, "", &mut held).map_err(|error| failed(folder, error))?;
    let lost = files.iter().filter(|(path, _)| !held.contains(path));
    refuse_names(
        lost.map(|(path, _)| (path, names::portable(path).err().unwrap_or(NameProblem::Twin))),
    )
}

fn refuse_names<'a>(
    mut wrong: impl Iterator<Item = (&'a String, NameProblem)>,
) -> Result<(), FolderError> {
    match wrong.next() {
        Some((path, problem)) => Err(FolderError::Name { path: path.clone(), problem }),
        None => Ok(()),
    }
}

/// The paths of all files in a folder.
fn list(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// The names in a folder are durable once it is on the disk; not every system can do that.
fn bring_to_disk(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Why a folder could not be read or written.
#[non_exhaustive]
#[derive(Debug)]
pub enum FolderError {
    /// A file or folder cannot be used.
    Io {
        /// "read" or "write".
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Something is there already where the folder shall be written.
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// Something in the folder cannot be part of a patch.
    NotAFile {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A file has too many bytes, or has too many together with those before it.
    TooLarge {
        /// Which.
        path: PathBuf,
        /// How many bytes there are so far.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// This system cannot hold a file of this path beside the others.
    Name {
        /// The path.
        path: String,
        /// Why not.
        problem: NameProblem,
    },
    /// A path is not safe, or the packed folder is damaged.
    Container(ContainerError),
}

impl From<ContainerError> for FolderError {
    fn from(error: ContainerError) -> Self {
        Self::Container(error)
    }
}

codes! {
    impl[] FolderError {
        Self::Io { doing: "write", .. } => "write", Io, CheckFile;
        Self::Io { .. } => "read", Io, CheckFile;
        Self::Exists { .. } => "exists", Misuse, OtherName;
        Self::NotAFile { .. } => "not-a-file", BadFile;
        Self::TooLarge { .. } => "file-too-large", DoesNotFit;
        Self::Name { .. } => "file-name", DoesNotFit;
    } else {
        Self::Container(error) => error;
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, error } => {
                write!(f, "cannot {doing} {}: {error}", path.display())
            }
            Self::Exists { path } => {
                write!(f, "cannot write {}: it is there already", path.display())
            }
            Self::NotAFile { path, what } => {
                write!(f, "{} is {what}: only files and folders can be in a bundle", path.display())
            }
            Self::TooLarge { path, found, limit } => write!(
                f,
                "{}: with it there are {found} bytes, the limit is {limit}",
                path.display()
            ),
            Self::Name { path, problem } => {
                let path = names::shown(path);
                write!(f, "a file \"{path}\" cannot be written on this system: {problem}")
            }
            Self::Container(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Container(error) => Some(error),
            _ => None,
        }
    }
}
