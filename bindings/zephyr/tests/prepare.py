"""Checks the module's description, and makes what its tests run with.

    prepare.py FLASHDELTA FOLDER

FLASHDELTA is the program that makes patches. The tools are those of Zephyr and MCUboot: pykwalify
judges module.yml, kconfiglib reads Kconfig and writes autoconf.h, imgtool makes the images, and
says how long the trailer of a slot is.
"""

import os
import subprocess
import sys
from pathlib import Path

import kconfiglib
import yaml
from imgtool import image
from pykwalify.core import Core

TESTS = Path(__file__).parent
MODULE = TESTS.parent
ROOT = MODULE.parent.parent
SLOT = 32 * 4096

# Settings under which the C code is compiled: those of a board and its application.
PLAIN = "CONFIG_FLASH=y CONFIG_IMG_MANAGER=y CONFIG_FLASHDELTA=y CONFIG_CPU_CORTEX_M=y"
PSA = f"{PLAIN} CONFIG_MBEDTLS=y CONFIG_MBEDTLS_PSA_CRYPTO_C=y"
MCUBOOT = f"{PSA} CONFIG_BOOTLOADER_MCUBOOT=y"
MODE = "CONFIG_MCUBOOT_BOOTLOADER_MODE_"
CASES = {
    "plain": PLAIN,
    "psa": MCUBOOT,
    "least": f"{PLAIN} CONFIG_FLASHDELTA_SUSPEND=n CONFIG_FLASHDELTA_PAUSE_MS=0",
    "store": f"{MCUBOOT} CONFIG_FLASHDELTA_STORE=y CONFIG_FLASHDELTA_REQUIRE_SIGNATURE=y",
    "offset": f"{MCUBOOT} {MODE}SWAP_USING_OFFSET=y",
    "scratch": f"{MCUBOOT} {MODE}SWAP_SCRATCH=y",
    "overwrite": f"{MCUBOOT} {MODE}OVERWRITE_ONLY=y",
}


def check_module():
    """module.yml is what Zephyr takes, and what it names is there."""
    path = MODULE / "zephyr/module.yml"
    Core(source_file=str(path), schema_files=[str(TESTS / "module-schema.yml")]).validate()
    build = yaml.safe_load(path.read_text())["build"]
    assert (MODULE / build["cmake"] / "CMakeLists.txt").is_file()
    assert (MODULE / build["kconfig"]).is_file()


def configure(name, lines, folder):
    """autoconf.h of these settings; every one of them has to be as it is said."""
    os.environ["srctree"] = str(TESTS / "base")
    kconf = kconfiglib.Kconfig("Kconfig", warn_to_stderr=False)
    config = folder / f"{name}.conf"
    config.write_text(lines + "\n")
    kconf.load_config(str(config))
    assert not kconf.warnings, f"{name}: {kconf.warnings}"
    for line in lines.splitlines():
        option, equals, value = line.partition("=")
        if equals and not option.startswith("#"):
            found = kconf.syms[option.removeprefix("CONFIG_")].str_value
            assert found == value.strip('"'), f"{name}: {option} is {found}, not {value}"
    kconf.write_autoconf(str(folder / f"{name}.h"))
    kconf.write_config(str(folder / f"{name}.config"), save_old=False)


def check_trailer():
    """The numbers of MCUboot's own tool, for test_capacity of the C tests."""
    lines = []
    for unit in 1, 2, 4, 8, 16, 32:
        for sectors in 32, 128, 300:
            for overwrite in False, True:
                made = image.Image(align=unit, max_align=max(unit, 8), max_sectors=sectors)
                size = made._trailer_size(unit, max(sectors, 128), overwrite, None, False, None)
                lines.append(f"{{{unit}, {sectors}, {int(overwrite)}, {size}}},")
    return "\n".join(lines) + "\n"


def sign(firmware, to, version):
    """An image like zephyr.signed.bin; without a key, so that it is the same always."""
    imgtool = [Path(sys.executable).with_name("imgtool"), "sign", "--header-size", "0x200"]
    imgtool += ["--pad-header", "--align", "8", "--slot-size", hex(SLOT), "--version", version]
    subprocess.run([*imgtool, firmware, to], check=True)


def patches(flashdelta, folder):
    def run(*arguments):
        subprocess.run([flashdelta, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    firmware = ROOT / "testdata/firmware"
    sign(firmware / "cortex-m-1.0.bin", folder / "old.bin", "1.0.0")
    sign(firmware / "cortex-m-1.1.bin", folder / "new.bin", "1.1.0")
    sign(firmware / "riscv-1.1.bin", folder / "other.bin", "2.0.0")
    diff = ["--profile", "small"]
    run("diff", "old.bin", "new.bin", "-o", "update.fdp", *diff)
    run("diff", "old.bin", "other.bin", "-o", "other.fdp", *diff)
    run("diff", "other.bin", "new.bin", "-o", "wrong_base.fdp", *diff)
    run("diff", "old.bin", "new.bin", "-o", "large.fdp", "--ram", "64KiB")
    run("diff", "old.bin", "new.bin", "-o", "chunks.fdp", *diff, "--chunks", "auto")
    keys = ROOT / "testdata/signed"
    run("sign", "chunks.fdp", "--key", keys / "p256.pem", "-o", "signed.fdp")
    run("sign", "chunks.fdp", "--key", keys / "other-p256.pem", "-o", "stranger.fdp")
    large = bytearray((folder / "new.bin").read_bytes())
    large += bytes(i * i % 251 for i in range(SLOT - 3000 - len(large)))
    (folder / "too_long.bin").write_bytes(large)
    run("diff", "old.bin", "too_long.bin", "-o", "too_long.fdp", *diff)


def main():
    flashdelta, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    check_module()
    for name, settings in CASES.items():
        configure(name, settings.replace(" ", "\n"), folder)
    sample = (MODULE / "samples/dfu/prj.conf").read_text()
    configure("sample", f"{sample}CONFIG_CPU_CORTEX_M=y", folder)
    (folder / "trailers.inc").write_text(check_trailer())
    patches(flashdelta, folder)
    print(f"module.yml and {len(CASES) + 1} configurations are right")


if __name__ == "__main__":
    main()
