#!/usr/bin/env python3
"""Writes riscv.txt: what GNU as, ld and objdump make of RISC-V instructions that hold references.

    apt-get install binutils-riscv64-unknown-elf && python3 make_riscv.py > riscv.txt

Lines: `# comment`; `> KIND` starts a group of equal instructions but for the reference;
`ADDRESS BYTES TARGET` (hexadecimal; the target of a low part is its signed immediate);
groups `sets` and `keeps`: instructions that do and do not change register s1;
groups `pair...`: `OLD-ADDRESS OLD-BYTES OLD-TARGET NEW-ADDRESS NEW-BYTES NEW-TARGET`, two
instructions each.
"""
import random, re, subprocess, tempfile, pathlib

TOOL = "riscv64-unknown-elf-"
RANDOM = random.Random(1)
OLD, NEW = 0x42000020, 0x42013456


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def assemble(source, at, symbols=()):
    """[(address, bytes, disassembly)] of the lines of source."""
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        (d / "a.s").write_text(".option norelax\n.text\n" + "\n".join(source) + "\n")
        (d / "a.ld").write_text("SECTIONS { .text %#x : SUBALIGN(2) { *(.text) } }" % at)
        run(TOOL + "as", "-march=rv32imafdc", "-mabi=ilp32", "-o", d / "a.o", d / "a.s")
        run(TOOL + "ld", "-melf32lriscv", "--no-relax", "-e0", "-T", d / "a.ld",
            *[f"--defsym={n}={v:#x}" for n, v in symbols], "-o", d / "a.elf", d / "a.o")
        text = run(TOOL + "objdump", "-d", "-M", "no-aliases,numeric", d / "a.elf")
    lines = re.findall(r"^ *([0-9a-f]+):\t([0-9a-f]+) +\t(.*)$", text, re.M)
    return [(int(a, 16), int(w, 16).to_bytes(len(w) // 2, "little").hex(), t) for a, w, t in lines]


def values(bits, scale):
    """Every bit of a signed field alone and in company, the extremes and some more."""
    low, high = -1 << bits - 1, (1 << bits - 1) - 1
    some = {low, high, low + 1, high - 1, 0, 1,
            -1} | {1 << i for i in range(bits - 1)} | {~(1 << i) for i in range(bits - 1)}
    some |= {RANDOM.randint(low, high) for _ in range(12)}
    return [v << scale for v in sorted(some)]


def group(kind, template, numbers, read):
    print(">", kind)
    for (address, code, text), number in zip(assemble([template.format(n) for n in numbers], OLD),
                                             numbers, strict=True):
        target = read(address, text)
        print(f"{address:x} {code} {target & 0xffffffff:x}")


def last(address, text):
    """The target is the last number of the disassembly (a comment and <symbol> cut off)."""
    return int(re.split(r"[ \t,]", text.split("<")[0].split("#")[0].strip())[-1], 16)



def low(address, text):
    m = re.search(r",(-?\d+)\(x\d+\)", text) or re.search(r",(-?\d+)\s*(#.*)?$", text)
    return int(m.group(1))


def pair(kind, template):
    targets = [0x3fc90000, 0x3fc907fe, 0x3fc90800, 0x3fc90ffe, 0x3fc9f800, 0x42000000, 0x420007fe,
               0x40380800]
    shifts = [0, 2, -2, 4, 0x10, -0x10, 0x7fe, -0x7fe, 0x800, -0x800, 0xffe, 0x1000, -0x1000,
              0x12344, -0x12344]
    cases = [(t, (t + s) & 0xffffffff) for t in targets for s in shifts]
    old, new = (assemble([template.format(i=i) for i in range(len(cases))], at,
                         [(f"t{i}", c[k]) for i, c in enumerate(cases)])
                for k, at in ((0, OLD), (1, NEW)))
    print("> pair", kind)
    for i, c in enumerate(cases):
        line = []
        for image, target in ((old, c[0]), (new, c[1])):
            (address, first, _), (_, second, _) = image[2 * i:2 * i + 2]
            line += [f"{address:x}", first + second, f"{target:x}"]
        print(*line)


print("# Made by make_riscv.py with", run(TOOL + "as", "--version").splitlines()[0])
for rd in (0, 1, 31):
    group("jal", f".option norvc\njal x{rd}, .+{{}}", values(20, 1), last)
group("c_j", "c.j .+{}", values(11, 1), last)
group("c_j", "c.jal .+{}", values(11, 1), last)
for name, a, b in (("beq", 0, 31), ("bne", 31, 0), ("blt", 5, 10), ("bge", 10, 5), ("bltu", 1, 2),
                   ("bgeu", 2, 1)):
    group("branch", f".option norvc\n{name} x{a}, x{b}, .+{{}}", values(12, 1), last)
for name, r in (("c.beqz", 8), ("c.bnez", 15)):
    group("c_branch", f"{name} x{r}, .+{{}}", values(8, 1), last)
high = [v & 0xfffff for v in values(20, 0)]
for rd in (1, 31):
    group("lui", f".option norvc\nlui x{rd}, {{}}", high, lambda a, t: last(a, t) << 12)
    group("auipc", f"auipc x{rd}, {{}}", high, lambda a, t: a + (last(a, t) << 12))
group("plain", "lui x0, {}", high[:3], lambda a, t: 0)
group("plain", "auipc x0, {}", high[:3], lambda a, t: 0)
for template in ("addi x9, x9, {}", "addi x31, x9, {}", "jalr x1, {}(x9)", "jalr x0, {}(x9)",
                 "lb x8, {}(x9)", "lh x8, {}(x9)",
                 "lw x8, {}(x9)", "lbu x8, {}(x9)", "lhu x31, {}(x9)", "flw f31, {}(x9)",
                 "fld f8, {}(x9)"):
    group("low_i", ".option norvc\n" + template, values(12, 0), low)
for template in ("sb x31, {}(x9)", "sh x0, {}(x9)", "sw x8, {}(x9)", "fsw f31, {}(x9)",
                 "fsd f8, {}(x9)"):
    group("low_s", ".option norvc\n" + template, values(12, 0), low)

R = "add sub sll slt sltu xor srl sra or and mul mulh mulhsu mulhu div divu rem remu".split()
I = "addi slti sltiu xori ori andi slli srli srai".split()
sets = [f".option norvc\n{n} x9, x8, x31" for n in R] + [f".option norvc\n{n} x9, x8, 7" for n in I]
sets += [f".option norvc\n{n} x9, 4(x8)" for n in "lb lh lw lbu lhu".split()]
sets += ["lui x9, 0x12345", "auipc x9, 0x12345", "csrrw x9, 0x300, x8", "csrrwi x9, 0x300, 1",
         "lr.w x9, (x8)",
         "sc.w x9, x8, (x10)", "amoadd.w x9, x8, (x10)", "fcvt.w.s x9, f1", "fmv.x.w x9, f1",
         "feq.s x9, f1, f2", "fclass.s x9, f1"]
sets += ["c.addi4spn x9, x2, 16", "c.lw x9, 4(x8)", "c.addi x9, 1", "c.li x9, 3", "c.lui x9, 5",
         "c.srli x9, 3", "c.srai x9, 3",
         "c.andi x9, 3", "c.sub x9, x8", "c.xor x9, x8", "c.or x9, x8", "c.and x9, x8",
         "c.slli x9, 3", "c.mv x9, x8", "c.add x9, x8"]
keeps = [f".option norvc\n{n} x8, x9, x31" for n in R] + [
    f".option norvc\n{n} x8, x9, 7" for n in I
]
keeps += [f".option norvc\n{n} x8, 36(x9)" for n in "lb lh lw lbu lhu".split()]
keeps += ["sw x8, 36(x9)", "sb x8, 9(x9)", "beq x8, x9, .+18", "bne x18, x9, .+18", "flw f9, 4(x8)",
          "fsw f9, 4(x8)", "fence", "ecall",
          "csrrw x0, 0x300, x9", "sc.w x8, x9, (x10)", "jal x1, .+0x1492", "jalr x1, 16(x8)",
          "jal x0, .+0x1492", "jalr x0, 16(x8)"]
keeps += ["c.sw x9, 4(x8)", "c.addi4spn x8, x2, 16", "c.lw x8, 4(x9)", "c.nop", "c.jal .+18",
          "c.li x8, 3", "c.addi16sp x2, 144", "c.srli x8, 3",
          "c.sub x8, x9", "c.j .+18", "c.beqz x9, .+18", "c.bnez x9, .+18", "c.slli x8, 3",
          "c.lwsp x9, 4(x2)", "c.jr x9", "c.mv x8, x9",
          "c.jalr x9", "c.ebreak", "c.add x8, x9", "c.swsp x9, 4(x2)", "c.flw f9, 4(x8)",
          "c.fsw f9, 4(x8)", "c.fld f9, 8(x8)",
          "c.fldsp f9, 8(x2)", "c.flwsp f9, 4(x2)", "c.fsdsp f9, 8(x2)", "c.fswsp f9, 4(x2)"]
group("sets", ".option rvc\n{}", sets, lambda a, t: 0)
group("keeps", ".option rvc\n{}", keeps, lambda a, t: 0)
for n in ("addi x10, x9, ", "addi x9, x9, "):
    pair("lui " + n[:4], ".option norvc\nlui x9, %hi(t{i})\n" + n + "%lo(t{i})")
pair("lui lw", ".option norvc\nlui x9, %hi(t{i})\nlw x10, %lo(t{i})(x9)")
pair("lui sh", ".option norvc\nlui x9, %hi(t{i})\nsh x10, %lo(t{i})(x9)")
pair("lui fsw", ".option norvc\nlui x9, %hi(t{i})\nfsw f10, %lo(t{i})(x9)")
pair("auipc jalr", ".option norvc\nl{i}: auipc x1, %pcrel_hi(t{i})\njalr x1, %pcrel_lo(l{i})(x1)")
pair("auipc addi", ".option norvc\nl{i}: auipc x10, %pcrel_hi(t{i})\n"
                   "addi x10, x10, %pcrel_lo(l{i})")
