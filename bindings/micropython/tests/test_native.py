"""The applier in C as a native module, in the same tests as that in Python.

It takes a source tree of MicroPython, for its headers and its linker: MICROPYTHON=/path.
"""

import json
import os
import subprocess
import sys

import pytest

from conftest import HERE, TESTDATA, flashdelta, micropython

TREE = os.environ.get("MICROPYTHON")
LIBRARY = os.environ.get("FLASHDELTA_APPLY")
pytestmark = pytest.mark.skipif(
    not (TREE and LIBRARY), reason="MICROPYTHON does not name a source tree of MicroPython"
)


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    """The folder with the module for this machine."""
    folder = tmp_path_factory.mktemp("natmod")
    for name in ("Makefile", "memory.c", "../module/flashdelta_glue.c"):
        source = HERE.parent / "natmod" / name
        (folder / source.name).write_bytes(source.read_bytes())
    make = ["make", f"MPY_DIR={TREE}", "ARCH=x64", "CROSS=", "LINK_RUNTIME=0"]
    make += [f"LIBRARY={LIBRARY}", f"PYTHON={sys.executable}"]
    make += [f"CFLAGS_EXTRA=-I{HERE.parents[1] / 'c/include'}"]
    done = subprocess.run(make, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    size = (folder / "_flashdelta.mpy").stat().st_size
    print(f"x64: {size} bytes")
    return folder


@pytest.fixture(scope="session")
def model(images):
    """A patch that only the applier in C takes."""
    patch = images["folder"] / "model.fdp"
    flashdelta("diff", images["old"], images["new"], "-o", patch)
    return patch


def test_every_vector_is_taken_or_refused_as_it_should_be(native):
    names = [
        path.name
        for path in sorted((TESTDATA / "vectors").glob("*.json"))
        if (vector := json.loads(path.read_text()))["kind"] == "patch" and "values" not in vector
    ]
    found = micropython("vectors.py", TESTDATA / "vectors", "native", *names, beside=native)
    applied, refused, lacking = map(int, found.split())
    # What is lacking is Zstandard, and new images that are written over the old one.
    assert applied > 50 and refused > 50 and lacking < 20, (applied, refused, lacking)


def test_images(native, images, model):
    patches = (images["plain"], images["raw"], images["chunks"], images["signed"], model)
    found = micropython("pairs.py", images["old"], images["new"], *patches, beside=native)
    assert found == "right\n"


def test_a_power_cut_at_every_write(native, images, model):
    cuts = int(micropython("power.py", images["old"], images["new"], model, beside=native))
    assert cuts >= 4 * 16


def test_what_is_refused(native, images, model):
    point = TESTDATA / "signed/p256.point"
    others = (images[name] for name in ("product", "signed", "other"))
    arguments = (images["old"], images["new"], model, *others, point)
    micropython("native.py", *arguments, beside=native)
