//! The catalogue of a maker, in memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CatalogueError, Image, Product, Release};
use crate::{Digest, Name, Version};

/// Products, their releases, and the images of these.
///
/// All that is in it has been checked, and what a release names is there. JSON is checked as well
/// when it is read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Lists", into = "Lists")]
pub struct Catalogue {
    products: BTreeMap<Name, Product>,
    /// By digest of the file.
    images: BTreeMap<Digest, Image>,
    releases: BTreeMap<Name, BTreeMap<Version, Release>>,
}

/// The same as lists.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    products: Vec<Product>,
    images: Vec<Image>,
    releases: Vec<Release>,
}

impl TryFrom<Lists> for Catalogue {
    type Error = CatalogueError;

    fn try_from(lists: Lists) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::new();
        lists.products.into_iter().try_for_each(|product| catalogue.add_product(product))?;
        lists.images.into_iter().try_for_each(|image| catalogue.add_image(image))?;
        lists.releases.into_iter().try_for_each(|release| catalogue.add_release(release))?;
        Ok(catalogue)
    }
}

impl From<Catalogue> for Lists {
    fn from(catalogue: Catalogue) -> Self {
        Self {
            products: catalogue.products.into_values().collect(),
            images: catalogue.images.into_values().collect(),
            releases: catalogue.releases.into_values().flat_map(BTreeMap::into_values).collect(),
        }
    }
}

impl Catalogue {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a product, or puts another title and other revisions in place of those it had.
    ///
    /// # Errors
    ///
    /// Those of [`Product::check`].
    pub fn add_product(&mut self, product: Product) -> Result<(), CatalogueError> {
        product.check()?;
        self.products.insert(product.name.clone(), product);
        Ok(())
    }

    /// Adds an image. Adding it again does nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Image::check`]; [`CatalogueError::Exists`], if the same file is said to be
    /// something else.
    pub fn add_image(&mut self, image: Image) -> Result<(), CatalogueError> {
        image.check()?;
        let known = self.images.entry(image.sha256).or_insert_with(|| image.clone());
        match (known.size, known.memory) == (image.size, image.memory) {
            true => Ok(()),
            false => Err(CatalogueError::Exists { what: format!("image {}", image.sha256) }),
        }
    }

    /// Adds a release. Adding the same again does nothing.
    ///
    /// # Errors
    ///
    /// Those of [`Release::check`]; [`CatalogueError::UnknownProduct`] and
    /// [`CatalogueError::UnknownImage`], if what it names is not there;
    /// [`CatalogueError::Exists`], if this version has other components already: what was released
    /// does not change.
    pub fn add_release(&mut self, release: Release) -> Result<(), CatalogueError> {
        release.check()?;
        let product = self.product(&release.product)?;
        let is_known = |revision: &u16| release.is_for(*revision);
        if !product.revisions.is_empty() && !product.revisions.keys().any(is_known) {
            return Err(CatalogueError::BadField {
                what: "hardware",
                found: "no revision of the product".to_owned(),
                expected: "at least one".to_owned(),
            });
        }
        for component in &release.components {
            self.image(&component.image)?;
        }
        let releases = self.releases.entry(release.product.clone()).or_default();
        let known = releases.get(&release.version);
        if known.is_some_and(|known| known.components != release.components) {
            let what = format!("release {} of {}", release.version, release.product);
            return Err(CatalogueError::Exists { what });
        }
        releases.insert(release.version.clone(), release);
        Ok(())
    }

    /// Removes a release. Images stay.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownRelease`], [`CatalogueError::UnknownProduct`].
    pub fn remove_release(
        &mut self,
        product: &Name,
        version: &Version,
    ) -> Result<Release, CatalogueError> {
        self.product(product)?;
        let removed = self.releases.get_mut(product).and_then(|of| of.remove(version));
        removed.ok_or_else(|| CatalogueError::UnknownRelease {
            product: product.clone(),
            version: version.clone(),
        })
    }

    /// The products, by name.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    /// A product.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownProduct`].
    pub fn product(&self, name: &str) -> Result<&Product, CatalogueError> {
        match self.products.get(name) {
            Some(product) => Ok(product),
            None => Err(CatalogueError::UnknownProduct { product: Name::new(name)? }),
        }
    }

