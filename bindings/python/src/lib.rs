//! The native half of the Python package `flashdelta`: what needs Rust. What users see (names,
//! defaults, documentation) is Python, in `python/flashdelta`.
//!
//! - [`engine`]: the applier that is fed, with the workspace that it borrows; [`fault`]: what goes
//!   wrong with images
//! - [`source`], [`target`]: images in buffers and files, as they come from Python
//! - [`watch`]: Ctrl-C and progress while the library is at work
//! - [`maker`], [`applier`], [`patch`], [`image`], [`mod@sign`], [`mod@set`], [`mod@holes`],
//!   [`release`], [`program`]: what Python calls
//! - [`errors`]: the errors of the library as Python exceptions
//!
//! While the library is at work the GIL is released.

mod applier;
mod engine;
mod errors;
mod fault;
mod holes;
mod image;
mod maker;
mod patch;
mod program;
mod release;
mod remedy;
mod set;
mod sign;
mod source;
mod target;
mod watch;

use pyo3::prelude::*;

/// The native half of `flashdelta`; not an interface.
#[pymodule(gil_used = false)]
mod _native {
    use std::path::PathBuf;

    use flashdelta::diff::DeviceProfile;
    use flashdelta::{Codec, Identity, InstructionSet, APPLIER_BYTES};
    use pyo3::prelude::*;

    use crate::errors;
    use crate::source::read_whole;

    #[pymodule_export]
    use crate::applier::{apply, apply_files, explain, verify, Feeder};
    #[pymodule_export]
    use crate::holes::{hole_fields, parse_value, personalize, value_record};
    #[pymodule_export]
    use crate::image::{address_map, convert, detect, format_to_write, image_parse, image_write};
    #[pymodule_export]
    use crate::maker::diff;
    #[pymodule_export]
    use crate::patch::PatchBytes;
    #[pymodule_export]
    use crate::program::main;
    #[pymodule_export]
    use crate::release::{release_make, release_resolve, ReleaseBuild};
    #[pymodule_export]
    use crate::set::{
        set_apply, set_apply_folder, set_attach_signature, set_between, set_facts,
        set_from_description, set_make, set_sign, set_sign_message, set_verify,
    };
    #[pymodule_export]
    use crate::sign::{
        attach_signature, generate_key, key_fields, sign_message, sign_patch, signatures,
    };
    #[pymodule_export]
    use crate::target::{read_file, write_file};

    type Names = Vec<&'static str>;

    /// Fields of a profile: name, ram, sector, page, codecs, isas, slot, scratch, codecs on
    /// request.
    type ProfileFields = (String, u32, u32, u32, Names, Names, u32, u32, Names);

    fn profile_fields(p: DeviceProfile) -> ProfileFields {
        let names = |codecs: &[Codec]| codecs.iter().map(|codec| codec.name()).collect();
        let (codecs, on_request) = (names(&p.codecs), names(&p.codecs_on_request));
        let isas = p.isas.iter().map(|isa| isa.name()).collect();
        (p.name, p.ram, p.sector, p.page, codecs, isas, p.slot, p.scratch, on_request)
    }

    /// The named profile.
    #[pyfunction]
    fn profile(name: &str) -> Option<ProfileFields> {
        DeviceProfile::named(name).map(profile_fields)
    }

    /// The profile in a file.
    #[pyfunction]
    fn profile_load(py: Python<'_>, path: PathBuf) -> PyResult<ProfileFields> {
        let profile = DeviceProfile::parse_file(&read_whole(py, &path)?, &path);
        profile.map(profile_fields).map_err(|error| errors::coded!(py, error))
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
