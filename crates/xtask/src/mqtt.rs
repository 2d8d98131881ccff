//! The fleet over MQTT: a real broker, the control centre, devices in C and in MicroPython.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::c_build::{build_apply, folder, gcc, on_board, SANITIZED, STRICT};
use crate::command::{exec, exists, release_program, root};
use crate::micropython;
use crate::steps::Outcome;

/// Runs its tests.
pub(crate) fn test(may_install: bool) -> Result<Outcome> {
    let Some(environment) = micropython::environment(may_install) else {
        return Ok(micropython::nothing());
    };
    if !exists("mosquitto") {
        let help = "a run without --no-setup unpacks it (Debian)";
        return Ok(Outcome::skipped("no mosquitto", help));
    }
    let mut pytest = environment.python();
    pytest.current_dir(root().join("bindings/mqtt"));
    pytest.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    pytest.env("FLASHDELTA_BINARY", release_program()?);
    let remark = match has_libraries() {
        true => {
            pytest.env("FLASHDELTA_MQTT_DEVICE", device()?);
            "devices in C and in MicroPython"
        }
        false => "no libmosquitto or no PSA Crypto: the device in C was skipped",
    };
    exec(&mut pytest)?;
    Ok(Outcome::Passed(remark.to_owned()))
}

/// Whether the device in C can be built.
pub(crate) fn has_libraries() -> bool {
    let headers = ["/usr/include/mosquitto.h", "/usr/include/psa/crypto.h"];
    exists("gcc") && headers.iter().all(|header| Path::new(header).exists())
}

/// Builds the device in C, under sanitizers.
fn device() -> Result<PathBuf> {
    let program = folder("mqtt")?.join("device");
    // A test does not wait as long as a product may; but what is asked for twice, or given up, is
    // no matter of a second, for the machine may have much else to do.
    let times = ["-DPATIENCE=5000", "-DRETRY=50", "-DTRIAL=10000"];
    let mut gcc = gcc(&[&STRICT, &SANITIZED, &["-D_POSIX_C_SOURCE=200809L"], &times]);
    on_board(&mut gcc);
    gcc.arg(root().join("bindings/mqtt/device/device.c")).arg(build_apply(None, None)?);
    exec(gcc.args(["-lmosquitto", "-lmbedcrypto", "-o"]).arg(&program))?;
    Ok(program)
}
