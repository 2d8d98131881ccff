//! Releases of several components, for devices that take them as one.

use flashdelta_fleet::catalogue::Release;
use flashdelta_fleet::planner::{Step, Transfer};

use super::poll::{Asked, Part};
use super::{Content, ContentKind};
use crate::jobs::{JobState, SetMember, SetTask};
use crate::Error;

impl Asked<'_> {
    /// The component set of a step, whose patches are there.
    pub(super) async fn set(
        &self,
        release: &Release,
        step: &Step,
        patches: &[Content],
    ) -> Result<Part, Error> {
        let mut task =
            SetTask { release: release.version.clone(), members: Vec::new(), files: Vec::new() };
        for (component, part) in release.components.iter().zip(&step.parts) {
            let patch = patches.iter().find(|patch| patch.component == component.name);
            let memory = self.image(&component.image)?.memory;
            task.members.push(SetMember {
                component: component.clone(),
                memory,
                patch: patch.map(|patch| patch.sha256),
                size: patch.map_or(0, |patch| patch.size),
            });
            task.files.push(component.image);
            if let Transfer::Delta { old, .. } = part.transfer {
                task.files.push(old);
            }
        }
        Ok(match self.tenant.request_set(&self.device.product, task).await? {
            JobState::Done(made) => {
                let product = self.device.product.clone();
                Part::Ready(Content::of_job(product, ContentKind::Set, made, None))
            }
            JobState::Impossible => Part::Gone,
            JobState::Pending { .. } => {
                self.service.bell().asked.notify_one();
                Part::Pending
            }
        })
    }
}
