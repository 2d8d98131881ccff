//! Bytes as text.

use crate::device::error::Hex;

/// Bytes in hexadecimal: two lower-case digits each.
pub fn hex(bytes: &[u8]) -> String {
    Hex(bytes).to_string()
}
