#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes an Espressif image of an ELF file.    esp_image.py (esp8266|esp32) ELF IMAGE [CALLS]

CALLS is the content of the section that place_literals.py describes: these calls through registers
become direct ones. The layout is that of "Firmware Image Format" in the manual of esptool: header,
segments, checksum; without a digest.
"""
import struct
import sys

chip, elf, out = sys.argv[1:4]
calls = open(sys.argv[4], "rb").read() if len(sys.argv) > 4 else b""
elf = open(elf, "rb").read()
entry, at = struct.unpack_from("<II", elf, 24)
size, count = struct.unpack_from("<HH", elf, 42)
segments = []
for i in range(count):
    kind, offset, address, _, len_in_file = struct.unpack_from("<IIIII", elf, at + i * size)
    if kind == 1 and len_in_file:
        data = bytearray(elf[offset : offset + len_in_file])
        for site, target in struct.iter_unpack("<II", calls):
            place = site - address
            if 0 <= place < len(data):
                # CALLX8 becomes CALL8 (Xtensa ISA Reference Manual, 2010, "CALL8").
                assert data[place] == 0xE0 and data[place + 2] == 0, hex(site)
                words = (target - (site & ~3) - 4) >> 2
                data[place : place + 3] = ((words & 0x3FFFF) << 6 | 0x25).to_bytes(3, "little")
        segments.append((address, data + bytes(-len(data) % 4)))
# Magic, number of segments, flash mode (DIO), flash size and speed, entry point; the ESP32 also: no
# WP pin, drive strengths, chip 0.
image = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, entry)
if chip == "esp32":
    image += b"\xee" + bytes(15)
checksum = 0xEF
for address, data in segments:
    image += struct.pack("<II", address, len(data)) + data
    for byte in data:
        checksum ^= byte
image += bytes(15 - len(image) % 16) + bytes([checksum])
open(out, "wb").write(image)
