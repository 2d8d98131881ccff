#!/usr/bin/env python3
"""Makes xtensa.txt: Xtensa encodings and what independent tools say about them.

Needs, besides the standard library: binutils-xtensa-lx106 (CALL0, L32R, the lengths of
instructions) and llvm-22 (the windowed calls and ENTRY, which the LX106 lacks). Lines of the
output:

    ref  BYTES ADDRESS TARGET   an instruction that refers to TARGET when it is at ADDRESS
    code BYTES                  one instruction without a reference that flashdelta predicts

Usage: make_xtensa.py > xtensa.txt
"""
import random
import re
import subprocess
import tempfile
from pathlib import Path

GNU = "xtensa-lx106-elf-"
LLVM = ["llvm-mc-22", "--triple=xtensa", "--mattr=+windowed,+density", "-filetype=obj"]
# Address of the start of the code, any multiple of 4.
BASE = 0x400D0018


def extremes(bits, rng, count):
    """Every bit alone and missing, both ends and the middle of a field, and some random values."""
    top = (1 << bits) - 1
    fixed = {0, 1, 2, top, top - 1, top >> 1, (top >> 1) + 1}
    fixed |= {1 << b for b in range(bits)} | {top ^ (1 << b) for b in range(bits)}
    return sorted(fixed | {rng.randint(0, top) for _ in range(count)})


def disassembled(work, words):
    """CALL0 and L32R: bits are chosen, GNU objdump says what they mean. A NOP.N between them varies
    the alignment."""
    code, places = b"", []
    for i, word in enumerate(words):
        places.append((len(code), word))
        code += word.to_bytes(3, "little") + bytes.fromhex("3df0") * (i % 3)
    (work / "a.bin").write_bytes(code)
    text = subprocess.run(
        [GNU + "objdump", "-D", "-b", "binary", "-m", "xtensa", f"--adjust-vma={BASE:#x}",
         work / "a.bin"],
        check=True, capture_output=True, text=True).stdout
    found = {}
    for m in re.finditer(r"^\s*([0-9a-f]+):\s+[0-9a-f]+\s+(?:call0\s+|l32r\s+a\d+, )0x([0-9a-f]+)",
                         text, re.M):
        found[int(m[1], 16)] = int(m[2], 16)
    for offset, word in places:
        yield word.to_bytes(3, "little").hex(), BASE + offset, found[BASE + offset]


def assembled(work, rng):
    """CALL4, CALL8, CALL12: targets are chosen, LLVM makes the bits. The code is at address 0."""
    lines, places, pc = ["base:"], [], 0
    for offset in extremes(18, rng, 130):
        signed = (offset ^ 0x20000) - 0x20000
        for name in ("call4", "call8", "call12"):
            target = (pc & ~3) + 4 * signed + 4
            lines.append(f"{name} base{target:+d}")
            places.append((pc, target & 0xFFFFFFFF))
            pc += 3
        for _ in range(rng.randint(0, 2)):
            lines.append("nop.n")
            pc += 2
    (work / "b.s").write_text("\n".join(lines) + "\n")
    subprocess.run([*LLVM, work / "b.s", "-o", work / "b.o"], check=True)
    subprocess.run(["llvm-objcopy-22", "-O", "binary", "-j", ".text", work / "b.o", work / "b.bin"],
                   check=True)
    code = (work / "b.bin").read_bytes()
    assert len(code) == pc
    for offset, target in places:
        yield code[offset:offset + 3].hex(), offset, target


# One of each kind: what decides about the length is op0, the low four bits of the first byte.
GNU_CODE = """
add a2, a3, a4; addi a2, a3, -5; addi a5, a5, 127; addmi a2, a3, 0x1200; addx4 a2, a3, a4
and a8, a9, a10
extui a2, a3, 4, 5; l16si a2, a3, 4; l16ui a2, a3, 6; l32i a2, a3, 1020; l8ui a2, a3, 255; memw
isync; dsync
movi a2, -2048; moveqz a2, a3, a4; mull a2, a3, a4; neg a2, a3; or a2, a3, a3; ret; rsil a2, 15
rsr a2, sar
s16i a2, a3, 4; s32i a2, a3, 1020; s8i a2, a3, 255; sll a2, a3; slli a2, a3, 31; srai a2, a3, 17
src a2, a3, a4
ssl a3; sub a2, a3, a4; wsr a2, sar; xor a2, a3, a4; callx0 a3; jx a9; break 1, 15; ill; syscall
rfe; waiti 15; nsau a2, a3
add.n a2, a3, a4; addi.n a2, a3, -1; l32i.n a2, a3, 60; mov.n a2, a3; movi.n a2, 95
movi.n a2, -32; nop.n; ret.n
s32i.n a2, a3, 60; break.n 1
j .; beq a2, a3, .; bnez a2, .; beqz a2, .+6; bgei a2, 4, .; bltui a2, 32, .; bbci a2, 31, .
ball a2, a3, .; beqz.n a2, .+8
bnez.n a2, .+60
"""
LLVM_CODE = """
entry a1, 16; entry a1, 32; entry a1, 2040; retw; retw.n; movsp a1, a2; rotw 3; callx4 a2
callx8 a15; callx12 a9; l32e a0, a1, -16
"""


def lone(work):
    """Each instruction alone, by the tool that knows it."""
    for source, command in ((GNU_CODE, [GNU + "as", "--no-transform"]), (LLVM_CODE, LLVM)):
        for insn in source.replace("\n", ";").split(";"):
            if not insn.strip():
                continue
            (work / "c.s").write_text(insn.strip() + "\n")
            subprocess.run([*command, work / "c.s", "-o", work / "c.o"], check=True)
            subprocess.run([GNU + "objcopy", "-O", "binary", "-j", ".text", work / "c.o",
                            work / "c.bin"], check=True)
            yield (work / "c.bin").read_bytes().hex()


def main():
    rng = random.Random(1)
    print("# Made by make_xtensa.py; see there.")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        calls = [0x05 | offset << 6 for offset in extremes(18, rng, 400)]
        loads = [
            1 | register << 4 | offset << 8
            for register in range(16)
            for offset in extremes(16, rng, 40)
        ]
        for line in (*disassembled(work, calls), *disassembled(work, loads), *assembled(work, rng)):
            print("ref %s %08x %08x" % line)
        for code in lone(work):
            print("code", code)


if __name__ == "__main__":
    main()
