# SPDX-License-Identifier: MIT OR Apache-2.0
"""Sections 7.1 to 7.5: the range coder, and how its probabilities are learned."""
from . import document
from .wire import MASK

DIRECT = 687
WEIGHT_SETS = 60
HITS = (11, 18, 1024)
BITS = (7, 17, 2048)


def squash(x):
    table = document.table("SQUASH")
    m = min(abs(x), 3071)
    i, f = m >> 5, m & 31
    p = min(table[i] + ((table[i + 1] - table[i]) * f >> 5), 65533)
    return p if x >= 0 else 65536 - p


def softplus(x):
    table = document.table("SOFTPLUS")
    i = (abs(x) + 8) >> 4
    return max(x, 0) + (table[i] if i < len(table) else 0)


SQUASHED = [squash(x) for x in range(-3071, 3072)]


def hash2(a, b):
    x = (a ^ b) * 0x9E3779B1 & MASK
    return (x << 15 | x >> 17) * 0x85EBCA6B & MASK


def context(label, a, b):
    return hash2(hash2(label * 0x9E3779B9 & MASK, a), b)


class Coder:
    """Decodes decisions, and holds all that is learned from them."""

    def __init__(self, body, hashed):
        self.body, self.at = body, 4
        self.range, self.code = MASK, int.from_bytes((body + bytes(4))[:4], "big")
        self.hit_slots, self.groups = hashed // 4, 3 * hashed // 64
        self.odds = [16 * x for x in document.table("LOG_ODDS")] + [0] * hashed
        self.confidence = [5] * DIRECT + [0] * hashed
        self.weights = [64 * x for x in document.table("WEIGHTS")]
        assert len(document.table("LOG_ODDS")) == DIRECT
        assert len(self.weights) == 3 * WEIGHT_SETS

    def decode(self, p):
        """A bit, with the probability p/65536 of a 1."""
        bound = (self.range >> 16) * p
        if self.code < bound:
            self.range, bit = bound, 1
        else:
            self.code, self.range, bit = self.code - bound, self.range - bound, 0
        while self.range < 1 << 24:
            byte = self.body[self.at] if self.at < len(self.body) else 0
            self.at += 1
            self.range, self.code = self.range << 8, (self.code << 8 | byte) & MASK
        return bit

    def learn(self, slot, bit, limit):
        n = self.confidence[slot]
        s = self.odds[slot] if bit else -self.odds[slot]
        s = min(s + softplus(-s - RATES[2 * n]) + RATES[2 * n + 1], 2047)
        self.odds[slot] = s if bit else -s
        self.confidence[slot] = n + 1 if n < limit else limit

    def plain(self, slot, limit=12):
        """A plain decision."""
        bit = self.decode(SQUASHED[self.odds[slot] + 3071])
        self.learn(slot, bit, limit)
        return bit

    def mixed(self, inputs, sets, how):
        """A mixed decision."""
        limit, rate, quiet = how
        odds = [self.odds[slot] for slot in inputs]
        x = sum(odds[i] * self.weights[3 * which + i] for which in sets for i in range(3))
        p = squash(x >> 14)
        bit = self.decode(p)
        error = (bit << 16) - p
        if abs(error) >= quiet:
            for which in sets:
                for i in range(3):
                    w = self.weights[3 * which + i] + (odds[i] * error >> rate)
                    if -32768 <= w <= 32767:
                        self.weights[3 * which + i] = w
            for slot in inputs:
                self.learn(slot, bit, limit)
        return bit

    context = staticmethod(context)

    def hit_slot(self, label, a, b):
        return DIRECT + ((context(label, a, b) >> 16) * self.hit_slots >> 16)

    def byte(self, contexts, first_set, other_set):
        """Eight mixed decisions in three contexts: a byte."""
        node = 1
        starts = [0, 0, 0]
        for bit in range(8):
            if bit % 4 == 0:
                starts = [self.group(hash2(c, node)) for c in contexts]
                inside = 1
            slots = [start + inside for start in starts]
            decided = self.mixed(slots, (first_set + bit, other_set(bit)), BITS)
            node, inside = 2 * node + decided, 2 * inside + decided
        return node & 0xFF

    def group(self, h):
        return DIRECT + self.hit_slots + 16 * ((h >> 16) * self.groups >> 16)

    def unsigned(self, base):
        """A number in the context at `base`."""
        length = 0
        while length < 31 and self.plain(base + min(length, 21)):
            length += 1
        v, pair = 1, base + 22 + 2 * min(length, 21)
        for left in reversed(range(length)):
            nth = length - 1 - left
            if nth < 2:
                bit = self.plain(pair + nth)
            elif left == 1:
                bit = self.plain(base + 68)
            elif left == 0:
                bit = self.plain(base + 69 + (v & 1))
            else:
                bit = self.decode(32768)
            v = 2 * v + bit
        return v - 1

    def signed(self, base):
        magnitude = self.unsigned(base) + 1
        negative = self.plain(base + (67 if magnitude > 8 else 66))
        return -magnitude if negative else magnitude


RATES = document.table("RATES")
