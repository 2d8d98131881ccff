//! Receiving a patch in any order: linked for what it costs.

use flashdelta::nor::{Flash, ReadFlash, Slot};
use flashdelta::receive::{Store, StoreError};
use flashdelta::verify::{Algorithm, KeyId, Message, Verdict, Verifier};

use crate::update::{Device, FlashError};

/// The slot for the new image, as flash.
struct Chip<'a>(&'a Device);

impl ReadFlash for Chip<'_> {
    type Error = FlashError;

    fn size(&self) -> usize {
        self.0.new_len as usize
    }

    fn read_unit(&self) -> usize {
        1
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let from = self.0.new.wrapping_add(offset as usize);
        crate::update::checked((self.0.read)(from, bytes.as_mut_ptr(), bytes.len()))
    }
}

impl Flash for Chip<'_> {
    fn write_unit(&self) -> usize {
        4
    }

    fn sector(&self) -> usize {
        4096
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), FlashError> {
        let at = self.0.new.wrapping_add(offset as usize);
        crate::update::checked((self.0.write)(at, core::ptr::null(), 4096))
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let at = self.0.new.wrapping_add(offset as usize);
        crate::update::checked((self.0.write)(at, bytes.as_ptr(), bytes.len()))
    }
}

/// A key in hardware.
struct Key<'a>(&'a Device);

impl Verifier for Key<'_> {
    fn verify(
        &mut self,
        _: Algorithm,
        _: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        let mut answer = *signature;
        if (self.0.read)(message.as_ptr(), answer.as_mut_ptr(), message.len()) {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}

/// Takes datagrams: a header, pieces, a question. At the end `feed` gets the patch.
#[inline(never)]
pub(crate) fn receive(
    device: &Device,
    memory: &mut [u8],
    datagrams: &[u8],
    mut feed: impl FnMut(&[u8]) -> bool,
) -> Result<bool, StoreError<FlashError>> {
    let mut key = Key(device);
    let region = Slot::new(0, device.new_len);
    let mut store = Store::open(Chip(device), region, memory, Some(&mut key))?;
    let mut buffer = [0; 256];
    for datagram in datagrams.chunks(260) {
        let Some((number, bytes)) = datagram.split_first_chunk() else { continue };
        match u32::from_le_bytes(*number) {
            0 => {
                store.offer(bytes)?;
            }
            1 => {
                let len = store.status(7, &mut buffer);
                feed(buffer.get(..len).unwrap_or_default());
            }
            number => {
                store.put(number, bytes)?;
            }
        }
    }
    let complete = store.is_complete();
    if complete {
        store.feed(0, |bytes| {
            feed(bytes);
            Ok::<(), StoreError<FlashError>>(())
        })?;
    }
    Ok(complete)
}
