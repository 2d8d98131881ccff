"""The applier, in the Unix port of MicroPython."""

import csv
import json

from conftest import TESTDATA, flashdelta, micropython


def test_the_vectors_of_the_format():
    """Bundles and files are for computers; keys are those of another test."""
    for folder, least in (("vectors", (4, 40)), ("signed", (0, 0))):
        names = [
            path.name
            for path in sorted((TESTDATA / folder).glob("*.json"))
            if (vector := json.loads(path.read_text()))["kind"] == "patch"
            and "keys" not in vector
            and "values" not in vector
        ]
        applied, refused, _ = map(int, micropython("vectors.py", TESTDATA / folder, *names).split())
        assert applied >= least[0] and refused >= least[1], (applied, refused)


def test_every_pair_gives_the_image_that_the_library_gives(tmp_path):
    with open(TESTDATA / "pairs.tsv") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    assert len(pairs) > 15
    for pair in pairs:
        old, new = TESTDATA / pair["old"], TESTDATA / pair["new"]
        patches = []
        for codec in ("lz4", "raw"):
            patch = tmp_path / f"{pair['name']}-{codec}.fdp"
            options = ("--profile", "micropython", "--codec", codec, "--allow-empty")
            flashdelta("diff", old, new, "-o", patch, *options)
            patches.append(patch)
        assert micropython("pairs.py", old, new, *patches) == "right\n"


def test_chunks(images):
    arguments = (images[name] for name in ("old", "new", "chunks", "signed"))
    assert micropython("pairs.py", *arguments) == "right\n"


def test_a_power_cut_at_every_write(images):
    cuts = int(micropython("power.py", images["old"], images["new"], images["plain"]))
    assert cuts >= 4 * 16


def test_what_is_wrong_is_refused_before_anything_is_written(images):
    names = ("old", "new", "plain", "product", "signed", "other")
    point = TESTDATA / "signed/p256.point"
    micropython("refusals.py", *(images[name] for name in names), point)


def test_an_update_in_little_heap(images, tmp_path):
    """Words of the Unix port are twice as large as those of a microcontroller."""
    for name in ("old", "new"):
        (tmp_path / name).write_bytes(images[name].read_bytes().ljust(262144, b"\xff"))
    (tmp_path / "new").write_bytes(b"\xff" * 262144)
    found = micropython(
        "memory.py", tmp_path / "old", tmp_path / "new", images["plain"], heap="96k"
    )
    modules, update, milliseconds = map(int, found.split())
    print(f"modules {modules} bytes, update {update} bytes of heap, {milliseconds} ms")
    made = (tmp_path / "new").read_bytes()[: images["new"].stat().st_size]
    assert made == images["new"].read_bytes()
    assert update < 24 << 10
