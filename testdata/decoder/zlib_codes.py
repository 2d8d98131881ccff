# SPDX-License-Identifier: MIT OR Apache-2.0
"""The prefix codes of deflate (RFC 1951), chosen as zlib chooses them (section 10.4)."""

LENGTH_BASES = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83,
                99, 115, 131, 163, 195, 227, 258]
LENGTH_EXTRA = [0] * 8 + [n for n in range(1, 6) for _ in range(4)] + [0]
DISTANCE_EXTRA = [0, 0] + [n for n in range(14) for _ in range(2)]
DISTANCE_BASES = [1]
for extra in DISTANCE_EXTRA[:-1]:
    DISTANCE_BASES.append(DISTANCE_BASES[-1] + (1 << extra))
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
FIXED = ([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8, [5] * 30)
END = 256


class BitWriter:
    def __init__(self):
        self.out, self.value, self.bits = bytearray(), 0, 0

    def put(self, value, bits):
        self.value |= value << self.bits
        self.bits += bits
        while self.bits >= 8:
            self.out.append(self.value & 0xFF)
            self.value, self.bits = self.value >> 8, self.bits - 8

    def align(self):
        self.put(0, -self.bits % 8)

    def raw(self, data):
        self.out += data

    def copy(self, data, bits):
        for i in range(bits):
            self.put(data[i // 8] >> i % 8 & 1, 1)

    def finish(self):
        self.align()
        return bytes(self.out)


def symbol(bases, value):
    return max(i for i, base in enumerate(bases) if base <= value)


def codes_of(lengths):
    """(code with its bits reversed, length) of each symbol (RFC 1951, 3.2.2)."""
    counts = [0] * 17
    for length in lengths:
        counts[length] += 1
    counts[0] = 0
    next_code, code = [0] * 17, 0
    for bits in range(1, 17):
        code = (code + counts[bits - 1]) << 1
        next_code[bits] = code
    codes = []
    for length in lengths:
        if length == 0:
            codes.append(None)
            continue
        text = format(next_code[length], f"0{length}b")
        codes.append((int(text[::-1], 2), length))
        next_code[length] += 1
    return codes


def token_symbols(token):
    """[(alphabet, symbol, extra value, extra bits)]"""
    if token.distance == 0:
        return [(0, token.byte, 0, 0)]
    n = symbol(LENGTH_BASES, token.length)
    d = symbol(DISTANCE_BASES, token.distance)
    return [(0, 257 + n, token.length - LENGTH_BASES[n], LENGTH_EXTRA[n]),
            (1, d, token.distance - DISTANCE_BASES[d], DISTANCE_EXTRA[d])]


def write_tokens(out, tokens, literals, distances, r):
    codes = codes_of(literals), codes_of(distances)
    for parts in [token_symbols(token) for token in tokens] + [[(0, END, 0, 0)]]:
        for alphabet, number, value, extra in parts:
            table = codes[alphabet]
            r.require(number < len(table) and table[number], "a symbol without a code")
            out.put(*table[number])
            out.put(value, extra)


def dynamic(out, tokens):
    """Writes the codes that zlib makes for these tokens, and returns their lengths."""
    counts = [0] * 286, [0] * 30
    counts[0][END] = 1
    for token in tokens:
        for alphabet, number, _, _ in token_symbols(token):
            counts[alphabet][number] += 1
    literals, distances = build_tree(counts[0], 15), build_tree(counts[1], 15)
    runs = run_lengths(literals) + run_lengths(distances)
    frequencies = [0] * 19
    for code, _, _ in runs:
        frequencies[code] += 1
    lengths = build_tree(frequencies, 7)
    lengths += [0] * (19 - len(lengths))
    last = max([i for i in range(19) if lengths[ORDER[i]]] + [3])
    out.put(len(literals) - 257, 5)
    out.put(len(distances) - 1, 5)
    out.put(last + 1 - 4, 4)
    for i in range(last + 1):
        out.put(lengths[ORDER[i]], 3)
    codes = codes_of(lengths)
    for code, value, extra in runs:
        out.put(*codes[code])
        out.put(value, extra)
    return literals, distances


class Heap:
    """The heap of `build_tree`: of equal frequencies the flatter tree comes first."""

    def __init__(self, frequencies):
        self.frequency, self.depth = list(frequencies), [0] * len(frequencies)
        self.heap = [None]

    def smaller(self, n, m):
        return (self.frequency[n], self.depth[n]) <= (self.frequency[m], self.depth[m]) \
            if self.frequency[n] == self.frequency[m] else self.frequency[n] < self.frequency[m]

    def down(self, k):
        heap, v, j = self.heap, self.heap[k], 2 * k
        last = len(heap) - 1
        while j <= last:
            if j < last and self.smaller(heap[j + 1], heap[j]):
                j += 1
            if self.smaller(v, heap[j]):
                break
            heap[k], k, j = heap[j], j, 2 * j
        heap[k] = v

    def pop(self):
        top = self.heap[1]
        last = self.heap.pop()
        if len(self.heap) > 1:
            self.heap[1] = last
            self.down(1)
        return top


def build_tree(frequencies, most):
    """The code lengths up to the last symbol that has one (zlib's build_tree)."""
    h = Heap(frequencies)
    h.heap += [n for n, f in enumerate(frequencies) if f]
    last = h.heap[-1] if len(h.heap) > 1 else -1
    while len(h.heap) < 3:
        if last < 2:
            last += 1
            node = last
        else:
            node = 0
        h.frequency[node] = 1
        h.heap.append(node)
    for k in range((len(h.heap) - 1) // 2, 0, -1):
        h.down(k)
    parents, order = {}, []
    while len(h.heap) > 2:
        n = h.pop()
        m = h.heap[1]
        order += [n, m]
        node = len(h.frequency)
        h.frequency.append(h.frequency[n] + h.frequency[m])
        h.depth.append(max(h.depth[n], h.depth[m]) + 1)
        parents[n] = parents[m] = node
        h.heap[1] = node
        h.down(1)
    order.append(h.heap[1])
    return bit_lengths(order, parents, last, most)


def bit_lengths(order, parents, last, most):
    """zlib's gen_bitlen; `order` is its heap from the end on."""
    lengths, counts, overflow = {order[-1]: 0}, [0] * (most + 1), 0
    for n in reversed(order[:-1]):
        bits = lengths[parents[n]] + 1
        if bits > most:
            bits, overflow = most, overflow + 1
        lengths[n] = bits
        if n <= last:
            counts[bits] += 1
    if overflow:
        repair(order, lengths, counts, overflow, last, most)
    return [lengths.get(n, 0) for n in range(last + 1)]


def repair(order, lengths, counts, overflow, last, most):
    while overflow > 0:
        bits = most - 1
        while counts[bits] == 0:
            bits -= 1
        counts[bits] -= 1
        counts[bits + 1] += 2
        counts[most] -= 1
        overflow -= 2
    leaves = iter([n for n in order if n <= last])
    for bits in range(most, 0, -1):
        for _ in range(counts[bits]):
            lengths[next(leaves)] = bits


def run_lengths(lengths):
    """[(code, value, bits)] of code lengths (zlib's scan_tree and send_tree)."""
    out, previous, count = [], -1, 0
    most, least = (138, 3) if lengths[0] == 0 else (7, 4)
    for n, current in enumerate(lengths):
        following = lengths[n + 1] if n + 1 < len(lengths) else None
        count += 1
        if count < most and current == following:
            continue
        if count < least:
            out += [(current, 0, 0)] * count
        elif current:
            if current != previous:
                out.append((current, 0, 0))
                count -= 1
            out.append((16, count - 3, 2))
        elif count <= 10:
            out.append((17, count - 3, 3))
        else:
            out.append((18, count - 11, 7))
        count, previous = 0, current
        most, least = (138, 3) if following == 0 else (6, 3) if current == following else (7, 4)
    return out


class BitReader:
    def __init__(self, data, r):
        self.data, self.r, self.at = data, r, 0

    def bits(self, count):
        value = 0
        for i in range(count):
            self.r.require(self.at < 8 * len(self.data), "codes of a block")
            value |= (self.data[self.at // 8] >> self.at % 8 & 1) << i
            self.at += 1
        return value

    def symbol(self, codes):
        code = length = 0
        while length < 15:
            code |= self.bits(1) << length
            length += 1
            if (code, length) in codes:
                return codes.index((code, length))
        self.r.require(False, "codes of a block")


def read_header(header, bits, r):
    """The code lengths in a header (RFC 1951, 3.2.7), which is as long as the recipe says."""
    b = BitReader(header, r)
    literals, distances, count = b.bits(5) + 257, b.bits(5) + 1, b.bits(4) + 4
    lengths = [0] * 19
    for i in range(count):
        lengths[ORDER[i]] = b.bits(3)
    codes, all_lengths = codes_of(lengths), []
    while len(all_lengths) < literals + distances:
        n = b.symbol(codes)
        if n < 16:
            all_lengths.append(n)
            continue
        r.require(n > 16 or all_lengths, "codes of a block")
        repeated = all_lengths[-1] if n == 16 else 0
        base, extra = {16: (3, 2), 17: (3, 3), 18: (11, 7)}[n]
        all_lengths += [repeated] * (base + b.bits(extra))
    r.require(len(all_lengths) == literals + distances and b.at == bits, "codes of a block")
    return all_lengths[:literals], all_lengths[literals:]
