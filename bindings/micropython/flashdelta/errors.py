"""The exceptions. `kind` is the stable name of docs/errors.md; the class says what to do."""


class Error(Exception):
    """Base of all errors but those of the flash, which are OSError."""

    def __init__(self, kind, expected=None, found=None):
        text = kind
        if expected is not None or found is not None:
            text = "{}: expected {}, found {}".format(kind, _shown(expected), _shown(found))
        super().__init__(text)
        self.kind = kind
        self.expected = expected
        self.found = found


def _shown(value):
    return value.hex() if isinstance(value, bytes) else value


class MisuseError(Error):
    """A function was called wrongly: correct the program."""


class BadPatchError(Error):
    """The patch is damaged, incomplete, or no patch: get it again."""


class WrongBaseError(Error):
    """The old image is not the one that the patch was made from: get another patch."""


class WrongDeviceError(Error):
    """The patch is for other devices, or would go back below the security counter."""


class DoesNotFitError(Error):
    """The device lacks memory or features: make the patch with `--profile micropython`."""


class NotAuthenticError(Error):
    """Nobody who is trusted vouches for the patch: get it from its maker."""
