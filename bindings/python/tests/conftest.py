"""Images to work with. The package is tested as it is installed; run the tests with the Python of
the environment that it is installed in."""

from __future__ import annotations

import io
import os
import signal
import sys
import zipfile
from pathlib import Path

import hypothesis
import pytest

# Where this folder is not in a checkout of the repository, the variable says where its test data
# is.
ROOT = Path(__file__).resolve().parents[3]
TESTDATA = Path(os.environ.get("FLASHDELTA_TESTDATA", ROOT / "testdata"))
FIRMWARE = TESTDATA / "firmware"
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))

# A busy machine is no failure.
hypothesis.settings.register_profile("flashdelta", deadline=None)
hypothesis.settings.load_profile("flashdelta")


# Where Ctrl-C is ignored at the start (`nohup ... &`, and some CI), Python and all that it starts
# would ignore it, and the tests that send it would wait in vain.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def old_path() -> Path:
    return FIRMWARE / "riscv-1.0.bin"


@pytest.fixture(scope="session")
def new_path() -> Path:
    return FIRMWARE / "riscv-1.1.bin"


@pytest.fixture(scope="session")
def old(old_path: Path) -> bytes:
    return old_path.read_bytes()


@pytest.fixture(scope="session")
def new(new_path: Path) -> bytes:
    return new_path.read_bytes()


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes) -> Path:
    """Seven releases of one product: 1.0.0 to 1.0.5, each with one more fix, and 1.1.0."""
    folder = tmp_path_factory.mktemp("releases")
    image = bytearray(old)
    for fix in range(6):
        (folder / f"heron-1.0.{fix}.bin").write_bytes(image)
        at = 4096 * (fix + 2)
        image[at:at] = bytes(range(4 * (fix + 1)))
    (folder / "heron-1.1.0.bin").write_bytes(new)
    return folder


def zip_of(data: bytes | None = None, **members: bytes) -> bytes:
    """A zip archive with these members, compressed; one without a name is called app.bin."""
    named = {} if data is None else {"app.bin": data}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**named, **members}.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()
