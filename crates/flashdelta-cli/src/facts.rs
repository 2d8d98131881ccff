//! What the header of a patch says, for people and for machines.

use flashdelta::{Identity, PatchHeader};
use serde::Serialize;

use crate::text::{grouped, hex, Table};

/// A header, as machines read it.
#[derive(Serialize)]
pub(crate) struct Facts {
    format_version: u8,
    codec: &'static str,
    isa: &'static str,
    /// Unit in which the new image is written, in bytes.
    write_unit: u32,
    /// RAM that the device needs, everything included.
    ram: u32,
    /// The part of it that the applier is lent.
    workspace: usize,
    old_size: u32,
    /// The first 12 bytes: a patch holds no more of it.
    old_sha256_prefix: String,
    new_size: u32,
    new_sha256: String,
    patch_size: u64,
    header_size: u32,
    body_size: u32,
    /// What only hosts need; 0: the files are their own images.
    host_size: u32,
    identity: Option<IdentityFacts>,
}

#[derive(Serialize)]
struct IdentityFacts {
    product: u32,
    hardware_from: u16,
    hardware_to: u16,
    security_counter: u32,
}

impl Facts {
    pub(crate) fn new(header: &PatchHeader) -> Self {
        let identity = header.identity.map(|i| IdentityFacts {
            product: i.product,
            hardware_from: i.hardware_from,
            hardware_to: i.hardware_to,
            security_counter: i.security_counter,
        });
        Self {
            format_version: header.version,
            codec: header.codec.name(),
            isa: header.isa.name(),
            write_unit: 1 << header.granularity_log2,
            ram: header.ram,
            workspace: header.workspace_len(),
            old_size: header.old_size,
            old_sha256_prefix: hex(&header.old_digest),
            new_size: header.new_size,
            new_sha256: hex(&header.new_digest),
            patch_size: header.patch_len(),
            header_size: header.header_len,
            body_size: header.body_len,
            host_size: header.host_len,
            identity,
        }
    }
}

/// A header, as people read it.
pub(crate) fn table(header: &PatchHeader) -> String {
    let mut table = Table::default();
    table.row(["old image", &format!("{} bytes", grouped(header.old_size))]);
    table.row([
        "  SHA-256",
        &format!("{}... (a patch holds no more of it)", hex(&header.old_digest)),
    ]);
    table.row(["new image", &format!("{} bytes", grouped(header.new_size))]);
    table.row(["  SHA-256", &hex(&header.new_digest)]);
    table.row(["codec", header.codec.name()]);
    table.row(["instruction set", header.isa.name()]);
    let workspace = grouped(header.workspace_len() as u64);
    table.row([
        "RAM needed",
        &format!("{} bytes, {workspace} of it workspace", grouped(header.ram)),
    ]);
    table.row(["write unit", &format!("{} bytes", 1u32 << header.granularity_log2)]);
    table.row(["for devices", &header.identity.map_or_else(|| "any".to_owned(), identity)]);
    table.render("ll")
}

fn identity(identity: Identity) -> String {
    let Identity { product, hardware_from, hardware_to, security_counter } = identity;
    let hardware = match (hardware_from, hardware_to) {
        (0, u16::MAX) => "all hardware revisions".to_owned(),
        (from, to) => format!("hardware revisions {from} to {to}"),
    };
    format!("product 0x{product:08x}, {hardware}, security counter up to {security_counter}")
}
