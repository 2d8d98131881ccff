# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 14: what of the old image is there still, in one slot."""
from dataclasses import dataclass


@dataclass
class Order:
    sector: int
    stretch: int
    up: int
    scratch: int

    def at(self, at, made_size, new_size):
        """Where the stretch ends that a byte of the new image belongs to, and its floor."""
        limit = (at // self.stretch + 1) * self.stretch
        end = limit
        if limit >= made_size:
            limit, end = made_size, -(-new_size // self.sector) * self.sector
        return limit, max(end - (self.up + self.scratch) * self.sector, 0)


def read(r, granularity):
    sector, stretch = r.u8(), r.u8()
    up, scratch = r.limited(0xFFFF), r.limited(0xFFFF)
    good = 8 <= sector <= 20 and granularity <= sector <= stretch <= 30
    good = good and up + scratch >= 1 << (stretch - sector)
    good = good and (up + scratch) << sector < 1 << 31
    r.require(good, "an in-place order that cannot be", "bad-number")
    return Order(1 << sector, 1 << stretch, up, scratch)