    /// The images, by digest of the file.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.values()
    }

    /// An image, by the digest of its file.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownImage`].
    pub fn image(&self, sha256: &Digest) -> Result<&Image, CatalogueError> {
        self.images.get(sha256).ok_or(CatalogueError::UnknownImage { sha256: *sha256 })
    }

    /// The releases of a product, in the order of their versions.
    pub fn releases(&self, product: &str) -> impl DoubleEndedIterator<Item = &Release> {
        self.releases.get(product).into_iter().flat_map(BTreeMap::values)
    }

    /// A release.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownRelease`].
    pub fn release(&self, product: &Name, version: &Version) -> Result<&Release, CatalogueError> {
        self.releases.get(product).and_then(|releases| releases.get(version)).ok_or_else(|| {
            CatalogueError::UnknownRelease { product: product.clone(), version: version.clone() }
        })
    }

    /// The image of a component; it is there.
    #[cfg(feature = "rules")]
    pub(crate) fn image_of(&self, component: &super::Component) -> Option<&Image> {
        self.images.get(&component.image)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Component;
    use super::super::{HardwareRange, Memory};
    use super::*;

    fn image(byte: u8) -> Image {
        let sha256 = Digest::of(&[byte]);
        Image {
            sha256,
            size: 1,
            memory: Memory { sha256, size: 1 },
            format: "raw".into(),
            is_container: false,
            packed_percent: 0,
            details: BTreeMap::new(),
            versions: Vec::new(),
        }
    }

    fn release(version: &str, byte: u8) -> Release {
        let name = Name::new("app").unwrap();
        Release::new(Name::new("heron").unwrap(), Version::new(version).unwrap())
            .component(Component::new(name, Digest::of(&[byte])))
    }

    #[test]
    fn what_a_release_names_is_there() {
        let mut catalogue = Catalogue::new();
        let error = catalogue.add_release(release("1.0", 1)).unwrap_err();
        assert_eq!(error.code(), "unknown-product");
        catalogue.add_product(Product::new(Name::new("heron").unwrap())).unwrap();
        let error = catalogue.add_release(release("1.0", 1)).unwrap_err();
        assert_eq!(error.code(), "unknown-image");
        catalogue.add_image(image(1)).unwrap();
        catalogue.add_image(image(2)).unwrap();
        catalogue.add_release(release("1.0", 1)).unwrap();
        catalogue.add_release(release("1.0", 1)).unwrap();
        assert_eq!(catalogue.add_release(release("1.0", 2)).unwrap_err().code(), "entry-exists");
        let other = Image { size: 2, ..image(1) };
        assert_eq!(catalogue.add_image(other).unwrap_err().code(), "entry-exists");

        let json = serde_json::to_string(&catalogue).unwrap();
        assert_eq!(serde_json::from_str::<Catalogue>(&json).unwrap(), catalogue);
        let without = json.replace(
            &format!("\"image\":\"{}\"", Digest::of(&[1])),
            &format!("\"image\":\"{}\"", Digest::of(&[3])),
        );
        let error = serde_json::from_str::<Catalogue>(&without).unwrap_err().to_string();
        assert!(error.contains("there is no image"), "{error}");
    }

    #[test]
    fn releases_that_cannot_be_are_refused() {
        let hardware = |first, last| Some(HardwareRange { first, last });
        let with = |change: fn(&mut Release)| {
            let mut release = release("1.0", 1);
            change(&mut release);
            release.check().unwrap_err().code()
        };
        assert_eq!(with(|release| release.components.clear()), "no-component");
        assert_eq!(
            with(|release| release.components.push(release.components[0].clone())),
            "entry-twice"
        );
        assert_eq!(with(|release| release.components[0].kind = "moon".into()), "bad-entry");
        assert_eq!(with(|release| release.notes = "x".repeat(70_000)), "entry-too-large");
        assert_eq!(
            Release { hardware: hardware(2, 1), ..release("1.0", 1) }.check().unwrap_err().code(),
            "bad-entry"
        );

        let mut catalogue = Catalogue::new();
        let revisions = [(1, "first".to_owned())].into();
        catalogue
            .add_product(Product { revisions, ..Product::new(Name::new("heron").unwrap()) })
            .unwrap();
        catalogue.add_image(image(1)).unwrap();
        let wrong = Release { hardware: hardware(2, 3), ..release("1.0", 1) };
        assert_eq!(catalogue.add_release(wrong).unwrap_err().code(), "bad-entry");
        catalogue.add_release(Release { hardware: hardware(0, 3), ..release("1.0", 1) }).unwrap();
    }
}
