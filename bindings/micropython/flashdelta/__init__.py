"""flashdelta for MicroPython: applies firmware deltas, on stock firmware.

    from flashdelta import Applier
    applier = Applier(running, Partition.get_next_update())
    for piece in pieces:
        applier.feed(piece)
    applier.finish()
"""

from .applier import Applier
from .errors import (
    BadPatchError,
    DoesNotFitError,
    Error,
    MisuseError,
    NotAuthenticError,
    WrongBaseError,
    WrongDeviceError,
)

__version__ = "0.1.0"
