#!/usr/bin/env python3
"""Makes thumb.txt, the encodings that crates/flashdelta/src/device/isa/thumb.rs is tested with.

GNU as encodes the extremes of every field, objdump reads them back and says where they point. Next
to them are random codes near the ones that are references, as objdump sees them. Neither knows
anything of flashdelta. Needs binutils-arm-none-eabi; the tests themselves do not.

    python3 testdata/isa/make_thumb.py > testdata/isa/thumb.txt

Lines: `# form`, then `address code target` in hexadecimal; the code is in halfwords, the first one
first.
"""

import pathlib
import random
import re
import subprocess
import tempfile

BASE = 0x0801F000


def run(*command):
    return subprocess.run(["arm-none-eabi-" + command[0], *command[1:]], check=True,
                          capture_output=True, text=True).stdout


def assemble(lines, folder):
    """The machine code of these instructions."""
    source, binary = folder / "a.s", folder / "a.bin"
    head = [".syntax unified", ".arch armv7e-m", ".fpu vfpv4", ".thumb", ".text"]
    source.write_text("\n".join(head + lines) + "\n")
    run("as", "-mthumb", "-o", str(folder / "a.o"), str(source))
    run("objcopy", "-O", "binary", "-j", ".text", str(folder / "a.o"), str(binary))
    return binary.read_bytes()


def disassemble(code, folder):
    """(address, code, text) of every instruction."""
    binary = folder / "b.bin"
    binary.write_bytes(code)
    options = ["-D", "-b", "binary", "-m", "arm", "-M", "force-thumb", "--adjust-vma=0x%x" % BASE]
    for line in run("objdump", *options, str(binary)).splitlines():
        match = re.match(r" *([0-9a-f]+):\t([0-9a-f]{4})(?: ([0-9a-f]{4}))? *\t(.*)", line)
        if match:
            yield int(match[1], 16), match[2] + (match[3] or ""), match[4]


