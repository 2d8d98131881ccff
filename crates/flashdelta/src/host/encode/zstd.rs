//! Compresses operations as one [Zstandard frame](crate::device::codec::bytes::zstd).

use zstd::stream::raw::CParameter;

/// Compresses a stream of operations.
pub(crate) fn compress(operations: &[u8], level: i32, window_log2: u8) -> std::io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    compressor.set_parameter(CParameter::WindowLog(window_log2.into()))?;
    compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
    compressor.compress(operations)
}
