"""What the tests share: the program that makes patches, MicroPython, images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TESTDATA = ROOT / "testdata"


def micropython(script, *arguments, heap=None, beside=None, **options):
    """Runs a script of the folder `device`, and gives what it prints. `beside`: a folder with the
    native module."""
    command = [Path(sys.executable).with_name("micropython")]
    if heap:
        command += ["-X", f"heapsize={heap}"]
    folders = [HERE / "device", HERE.parent, *([beside] if beside else []), ".frozen"]
    path = ":".join(map(str, folders))
    done = subprocess.run(
        [*command, HERE / "device" / script, *arguments],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def flashdelta(*arguments):
    """Runs the program, which the step of the gate has built."""
    program = os.environ.get("FLASHDELTA_BINARY") or ROOT / "target/release/flashdelta"
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Two images of the same program, with patches of all kinds between them."""
    folder = tmp_path_factory.mktemp("images")
    old, new = (TESTDATA / "firmware" / f"esp32-{v}.bin" for v in ("1.0", "1.1"))

    def make(name, *options):
        flashdelta("diff", old, new, "-o", folder / name, "--profile", "micropython", *options)
        return folder / name

    plain = make("plain.fdp")
    return {
        "folder": folder,
        "old": old,
        "new": new,
        "plain": plain,
        "raw": make("raw.fdp", "--codec", "raw"),
        "chunks": make("chunks.fdp", "--chunks", "auto"),
        "product": make(
            "product.fdp",
            "--product=7",
            "--hardware-from=2",
            "--hardware-to=4",
            "--security-counter=9",
        ),
        "signed": sign(plain, "p256.pem"),
        "other": sign(plain, "other-p256.pem"),
    }


def sign(patch, key):
    to = patch.with_name(f"{patch.stem}-{key}.fdp")
    flashdelta("sign", patch, "--key", TESTDATA / "signed" / key, "-o", to)
    return to
