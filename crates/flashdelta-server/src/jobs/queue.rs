//! The table of jobs.

use bytes::Bytes;
use flashdelta_fleet::catalogue::{Applier, Image};
use flashdelta_fleet::release::{Task, TaskFile};
use flashdelta_fleet::{Digest, Name, Version};

use super::set::SetTask;
use super::work::Work;
use crate::contents::{Contents, Hashes};
use crate::database::{column, json_column, scoped, Database, DatabaseKind, Tenant};
use crate::time::now;
use crate::Error;

/// A patch that is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) product: &'a Name,
    /// What it starts from; `None`: from nothing.
    pub(crate) old: Option<&'a Image>,
    pub(crate) new: &'a Image,
    /// The releases that it starts from, if that is known, and leads to.
    pub(crate) from: Option<&'a Version>,
    pub(crate) to: &'a Version,
    pub(crate) applier: &'a Applier,
}

/// What a job has made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
    pub(crate) hashes: Hashes,
    /// Signatures in it, for a header.
    pub(crate) signature: String,
}

/// How far a job is.
#[derive(Clone, Debug)]
pub(crate) enum JobState {
    /// It waits, or is being made, since then (milliseconds since 1970).
    Pending { since: i64 },
    /// It was made.
    Done(Made),
    /// It cannot be made: for this applier, or at all.
    Impossible,
}

/// A job to be entered.
struct NewJob<'a> {
    key: Digest,
    product: &'a Name,
    work: Work,
    /// SHA-256 of the memories between which a patch is, and for which applier; empty of a set.
    old: String,
    new: String,
    applier: String,
}

/// A job that a worker holds.
pub(super) struct Taken {
    pub(super) tenant: Tenant,
    pub(super) key: String,
    pub(super) work: Work,
    pub(super) product: String,
    pub(super) attempts: i64,
}

/// What became of a job.
pub(super) struct Ended {
    /// `done`, `impossible` or `failed`
    pub(super) state: &'static str,
    pub(super) sha256: String,
    pub(super) size: u64,
    pub(super) hashes: Hashes,
    pub(super) signature: String,
    pub(super) error: String,
    /// The patch, which is in the store.
    pub(super) patch: Option<Bytes>,
}

/// Times that a job is taken: whatever kills its workers kills no more than these.
const MOST_ATTEMPTS: i64 = 3;

/// A job that failed, for reasons that may have gone, is tried again after this.
const AGAIN: i64 = 60 * 60 * 1000;

/// What there is of patches between two images, for any applier.
pub(crate) enum Between {
    /// The smallest one.
    Done {
        sha256: Digest,
    },
    Pending {
        /// What keeps it from being made; empty: nothing but time.
        why: String,
    },
    Impossible {
        why: String,
    },
    None,
}

/// Jobs that have not ended.
#[derive(Clone, Copy)]
pub(crate) struct JobCounts {
    /// That wait.
    pub(crate) queued: i64,
    /// That are being made.
    pub(crate) running: i64,
    /// Of both, those that could not be made before: what they need does not answer.
    pub(crate) held: i64,
}

impl Tenant {
    /// What there is of patches between two images, by the digests of their memories.
    pub(crate) async fn patch_between(&self, old: &Digest, new: &Digest) -> Result<Between, Error> {
        let rows = self.sql(scoped!(
            "SELECT state, sha256, error FROM jobs WHERE tenant = $1 AND old = $2 AND new = $3 \
             ORDER BY CASE state WHEN 'done' THEN 0 WHEN 'running' THEN 1 WHEN 'queued' THEN 1 \
             ELSE 2 END, size LIMIT 1"
        ));
        let row = rows.bind(old.to_string()).bind(new.to_string()).optional(self).await?;
        let Some(row) = row else { return Ok(Between::None) };
        Ok(match &*column::<String>(&row, 0)? {
            "done" => Between::Done { sha256: column::<String>(&row, 1)?.parse()? },
            "queued" | "running" => Between::Pending { why: column(&row, 2)? },
            _ => Between::Impossible { why: column(&row, 2)? },
        })
    }

