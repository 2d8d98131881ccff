//! Operations as one Zstandard frame (RFC 8878), for devices with an operating system: the decoder
//! takes its memory from the heap.

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

/// Unpacks a frame, piece by piece.
pub(crate) struct Unpacker {
    decoder: Decoder<'static>,
    /// The frame is complete.
    pub(crate) finished: bool,
    /// The last bytes filled all the room: there may be more without input.
    holds_more: bool,
}

impl Unpacker {
    /// At the start of a frame.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { decoder: Decoder::new()?, finished: false, holds_more: false })
    }

    /// Refuses frames whose window is larger than 2^`window_log2` bytes.
    pub(crate) fn limit(&mut self, window_log2: u8) -> std::io::Result<()> {
        self.decoder.set_parameter(DParameter::WindowLogMax(window_log2.into()))
    }

    /// Takes bytes from the front of `input` and unpacks some of them into `plain`; returns how
    /// many. 0: more input is needed, or the frame is complete. An error: the frame is damaged.
    pub(crate) fn unpack(&mut self, input: &mut &[u8], plain: &mut [u8]) -> Result<usize, ()> {
        // The decoder refuses to be asked again and again when it can do nothing.
        if input.is_empty() && !self.holds_more {
            return Ok(0);
        }
        while !self.finished {
            let mut source = InBuffer::around(input);
            let mut out = OutBuffer::around(plain);
            let hint = self.decoder.run(&mut source, &mut out).map_err(|_| ())?;
            let (read, written) = (source.pos(), out.pos());
            self.finished = hint == 0;
            self.holds_more = written == plain.len();
            *input = input.get(read..).unwrap_or(&[]);
            if written > 0 || read == 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}
