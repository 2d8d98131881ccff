"""Compares flashdelta with independent tools: bincopy, intelhex, esptool (PyPI), srec_cat (srecord)
and objcopy (binutils).

    python compare.py PROGRAM FOLDER [--files COUNT] [--seed SEED]

Generated files must be read as the same memory by all; what flashdelta writes must be accepted by
the others and hold the same; the identical file must come back through `diff` and `apply`; damaged
files must be refused with the right line. Where the tools disagree, `ACCEPTABLE` says so.
"""

import argparse
import io
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

import bincopy
import intelhex

import generate

# What a tool may refuse, or read otherwise: it is no error then if it does.
ACCEPTABLE = {
    "intelhex": {"blanks-around", "trailing-ctrl-z", "end-address"},
    "bincopy": {"trailing-ctrl-z", "empty-data", "odd-header"},
    "srec_cat": {"blanks-around", "trailing-ctrl-z", "segments", "no-end", "blank-lines",
                 "empty-data", "lower"},
    "objcopy": {"blanks-around", "trailing-ctrl-z", "no-end", "blank-lines", "segments",
                "crosses-64k"},
}


class Comparison:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.compared, self.refused = {}, {}

    def path(self, name):
        return self.folder / name

    def flashdelta(self, *arguments, accept=0):
        result = subprocess.run([self.program, *map(str, arguments)], capture_output=True,
                                text=True)
        if result.returncode != accept:
            fail(f"flashdelta {' '.join(map(str, arguments))}: exit code {result.returncode}\n"
                 f"{result.stderr}")
        return result

    def oracle(self, name, path, cells, quirks, read):
        """Compares what another tool reads with what there is."""
        try:
            found = read(path)
        except Exception as error:  # each has its own
            if not quirks & ACCEPTABLE[name]:
                fail(f"{name} refuses {path} ({sorted(quirks)}): {error}")
            self.refused[name] = self.refused.get(name, 0) + 1
            return
        if found != cells and not quirks & ACCEPTABLE[name]:
            fail(f"{name} reads {path} ({sorted(quirks)}) differently: {difference(cells, found)}")
        self.compared[name] = self.compared.get(name, 0) + 1

    def all_oracles(self, path, cells, quirks):
        is_hex = path.suffix == ".hex"
        if is_hex:
            self.oracle("intelhex", path, cells, quirks, read_intelhex)
        self.oracle("bincopy", path, cells, quirks, read_bincopy)
        for name, read in (("srec_cat", self.read_srec_cat), ("objcopy", self.read_objcopy)):
            if shutil.which(name):
                self.oracle(name, path, cells, quirks, lambda path: read(path, is_hex))

    def read_srec_cat(self, path, is_hex):
        out = self.path("srec_cat.hex")
        run("srec_cat", path, "-intel" if is_hex else "-motorola", "-o", out, "-intel",
            "--line-length=44")
        return read_intelhex(out)

    def read_objcopy(self, path, is_hex):
        out = self.path("objcopy.s37")
        run("objcopy", "-I", "ihex" if is_hex else "srec", "-O", "srec", "--srec-forceS3", path,
            out)
        return read_bincopy(out)

    def valid(self, number, make, suffix, quirks, chance):
        """One generated file: read, written in other formats, and given back."""
        cells = generate.memory(chance)
        path = self.path(f"{number}{suffix}")
        path.write_bytes(make(chance, cells, quirks))
        self.all_oracles(path, cells, quirks)
        # Ours, by way of our writers and a reader that is not ours.
        length = chance.choice((1, 16, 32, 250))
        for out, extra in ((f"{number}-out.hex", ()), (f"{number}-out.s19", ()),
                           (f"{number}-out.hex", ("--crlf", "--lower-case"))):
            out = self.path(out)
            self.flashdelta("convert", path, "-o", out, "-q", "--record-length", length, *extra)
            read = read_intelhex if out.suffix == ".hex" else read_bincopy
            if read(out) != cells:
                fail(f"{path} ({sorted(quirks)}) as {out}: {difference(cells, read(out))}")
            self.all_oracles(out, cells, set())
        return path, cells

    def pair(self, old, new):
        """The identical file through a patch, and the memory as a device holds it."""
        patch, out = self.path("pair.fdp"), self.path("pair.out")
        (old, _), (new, cells) = old, new
        self.flashdelta("diff", old, new, "-o", patch, "-q", "--effort", 1)
        self.flashdelta("apply", old, patch, "-o", out, "-q")
        if out.read_bytes() != new.read_bytes():
            fail(f"{old} to {new}: another file comes back")
        self.flashdelta("apply", old, patch, "-o", out, "-q", "--as", "bin")
        # Where every line is out of line, the text is carried as it is.
        is_text = out.read_bytes() == new.read_bytes() and b" " in out.read_bytes()
        if max(cells) - min(cells) < 0x1_0000 and out.read_bytes() != binary(cells) and not is_text:
            fail(f"{old} to {new}: the device's image is wrong")

    def broken(self, number, make, suffix, chance):
        """A damaged file is refused, with its line."""
        text, line = generate.malformed(chance, make(chance, generate.memory(chance), set()))
        path = self.path(f"{number}-broken{suffix}")
        path.write_bytes(text)
        result = self.flashdelta("convert", path, "-o", self.path("x.bin"), accept=8)
        if not re.search(rf"line {line}, column \d+: ", result.stderr):
            fail(f"{path}: line {line} is damaged, but: {result.stderr}")
        try:
            read_bincopy(path)
        except (bincopy.Error, ValueError):
            return
        fail(f"bincopy reads {path}, which is damaged in line {line}")


def fail(message):
    sys.exit(f"FAILED: {message}")


