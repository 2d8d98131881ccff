# SPDX-License-Identifier: MIT OR Apache-2.0
"""Code made by hand, with an instruction of each form, for quirks.py."""
from decoder import riscv, thumb

THUMB_BASE = 0x08000000
RISCV_BASE = 0x42000000


def thumb_half(code):
    return code.to_bytes(2, "little")


def thumb_wide(form, code, target, at):
    """A wide instruction with this target."""
    value = target & 0xFFFFFFFF if form in (thumb.MOVW, thumb.MOVT) else (
        target - thumb.base(form, THUMB_BASE + at))
    code = thumb.with_offset(code, form, value)
    return thumb_half(code >> 16) + thumb_half(code & 0xFFFF)


def thumb_code():
    """All forms of Thumb, literals of all kinds, and words that only look like code."""
    out = bytearray()

    def wide(form, code, target):
        out.extend(thumb_wide(form, code, THUMB_BASE + target, len(out)))

    def halves(*codes):
        for code in codes:
            out.extend(thumb_half(code))

    def words(*values):
        for value in values:
            out.extend(value.to_bytes(4, "little"))

    for turn in range(3):
        halves(0xB510, 0x4806 + turn, 0xA105, 0xB120, 0xBB38, 0xD003, 0xDD02, 0xE004)
        wide(thumb.BL, 0xF000D000, 0x140 - turn)
        wide(thumb.B_W, 0xF0009000, 8)
        wide(thumb.BC_W, 0xF0008000, 0x120)
        wide(thumb.BC_W, 0xF0408000, 4)
        wide(thumb.LDR_W, 0xF85F0000, len(out) + 24)
        wide(thumb.LDR_W, 0xF8DF1000 | turn, 0x10 + 4 * (len(out) // 4))
        wide(thumb.LDRD, 0xE95F2300, len(out) // 4 * 4 + 40)
        wide(thumb.LDRD, 0xED1F0A00, len(out) // 4 * 4 + 60)
        wide(thumb.LDRD, 0xED1F1B00, len(out) // 4 * 4 + 68)
        wide(thumb.ADR_W, 0xF20F0400, len(out) + 80)
        wide(thumb.ADR_W, 0xF2AF0500, 4)
        # A pair with an instruction between; a MOVW whose register is loaded anew; a MOVT alone.
        wide(thumb.MOVW, 0xF2400600, 0x104)
        halves(0x2700)
        wide(thumb.MOVT, 0xF2C00600, 0x104)
        wide(thumb.MOVW, 0xF2400700, 0x44)
        wide(thumb.MOVW, 0xF2400700, 0x48)
        wide(thumb.MOVT, 0xF2C00700, 0x48)
        wide(thumb.MOVT, 0xF2C00800, 0x48)
        wide(thumb.MOVW, 0xF2400900, 0x4C)
        halves(0xF3BF, 0x8F4F, 0x4770)
        halves(*[0xBF00] * (len(out) // 2 % 2))
        words(THUMB_BASE + 0x21, 0x20001234, 0x1FFFFFFF, 0xDEADBEEF, THUMB_BASE + 0x80)
        # A wide instruction that a word of data follows at once.
        halves(0xBF00, 0xF000)
        words(THUMB_BASE + 0x100, THUMB_BASE + 0x104, 0x00010203)
    out += b"\x55"
    halves(0x4801, 0x4770)
    return bytes(out)


def riscv_word(form, code, value):
    length = 2 if form in (riscv.C_J, riscv.C_B) else 4
    return riscv.with_value(code, form, value).to_bytes(length, "little")


def riscv_code():
    """All forms of RISC-V, and all ways to forget a register."""
    out = bytearray()
    target = RISCV_BASE + 0x60
    for turn in range(3):
        for form, code, value in [
                (riscv.JAL, 0xEF, 0x100 - 4 * turn), (riscv.JAL, 0x6F, 0x20),
                (riscv.C_J, 0xA001, 0x30), (riscv.C_J, 0x2001, -0x10),
                (riscv.BRANCH, 0x00B50063, 0x40), (riscv.C_B, 0xC101, 0x10),
                (riscv.C_B, 0xE181, -8), (riscv.LUI, 0x537, target), (riscv.ADDI, 0x50513, 0x60),
                (riscv.ADDI, 0x52583, 0x64), (riscv.STORE, 0xB52023, 0x68),
                (riscv.LUI, 0x5B7, target), (riscv.AUIPC, 0x617, 0),
                (riscv.ADDI, 0x60613, 0x10), (riscv.ADDI, 0x1A503, -16), (riscv.AUIPC, 0x97, 0),
                (riscv.ADDI, 0x80E7, 0x80), (riscv.LUI, 0x37, target),
                (riscv.LUI, 0x437, target)]:
            out += riscv_word(form, code, value)
        for code in (0x4400, 0x4101, 0x8C09, 0x4501, 0x6509, 0x0506, 0x4412, 0x8082, 0x842A,
                     0x9502, 0xC02A, 0x2005):
            out += code.to_bytes(2, "little")
        for code in (0x02A50533, 0x00A02427, 0x00052507, 0x0000000F):
            out += code.to_bytes(4, "little")
        for form, code, value in [(riscv.LUI, 0x4B7, target), (riscv.ADDI, 0x48493, 4),
                                  (riscv.LUI, 0x7B7, target)]:
            out += riscv_word(form, code, value)
        for word in (target, RISCV_BASE + 4 * turn):
            out += word.to_bytes(4, "little")
    return bytes(out) + b"\x13\x05"


def xtensa_code(base, windowed):
    """Functions with and without ENTRY, pools before, between and after them."""
    out = bytearray()
    entry = b"\x36\x41\x00" if windowed else b"\x12\xc1\xf0"
    leave = b"\x1d\xf0" if windowed else b"\x0d\xf0"
    call = 0x25 if windowed else 0x05
    for turn in range(4):
        for word in (base + 0x20 * turn, base + 0x40, 0x3FFE8000, 0x12345678, base + 8):
            out += word.to_bytes(4, "little")
        out += entry + b"\x21\xfb\xff" + bytes([call, turn, 0]) + b"\x82\x22\x01" + b"\x0c\x12"
        out += bytes([call ^ 0x20, 1, 0]) + b"\x14\x15\x16" + b"\x06\x02\x00" + b"\x0e\x00\x01\x02"
        out += b"\x56\x12\x34" + b"\x31\xf9\xff" + b"\x73\xb0\x00" + leave
        out += bytes(-len(out) % 4)
        out += entry + b"\x80\x00\x00" + bytes(-(len(out) + 6) % 4)
        out += b"\x36" * (turn % 3 + 1) + bytes(-(len(out) + turn % 3 + 1) % 4)
        out += base.to_bytes(4, "little") + (0xFFFF0000 + turn).to_bytes(4, "little") * 2
        out += b"\x0c\x0d" * 30 if turn == 2 else b""
    return bytes(out)
