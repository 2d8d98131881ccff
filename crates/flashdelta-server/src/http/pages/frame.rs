//! What is around every page.

use super::visitor::Visitor;
use crate::auth::Role;

/// What is around every page: title, navigation, who is signed in.
pub(super) struct Frame {
    pub(super) title: String,
    /// The part of the navigation that it belongs to.
    pub(super) section: &'static str,
    /// Who is signed in; empty: nobody.
    pub(super) name: String,
    pub(super) tenant: String,
    pub(super) is_editor: bool,
    pub(super) is_admin: bool,
    /// What forms have to say.
    pub(super) csrf: String,
    /// What has been done just now; empty: nothing.
    pub(super) done: &'static str,
}

/// A part of the navigation.
pub(super) struct Section {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
}

impl Frame {
    pub(super) fn new(visitor: &Visitor, title: impl Into<String>, section: &'static str) -> Self {
        Self::of(Some(visitor), title, section)
    }

    pub(super) fn of(
        visitor: Option<&Visitor>,
        title: impl Into<String>,
        section: &'static str,
    ) -> Self {
        let caller = visitor.map(Visitor::caller);
        let role = caller.map_or(Role::Metrics, |caller| caller.role);
        Self {
            title: title.into(),
            section,
            name: caller.map(|caller| caller.token.clone()).unwrap_or_default(),
            tenant: caller.map(|caller| caller.tenant.name().to_owned()).unwrap_or_default(),
            is_editor: role >= Role::Editor,
            is_admin: role >= Role::Admin,
            csrf: visitor.map(|visitor| visitor.csrf().to_owned()).unwrap_or_default(),
            done: "",
        }
    }

    /// With what has been done, by its name in the address: no text of an address is shown.
    pub(super) fn done(self, done: Option<&str>) -> Self {
        let done = match done {
            Some("product") => "The product is saved.",
            Some("release") => "The release is there. Next: start a roll-out.",
            Some("limits") => "The limits are saved.",
            Some("rollout") => "The roll-out has begun.",
            Some("changed") => "The roll-out is changed.",
            Some("aborted") => "The roll-out is aborted.",
            Some("revoked") => "The token is revoked.",
            Some("operator") => "The operator is saved.",
            Some("removed") => "The operator is removed.",
            Some("asked") => "The patch is being made.",
            _ => "",
        };
        Self { done, ..self }
    }

    /// The parts of the navigation that this operator may see.
    pub(super) fn sections(&self) -> Vec<Section> {
        let all = [
            ("/ui", "Overview", true),
            ("/ui/products", "Products", true),
            ("/ui/rollouts", "Roll-outs", true),
            ("/ui/devices", "Devices", true),
            ("/ui/savings", "Savings", true),
            ("/ui/keys", "Keys", self.is_admin),
            ("/ui/audit", "Audit", self.is_admin),
        ];
        let seen = all.into_iter().filter(|(.., is_seen)| *is_seen);
        seen.map(|(path, title, _)| Section { path, title }).collect()
    }
}
