//! Sample firmware to measure with.

/// Name, old and new image.
pub type Pair = (&'static str, Vec<u8>, Vec<u8>);

/// One pair for each instruction set there are samples of.
pub fn pairs() -> Vec<Pair> {
    let read = |name: &str| {
        let path = format!("{}/../testdata/firmware/{name}.bin", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    ["riscv", "cortex-m"]
        .map(|board| (board, read(&format!("{board}-1.0")), read(&format!("{board}-1.1"))))
        .into()
}
