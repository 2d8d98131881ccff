"""Files of records with many quirks, and the memory that they hold. Everything follows from a
seed."""

QUIRKS_HEX = ("lower", "crlf", "no-final-newline", "blank-lines", "no-end", "odd-lengths",
              "long-records", "one-byte",
              "unordered", "redundant-base", "segments", "start-03", "start-05", "end-address",
              "empty-data",
              "crosses-64k", "trailing-ctrl-z", "blanks-around")
QUIRKS_SREC = ("lower", "crlf", "no-final-newline", "no-end", "no-header", "odd-lengths",
               "long-records", "one-byte",
               "unordered", "mixed-types", "count", "other-end", "odd-header", "empty-data",
               "blanks-around")


def memory(random):
    """Address to byte: a few segments, mostly below 16 MiB, with small and large gaps."""
    cells, address = {}, random.choice((0, 0x4000, 0x0800_0000, 0x0002_6000, 0x1_FFF0, 0x4200_0000))
    for _ in range(random.randint(1, 5)):
        length = random.choice((1, 7, 16, 100, 1000, 5000))
        for offset in range(length):
            cells[address + offset] = random.choice((0, 0xFF, offset & 0xFF, random.randrange(256)))
        address += length + random.choice((1, 3, 16, 255, 4096, 70_000,
                                           0x1000_0000 if address < 0x6000_0000 else 5))
    return cells


def runs(cells):
    """Consecutive bytes: (address, bytes)."""
    result = []
    for address in sorted(cells):
        if result and result[-1][0] + len(result[-1][1]) == address:
            result[-1][1].append(cells[address])
        else:
            result.append((address, bytearray([cells[address]])))
    return result


def pieces(random, cells, quirks, most):
    """The data of each record."""
    length = 16
    if "long-records" in quirks:
        length = most
    if "one-byte" in quirks:
        length = 1
    result = []
    for address, data in runs(cells):
        at = 0
        while at < len(data):
            count = random.randint(1, 40) if "odd-lengths" in quirks else length
            if "crosses-64k" not in quirks:
                count = min(count, 0x1_0000 - (address + at) % 0x1_0000)
            result.append((address + at, bytes(data[at:at + count])))
            at += count
    if "unordered" in quirks:
        random.shuffle(result)
    return result


def finish(random, lines, quirks):
    """Lines to text."""
    if "lower" in quirks:
        lines = [line[:2] + line[2:].lower() for line in lines]
    if "blank-lines" in quirks:
        for _ in range(3):
            lines.insert(random.randint(0, len(lines)), "")
    if "blanks-around" in quirks:
        lines = [random.choice(("", " ",
                                "\t")) + line + random.choice(("", "  ")) for line in lines]
    end = "\r\n" if "crlf" in quirks else "\n"
    text = end.join(lines) + ("" if "no-final-newline" in quirks else end)
    return (text + ("\x1a" if "trailing-ctrl-z" in quirks else "")).encode("latin-1")


def hex_record(kind, address, data=b""):
    content = bytes([len(data), address >> 8 & 0xFF, address & 0xFF, kind]) + data
    return ":" + (content + bytes([-sum(content) & 0xFF])).hex().upper()


def intel_hex(random, cells, quirks):
    lines, base, is_segment = [], 0, "segments" in quirks and max(cells) < 0xF_FFFF
    start = [hex_record(5, 0, min(cells).to_bytes(4, "big"))] if "start-05" in quirks else []
    if "start-03" in quirks and not start:
        start = [hex_record(3, 0, b"\x12\x34\x56\x78")]
    for address, data in pieces(random, cells, quirks, 255):
        if (
            not 0 <= address - base <= 0xFFFF
            or "redundant-base" in quirks
            and random.random() < 0.1
        ):
            base = address & ~0xFFFF
            if is_segment:
                lines.append(hex_record(2, 0, (base >> 4).to_bytes(2, "big")))
            else:
                lines.append(hex_record(4, 0, (base >> 16).to_bytes(2, "big")))
        lines.append(hex_record(0, address - base, data))
        if "empty-data" in quirks and random.random() < 0.1:
            lines.append(hex_record(0, address - base))
    if start:
        lines[random.choice((0, len(lines))):0] = start
    if "no-end" not in quirks:
        lines.append(hex_record(1, 0x1234 if "end-address" in quirks else 0))
    return finish(random, lines, quirks)


def s_record(kind, address, data=b"", width=None):
    width = width or {0: 2, 1: 2, 2: 3, 3: 4, 5: 2, 6: 3, 7: 4, 8: 3, 9: 2}[kind]
    content = bytes([width + len(data) + 1]) + address.to_bytes(width, "big") + data
    return f"S{kind}" + (content + bytes([~sum(content) & 0xFF])).hex().upper()


def srec(random, cells, quirks):
    least = 1 if max(cells) < 0x1_0000 else 2 if max(cells) < 0x100_0000 else 3
    lines, count = [], 0
    if "no-header" not in quirks:
        lines.append(s_record(0, 0,
                              bytes(range(120, 160)) if "odd-header" in quirks else b"firmware"))
    for address, data in pieces(random, cells, quirks, 250):
        kind = least
        if "mixed-types" in quirks:
            end = address + len(data) - 1
            kind = random.randint(1 if end < 0x1_0000 else 2 if end < 0x100_0000 else 3, 3)
        lines.append(s_record(kind, address, data))
        count += 1
        if "empty-data" in quirks and random.random() < 0.1:
            lines.append(s_record(kind, address))
            count += 1
    if "count" in quirks and count <= 0xFFFF:
        lines.append(s_record(5, count))
    if "no-end" not in quirks:
        kind = 10 - least
        lines.append(s_record(9 if "other-end" in quirks else kind,
                              0 if "other-end" in quirks else min(cells)))
    return finish(random, lines, quirks)


def malformed(random, text):
    """A file that is damaged in one line, and the number of that line."""
    lines = text.decode("latin-1").splitlines()
    number = random.randrange(len(lines))
    line = lines[number]
    at = random.randrange(2, len(line))
    match random.randrange(5):
        case 0:
            line = line[:-2] + f"{int(line[-2:], 16) ^ 0x55:02X}"
        case 1:
            line = line[:at] + "G" + line[at + 1:]
        case 2:
            line = line[:-1]
        case 3:
            line += "00"
        case _:
            line = "x" + line
    lines[number] = line
    return ("\n".join(lines) + "\n").encode("latin-1"), number + 1
