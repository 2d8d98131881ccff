"""Data of one device in an image of all."""

from __future__ import annotations

import hashlib
import pathlib
import pickle

import pytest

import flashdelta
from flashdelta import Hole, Marker, Symbol

SERIAL, KEY = (0x400, 0x410), (0x600, 0x620)
HOLES = [Hole("serial", SERIAL), Hole("key", KEY, old=None)]


def with_value(image: bytes, place: tuple[int, int], value: bytes) -> bytes:
    start, end = place
    return image[:start] + value.ljust(end - start, b"\0") + image[end:]


@pytest.fixture(scope="module")
def patch(old: bytes, new: bytes) -> flashdelta.Patch:
    return flashdelta.diff(old, new, holes=HOLES, profile="small")


def device(old: bytes, number: int) -> bytes:
    return with_value(old, SERIAL, b"A-%06d" % number)


def test_one_patch_serves_devices_with_different_data(
    patch: flashdelta.Patch, old: bytes, new: bytes
) -> None:
    for number in range(20):
        key = hashlib.sha256(b"%d" % number).digest()
        made = flashdelta.apply(device(old, number), patch, values={"key": key})
        assert made == with_value(with_value(new, SERIAL, b"A-%06d" % number), KEY, key)
    # Another serial number may be given, and one that is shorter than its hole.
    made = flashdelta.apply(
        device(old, 1), patch, values={"key": b"k", "serial": memoryview(b"B-7")}
    )
    assert made == with_value(with_value(new, SERIAL, b"B-7"), KEY, b"k")
    other = bytearray(device(old, 1))
    other[0x500] ^= 1
    with pytest.raises(flashdelta.OldMismatchError):
        flashdelta.apply(other, patch, values={"key": b"k"})


def test_values_go_with_files_and_pieces_too(
    patch: flashdelta.Patch, old: bytes, new: bytes, tmp_path: pathlib.Path
) -> None:
    wanted = with_value(with_value(new, SERIAL, b"A-000003"), KEY, b"secret")
    (tmp_path / "old.bin").write_bytes(device(old, 3))
    patch.save(tmp_path / "update.fdp")
    flashdelta.apply_files(
        tmp_path / "old.bin",
        tmp_path / "update.fdp",
        tmp_path / "new.bin",
        values={"key": b"secret"},
    )
    assert (tmp_path / "new.bin").read_bytes() == wanted
    with flashdelta.Applier(device(old, 3), values={"key": b"secret", "unknown": b""}) as applier:
        for at in range(0, len(patch), 97):
            applier.feed(patch[at : at + 97])
        assert applier.finish() == wanted
    with flashdelta.Applier(device(old, 3)) as applier, pytest.raises(flashdelta.HoleError):
        applier.feed(patch)


