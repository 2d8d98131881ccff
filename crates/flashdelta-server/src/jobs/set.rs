//! Component sets: what a device takes as one, of patches that were made before.

use bytes::Bytes;
use flashdelta::set::{self, Component as Member, SetOptions};
use flashdelta_fleet::catalogue::{Component, Memory};
use flashdelta_fleet::{Digest, Version};
use serde::{Deserialize, Serialize};

use super::JobLimits;
use crate::contents::Contents;
use crate::database::Tenant;
use crate::Error;

/// A set that is to be made: all that its bytes depend on.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetTask {
    /// The release that it leads to.
    pub(crate) release: Version,
    /// The components, in the order of the release.
    pub(crate) members: Vec<SetMember>,
    /// The uploaded files that its patches start from and lead to.
    pub(crate) files: Vec<Digest>,
}

/// A component of such a set.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetMember {
    pub(crate) component: Component,
    /// What is there afterwards.
    pub(crate) memory: Memory,
    /// The patch; none if that is there already.
    pub(crate) patch: Option<Digest>,
    /// Bytes of the patch.
    pub(crate) size: u64,
}

impl SetTask {
    /// What it is, for people.
    pub(super) fn name(&self) -> String {
        let changed = self.members.iter().filter(|member| member.patch.is_some()).count();
        format!("set to {} with {changed} of {} components", self.release, self.members.len())
    }

    /// The name of the set among jobs.
    pub(super) fn key(&self) -> Result<Digest, Error> {
        let text = serde_json::to_string(self).map_err(Error::Json)?;
        Ok(Digest::of(format!("set by {}\n{text}", env!("CARGO_PKG_VERSION")).as_bytes()))
    }

    /// Puts the set together.
    ///
    /// # Errors
    ///
    /// [`Error::Make`], if there is no such set, or a patch is not what it should be;
    /// [`Error::Store`].
    pub(super) async fn make(
        &self,
        tenant: &Tenant,
        contents: &Contents,
        limits: &JobLimits,
    ) -> Result<Vec<u8>, Error> {
        // The patches, the set of them, and the same with digests and signature.
        let memory = self.members.iter().fold(0u64, |sum, one| sum.saturating_add(one.size)) * 4;
        if memory > limits.job_memory << 20 {
            let limit = limits.job_memory;
            return Err(Error::Make(format!("a set of such patches takes more than {limit} MiB")));
        }
        let mut members = Vec::new();
        for member in &self.members {
            let patch = match &member.patch {
                Some(digest) => Some(contents.get(tenant, digest).await?),
                None => None,
            };
            members.push(member.of_set(patch)?);
        }
        let made = tokio::task::spawn_blocking(move || set::make(&members, &SetOptions::new()));
        let made = made.await.map_err(|error| Error::Make(error.to_string()))?;
        made.map_err(|error| Error::Make(error.to_string()))
    }
}

impl SetMember {
    fn of_set(&self, patch: Option<Bytes>) -> Result<Member, Error> {
        let (kind, name) = (self.component.kind()?, self.component.set_name());
        Ok(match patch {
            Some(patch) => Member::patch(kind, name, Vec::from(patch)),
            None => {
                let Memory { size, sha256 } = self.memory;
                Member::require_digest(kind, name, size, *sha256.as_bytes())
            }
        })
    }
}
