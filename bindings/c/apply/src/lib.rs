//! The applier for microcontrollers, as a static library for C: `include/flashdelta_apply.h` tells
//! how to use it.
//!
//! Nothing in it can panic: `cargo xtask test --only c` links every function with the feature
//! `prove-panic-free`, under which the handler below calls a function that does not exist. Without
//! that feature the handler exists because the compiler demands one.
#![no_std]

// Its functions are what this library exports.
extern crate flashdelta_c_abi;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    #[cfg(feature = "prove-panic-free")]
    {
        extern "C" {
            fn a_panic_path_is_left() -> !;
        }
        // SAFETY: it does not exist, so no program that calls it can be linked.
        unsafe { a_panic_path_is_left() }
    }
    #[cfg(not(feature = "prove-panic-free"))]
    loop {
        core::hint::spin_loop();
    }
}

/// See the feature.
#[cfg(feature = "a-panic")]
#[no_mangle]
extern "C" fn flashdelta_panic(number: u32) {
    assert!(number > 1);
}
