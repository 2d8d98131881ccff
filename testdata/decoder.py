#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes a new file from an old one and a patch.    decoder.py OLD PATCH OUT

The independent decoder of docs/format.md, for tests; see decoder/__init__.py.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from decoder.door import make
from decoder.wire import Refused


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    old, patch, out = (pathlib.Path(name) for name in sys.argv[1:])
    try:
        new = make(old.read_bytes(), patch.read_bytes())
    except Refused as error:
        sys.exit(f"{error}")
    out.write_bytes(new)


if __name__ == "__main__":
    main()
