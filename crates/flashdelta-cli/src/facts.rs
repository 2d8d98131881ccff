//! What the header of a patch says, for people.

use flashdelta::{Identity, PatchHeader};

use crate::text::{grouped, hex, Table};

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
    if let Some(chunks) = header.chunks {
        let (count, size) = (grouped(header.chunk_count()), grouped(chunks.size()));
        let ram = grouped(header.chunk_ram());
        table.row(["chunks", &format!("{count} of {size} bytes; to check them as they stream in takes {ram} bytes of RAM more")]);
    }
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
