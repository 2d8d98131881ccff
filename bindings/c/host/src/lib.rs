//! The library `flashdelta` for C programs on hosts.
#![deny(unsafe_op_in_unsafe_fn)]
extern crate flashdelta_c_abi;