def test_what_is_wrong_with_values(patch: flashdelta.Patch, old: bytes) -> None:
    cases: list[tuple[dict[str, bytes], str]] = [
        ({}, "hole-value-missing"),
        ({"key": bytes(33)}, "hole-value-too-long"),
        ({"key": b"", "other": b""}, "hole-unknown"),
    ]
    for values, kind in cases:
        with pytest.raises(flashdelta.HoleError) as caught:
            flashdelta.apply(old, patch, values=values)
        assert caught.value.kind == kind
        assert pickle.loads(pickle.dumps(caught.value)).kind == kind
    with pytest.raises(TypeError, match="the value for hole key must be bytes-like"):
        flashdelta.apply(old, patch, values={"key": "text"})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="values must be a mapping"):
        flashdelta.apply(old, patch, values=[b"key"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    # Whether the patch works does not depend on them.
    assert flashdelta.verify(old, patch).new_size


def test_what_a_patch_says_of_its_holes(patch: flashdelta.Patch, old: bytes, new: bytes) -> None:
    serial, key = patch.holes
    assert (serial.name, serial.old, serial.new, serial.source, serial.size) == (
        "serial",
        SERIAL,
        SERIAL,
        "either",
        16,
    )
    assert (key.name, key.old, key.new, key.source) == ("key", None, KEY, "given")
    assert flashdelta.diff(old, new).holes == ()
    gone = flashdelta.diff(old, new, holes=[Hole("gone", None, old=(16, 32), fill=7)]).holes[0]
    assert (gone.new, gone.old, gone.source, gone.fill, gone.size) == (None, (16, 32), None, 7, 16)


def test_places(old: bytes, new: bytes) -> None:
    marker = b"@@SERIAL-NUMBER@@"
    old, new = old[:5000] + marker + old[5000:], new[:7000] + marker + new[7000:]
    written = flashdelta.diff(old, new, holes=["serial=marker:@@SERIAL-NUMBER@@,source=kept"])
    built = flashdelta.diff(
        old, new, holes=[Hole("serial", Marker(bytearray(marker)), source="kept")]
    )
    assert written == built
    (hole,) = built.holes
    assert (hole.old, hole.new, hole.source) == ((5000, 5017), (7000, 7017), "kept")
    moved = flashdelta.diff(
        old, new, holes=[Hole("serial", Marker(marker), old=(5000, 5017), source="kept")]
    )
    assert moved == built
    assert pickle.loads(pickle.dumps(Hole("s", Marker(marker)))) == Hole("s", Marker(marker))


def test_a_symbol_is_found_by_the_elf_file(tmp_path: pathlib.Path) -> None:
    elf, binary = elf_with("serial", 0x08000010, 8)
    made = flashdelta.personalize(
        binary, [Hole("s", Symbol("serial"))], {"s": b"12345678"}, elf=elf
    )
    assert made == with_value(binary, (0x10, 0x18), b"12345678")
    (tmp_path / "app.elf").write_bytes(elf)
    old = binary[:32] + bytes(32)
    patch = flashdelta.diff(
        old,
        binary,
        new_elf=tmp_path / "app.elf",
        holes=[Hole("s", Symbol("serial"), old=(0x10, 0x18))],
    )
    assert patch.holes[0].new == (0x10, 0x18)
    with pytest.raises(flashdelta.HoleError) as caught:
        flashdelta.personalize(binary, [Hole("s", Symbol("other"))], {"s": b""}, elf=elf)
    assert caught.value.kind == "hole-no-symbol"


def elf_with(symbol: str, address: int, size: int) -> tuple[bytes, bytes]:
    """A small ELF file with a symbol, and the binary that objcopy would make of it."""

    def words(*values: int) -> bytes:
        return b"".join(value.to_bytes(4, "little") for value in values)

    binary = b"\7" * 64
    names = b"\0" + symbol.encode() + b"\0"
    symbols = words(0, 0, 0, 0) + words(1, address, size, 0x11)
    content = binary + symbols + names
    start = 0x54
    sections = words(*[0] * 10)
    sections += words(0, 2, 0, 0, start + len(binary), len(symbols), 2, 0, 4, 16)
    sections += words(0, 3, 0, 0, start + len(binary) + len(symbols), len(names), 0, 0, 1, 0)
    header = (
        b"\x7fELF\1\1\1"
        + bytes(9)
        + b"\2\0\x28\0"
        + words(1, address & ~0xFF, 0x34, start + len(content), 0)
    )
    header += b"".join(value.to_bytes(2, "little") for value in (52, 32, 1, 40, 3, 0))
    segment = words(1, start, address & ~0xFF, address & ~0xFF, len(binary), len(binary), 5, 4)
    return header + segment + content + sections, binary


def test_what_is_wrong_with_holes(old: bytes, new: bytes) -> None:
    for holes, kind in (
        ([Hole("a", (0, 8)), Hole("b", (7, 9))], "hole-overlap"),
        ([Hole("a", (0, 8)), Hole("a", (9, 10))], "hole-same-name"),
        ([Hole("a b", (0, 8))], "hole-name"),
        ([Hole("a", Marker(b"@@NOT-THERE@@"))], "hole-marker"),
        ([Hole("a", (len(new) - 1, len(new) + 1), old=None)], "hole-outside"),
        ([Hole("a", (0, 8), old=(0, 9))], "hole-other-length"),
        ([Hole(f"h{n}", (n, n + 1)) for n in range(17)], "holes-too-many"),
    ):
        with pytest.raises(flashdelta.HoleError) as caught:
            flashdelta.diff(old, new, holes=holes)
        assert caught.value.kind == kind
    for place, fill in (((8, 8), 0), ((8, -1), 0), ((0, 1), 256)):
        with pytest.raises(flashdelta.OptionError):
            Hole("a", place, fill=fill)
    for hole in ("a=5", Hole("a", None, old=None), Hole("a", (0, 8), source="nowhere")):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(flashdelta.OptionError):
            flashdelta.diff(old, new, holes=[hole])
    with pytest.raises(TypeError):
        Hole("a", [0, 8])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        Marker("@@")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        flashdelta.diff(old, new, holes="a=0-8")


def test_many_patches_with_holes(old: bytes, new: bytes, patch: flashdelta.Patch) -> None:
    assert flashdelta.diff_many([(old, new)], profile="small", holes=HOLES) == [patch]


def test_a_table_of_devices(new: bytes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "image.bin").write_bytes(new)
    (tmp_path / "key.bin").write_bytes(b"a key")
    table = tmp_path / "devices.csv"
    table.write_text(
        f"\ufeffserial, key,batch\nA-1,hex:00 11,7\n\n\"A,2\",file:{tmp_path / 'key.bin'},8\n",
        "utf-8",
    )
    made = list(flashdelta.personalize_table(tmp_path / "image.bin", HOLES, table))
    assert [row["batch"] for row, _ in made] == ["7", "8"]
    assert [image for _, image in made] == [
        flashdelta.personalize(new, HOLES, {"serial": serial, "key": key})
        for serial, key in ((b"A-1", b"\x00\x11"), (b"A,2", b"a key"))
    ]
    assert made[1][1] == with_value(with_value(new, SERIAL, b"A,2"), KEY, b"a key")
    rows: list[dict[str, str | flashdelta.BytesLike]] = [{"serial": b"A-1"}, {"serial": "x" * 17}]
    stream = flashdelta.personalize_table(new, HOLES, rows, values={"key": b"\0\x11"})
    assert next(stream)[1] == made[0][1]
    with pytest.raises(flashdelta.HoleError) as caught:
        next(stream)
    assert caught.value.__notes__[0].startswith("row 2 of the table")
    for text in ("serial,key\nA-1\n", "batch\n7\n", "serial,key\nA-1,hex:0\n", 'serial,key\n"A'):
        table.write_text(text)
        with pytest.raises(flashdelta.OptionError):
            list(flashdelta.personalize_table(new, HOLES, table))
    with pytest.raises(flashdelta.FileMissingError):
        list(flashdelta.personalize_table(new, HOLES, tmp_path / "none.csv"))


def test_the_program_makes_the_same(new: bytes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "image.bin").write_bytes(new)
    command = [
        "flashdelta",
        "personalize",
        str(tmp_path / "image.bin"),
        "--hole",
        "serial=0x400-0x410",
        "--set",
        "serial=A-7",
    ]
    assert flashdelta._native.main([*command, "-q", "-o", str(tmp_path / "made.bin")]) == 0
    assert (tmp_path / "made.bin").read_bytes() == flashdelta.personalize(
        new, ["serial=0x400-0x410"], {"serial": b"A-7"}
    )


def test_a_record_is_what_devices_read() -> None:
    assert flashdelta.value_record({}) == b"FDV\0"
    record = flashdelta.value_record({"serial": b"A-042", "key": bytes(300)})
    assert record == b"FDV\0\x03key\x2c\x01" + bytes(300) + b"\x06serial\x05\0A-042"
    for wrong in ({"a b": b""}, {"key": bytes(65536)}):
        with pytest.raises(flashdelta.HoleError):
            flashdelta.value_record(wrong)
