"""The applier in C, as that of applier.py: where the firmware has the module `_flashdelta`, or
loads it. It takes all codecs that the library was built with, with prediction."""

import _flashdelta

from .errors import (
    BadPatchError,
    DoesNotFitError,
    Error,
    MisuseError,
    NotAuthenticError,
    WrongBaseError,
    WrongDeviceError,
)
from .slots import NewSlot, Slot

_NEED_MORE = 1
_LONGEST = 1024
_CLASSES = {
    2: MisuseError,
    3: BadPatchError,
    4: WrongBaseError,
    5: WrongDeviceError,
    6: DoesNotFitError,
    10: NotAuthenticError,
}
# The names of docs/errors.md; of numbers that several errors share the one that it is mostly.
_KINDS = {
    205: "failed-before",
    301: "not-a-patch",
    302: "checksum",
    303: "bad-number",
    304: "damaged",
    305: "truncated",
    306: "trailing-input",
    307: "new-mismatch",
    401: "old-mismatch",
    402: "old-too-short",
    501: "no-identity",
    502: "wrong-product",
    503: "wrong-hardware",
    504: "rollback",
    601: "workspace-too-small",
    602: "new-too-long",
    604: "codec-not-built",
    605: "isa-not-built",
    606: "unsupported-version",
    607: "unsupported",
    608: "unknown-codec",
    609: "unknown-isa",
    614: "chunk-buffer-too-small",
    1001: "unsigned",
    1002: "unknown-key",
    1003: "wrong-signature",
    1004: "wrong-table",
    1005: "wrong-chunk",
}


def _check(status):
    if status:
        kind = _KINDS.get(status, "status-{}".format(status))
        raise _CLASSES.get(status // 100, Error)(kind)


class Applier:
    """As `flashdelta.applier.Applier`. `max_ram` is the most that the workspace and the buffer for
    chunks may take, in bytes."""

    def __init__(
        self,
        old,
        new,
        product=None,
        hardware=None,
        security_counter=0,
        verify=None,
        max_ram=65536,
    ):
        self._old = Slot(old)
        self._new = NewSlot(new)
        self._device = None if product is None else (product, hardware, security_counter)
        self._verify = verify
        self._max_ram = max_ram
        self._state = None
        self._head = bytearray()
        self._failed = False
        self._finished = False
        self.taken = 0
        self.length = 0

    @property
    def made(self):
        """Bytes of the new image that are made so far."""
        return min(self._new.at, self._size) if self._state else 0

    @property
    def written(self):
        """Bytes that have been written to the flash: less than made, where they were there."""
        return self._new.written

    def feed(self, data):
        """Takes the next bytes of the patch. Raises an Error, or the OSError of the flash."""
        if self._failed or self._finished:
            raise MisuseError("failed-before")
        self._failed = True
        count = len(data)
        if not self._state:
            data = self._begin(memoryview(data))
        if self._state:
            _check(_flashdelta.feed(self._state, data))
        self.taken += count
        self._failed = False

    def finish(self):
        """The patch has ended: checks the new image as it reads back. Only after this may it be
        started."""
        if self._failed or self._finished:
            raise MisuseError("failed-before")
        self._failed = True
        if not self._state:
            raise BadPatchError("truncated", None, self.taken)
        _check(_flashdelta.finish(self._state))
        self._failed = False
        self._finished = True

    def _begin(self, data):
        """Collects the header, and returns what is to be fed once it is complete."""
        self._head.extend(data)
        found = _flashdelta.info(self._head)
        if found == _NEED_MORE:
            return b""
        if isinstance(found, int):
            _check(found)
        workspace, checked, _, self._size, self.length = found
        if workspace + checked > self._max_ram:
            raise DoesNotFitError("workspace-too-small", workspace + checked, self._max_ram)
        buffer = None
        if checked or self._verify:
            buffer = bytearray(max(checked, _LONGEST + 74))
        state = bytearray(_flashdelta.state_len())
        functions = (self._read_old, self._read_new, self._write, self._flush, self._verify)
        arguments = (
            functions,
            self._old.size,
            self._new.size - self._new.size % 64,
            self._device,
            bytearray(workspace),
            buffer,
        )
        # What the library has been lent is not to be collected.
        self._lent = arguments
        _check(_flashdelta.init(state, arguments))
        self._state = state
        head = self._head
        self._head = None
        return head

    def _read_old(self, offset, to):
        self._old.read(offset, memoryview(to))

    def _read_new(self, offset, to):
        self._new.read(offset, memoryview(to))

    def _write(self, offset, data):
        self._new.put(memoryview(data))

    def _flush(self):
        self._new.finish()
