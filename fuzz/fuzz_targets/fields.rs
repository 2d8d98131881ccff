//! Headers field by field, the checksum right: address maps, tables, identities. What is accepted
//! keeps its promises, and a device refuses exactly what its identity says.
#![no_main]

use arbitrary::Arbitrary;
use flashdelta::apply::{Applier, ApplyError, ApplyOptions};
use flashdelta::{DeviceIdentity, PatchHeader};
use flashdelta_fuzz::{crc32, sha256, signed, varint};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Fields {
    features: u8,
    codec_and_isa: u8,
    granularity: u8,
    ram: u16,
    old: Vec<u8>,
    growth: i16,
    host_len: u8,
    map: u16,
    slots: u8,
    block: u8,
    identity: (u32, u16, u16, u32),
    device: Option<(u32, u16, u32)>,
    right_digest: bool,
    new_digest: Option<[u8; 4]>,
    segments: (u8, u8, u32),
    standings: Vec<Standing>,
    ranges: Vec<(i16, u16)>,
    more: Vec<u8>,
    body: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
struct Standing {
    head: u8,
    gap: u16,
    address: u32,
    len: i16,
}

impl Fields {
    fn patch(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Unknown features are refused at once.
        let features = self.features & 0x63;
        varint(&mut out, features.into());
        out.extend([self.codec_and_isa, self.granularity % 14]);
        varint(&mut out, u32::from(self.ram) + 5);
        varint(&mut out, self.old.len() as u32);
        signed(&mut out, self.growth.into());
        varint(&mut out, self.body.len() as u32);
        if features & 0x20 != 0 {
            varint(&mut out, self.host_len.into());
        }
        varint(&mut out, u32::from(self.map) % 8200);
        match self.codec_and_isa & 15 {
            3 => varint(&mut out, u32::from(self.slots) + 1),
            1 | 2 => out.push(self.block % 26),
            _ => {}
        }
        if features & 2 != 0 {
            let (product, from, more, counter) = self.identity;
            out.extend(product.to_be_bytes());
            varint(&mut out, from.into());
            varint(&mut out, more.into());
            varint(&mut out, counter);
        }
        let digest = sha256(&self.old);
        out.extend(if self.right_digest { &digest[..12] } else { &[7; 12] });
        out.extend([0; 28]);
        out.extend(self.new_digest.unwrap_or_default());
        if features & 1 != 0 {
            self.address_map(&mut out);
        }
        out.extend(&self.more[..self.more.len().min(4)]);
        let mut patch = b"FDP\0".to_vec();
        let len = out.len() + 4 + 4 + if out.len() + 9 < 128 { 1 } else { 2 };
        varint(&mut patch, len as u32);
        patch.extend(out);
        patch.extend(crc32(&patch).to_le_bytes());
        patch.extend(&self.body);
        patch.extend(vec![0; self.host_len.into()]);
        patch
    }

    fn address_map(&self, out: &mut Vec<u8>) {
        let (old, new, moved) = self.segments;
        let (old, new) = (old % 16, new % 16);
        let ranges = self.ranges.len().min(15);
        out.push(old | new << 4);
        out.push(ranges as u8);
        if old + new > 0 {
            varint(out, moved & 0xFFFF);
        }
        let mut standings = self.standings.iter();
        let mut next = || {
            standings.next().unwrap_or(&Standing { head: 0, gap: 0, address: 0x0800_0000, len: 16 })
        };
        for i in 0..old.max(new) {
            if i < old {
                next().emit(out, true, true);
            }
            if i < new {
                let is_first = i >= old;
                next().emit(out, is_first || moved >> i & 1 != 0, is_first);
            }
        }
        for (start, len) in &self.ranges[..ranges] {
            signed(out, (*start).into());
            varint(out, (*len).into());
        }
    }
}

impl Standing {
    fn emit(&self, out: &mut Vec<u8>, stands: bool, is_first: bool) {
        if stands {
            out.push(self.head & 0x3F);
            if self.head & 0x20 != 0 {
                varint(out, self.gap.into());
            }
            match self.head & 15 {
                0 => out.extend(self.address.to_le_bytes()),
                _ => signed(out, self.address as i32 >> 12),
            }
        }
        match is_first {
            true => varint(out, u32::from(self.len.unsigned_abs())),
            false => signed(out, self.len.into()),
        }
    }
}

fuzz_target!(|fields: Fields| {
    let patch = fields.patch();
    let Ok(Some(header)) = PatchHeader::parse(&patch) else { return };
    assert_eq!(header.old_size as usize, fields.old.len());
    assert!(header.header_len as usize <= patch.len());
    if header.workspace_len() > 1 << 22 {
        return;
    }
    let mut options = ApplyOptions::default();
    if let Some((product, hardware, security_counter)) = fields.device {
        options = options.device(DeviceIdentity { product, hardware, security_counter });
    }
    let mut workspace = vec![0; header.workspace_len()];
    let mut slot = vec![0; header.new_size as usize];
    let mut applier = Applier::new(&mut workspace, &fields.old[..], &mut slot[..], options);
    let fed = patch.chunks(7).try_for_each(|piece| applier.feed(piece).map(drop));
    let outcome = fed.and_then(|()| applier.finish().map(drop));
    if outcome.is_ok() {
        assert_eq!(sha256(&slot), header.new_digest);
    }
    let Some((product, hardware, counter)) = fields.device else { return };
    let is_for_it = header.identity.is_some_and(|identity| {
        identity.product == product
            && (identity.hardware_from..=identity.hardware_to).contains(&hardware)
            && identity.security_counter >= counter
    });
    let is_refused = matches!(
        outcome,
        Err(ApplyError::NoIdentity
            | ApplyError::WrongProduct { .. }
            | ApplyError::WrongHardware { .. }
            | ApplyError::Rollback { .. })
    );
    assert!(is_for_it || outcome.is_err());
    assert!(!is_for_it || !is_refused);
});
