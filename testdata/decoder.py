#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes a new file from an old one and a patch.    decoder.py OLD PATCH OUT [VALUES]

VALUES: a record of values for holes.

The independent decoder of docs/format.md, for tests; see decoder/__init__.py.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from decoder.door import make
from decoder.holes import record
from decoder.wire import Refused


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    old, patch, out, *given = (pathlib.Path(name) for name in sys.argv[1:])
    try:
        values = record(given[0].read_bytes()) if given else None
        new = make(old.read_bytes(), patch.read_bytes(), values)
    except Refused as error:
        sys.exit(f"{error}")
    out.write_bytes(new)


if __name__ == "__main__":
    main()
