# SPDX-License-Identifier: MIT OR Apache-2.0
"""Section 10.4: deflate streams (RFC 1951) made as zlib makes them."""
from dataclasses import dataclass

from . import zlib_codes
from .wire import Reader, Refused

# good, lazy, nice, chain
LEVELS = {1: (4, 4, 8, 4), 2: (4, 5, 16, 8), 3: (4, 6, 32, 32), 4: (4, 4, 16, 16),
          5: (8, 16, 32, 32), 6: (8, 16, 128, 128), 7: (8, 32, 128, 256),
          8: (32, 128, 258, 1024), 9: (32, 258, 258, 4096)}
FAR = 4096
STORED, FIXED, DYNAMIC, SPELLED = range(4)
MOST_TOKENS = 1 << 22


@dataclass(frozen=True)
class Token:
    """A literal (length 1, its byte), or a match."""
    length: int
    distance: int = 0
    byte: int = 0


class Predictor:
    """What zlib would choose next."""

    def __init__(self, content, level):
        self.content = content
        self.level = min(max(level, 1), 9)
        self.good, self.lazy, self.nice, self.chain = LEVELS[self.level]
        self.at = self.remembered = 0
        self.heads = {}
        self.patience = 256 * len(content)
        self.better = None

    def hash(self, p):
        a, b, c = self.content[p:p + 3]
        return (a << 10 ^ b << 5 ^ c) & 0x7FFF

    def remember(self, p):
        if p + 3 <= len(self.content):
            self.heads.setdefault(self.hash(p), []).append(p)
        self.remembered = p + 1

    def remember_to(self, end):
        """All positions before `end`."""
        for p in range(self.remembered, end):
            self.remember(p)

    def search(self, q, n):
        """The best match at q that is longer than n, or None."""
        ahead = min(len(self.content) - q, 258)
        if ahead < 3:
            return None
        chain = self.chain // 4 if n >= self.good else self.chain
        best, limit = None, 32506
        for p in reversed(self.heads.get(self.hash(q), [])):
            if p >= q:
                continue
            if chain == 0 or p == 0 or q - p > limit or n >= ahead or self.patience == 0:
                break
            chain, limit, self.patience = chain - 1, 32505, self.patience - 1
            length = self.match_length(p, q, ahead, n)
            if length > n:
                best, n = Token(length, q - p), length
                if n >= self.nice:
                    break
        return best

    def match_length(self, p, q, ahead, n):
        content = self.content
        if content[p + n] != content[q + n]:
            return 0
        length = 0
        while length < ahead and content[p + length] == content[q + length]:
            length += 1
        return length

    def literal(self):
        return Token(1, 0, self.content[self.at])

    def predict(self):
        """The token that zlib would choose."""
        self.next_better = None
        if self.level < 4:
            return self.search(self.at, 2) or self.literal()
        match = self.better
        if match is None:
            self.remember_to(self.at)
            match = self.search(self.at, 2)
            if match and match.length == 3 and match.distance > FAR:
                match = None
        if match is None:
            return self.literal()
        if match.length < self.lazy:
            self.remember_to(self.at + 1)
            self.next_better = self.search(self.at + 1, match.length)
            if self.next_better:
                return self.literal()
        return match

    def advance(self, token, predicted):
        self.better = self.next_better if token == predicted else None
        end = self.at + token.length
        if self.level < 4:
            self.remember(self.at)
            if token.length <= self.lazy:
                self.remember_to(end)
            self.remembered = end
        self.at = end

    def skip(self, count):
        """A stored block."""
        self.remember_to(self.at + count)
        self.better, self.at = None, self.at + count


def recreate(content, recipe, kind="deflate"):
    """The deflate stream of this content."""
    r = Reader(recipe, kind)
    level = r.u8()
    blocks = [read_block(r) for _ in range(r.varint())]
    r.require(blocks, "no block")
    stream = Stream(content, Predictor(content, level), r)
    for i, block in enumerate(blocks):
        stream.block(block, i + 1 == len(blocks))
    at_end = stream.predictor.at == len(content) and stream.misses == 0 and r.left() == 0
    r.require(at_end, "something is left")
    return stream.out.finish()


def read_block(r):
    kind, count = r.u8(), r.varint()
    r.require(kind <= SPELLED, "type of a block")
    if kind != SPELLED:
        return kind, count, 0, b""
    bits = r.varint()
    r.require(bits > 0, "codes of a block")
    return kind, count, bits, r.bytes((bits + 7) // 8)


class Stream:
    def __init__(self, content, predictor, r):
        self.content, self.predictor, self.r = content, predictor, r
        self.out = zlib_codes.BitWriter()
        self.misses = r.varint()
        self.next_miss = None

    def block(self, block, is_last):
        kind, count, bits, header = block
        self.out.put(int(is_last), 1)
        self.out.put(min(kind, DYNAMIC), 2)
        if kind == STORED:
            self.stored(count)
            return
        self.r.require(kind == FIXED or count <= MOST_TOKENS, "tokens of a block")
        tokens = [self.token() for _ in range(count)]
        if kind == FIXED:
            literals, distances = zlib_codes.FIXED
        elif kind == DYNAMIC:
            literals, distances = zlib_codes.dynamic(self.out, tokens)
        else:
            literals, distances = zlib_codes.read_header(header, bits, self.r)
            self.out.copy(header, bits)
        zlib_codes.write_tokens(self.out, tokens, literals, distances, self.r)

    def stored(self, count):
        at = self.predictor.at
        self.r.require(count <= 0xFFFF and at + count <= len(self.content), "stored block")
        self.out.align()
        self.out.put(count, 16)
        self.out.put(count ^ 0xFFFF, 16)
        self.out.raw(self.content[at:at + count])
        self.predictor.skip(count)

    def token(self):
        at = self.predictor.at
        self.r.require(at < len(self.content), "more tokens than content")
        predicted = self.predictor.predict()
        if self.next_miss is None and self.misses:
            right, length = self.r.varint(), self.r.varint()
            self.next_miss = [right, length, self.r.varint() if length else 0]
        token = predicted
        if self.next_miss is not None:
            right, length, distance = self.next_miss
            if right:
                self.next_miss[0] -= 1
            else:
                token = self.missed(at, length, distance)
                self.misses, self.next_miss = self.misses - 1, None
        self.predictor.advance(token, predicted)
        return token

    def missed(self, at, length, distance):
        if length == 0:
            return Token(1, 0, self.content[at])
        length += 2
        here = self.content[at:at + length]
        good = length <= 258 and 1 <= distance <= min(at, 32768) and len(here) == length
        good = good and all(self.content[at - distance + i] == b for i, b in enumerate(here))
        self.r.require(good, "match")
        return Token(length, distance)


def damaged(text):
    return Refused("deflate", text)
