//! The device of CoAP in C: its client alone, and the program that the service's tests run.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::c_build::{build_apply, folder, gcc, on_board, SANITIZED, STRICT};
use crate::command::{command, exec, exists, root};

/// Tests the client, and builds the device, under sanitizers.
pub(crate) fn device() -> Result<PathBuf> {
    let (built, sources) = (folder("coap")?, root().join("bindings/coap"));
    let client = built.join("test_coap");
    let files = ["tests/test_coap.c", "coap.c"].map(|file| sources.join(file));
    exec(gcc(&[&STRICT, &SANITIZED]).args(files).arg("-o").arg(&client))?;
    exec(&mut command(&client))?;
    let program = built.join("device");
    // A test does not wait as long as a product may. Its network loses up to 3 datagrams in a row:
    // after the fourth of these 6 tries there are 5 seconds for a machine that has much to do.
    let times = ["-DCOAP_ACK_TIMEOUT=100", "-DCOAP_MAX_RETRANSMIT=5", "-DTRIAL=1500"];
    let mut gcc = gcc(&[&STRICT, &SANITIZED, &["-D_POSIX_C_SOURCE=200809L"], &times]);
    on_board(&mut gcc);
    gcc.args(["device.c", "coap.c"].map(|file| sources.join(file))).arg(build_apply(None, None)?);
    exec(gcc.args(["-lmbedcrypto", "-o"]).arg(&program))?;
    Ok(program)
}

/// Whether it can be built.
pub(crate) fn has_libraries() -> bool {
    exists("gcc") && Path::new("/usr/include/psa/crypto.h").exists()
}
