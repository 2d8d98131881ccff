//! All rules of a product.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Assignment, Blocked, LinkClass, RuleError, SteppingStone, WindowRule};
use crate::catalogue::{Catalogue, CatalogueError};
use crate::Name;

/// All rules of a product.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The product.
    pub product: Name,
    /// Which devices get which release: the first one counts.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// Releases on the way.
    #[serde(default)]
    pub stones: Vec<SteppingStone>,
    /// Versions that are not offered.
    #[serde(default)]
    pub blocked: Vec<Blocked>,
    /// When devices get updates.
    #[serde(default)]
    pub windows: Vec<WindowRule>,
    /// What links carry.
    #[serde(default)]
    pub links: Vec<LinkClass>,
}

impl Rules {
    /// The most rules of a kind.
    pub const MOST: usize = 256;

    /// No rules: nothing is offered.
    pub fn new(product: Name) -> Self {
        Self {
            product,
            assignments: Vec::new(),
            stones: Vec::new(),
            blocked: Vec::new(),
            windows: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Checks that the releases which rules name are there, and that ids are different. (What a
    /// condition asks is checked when it is read.)
    ///
    /// # Errors
    ///
    /// [`RuleError`].
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), RuleError> {
        catalogue.product(&self.product).map_err(RuleError::Product)?;
        for found in [
            self.assignments.len(),
            self.stones.len(),
            self.blocked.len(),
            self.windows.len(),
            self.links.len(),
        ] {
            if found > Self::MOST {
                return Err(RuleError::TooMany { found, limit: Self::MOST });
            }
        }
        let mut ids = BTreeSet::new();
        let all = self.assignments.iter().map(|rule| &rule.id);
        let all = all.chain(self.stones.iter().map(|rule| &rule.id));
        let all = all.chain(self.blocked.iter().map(|rule| &rule.id));
        let mut all = all.chain(self.windows.iter().map(|rule| &rule.id));
        if let Some(id) = all.find(|id| !ids.insert(*id)) {
            return Err(RuleError::Twice { rule: id.clone() });
        }
        let mut names = BTreeSet::new();
        if let Some(link) = self.links.iter().find(|link| !names.insert(&link.name)) {
            return Err(RuleError::Twice { rule: link.name.clone() });
        }
        let of_rule = |rule: &Name, error| RuleError::Catalogue { rule: rule.clone(), error };
        for rule in &self.assignments {
            let found = catalogue.release(&self.product, &rule.release);
            found.map_err(|error| of_rule(&rule.id, error))?;
        }
        for rule in &self.stones {
            let found = catalogue.release(&self.product, &rule.through);
            found.map_err(|error| of_rule(&rule.id, error))?;
        }
        for rule in &self.blocked {
            if rule.why.len() > 1024 {
                let (what, found, limit) = ("bytes of the reason", rule.why.len() as u64, 1024);
                return Err(of_rule(&rule.id, CatalogueError::TooLarge { what, found, limit }));
            }
        }
        Ok(())
    }

    /// The class of a link.
    pub(crate) fn link(&self, name: Option<&Name>) -> Option<&LinkClass> {
        self.links.iter().find(|link| Some(&link.name) == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Component, Image, Product, Release};
    use crate::Version;
    use flashdelta::Input;

    #[test]
    fn rules_name_what_is_there() {
        let (heron, name) = (Name::new("heron").unwrap(), |text| Name::new(text).unwrap());
        let mut catalogue = Catalogue::new();
        let mut rules = Rules::new(heron.clone());
        assert_eq!(rules.check(&catalogue).unwrap_err().code(), "unknown-product");
        catalogue.add_product(Product::new(heron.clone())).unwrap();
        rules.check(&catalogue).unwrap();

        let version = |text| Version::new(text).unwrap();
        rules.assignments.push(Assignment::new(name("all"), version("1.0")));
        assert_eq!(
            rules.check(&catalogue).unwrap_err().to_string(),
            "rule all: product heron has no release 1.0"
        );
        let image = Image::of(&Input::from_bytes(&b"firmware"[..])).unwrap();
        let release = Release::new(heron, version("1.0"))
            .component(Component::new(name("app"), image.sha256));
        catalogue.add_image(image).unwrap();
        catalogue.add_release(release).unwrap();
        rules.check(&catalogue).unwrap();

        let json = r#"{"product":"heron","blocked":[{"id":"all","version":"0.9"}]}"#;
        let others: Rules = serde_json::from_str(json).unwrap();
        let both = Rules { blocked: others.blocked.clone(), ..rules.clone() };
        assert_eq!(both.check(&catalogue).unwrap_err().code(), "rule-twice");
        let many = Rules { blocked: vec![others.blocked[0].clone(); 257], ..rules };
        assert_eq!(many.check(&catalogue).unwrap_err().code(), "too-many-rules");
        let text = serde_json::to_string(&others).unwrap();
        assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), others);
        assert!(serde_json::from_str::<Rules>(r#"{"product":"heron","blokced":[]}"#).is_err());
    }
}
