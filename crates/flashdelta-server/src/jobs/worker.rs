//! Workers.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use flashdelta::{set, sign};
use flashdelta_fleet::Digest;
use tokio::sync::Notify;

use super::make::{make, Outcome};
use super::queue::{Ended, Taken};
use super::trouble::Trouble;
use super::{JobLimits, Signer, Work};
use crate::auth::random;
use crate::contents::{Contents, Hashes};
use crate::database::Database;
use crate::hex::hex;
use crate::time::millis;
use crate::Error;

/// Rings inside of one process when there is a job, and when one has ended. Others look by
/// themselves, now and then.
#[derive(Default)]
pub(crate) struct Bell {
    /// There is a job.
    pub(crate) asked: Notify,
    /// One has ended.
    pub(crate) ended: Notify,
    /// Why workers wait, if they do.
    trouble: Trouble,
}

/// Makes patches, one after the other.
pub(crate) struct Worker {
    database: Database,
    contents: Contents,
    limits: JobLimits,
    signer: Option<Signer>,
    bell: Arc<Bell>,
    program: PathBuf,
    /// A name that no other worker has.
    name: String,
}

/// How often a worker looks for jobs of other processes.
const LOOK: Duration = Duration::from_millis(500);

impl Worker {
    pub(crate) fn new(
        database: Database,
        contents: Contents,
        limits: &JobLimits,
        signer: Option<Signer>,
        bell: Arc<Bell>,
    ) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(Error::io("this program"))?;
        let name = format!("{}-{}", std::process::id(), hex(&random::<16>()?));
        Ok(Self { database, contents, limits: limits.clone(), signer, bell, program, name })
    }

    /// Works until it is dropped.
    pub(crate) async fn run(self) {
        loop {
            match self.work().await {
                Ok(true) => {
                    if self.bell.trouble.is_over() {
                        tracing::info!("workers work again");
                    }
                }
                Ok(false) => {
                    let asked = self.bell.asked.notified();
                    let _ = tokio::time::timeout(LOOK, asked).await;
                }
                Err(error) => {
                    let now = std::time::Instant::now();
                    let (wait, is_new) = self.bell.trouble.failed(&error.to_string(), now);
                    match is_new {
                        true => tracing::error!(%error, "a worker failed"),
                        false => tracing::debug!(%error, ?wait, "a worker failed once more"),
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Takes a job and makes it; false: there is none.
    async fn work(&self) -> Result<bool, Error> {
        let lease = millis(self.limits.lease());
        let Some(taken) = self.database.take_job(&self.name, lease).await? else {
            return Ok(false);
        };
        if taken.is_hopeless() {
            let error = format!("{} workers ended while they made it", taken.attempts - 1);
            self.end(&taken, failed("failed", error)).await?;
            return Ok(true);
        }
        let start = std::time::Instant::now();
        let made = tokio::select! {
            made = self.make(&taken) => made,
            () = self.hold(&taken, lease) => {
                tracing::warn!(task = taken.work.name(), "the lease of a job was lost");
                return Ok(true);
            }
        };
        let made = match made {
            // Its files are not what they should be: no other job has to wait for that.
            Err(error) if is_of_the_job(&error) => Ok(failed("failed", error.to_string())),
            made => made,
        };
        match made {
            Ok(ended) => {
                let task = taken.work.name();
                let (state, size) = (ended.state, ended.size);
                let ms = start.elapsed().as_millis() as u64;
                match state {
                    "done" => tracing::info!(task, size, ms, "patch made"),
                    _ => tracing::warn!(task, state, error = ended.error, ms, "no patch made"),
                }
                self.end(&taken, ended).await?;
            }
            Err(error) => {
                // The database, the store or the command that signs: no fault of the job.
                taken.give_back(&self.name, &told(&error.to_string())).await?;
                return Err(error);
            }
        }
        Ok(true)
    }

    async fn make(&self, taken: &Taken) -> Result<Ended, Error> {
        let tenant = &taken.tenant;
        let made = match &taken.work {
            Work::Patch(task) => {
                make(tenant, task, &self.contents, &self.limits, &self.program).await?
            }
            Work::Set(task) => {
                Outcome::Made(task.make(tenant, &self.contents, &self.limits).await?)
            }
        };
        let patch = match made {
            Outcome::Made(patch) => patch,
            Outcome::Impossible(error) => return Ok(failed("impossible", error)),
            Outcome::Failed(error) => return Ok(failed("failed", error)),
        };
        let mut signature = String::new();
        let patch = match &self.signer {
            Some(signer) if !flashdelta::bundle::is_bundle(&patch) => {
                let signed = signer.sign(&patch).await?;
                signature = signature_text(&signed);
                signed
            }
            _ => patch,
        };
        let (sha256, size) = (Digest::of(&patch).to_string(), patch.len() as u64);
        let hashes = Hashes::of(&patch);
        let patch = Bytes::from(patch);
        self.contents.put(&taken.tenant, patch.clone()).await?;
        let (error, patch) = (String::new(), Some(patch));
        Ok(Ended { state: "done", sha256, size, hashes, signature, error, patch })
    }

    async fn end(&self, taken: &Taken, ended: Ended) -> Result<(), Error> {
        if !taken.end(&self.name, &ended, &self.contents).await? {
            tracing::warn!(task = taken.work.name(), "a job was ended by another worker");
        }
        self.bell.ended.notify_waiters();
        Ok(())
    }

    /// Renews the lease; ends when it is lost.
    async fn hold(&self, taken: &Taken, lease: i64) {
        loop {
            tokio::time::sleep(self.limits.lease() / 3).await;
            match taken.renew(&self.name, lease).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a lease was not renewed"),
            }
        }
    }
}

fn is_of_the_job(error: &Error) -> bool {
    matches!(
        error,
        Error::Damaged { .. } | Error::Make(_) | Error::Store(object_store::Error::NotFound { .. })
    )
}

/// As much of an error as is kept.
fn told(error: &str) -> String {
    error.chars().take(1000).collect()
}

fn failed(state: &'static str, error: String) -> Ended {
    let error = told(&error);
    let (sha256, signature) = (String::new(), String::new());
    Ended { state, sha256, size: 0, hashes: Hashes::default(), signature, error, patch: None }
}

/// A signature as the header of a response has it: algorithm, id of the key, signature.
fn signature_text(made: &[u8]) -> String {
    let signatures = match set::is_set(made) {
        true => set::signatures(made).unwrap_or_default(),
        false => sign::signatures(made).unwrap_or_default(),
    };
    let texts = signatures.iter().map(|made| {
        let algorithm = flashdelta::verify::Algorithm::from_number(made.algorithm);
        let algorithm = algorithm.map_or("", |algorithm| algorithm.name());
        format!("{algorithm};{};{}", hex(&made.key_id), hex(&made.bytes))
    });
    texts.collect::<Vec<_>>().join(",")
}