    /// How far a patch is. If nobody has asked for it before, it is a job from now on.
    pub(crate) async fn request_job(&self, wanted: &Wanted<'_>) -> Result<JobState, Error> {
        let task = self.task(wanted).await?;
        let job = NewJob {
            key: task.key(),
            product: wanted.product,
            work: Work::Patch(task),
            old: wanted.old.map_or(String::new(), |old| old.memory.sha256.to_string()),
            new: wanted.new.memory.sha256.to_string(),
            applier: wanted.applier.key()?,
        };
        self.job_or_enter(job).await
    }

    /// How far a set is. If nobody has asked for it before, it is a job from now on.
    pub(crate) async fn request_set(
        &self,
        product: &Name,
        task: SetTask,
    ) -> Result<JobState, Error> {
        // No plan costs what sets cost: that is what their patches cost.
        let [old, new, applier] = Default::default();
        let (key, work) = (task.key()?, Work::Set(task));
        self.job_or_enter(NewJob { key, product, work, old, new, applier }).await
    }

    async fn job_or_enter(&self, new: NewJob<'_>) -> Result<JobState, Error> {
        let key = new.key.to_string();
        if let Some(state) = self.job(&key).await? {
            return Ok(state);
        }
        self.sql(scoped!(
            "INSERT INTO jobs (tenant, key, product, task, old, new, applier, state, attempts, \
             worker, lease_until, created, ended, sha256, size, hashes, signature, error) VALUES \
             ($1, $2, $3, $4, $5, $6, $7, 'queued', 0, '', 0, $8, 0, '', 0, '{}', '', '') \
             ON CONFLICT (tenant, key) DO NOTHING"
        ))
        .bind(key)
        .bind(new.product.to_string())
        .bind(serde_json::to_string(&new.work).map_err(Error::Json)?)
        .bind(new.old)
        .bind(new.new)
        .bind(new.applier)
        .bind(now())
        .execute(self)
        .await?;
        Ok(JobState::Pending { since: now() })
    }

    async fn task(&self, wanted: &Wanted<'_>) -> Result<Task, Error> {
        let new_name = self.file(&wanted.new.sha256).await?.name;
        let old_name = match wanted.old {
            Some(old) => self.file(&old.sha256).await?.name,
            None => String::new(),
        };
        let file = |image: &Image, name| TaskFile { sha256: image.sha256, name };
        let old = wanted.old.map(|old| (wanted.from, file(old, &*old_name)));
        Ok(Task::for_applier(old, (wanted.to, file(wanted.new, &new_name)), wanted.applier)?)
    }

    async fn job(&self, key: &str) -> Result<Option<JobState>, Error> {
        let row = self.sql(scoped!(
            "SELECT state, created, sha256, size, hashes, signature FROM jobs \
             WHERE tenant = $1 AND key = $2"
        ));
        let Some(row) = row.bind(key.to_owned()).optional(self).await? else { return Ok(None) };
        Ok(Some(match &*column::<String>(&row, 0)? {
            "queued" | "running" => JobState::Pending { since: column(&row, 1)? },
            "done" => JobState::Done(Made {
                sha256: column::<String>(&row, 2)?.parse()?,
                size: column::<i64>(&row, 3)?.unsigned_abs(),
                hashes: json_column(&row, 4)?,
                signature: column(&row, 5)?,
            }),
            _ => JobState::Impossible,
        }))
    }
}

impl Database {
    /// Takes the job that waits longest, or whose worker has not renewed its lease; or one that
    /// failed some time ago.
    pub(super) async fn take_job(&self, worker: &str, lease: i64) -> Result<Option<Taken>, Error> {
        macro_rules! take {
            ($lock:literal) => {
                concat!(
                    "UPDATE jobs SET state = 'running', worker = $1, lease_until = $2, ",
                    "attempts = attempts + 1 WHERE (tenant, key) = (SELECT tenant, key FROM jobs ",
                    "WHERE state = 'queued' OR (state = 'running' AND lease_until < $3) ",
                    "OR (state = 'failed' AND ended < $4) ORDER BY created LIMIT 1 ",
                    $lock,
                    ") RETURNING tenant, key, task, product, attempts"
                )
            };
        }
        let sql = match self.kind() {
            // One statement, and one writer.
            DatabaseKind::Sqlite => take!(""),
            DatabaseKind::Postgres => take!("FOR UPDATE SKIP LOCKED"),
        };
        let now = now();
        let take = self.unscoped(sql).bind(worker.to_owned()).bind(now + lease).bind(now);
        let Some(row) = take.bind(now - AGAIN).optional(self).await? else { return Ok(None) };
        let taken = Taken {
            tenant: self.tenant_by_id(column(&row, 0)?).await?,
            key: column(&row, 1)?,
            work: json_column(&row, 2)?,
            product: column(&row, 3)?,
            attempts: column(&row, 4)?,
        };
        Ok(Some(taken))
    }

