//! One file, or folder, per firmware format.

pub mod apj;
pub(super) mod cyacd;
pub mod dfu;
pub mod ebl;
pub mod elf;
pub(super) mod elf_check;
mod elf_headers;
pub mod esp;
pub mod gbl;
pub(super) mod handler;
pub mod ihex;
pub mod mcuboot;
pub(super) mod payload;
pub(super) mod plain;
pub mod raw;
pub mod rbl;
pub mod srec;
pub(super) mod table;
pub mod telink;
pub mod titxt;
pub mod uf2;
pub(super) mod uf2_check;
pub(super) mod uf2_handler;
pub(super) mod uf2_writer;
pub mod vmem;
pub mod zigbee;
