"""flashdelta for MicroPython: applies firmware deltas, on stock firmware.

    from flashdelta import Applier
    applier = Applier(running, Partition.get_next_update())
    for piece in pieces:
        applier.feed(piece)
    applier.finish()
"""

from .errors import (
    BadPatchError,
    DoesNotFitError,
    Error,
    MisuseError,
    NotAuthenticError,
    WrongBaseError,
    WrongDeviceError,
)

try:
    # The applier in C, with the model codec, where the firmware has it or it has been copied here.
    from .native import Applier
except ImportError:
    from .applier import Applier

__version__ = "0.1.0"
