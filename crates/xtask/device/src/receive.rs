//! Receiving a patch in any order: linked for what it costs.

use flashdelta::nor::Slot;
use flashdelta::receive::{Store, StoreError};

use crate::chip::{Chip, Key};
use crate::update::{Device, FlashError};

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
