//! The applier as C functions.
//!
//! The doc comments here are those of the C header, `bindings/c/include/flashdelta_apply.h`, which
//! `cargo xtask header` makes of them; hence the names and the Doxygen commands. The crate is part
//! of two libraries: `flashdelta_apply` for microcontrollers, `flashdelta` for hosts.
//!
//! Everything that can be wrong with a pointer and can be seen, is checked: NULL, alignment,
//! overlap, lengths beyond the address space. What remains is what the header asks of the caller:
//! that memory is as long as it says, and lives as long as the applier.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_op_in_unsafe_fn)]
// Names of C.
#![allow(non_camel_case_types)]

mod applier;
mod callbacks;
#[cfg(feature = "sets")]
mod components;
mod detail;
mod info;
mod pointers;
#[cfg(any(feature = "suspend", feature = "sets"))]
mod region;
#[cfg(feature = "sets")]
mod set;
mod status;
#[cfg(feature = "receive")]
mod store;
#[cfg(feature = "suspend")]
mod suspend;
#[cfg(feature = "suspend")]
mod suspended_region;
#[cfg(feature = "verify")]
mod verifier;
#[cfg(feature = "verify")]
mod verify;

#[cfg(feature = "bounded")]
pub use applier::flashdelta_applier_feed_within;
pub use applier::{
    flashdelta_applier, flashdelta_applier_abort, flashdelta_applier_feed,
    flashdelta_applier_finish, flashdelta_applier_init, flashdelta_applier_last_error,
    flashdelta_device, flashdelta_progress, FLASHDELTA_APPLIER_WORDS,
};
pub use callbacks::{
    flashdelta_flash, flashdelta_flash_counters, FLASHDELTA_IGNORE_TRAILING,
    FLASHDELTA_MAX_WRITE_SIZE,
};
#[cfg(feature = "sets")]
pub use components::{
    flashdelta_component, flashdelta_component_kind, flashdelta_components, flashdelta_target,
    FLASHDELTA_NO_SUCH_COMPONENT,
};
pub use detail::flashdelta_error_detail;
pub use info::{
    flashdelta_codec, flashdelta_isa, flashdelta_patch_info, flashdelta_read_patch_info,
    flashdelta_workspace_len, FLASHDELTA_MAX_HEADER_LEN,
};
pub use status::{flashdelta_status, flashdelta_strerror};
#[cfg(all(feature = "receive", feature = "bounded"))]
pub use store::flashdelta_store_feed_within;
#[cfg(feature = "receive")]
pub use store::{
    flashdelta_store, flashdelta_store_clear, flashdelta_store_feed, flashdelta_store_flash,
    flashdelta_store_header, flashdelta_store_info, flashdelta_store_missing,
    flashdelta_store_needs, flashdelta_store_offer, flashdelta_store_open, flashdelta_store_put,
    flashdelta_store_put_combined, flashdelta_store_read, flashdelta_store_read_info,
    flashdelta_store_status, FLASHDELTA_STORE_WORDS,
};

#[cfg(any(feature = "suspend", feature = "sets"))]
pub use region::flashdelta_region;
#[cfg(feature = "sets")]
pub use set::{
    flashdelta_recovered, flashdelta_set, flashdelta_set_begin, flashdelta_set_component_abort,
    flashdelta_set_component_feed, flashdelta_set_component_finish, flashdelta_set_feed,
    flashdelta_set_finish, flashdelta_set_info, flashdelta_set_init, flashdelta_set_is_checked,
    flashdelta_set_last_error, flashdelta_set_next, flashdelta_set_payload,
    flashdelta_set_read_info, flashdelta_set_recover, FLASHDELTA_MAX_INDEX_LEN,
    FLASHDELTA_NO_COMPONENT, FLASHDELTA_SET_WORDS,
};
#[cfg(all(feature = "sets", feature = "bounded"))]
pub use set::{
    flashdelta_set_component_feed_within, flashdelta_set_feed_within, flashdelta_set_finish_step,
};
#[cfg(feature = "suspend")]
pub use suspend::{
    flashdelta_applier_resume, flashdelta_applier_suspend, flashdelta_applier_suspension_len,
};
#[cfg(feature = "suspend")]
pub use suspended_region::{
    flashdelta_applier_resume_from, flashdelta_applier_suspend_to, flashdelta_region_clear,
    flashdelta_region_needs,
};
#[cfg(feature = "verify")]
pub use verifier::{
    flashdelta_algorithm, flashdelta_verdict, flashdelta_verifier, flashdelta_verify_fn,
};
#[cfg(feature = "verify")]
pub use verify::{flashdelta_applier_guard, flashdelta_applier_next, flashdelta_chunk_ram};

pub use pointers::{bytes, put};
