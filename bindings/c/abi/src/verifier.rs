//! Whose patches are taken.

use core::ffi::c_void;

use flashdelta::verify::{Algorithm, KeyId, Message, Verdict, Verifier};

/// The algorithms of signatures.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum flashdelta_algorithm {
    /// Ed25519 (RFC 8032): over the 48 bytes of the message.
    FLASHDELTA_ALGORITHM_ED25519 = 1,
    /// ECDSA on the curve P-256 (FIPS 186-5): over the SHA-256 of the message. The signature is *r*
    /// and *s*, 32 bytes each, big-endian, as PSA Crypto has it.
    FLASHDELTA_ALGORITHM_P256 = 2,
}

/// What `verify` of a flashdelta_verifier returns.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum flashdelta_verdict {
    /// The signature is right, and made with a key that is trusted.
    FLASHDELTA_VERDICT_RIGHT = 0,
    /// It is made with no key that is trusted.
    FLASHDELTA_VERDICT_UNKNOWN_KEY = 1,
    /// It names a key that is trusted, but was not made with it, or not for this message. So does
    /// any other number count.
    FLASHDELTA_VERDICT_WRONG = 2,
}

/// Says whether `signature` (64 bytes) is the one of `message` (48 bytes) by the key that `key_id`
/// (8 bytes) names: one of flashdelta_verdict. `user` is that of the structure that it is in,
/// `algorithm` one of flashdelta_algorithm; a key belongs to one of them, and must not be tried
/// with the other.
pub type flashdelta_verify_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        algorithm: u8,
        key_id: *const u8,
        message: *const u8,
        signature: *const u8,
    ) -> i32,
>;

/// The keys that the device trusts, and the arithmetic to check signatures with them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_verifier {
    /// Passed to the callback. May be NULL.
    pub user: *mut c_void,
    /// Checks a signature. Called once for each until one is right, only from inside
    /// flashdelta_applier_feed(); and with a message and a signature of zeros from inside
    /// flashdelta_applier_resume(), to learn whether the key is trusted still, which any number but
    /// #FLASHDELTA_VERDICT_UNKNOWN_KEY says. As for the callbacks of a flashdelta_flash, it must
    /// not call functions of the same applier.
    pub verify: flashdelta_verify_fn,
}

/// A verifier in C whose callback is there.
pub(crate) struct Callback {
    pub(crate) user: *mut c_void,
    pub(crate) verify:
        unsafe extern "C" fn(*mut c_void, u8, *const u8, *const u8, *const u8) -> i32,
}

impl Verifier for Callback {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        let (key_id, message, signature) = (key_id.as_ptr(), message.as_ptr(), signature.as_ptr());
        // SAFETY: the caller of flashdelta_applier_guard() or flashdelta_store_open() promised that
        // it can be called so; the lengths are those of the arrays.
        match unsafe { (self.verify)(self.user, algorithm as u8, key_id, message, signature) } {
            0 => Verdict::Right,
            1 => Verdict::UnknownKey,
            _ => Verdict::Wrong,
        }
    }
}
