# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a user calls: a file and a patch of either kind give the new file."""
from . import host


def make(old, patch):
    return host.new_file(old, patch)
