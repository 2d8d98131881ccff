# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 4: from the old image and a patch to the new image."""
from . import header as headers
from . import model, operations, sealed
from .wire import Refused, sha256


# The largest image that is made: Python is slow.
LIMIT = 1 << 26


def read(patch):
    """The header, the body and the host section of a whole patch."""
    header = headers.read(patch)
    if len(patch) < header.total:
        raise Refused("truncated", f"{header.total} bytes are stated, {len(patch)} are there")
    if len(patch) > header.total:
        raise Refused("trailing-input", f"{len(patch) - header.total} bytes too many")
    sealed.check_chunks(header, patch)
    middle = header.start + header.body
    return header, patch[header.start:middle], patch[middle:]


def new_image(old, patch, values=None):
    """The new image. `values`: those that are given for holes, by their names."""
    header, body, _ = read(patch)
    return new_image_of(header, old, body, values)


def new_image_of(header, old, body, values=None):
    if header.new_size > LIMIT:
        raise Refused("new-too-long", f"{header.new_size} bytes")
    if len(old) < header.old_size:
        raise Refused("old-too-short", f"{len(old)} bytes of {header.old_size}")
    old = bytes(old[:header.old_size])
    device = seen = old
    if header.holes:
        header.holes.check_values(device, values or {})
        old, seen = header.holes.old_with_fills(device)
    if sha256(old)[:12] != header.old_digest:
        raise Refused("old-mismatch", "the old image is another one")
    decoder = model if header.codec == headers.MODEL else operations
    new = decoder.decode(header, seen, body)
    written = header.holes.new_with_values(new, device, values or {}) if header.holes else new
    if header.features & headers.OWN_DIGEST:
        new += sha256(new)
        written += sha256(written)
    if sha256(new) != header.new_digest:
        raise Refused("new-mismatch", "the new image is wrong")
    return written
