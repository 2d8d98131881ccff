//! What there is: products, images, releases, devices. Plain data, checked when it is entered.
//!
//! ```
//! use flashdelta::Input;
//! use flashdelta_fleet::catalogue::{Catalogue, Component, Image, Product, Release};
//! use flashdelta_fleet::{Name, Version};
//!
//! let heron = Name::new("heron")?;
//! let mut catalogue = Catalogue::new();
//! catalogue.add_product(Product::new(heron.clone()))?;
//! let input = Input::open("../../testdata/firmware/cortex-m-1.1.hex".as_ref())?;
//! let image = Image::of(&input)?;
//! let release = Release::new(heron.clone(), Version::new("1.0")?)
//!     .component(Component::new(Name::new("application")?, image.sha256));
//! catalogue.add_image(image)?;
//! catalogue.add_release(release)?;
//! assert_eq!(catalogue.releases(&heron).count(), 1);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! - `product`, `image`, `release`, `component`: what makers have. Images are known by digest.
//! - `device`, `applier`: what devices are, and what they can take.
//! - `store`: all of a maker's, in memory, without contents of files.

mod applier;
mod component;
mod device;
mod error;
mod image;
mod product;
mod release;
mod store;

pub(crate) use applier::profile_key;
pub use applier::Applier;
pub use component::{Component, Place};
#[cfg(feature = "rules")]
pub(crate) use device::MOST_TAGS;
pub use device::{Device, Running};
pub use error::CatalogueError;
pub use image::{Image, Memory};
pub use product::Product;
pub use release::{Auxiliary, HardwareRange, Release};
pub use store::Catalogue;
