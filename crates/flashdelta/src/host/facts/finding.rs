//! What is wrong with a file.

use serde::Serialize;

use crate::host::image::Finding;

/// A length, checksum or digest that is wrong.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FindingFacts {
    /// The member of an archive or a folder that it is about; empty: the file itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub member: String,
    /// What was checked.
    pub check: &'static str,
    /// Where, in bytes.
    pub offset: usize,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// The same for people.
    pub message: String,
}

impl FindingFacts {
    pub(super) fn list(findings: &[Finding]) -> Vec<Self> {
        findings.iter().map(Self::from).collect()
    }
}

impl From<&Finding> for FindingFacts {
    fn from(finding: &Finding) -> Self {
        Self {
            member: finding.member.clone(),
            check: finding.check.code(),
            offset: finding.offset,
            expected: finding.expected.to_string(),
            found: finding.found.to_string(),
            message: finding.to_string(),
        }
    }
}
