//! Who asks.

use core::fmt;
use core::str::FromStr;

use crate::database::Tenant;
use crate::Error;

/// What a token is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// People, and programs of theirs.
    Operator,
    /// Something that speaks for all devices of a tenant.
    Gateway,
    /// One device.
    Device,
}

/// What an operator may do. Each may do what those before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Nothing but read the metrics of the server.
    Metrics,
    /// Look.
    Viewer,
    /// Change the catalogue, rules and devices.
    Editor,
    /// Make and revoke tokens, enter operators, and read the audit log.
    Admin,
}

/// Who asks: what a token, a session or a pre-shared key stands for.
#[derive(Clone)]
pub struct Caller {
    /// Whose data it may see.
    pub tenant: Tenant,
    /// The id of the token, the name of the operator or the identity of the key: for the audit log,
    /// and for limits.
    pub token: String,
    /// What the token is for; of a session that of an operator, of a key that of a device.
    pub kind: TokenKind,
    /// What an operator may do.
    pub role: Role,
    /// The device, of a device's token or key; else empty.
    pub device: String,
}

impl Caller {
    /// Who it is, in the audit log.
    pub(crate) fn who(&self) -> &str {
        &self.token
    }
}

impl TokenKind {
    const ALL: [Self; 3] = [Self::Operator, Self::Gateway, Self::Device];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Gateway => "gateway",
            Self::Device => "device",
        }
    }

    /// The first part of such tokens: a leaked one is recognized.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Operator => "fdo_",
            Self::Gateway => "fdg_",
            Self::Device => "fdd_",
        }
    }
}

impl Role {
    const ALL: [Self; 4] = [Self::Metrics, Self::Viewer, Self::Editor, Self::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TokenKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| Error::bad("kind", text, "one of operator, gateway, device"))
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| Error::bad("role", text, "one of metrics, viewer, editor, admin"))
    }
}