def classify(address, code, text):
    """(form, target) of an instruction from its disassembly alone; None where a core must not meet
    it."""
    if re.search(r"UNPREDICTABLE|undefined|UNDEFINED|\.inst|\.word|\.short", text):
        return None
    wide = len(code) == 8
    name = text.split("\t")[0].split(".")[0]
    place = re.search(r"@ \(?(?:adr \w+, )?0x([0-9a-f]+)", text)
    branch = re.search(r"\t(?:\w+, )?0x([0-9a-f]+)$", text.split(" @")[0].rstrip())
    if name == "bl" and branch:
        return "bl", int(branch[1], 16)
    if name in ("cbz", "cbnz") and branch:
        return "cbz", int(branch[1], 16)
    if re.fullmatch("b(eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?", name) and branch:
        form = ("b.w" if wide else "b") if name == "b" else ("b<c>.w" if wide else "b<c>")
        return form, int(branch[1], 16)
    if "[pc" in text and place:
        if name == "ldrd" and re.search(r"\[pc(, #-?\d+)?\]\t@",
                                        text) or re.match(r"vldr\t[sd]\d", text):
            return "ldrd", int(place[1], 16)
        if name in ("ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "pld", "pli"):
            return "ldr.w" if wide else "ldr", int(place[1], 16)
    if name == "add" and not wide and ", pc, #" in text and place:
        return "adr", int(place[1], 16)
    sum_ = re.fullmatch(r"(add|sub)w\t\w+, pc, #(\d+)(\t@.*)?", text)
    if sum_:  # objdump leaves the sum to the reader: Align(PC, 4) +- imm12.
        offset = int(sum_[2]) if sum_[1] == "add" else -int(sum_[2])
        return "adr.w", (address + 4 & ~3) + offset
    if "[pc" in text:
        # Another kind of access to the pool, such as a store or a load of half precision.
        return None
    return "plain", 0


def around(*extremes):
    return sorted({value for extreme in extremes for value in extreme})


def signed(bits):
    """The extremes of an even signed offset, each single bit, and its neighbours."""
    top = 1 << (bits - 1)
    ones = [1 << bit for bit in range(1, bits - 1)]
    values = [-top, -top + 2, top - 2, top - 4, 0, 2,
              -2] + ones + [-one for one in ones] + [top - 2 - one for one in ones]
    return around([value for value in values if -top <= value < top])


def unsigned(bits, scale):
    ones = [1 << bit for bit in range(bits)]
    top = (1 << bits) - 1
    return [value * scale for value in around([0, top, top - 1], ones, [top - one for one in ones])]


def extremes():
    """Assembler lines with every field at its extremes."""
    conditions = "eq ne cs cc mi pl vs vc hi ls ge lt gt le".split()
    for number, offset in enumerate(signed(25)):
        yield f"bl . + 4 + {offset}"
        yield f"b.w . + 4 + {offset}"
        if number % 3 == 0:
            yield "nop"
    for number, offset in enumerate(signed(21)):
        yield f"b{conditions[number % 14]}.w . + 4 + {offset}"
    for number, offset in enumerate(signed(12)):
        yield f"b.n . + 4 + {offset}"
    for number, offset in enumerate(signed(9)):
        yield f"b{conditions[number % 14]}.n . + 4 + {offset}"
    for number, offset in enumerate(unsigned(6, 2)):
        yield f"cb{'n' * (number & 1)}z r{number % 8}, . + 4 + {offset}"
    for number, offset in enumerate(unsigned(8, 4)):
        yield f"ldr.n r{number % 8}, [pc, #{offset}]"
        yield f"add r{number % 8}, pc, #{offset}"
        for sign in ("", "-"):
            yield f"ldrd r{number % 5}, r{number % 7 + 5}, [pc, #{sign}{offset}]"
            yield f"vldr s{number}, [pc, #{sign}{offset}]"
            yield f"vldr d{number}, [pc, #{sign}{offset}]"
            yield "nop" * (number & 1)
    for number, offset in enumerate(unsigned(12, 1)):
        for sign in ("", "-"):
            yield f"ldr.w r{number % 15}, [pc, #{sign}{offset}]"
            for kind in ("b", "h", "sb", "sh"):
                yield f"ldr{kind}.w r{number % 13}, [pc, #{sign}{offset}]"
            yield "nop" * (number & 1)
        yield f"addw r{number % 13}, pc, #{offset}"
        yield f"subw r{number % 13}, pc, #{offset}"


def halves():
    """MOVW and MOVT that build a value, with what is between them."""
    values = (
        [0, 0xFFFFFFFF]
        + [1 << bit for bit in range(32)]
        + [0xFFFFFFFF ^ (1 << bit) for bit in range(32)]
    )
    for number, value in enumerate(values):
        register = number % 15 if number % 15 != 13 else 12
        yield value, [f"movw r{register}, #{value & 0xFFFF}", f"movt r{register}, #{value >> 16}"]


def near():
    """Random codes that look like references."""
    random.seed(20240101)
    heads = [(0xF000, 0x07FF, 0xFFFF), (0xF81F, 0x01E0, 0xFFFF), (0xED1F, 0x00E0, 0xFFFF),
             (0xE81F, 0x01E0, 0xFFFF)]
    heads += [(0xF20F, 0x05E0, 0xFFFF), (0xF200, 0x05FF, 0x7FFF), (0xE800, 0x17FF, 0xFFFF)]
    for first, free, second in heads:
        for _ in range(180):
            yield first | random.getrandbits(16) & free, random.getrandbits(16) & second
    for first in range(0, 0xE800, 0x77):
        yield (first,)


def main():
    groups = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        code = assemble(list(extremes()), folder)
        code += b"".join(half.to_bytes(2, "little") for halves_ in near() for half in halves_)
        for address, bytes_, text in disassemble(code, folder):
            found = classify(address, bytes_, text)
            if found:
                groups.setdefault(found[0], {})[f"{address:x} {bytes_} {found[1]:x}"] = None
        for value, lines in halves():
            pair = [bytes_ for _, bytes_, _ in disassemble(assemble(lines, folder), folder)]
            groups.setdefault("movw", {})[f"{BASE:x} {''.join(pair)} {value:x}"] = None
    for form, lines in groups.items():
        print(f"# {form}")
        print("\n".join(lines))


main()
