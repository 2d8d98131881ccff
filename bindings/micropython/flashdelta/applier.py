"""The applier: takes a patch in pieces of any size and writes the new image."""

import hashlib

from . import header as headers
from .errors import (
    BadPatchError,
    DoesNotFitError,
    MisuseError,
    NotAuthenticError,
    WrongBaseError,
    WrongDeviceError,
)
from .lz4 import Blocks
from .operations import Operations
from .slots import NewSlot, Slot

# Where the next byte of the patch belongs.
_HEADER, _SIGNATURES, _TABLE, _BODY, _HOST, _END = range(6)


class Applier:
    """Turns the image in `old` into the new one in `new`, two block devices.

    `product`, `hardware` and `security_counter` say what the device is, never what a patch says;
    without a product every patch will do. `verify(key_id, algorithm, message, signature)` returns
    True for a signature by a trusted key, False for a wrong one by such a key, and None for a key
    that it does not know; with it, only signed patches are taken: `p256.Keys` is one.
    `max_ram` is the most that blocks and chunks of a patch may take, in bytes.

    All that a patch says, and the digest of the old image, is checked before the first write.
    After an error nothing more is taken. The old slot is only read.
    """

    def __init__(
        self,
        old,
        new,
        product=None,
        hardware=None,
        security_counter=0,
        verify=None,
        max_ram=32768,
    ):
        self._old = Slot(old)
        self._new = NewSlot(new)
        self._product = product
        self._hardware = hardware
        self._counter = security_counter
        self._verify = verify
        self._max_ram = max_ram
        self.header = None
        self.taken = 0
        self._failed = False
        self._finished = False
        self._place = _HEADER
        self._kept = bytearray()
        self._left = 0
        self._codec = None
        self._digests = None

    @property
    def made(self):
        """Bytes of the new image that are made so far."""
        return min(self._new.at, self.header.new_size) if self.header else 0

    @property
    def written(self):
        """Bytes that have been written to the flash: less than made, where they were there."""
        return self._new.written

    @property
    def length(self):
        """The length of the patch; 0 while it is not known."""
        h = self.header
        if h is None or (h.signed and self._place <= _SIGNATURES):
            return 0
        return h.length + self._signed_length + h.table() + h.body + h.host

    def feed(self, data):
        """Takes the next bytes of the patch. Raises an Error, or the OSError of the flash."""
        if self._failed or self._finished:
            raise MisuseError("failed-before")
        self._failed = True
        data = memoryview(data)
        while len(data):
            used = self._take(data)
            self.taken += used
            data = data[used:]
        self._failed = False

    def finish(self):
        """The patch has ended: checks the new image as it reads back. Only after this may it be
        started."""
        if self._failed or self._finished:
            raise MisuseError("failed-before")
        self._failed = True
        if self._place < _HOST:
            raise BadPatchError("truncated", self.length or None, self.taken)
        found = self._new.digest(self.header.new_size)
        if found != self.header.new_digest:
            raise BadPatchError("new-mismatch", self.header.new_digest, found)
        self._failed = False
        self._finished = True

    def _take(self, data):
        """Takes some of it, and returns how many bytes."""
        place = self._place
        if place == _HEADER:
            return self._take_header(data)
        if place == _END:
            raise BadPatchError("trailing-input", self.taken, self.taken + len(data))
        count = min(len(data), self._left)
        if place == _BODY and not self.header.chunk:
            self._codec.push(data[:count])
        elif place != _HOST:
            self._kept.extend(data[:count])
        self._left -= count
        if not self._left:
            if place == _SIGNATURES:
                self._take_signatures()
            elif place == _TABLE:
                self._take_table()
            elif place == _BODY:
                self._take_chunk()
            else:
                self._place = _END
        return count

    def _take_header(self, data):
        """A byte at a time: nothing of what follows the header may be taken with it."""
        kept = self._kept
        kept.append(data[0])
        h = headers.read(kept)
        if h is None:
            return 1
        self._message = b"flashdelta patch" + hashlib.sha256(kept).digest()
        self._signed_length = 0
        self._kept = bytearray()
        self.header = h
        if h.signed:
            self._place = _SIGNATURES
            self._left = 1
        elif self._verify:
            raise NotAuthenticError("unsigned")
        else:
            self._start()
        return 1

    def _take_signatures(self):
        kept = self._kept
        if len(kept) == 1:
            if kept[0] > 4:
                raise BadPatchError("field-too-large", 4, kept[0])
            if not kept[0]:
                raise BadPatchError("bad-number", 1, 0)
            self._left = 73 * kept[0]
            self._signed_length = 1 + self._left
            return
        if self._verify:
            self._check_signatures(kept)
        self._kept = bytearray()
        self._start()

    def _check_signatures(self, kept):
        kind = "unknown-key"
        for at in range(1, len(kept), 73):
            key = bytes(kept[at + 1 : at + 9])
            value = bytes(kept[at + 9 : at + 73])
            right = self._verify(key, kept[at], self._message, value)
            if right:
                return
            if right is not None:
                kind = "wrong-signature"
        raise NotAuthenticError(kind)

    def _start(self):
        """All that is to be checked before the first write."""
        h = self.header
        if self._old.size < h.old_size:
            raise WrongBaseError("old-too-short", h.old_size, self._old.size)
        if self._new.size < h.new_size:
            raise DoesNotFitError("new-too-long", h.new_size, self._new.size)
        ram = h.block + h.chunk + h.table()
        if ram > self._max_ram:
            raise DoesNotFitError("workspace-too-small", ram, self._max_ram)
        self._check_device(h)
        digest = self._old.digest(h.old_size)[:12]
        if digest != h.old_digest:
            raise WrongBaseError("old-mismatch", h.old_digest, digest)
        try:
            self._codec = Operations(self._old, h.old_size, self._new, h.new_size)
            if h.codec == headers.LZ4:
                self._codec = Blocks(h.block, self._codec)
        except MemoryError:
            raise DoesNotFitError("workspace-too-small", ram)
        if h.table():
            self._place = _TABLE
            self._left = h.table()
        elif h.chunk:
            self._take_table()
        else:
            self._start_body()

    def _check_device(self, h):
        if self._product is None:
            return
        if h.product is None:
            raise WrongDeviceError("no-identity")
        if h.product != self._product:
            raise WrongDeviceError("wrong-product", h.product, self._product)
        if not h.hardware[0] <= self._hardware <= h.hardware[1]:
            raise WrongDeviceError("wrong-hardware", h.hardware, self._hardware)
        if h.counter < self._counter:
            raise WrongDeviceError("rollback", self._counter, h.counter)

    def _take_table(self):
        if hashlib.sha256(self._kept).digest() != self.header.root:
            raise NotAuthenticError("wrong-table")
        self._digests = bytes(self._kept)
        self._start_body()

    def _start_body(self):
        self._place = _BODY
        self._body = self.header.body
        self._number = 0
        self._next_chunk()

    def _next_chunk(self):
        """Of a patch without chunks the body is one."""
        self._kept = bytearray()
        self._left = min(self._body, self.header.chunk or self._body)
        self._body -= self._left
        if not self._left:
            self._end_body()

    def _take_chunk(self):
        if self.header.chunk:
            self._check_chunk(self._kept)
            self._codec.push(memoryview(self._kept))
        self._next_chunk()

    def _check_chunk(self, data):
        at = 16 * self._number
        if hashlib.sha256(data).digest()[:16] != self._digests[at : at + 16]:
            raise NotAuthenticError("wrong-chunk", None, self._number)
        self._number += 1

    def _end_body(self):
        self._codec.finish()
        self._new.finish()
        self._left = self.header.host
        self._place = _HOST if self._left else _END
