//! Tells the program which machine it runs on, in the compiler's words.

fn main() {
    println!("cargo:rustc-env=XTASK_HOST={}", std::env::var("TARGET").unwrap_or_default());
    println!("cargo:rerun-if-changed=build.rs");
}
