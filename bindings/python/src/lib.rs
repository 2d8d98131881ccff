//! The native half of the Python package `flashdelta`: what needs Rust. What users see (names, defaults, documentation) is Python, in
//! `python/flashdelta`.
//!
//! - [`engine`]: the two calls into the library, one for making patches and one for applying them
//! - [`source`], [`target`]: images in buffers and files, as they come from Python
//! - [`watch`]: Ctrl-C and progress while the library is at work
//! - [`maker`], [`applier`], [`patch`], [`image`], [`program`]: what Python calls
//! - [`errors`]: the errors of the library as Python exceptions
//!
//! While the library is at work the GIL is released.

mod applier;
mod engine;
mod errors;
mod image;
mod maker;
mod patch;
mod program;
mod source;
mod target;
mod watch;

use pyo3::prelude::*;

/// The native half of `flashdelta`; not an interface.
#[pymodule(gil_used = false)]
mod _native {
    use flashdelta::diff::DeviceProfile;
    use flashdelta::{Codec, Identity, InstructionSet, APPLIER_BYTES};
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::applier::{apply, apply_files, explain, Feeder};
    #[pymodule_export]
    use crate::image::{address_map, detect, image_parse, image_write};
    #[pymodule_export]
    use crate::maker::diff;
    #[pymodule_export]
    use crate::patch::PatchBytes;
    #[pymodule_export]
    use crate::program::main;
    #[pymodule_export]
    use crate::target::{read_file, write_file};

    /// Fields of the named profile: name, ram, sector, page, codecs, isas.
    #[pyfunction]
    #[allow(clippy::type_complexity)]
    fn profile(name: &str) -> Option<(String, u32, u32, u32, Vec<&'static str>, Vec<&'static str>)> {
        let p = DeviceProfile::named(name)?;
        let codecs = p.codecs.iter().map(|c| c.name()).collect();
        let isas = p.isas.iter().map(|isa| isa.name()).collect();
        Some((p.name, p.ram, p.sector, p.page, codecs, isas))
    }

    /// A product number made from a name.
    #[pyfunction]
    fn product_id(name: &str) -> u32 {
        Identity::product_id(name)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("APPLIER_BYTES", APPLIER_BYTES)?;
        module.add("PROFILES", DeviceProfile::NAMES.to_vec())?;
        module.add("CODECS", Codec::ALL.map(Codec::name).to_vec())?;
        module.add("ISAS", InstructionSet::ALL.map(InstructionSet::name).to_vec())
    }
}
