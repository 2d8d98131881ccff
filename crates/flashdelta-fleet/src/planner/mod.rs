//! What a device gets next, and why.
//!
//! [`plan`] is a pure function of a catalogue, rules, a device, the time, and what patches cost:
//! the same arguments give the same plan everywhere.
//!
//! ```
//! use flashdelta::Input;
//! use flashdelta_fleet::catalogue::{Catalogue, Component, Device, Image, Product};
//! use flashdelta_fleet::catalogue::{Release, Running};
//! use flashdelta_fleet::planner::{plan, Answer, Estimate};
//! use flashdelta_fleet::rules::{Assignment, Rules};
//! use flashdelta_fleet::{Name, Version};
//!
//! let heron = Name::new("heron")?;
//! let mut catalogue = Catalogue::new();
//! catalogue.add_product(Product::new(heron.clone()))?;
//! let mut images = Vec::new();
//! for version in ["1.0", "1.1"] {
//!     let path = format!("../../testdata/firmware/riscv-{version}.bin");
//!     let image = Image::of(&Input::open(path.as_ref())?)?;
//!     images.push(image.memory.sha256);
//!     let application = Component::new(Name::new("application")?, image.sha256);
//!     catalogue.add_image(image)?;
//!     let release = Release::new(heron.clone(), Version::new(version)?).component(application);
//!     catalogue.add_release(release)?;
//! }
//! let mut rules = Rules::new(heron.clone());
//! rules.assignments.push(Assignment::new(Name::new("all")?, Version::new("1.1")?));
//! rules.check(&catalogue)?;
//!
//! let mut device = Device::new("heron-17", heron);
//! device.running = Running::One(images[0]);
//! let found = plan(&catalogue, &rules, &device, 0, &Estimate)?;
//! let Answer::Update(update) = &found.answer else { panic!("no update") };
//! assert_eq!((update.steps.len(), update.steps[0].to.as_str()), (1, "1.1"));
//! assert_eq!(found.reasons[0].to_string(), "rule all: release 1.1");
//!
//! device.running = Running::One(images[1]);
//! assert_eq!(plan(&catalogue, &rules, &device, 0, &Estimate)?.answer, Answer::UpToDate);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! - `held`: what a device holds, by what it reports. `target`: the release that it is to have.
//! - `costs`: what patches cost. `step`: one step from one release to another.
//! - `reason`, `answer`: what is told.

mod answer;
mod costs;
mod error;
mod held;
mod plan;
mod reason;
mod step;
mod target;

pub use answer::{Answer, Part, Plan, Step, Transfer, Update, UpdateKind};
pub use costs::{Cost, Costs, Estimate, KnownCosts};
pub use error::PlanError;
pub use held::held_releases;
pub use plan::plan;
pub use reason::Reason;
