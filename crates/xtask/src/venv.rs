//! Environments for Python packages: each in a folder of its own, unknown to the system.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::{command, exec, say, works};
use crate::debian;

/// Our package asks for it: the buffer protocol is in the stable ABI since.
pub(crate) const OLDEST: (u32, u32) = (3, 11);

/// Whether there is a Python that can make environments.
pub(crate) fn is_here() -> bool {
    let check = format!("import ensurepip, sys; assert sys.version_info >= {OLDEST:?}");
    works(command("python3").args(["-c", &check]))
}

/// An environment.
pub(crate) struct Environment(PathBuf);

impl Environment {
    /// The environment in `folder` with what `requirements` lists; `None`: it is not there, and may
    /// not be installed, or cannot be, which is said.
    pub(crate) fn find(may_install: bool, folder: &Path, requirements: &Path) -> Option<Self> {
        if may_install {
            let why = |error| say(&format!("no {}: {error:#}", folder.display()));
            return Self::with(folder, requirements).map_err(why).ok();
        }
        Some(Self(folder.to_owned())).filter(|found| found.program("python").is_file())
    }

    /// The same; made anew where it is not there, or the list has changed.
    pub(crate) fn with(folder: &Path, requirements: &Path) -> Result<Self> {
        let wanted = std::fs::read(requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        let environment = Self(folder.to_owned());
        let installed = folder.join("installed.txt");
        let is_right = std::fs::read(&installed).is_ok_and(|installed| installed == wanted);
        if is_right && works(environment.python().arg("--version")) {
            return Ok(environment);
        }
        let environment = Self::create(folder.to_owned())?;
        environment.add(requirements)?;
        std::fs::write(installed, wanted)?;
        Ok(environment)
    }

    /// An empty one, in place of what is there.
    pub(crate) fn create(folder: PathBuf) -> Result<Self> {
        let create = || exec(command("python3").args(["-m", "venv", "--clear"]).arg(&folder));
        if create().is_err() {
            debian::install(&["python3-venv"])?;
            create()?;
        }
        Ok(Self(folder))
    }

    /// Installs what this list names, too.
    pub(crate) fn add(&self, requirements: &Path) -> Result<()> {
        exec(self.pip().args(["install", "--requirement"]).arg(requirements))
    }

    /// Where a program of it is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(name)
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> Command {
        command(self.program("python"))
    }

    pub(crate) fn pip(&self) -> Command {
        let mut pip = self.python();
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
        pip
    }
}
