#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes LLVM's assembly for Xtensa what LLVM's assembler and GNU's linker take.
place_literals.py < IN > OUT

The literals of each function go to a section of their own, as GNU's assembler has it. Calls through
a register that was just loaded from a literal are listed in a section ".debug_calls": where they
are, and what they call. esp_image.py makes direct calls of them, as GNU's linker does for the
ESP32.
"""
import re
import sys

function = calls = 0
literals = {}
loaded = {}
for line in sys.stdin:
    words = line.split("#")[0].replace(",", " ").split()
    if words == [".literal_position"]:
        function += 1
        continue
    if words and words[0] == ".literal":
        label, value = words[1], line.split(",", 1)[1].strip()
        literals[label] = value
        print(f'\t.pushsection .literal.{function}, "ax", @progbits\n\t.p2align 2\n{label}:\n'
              f'\t.long {value}\n\t.popsection')
        continue
    if not words or words[0].endswith(":"):
        loaded = {}
    elif words[0] == "l32r":
        loaded[words[1]] = literals.get(words[2])
    elif words[0] == "callx8":
        target = loaded.get(words[1])
        loaded = {}
        if target and re.fullmatch(r"[A-Za-z_]\w*", target):
            calls += 1
            line = (f'\t.pushsection .debug_calls, "", @progbits\n\t.long .Lcall{calls}, {target}\n'
                    f'\t.popsection\n.Lcall{calls}:\n{line}')
    elif len(words) > 1 and not words[0].startswith("s"):
        loaded.pop(words[1], None)
    print(line, end="")