    pub(crate) async fn count_jobs(&self) -> Result<JobCounts, Error> {
        let row = self.unscoped(
            "SELECT COUNT(CASE WHEN state = 'queued' THEN 1 END), \
             COUNT(CASE WHEN state = 'running' THEN 1 END), \
             COUNT(CASE WHEN error <> '' THEN 1 END) FROM jobs \
             WHERE state IN ('queued', 'running')",
        );
        let row = row.one(self).await?;
        Ok(JobCounts {
            queued: column(&row, 0)?,
            running: column(&row, 1)?,
            held: column(&row, 2)?,
        })
    }
}

impl Taken {
    /// Whether it was tried often enough.
    pub(super) fn is_hopeless(&self) -> bool {
        self.attempts > MOST_ATTEMPTS
    }

    /// Renews the lease; false: the job is another worker's by now.
    pub(super) async fn renew(&self, worker: &str, lease: i64) -> Result<bool, Error> {
        let renewed = self
            .tenant
            .sql(scoped!(
                "UPDATE jobs SET lease_until = $4 \
                 WHERE tenant = $1 AND key = $2 AND worker = $3 AND state = 'running'"
            ))
            .bind(self.key.clone())
            .bind(worker.to_owned())
            .bind(now() + lease)
            .execute(&self.tenant)
            .await?;
        Ok(renewed != 0)
    }

    /// Ends the job; false: it is another worker's by now.
    pub(super) async fn end(
        &self,
        worker: &str,
        ended: &Ended,
        contents: &Contents,
    ) -> Result<bool, Error> {
        let mut transaction = match &ended.patch {
            Some(patch) => contents.naming(&self.tenant, &ended.sha256.parse()?, patch).await?,
            None => self.tenant.begin().await?,
        };
        // Failures do not add up over hours: the next try has attempts of its own.
        let changed = transaction
            .sql(scoped!(
                "UPDATE jobs SET state = $4, ended = $5, sha256 = $6, size = $7, hashes = $8, \
                 signature = $9, error = $10, \
                 attempts = CASE WHEN $4 = 'failed' THEN 0 ELSE attempts END \
                 WHERE tenant = $1 AND key = $2 AND worker = $3 AND state = 'running'"
            ))
            .bind(self.key.clone())
            .bind(worker.to_owned())
            .bind(ended.state)
            .bind(now())
            .bind(ended.sha256.clone())
            .bind(i64::try_from(ended.size).unwrap_or(i64::MAX))
            .bind(serde_json::to_string(&ended.hashes).map_err(Error::Json)?)
            .bind(ended.signature.clone())
            .bind(ended.error.clone())
            .execute(&mut transaction)
            .await?;
        if changed == 0 {
            return Ok(false);
        }
        transaction
            .sql(scoped!("UPDATE products SET made = made + 1 WHERE tenant = $1 AND name = $2"))
            .bind(self.product.clone())
            .execute(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Gives the job back, as if it had not been taken, with what keeps it from being made.
    pub(super) async fn give_back(&self, worker: &str, error: &str) -> Result<(), Error> {
        self.tenant
            .sql(scoped!(
                "UPDATE jobs SET state = 'queued', worker = '', error = $4, \
                 attempts = attempts - 1 \
                 WHERE tenant = $1 AND key = $2 AND worker = $3 AND state = 'running'"
            ))
            .bind(self.key.clone())
            .bind(worker.to_owned())
            .bind(error.to_owned())
            .execute(&self.tenant)
            .await
            .map(|_| ())
    }
}
