//! The C libraries as a folder that can be installed: headers, libraries, and what pkg-config and
//! CMake need to find them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::root;

/// Every feature of the library for devices.
pub(crate) const ALL_FEATURES: &str = "model,lz4,isa,receive,suspend,verify,holes,sets";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What has been built.
pub(crate) struct Libraries {
    /// Folder with the shared and the static library for hosts.
    pub(crate) host: PathBuf,
    /// The static library for devices, built for this machine: for tests of firmware on hosts.
    pub(crate) apply: PathBuf,
}

/// Writes `include`, `lib`, `lib/pkgconfig` and `lib/cmake/flashdelta` below a folder.
pub(crate) fn write(prefix: &Path, libraries: &Libraries) -> Result<()> {
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    let (pkgconfig, cmake) = (lib.join("pkgconfig"), lib.join("cmake/flashdelta"));
    for folder in [&include, &pkgconfig, &cmake] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    for name in ["flashdelta_apply.h", "flashdelta.h"] {
        copy(&root().join("bindings/c/include").join(name), &include.join(name))?;
    }
    for name in [
        "libflashdelta.so",
        "libflashdelta.dylib",
        "flashdelta.dll",
        "libflashdelta.a",
        "flashdelta.lib",
    ] {
        let from = libraries.host.join(name);
        if from.is_file() {
            copy(&from, &lib.join(name))?;
        }
    }
    let name = libraries.apply.file_name().context("a library without a name")?;
    copy(&libraries.apply, &lib.join(name))?;
    fs::write(
        pkgconfig.join("flashdelta.pc"),
        pc("flashdelta", "Makes and applies firmware deltas", "-lpthread -ldl -lm"),
    )?;
    fs::write(
        pkgconfig.join("flashdelta_apply.pc"),
        pc("flashdelta_apply", "Applies firmware deltas, as a microcontroller does", ""),
    )?;
    fs::write(cmake.join("flashdeltaConfig.cmake"), CMAKE)?;
    fs::write(cmake.join("flashdeltaConfigVersion.cmake"), cmake_version())?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
        .map(drop)
}

/// For pkg-config. The folder may be moved: paths start from the file itself.
fn pc(name: &str, description: &str, private: &str) -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\n\
         includedir=${{prefix}}/include\n\
         libdir=${{prefix}}/lib\n\
         \n\
         Name: {name}\n\
         Description: {description}\n\
         Version: {VERSION}\n\
         Cflags: -I${{includedir}}\n\
         Libs: -L${{libdir}} -l{name}\n\
         Libs.private: {private}\n"
    )
}

/// Targets for CMake.
const CMAKE: &str = r#"# find_package(flashdelta) defines
#   flashdelta::flashdelta        the shared library for hosts
#   flashdelta::flashdelta_static the static one
#   flashdelta::apply             the library for devices, built for this machine
get_filename_component(_flashdelta_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

function(_flashdelta_target name kind file)
  if(TARGET flashdelta::${name})
    return()
  endif()
  find_library(_flashdelta_${name} NAMES ${file} PATHS "${_flashdelta_prefix}/lib"
    NO_DEFAULT_PATH NO_CACHE)
  if(_flashdelta_${name})
    add_library(flashdelta::${name} ${kind} IMPORTED)
    set_target_properties(flashdelta::${name} PROPERTIES
      IMPORTED_LOCATION "${_flashdelta_${name}}"
      INTERFACE_INCLUDE_DIRECTORIES "${_flashdelta_prefix}/include")
  endif()
endfunction()

_flashdelta_target(flashdelta SHARED "libflashdelta${CMAKE_SHARED_LIBRARY_SUFFIX}")
if(TARGET flashdelta::flashdelta)
  # The library has no version in its file name: programs look for it by name, not by the path it
  # was linked from.
  set_target_properties(flashdelta::flashdelta PROPERTIES IMPORTED_NO_SONAME TRUE)
endif()
_flashdelta_target(flashdelta_static STATIC "libflashdelta${CMAKE_STATIC_LIBRARY_SUFFIX}")
if(TARGET flashdelta::flashdelta_static)
  set_target_properties(flashdelta::flashdelta_static PROPERTIES
    INTERFACE_LINK_LIBRARIES "pthread;${CMAKE_DL_LIBS};m")
endif()
_flashdelta_target(apply STATIC "libflashdelta_apply${CMAKE_STATIC_LIBRARY_SUFFIX}")
"#;

/// Versions with the same first number other than 0 are compatible.
fn cmake_version() -> String {
    format!(
        "set(PACKAGE_VERSION \"{VERSION}\")\n\
         if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)\n\
         \x20 set(PACKAGE_VERSION_EXACT TRUE)\n\
         \x20 set(PACKAGE_VERSION_COMPATIBLE TRUE)\n\
         elseif(PACKAGE_FIND_VERSION_MAJOR EQUAL {major} AND {major} GREATER 0\n    \
         AND PACKAGE_FIND_VERSION VERSION_LESS PACKAGE_VERSION)\n\
         \x20 set(PACKAGE_VERSION_COMPATIBLE TRUE)\n\
         endif()\n",
        major = env!("CARGO_PKG_VERSION_MAJOR")
    )
}
