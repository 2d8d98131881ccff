# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a user calls: a file and a patch of either kind give the new file."""
from . import bundle, host


def make(old, patch, values=None):
    if patch[:3] == b"FDB":
        return bundle.new_file(old, patch)
    return host.new_file(old, patch, values)
