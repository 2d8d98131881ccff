"""A stream that is pushed in pieces, and read by a generator that asks for the next piece when it
has used one up. Nothing of a piece is kept."""


class Stream:
    """What is read of a stream is in `_read()`, a generator; `_damaged()` makes the error.

    `at_rest` says that the stream may end where it is.
    """

    def __init__(self):
        self.at_rest = False
        self._data = b""
        self._at = 0
        self._run = self._read()
        next(self._run)

    def push(self, data):
        """Takes a piece of the stream, a memoryview."""
        if len(data):
            self._run.send(data)

    def finish(self):
        """The stream has ended."""
        if not self.at_rest:
            raise self._damaged()

    def _more(self):
        """Waits: the next piece of the stream is in `_data`, from `_at`."""
        self._data = yield
        self._at = 0

    def _rest(self):
        """The stream may end here; if it goes on, there is a byte at least."""
        if self._at == len(self._data):
            self.at_rest = True
            yield from self._more()
            self.at_rest = False

    def _piece(self, most):
        """The bytes that are here, up to `most`, and one at least."""
        if self._at == len(self._data):
            yield from self._more()
        at = self._at
        self._at = at + min(most, len(self._data) - at)
        return self._data[at : self._at]

    def _number(self, most):
        """A number of 7 bits a byte, in no more bytes than `most` takes, whose bits are its own."""
        value = shift = 0
        while True:
            if self._at == len(self._data):
                yield from self._more()
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & most
            shift += 7
            if not most >> shift:
                raise self._damaged()