def run(*words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip())
    return result.stdout


def read_intelhex(path):
    found = intelhex.IntelHex()
    found.loadhex(io.StringIO(path.read_bytes().decode("latin-1")))
    return {address: found[address] for address in found.addresses()}


def read_bincopy(path):
    found = bincopy.BinFile()
    text = path.read_bytes().decode("latin-1")
    found.add_ihex(text) if text.lstrip().startswith(":") else found.add_srec(text)
    return {segment.minimum_address + n: byte for segment in found.segments for n,
            byte in enumerate(segment.data)}


def binary(cells):
    return bytes(cells.get(address, 0xFF) for address in range(min(cells), max(cells) + 1))


def difference(expected, found):
    missing, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    other = [a for a in expected.keys() & found.keys() if expected[a] != found[a]]
    return ", ".join(f"{len(a)} {what} (from {min(a):#x})" for what,
                     a in (("missing", missing), ("too many", extra), ("other", other)) if a)


def elf_files(comparison, testdata):
    """Plain binaries from ELF files, as objcopy makes them."""
    for path in sorted(testdata.glob("firmware/*.elf")):
        expected, found = comparison.path("elf-objcopy.bin"), comparison.path("elf-ours.bin")
        run("objcopy", "-I", "elf32-little", "-O", "binary", "--gap-fill", "0xff", path, expected)
        comparison.flashdelta("convert", path, "-o", found, "-q")
        if expected.read_bytes() != found.read_bytes():
            fail(f"{path}: objcopy makes another binary")


def esp_images(comparison, chance):
    """Images that esptool writes: what it tells of them must be what we tell. And its UF2 and HEX
    files of them."""
    from esptool.bin_image import ELFSection, LoadFirmwareImage
    from esptool.bin_image import (
        ESP32C3FirmwareImage,
        ESP32C6FirmwareImage,
        ESP32FirmwareImage,
        ESP32S3FirmwareImage,
    )

    kinds = {
        "esp32": (ESP32FirmwareImage, "ESP32", 0x3FFB_0000, 0x4008_0000),
        "esp32s3": (ESP32S3FirmwareImage, "ESP32-S3", 0x3FC9_0000, 0x4037_8000),
        "esp32c3": (ESP32C3FirmwareImage, "ESP32-C3", 0x3FC8_8000, 0x4038_0000),
        "esp32c6": (ESP32C6FirmwareImage, "ESP32-C6", 0x4080_0000, 0x4081_0000),
    }
    for chip, (kind, name, data, code) in kinds.items():
        image = kind()
        image.entrypoint = code + 4
        for address in (data, code):
            image.segments.append(ELFSection(b"part", address,
                                             chance.randbytes(chance.randrange(4, 3000) & ~3), 0))
        path = comparison.path(f"{chip}.bin")
        image.save(str(path))
        expected = LoadFirmwareImage(chip, str(path))
        found = json.loads(comparison.flashdelta("info", path, "--json").stdout)
        tells = (found["details"]["chip"], int(found["details"]["entry"], 16),
                 found["details"]["checksum"])
        if tells != (name, expected.entrypoint, "right"):
            fail(f"{path}: we tell {tells}")
        ours = [(s["address"], s["size"]) for s in found["segments"]]
        theirs = [(s.addr, len(s.data)) for s in expected.segments]
        if ours != theirs:
            fail(f"{path}: segments {ours}, esptool says {theirs}")
        for form, suffix in (("uf2", ".uf2"), ("hex", ".hex")):
            merged, out = comparison.path(f"{chip}-merged{suffix}"), comparison.path("merged.bin")
            run(sys.executable, "-m", "esptool", "--chip", chip, "merge-bin", "-f", form, "-o",
                merged, "0x10000", path)
            comparison.flashdelta("convert", merged, "-o", out, "-q")
            if not out.read_bytes().startswith(path.read_bytes()):
                fail(f"{merged}: another memory than esptool put in")
            comparison.pair((merged, {0: 0, 1 << 20: 0}), (merged, {0: 0, 1 << 20: 0}))
    comparison.compared["esptool"] = len(kinds)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("program", type=pathlib.Path)
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--files", type=int, default=24)
    arguments.add_argument("--seed", type=int, default=1)
    arguments = arguments.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    comparison = Comparison(arguments.program.resolve(), arguments.folder)
    chance = random.Random(arguments.seed)
    kinds = ((generate.intel_hex, ".hex", generate.QUIRKS_HEX),
             (generate.srec, ".s19", generate.QUIRKS_SREC))
    last = None
    for number in range(arguments.files):
        for make, suffix, all_quirks in kinds:
            # Every quirk alone, then some together.
            count = 1 if number < len(all_quirks) else chance.randrange(5)
            quirks = (
                {all_quirks[number]}
                if count == 1 and number < len(all_quirks)
                else set(chance.sample(all_quirks, count))
            )
            made = comparison.valid(number, make, suffix, quirks, chance)
            comparison.pair(last or made, made)
            comparison.broken(number, make, suffix, chance)
            last = made
    testdata = pathlib.Path(__file__).resolve().parents[4] / "testdata"
    if shutil.which("objcopy"):
        elf_files(comparison, testdata)
    esp_images(comparison, chance)
    missing = [tool for tool in ("srec_cat", "objcopy") if not shutil.which(tool)]
    counts = ", ".join(f"{name} {count}" for name, count in sorted(comparison.compared.items()))
    refused = ", ".join(f"{name} {count}" for name, count in sorted(comparison.refused.items()))
    print(
        f"{2 * arguments.files} files; compared: {counts}; refused by: {refused or 'none'}"
        + (f"; not here: {' '.join(missing)}" if missing else "")
    )


main()
